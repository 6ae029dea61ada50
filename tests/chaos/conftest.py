"""What the tests of faults share: one worker, and what each scenario comes to where nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.cases import Undisturbed, Verdict
from tests.chaos.expected import EXPECTED
from tests.chaos.oracle import Reference
from tests.chaos.worlds import Work, Worker


class Laboratory:
    """Runs cases."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._references: dict[str, Reference] = {}

    def reference(self, scenario: str) -> Reference:
        """What a scenario comes to where nothing goes wrong."""
        if scenario not in self._references:
            self._references[scenario] = self.worker.run(Undisturbed(scenario))
        return self._references[scenario]

    def judge(self, case: Work) -> Verdict:
        """Run a case or a story. Fails with all that is wrong; one that is known to go wrong has to."""
        verdict: Verdict = self.worker.run(case)
        told = "\n".join([str(case), *verdict.problems, f"exit code {verdict.code}", verdict.said, verdict.again])
        finding = EXPECTED.get(str(case))
        if finding:
            assert verdict.problems, f"{case} goes well now: take it out of expected.py"
            pytest.xfail(f"{finding}: {'; '.join(verdict.problems)}")
        assert not verdict.problems, told
        return verdict


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    """One for all tests of a process."""
    with Worker() as worker:
        yield Laboratory(worker)
