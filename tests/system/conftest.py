"""What the system tests need of a machine."""

from __future__ import annotations

import pytest

from tests.system import balancer, machine, network


@pytest.fixture(scope="session", autouse=True)
def possible() -> None:
    """Skips all of it, with the reason, where this machine cannot play the hosts."""
    reasons = [reason for reason in (network.lacking(), machine.lacking(), balancer.lacking()) if reason]
    if reasons:
        pytest.skip("The machines of a deployment cannot be booted here: " + "; ".join(reasons))
