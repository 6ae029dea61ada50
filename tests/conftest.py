"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.lambdas import postgres

collect_ignore_glob = ["aws/stand_ins/*", "system/stand_ins/*"]
"""Programs that the tests put on a PATH, not modules to look for doctests in."""

# How long an example takes says more of what else the machine does. CI tries the same examples every time, so that a
# change is judged by itself; everywhere else new ones are tried.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


# Programs that are started in the background ignore Ctrl-C, and so does whatever they start. The tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """The newest PostgreSQL that is here, for one module."""
    try:
        with postgres.newest() as running:
            yield running
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


PARTS = {
    "tests/lambdas/": "The bootstrap of databases on real servers",
    "tests/shop/": "The services of the example as processes",
    "tests/system/test_instances.py": "The example on machines that boot from a deployment",
    "tests/system/test_autoscaling.py": "The same on groups of machines behind a reverse proxy",
    "tests/system/test_fargate.py": "The same as tasks of Fargate",
    "tests/system/test_depot.py": "MariaDB, Redis and RabbitMQ behind what a deployment makes",
    "tests/test_pre_commit.py": "The lint in a real pre-commit",
}
"""What needs more of a machine than Python, by the beginning of the tests' names."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end which of these parts ran, and why others did not."""
    for start, part in PARTS.items():
        ran, skipped = (
            [report for report in terminalreporter.stats.get(outcome, []) if report.nodeid.startswith(start)]
            for outcome in ("passed", "skipped")
        )
        reasons = sorted({str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped})
        said = [f"{len(ran)} tests"] if ran else []
        said += [f"{len(skipped)} skipped: {'; '.join(reasons)}"] if skipped else []
        if said:
            terminalreporter.write_line(f"{part}: {', '.join(said)}")
