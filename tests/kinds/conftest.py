"""What the tests of kinds share: an emulated account."""

from __future__ import annotations

from tests.deploy.conftest import account, verdicts

__all__ = ["account", "verdicts"]
