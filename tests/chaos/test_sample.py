"""The sample of the suite: faults and signals at calls of some commands, and a story. `scripts/chaos` runs the whole.

All that needs an account is here, so that one process prepares it once.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import pytest

from tests.chaos import matrix
from tests.chaos.account import Account
from tests.chaos.cases import Case
from tests.chaos.conftest import Laboratory
from tests.chaos.stories import Story, written
from tests.chaos.worlds import Work

SEED = 7
FAULTS_OF = {"update": 2, "cancel": 1, "outputs": 1}
"""How many faults of which scenarios are tried here."""
KILLS_OF = {"update": 1, "destroy-data": 1, "cancel": 1}


def _numbered(counts: dict[str, int]) -> list[tuple[str, int]]:
    return [(name, number) for name, count in counts.items() for number in range(count)]


@pytest.mark.parametrize(("scenario", "number"), _numbered(FAULTS_OF))
def test_a_fault_is_told_as_what_it_is(laboratory: Laboratory, scenario: str, number: int) -> None:
    """The exit code is 0 if what was asked is done and not otherwise; what goes on is said; there is a cause and a next
    command; data stays; and the same command, run again, brings about what was asked."""
    cases = matrix.faults({scenario: laboratory.reference(scenario)}, SEED)
    laboratory.judge(matrix.shuffled(cases, SEED)[number])


@pytest.mark.parametrize(("scenario", "number"), _numbered(KILLS_OF))
def test_a_command_that_is_killed_can_be_run_again(laboratory: Laboratory, scenario: str, number: int) -> None:
    """At any call, by any signal, before or after the request arrives: nothing is lost or left. Ctrl-C ends with 130
    and says what goes on."""
    laboratory.judge(matrix.kills({scenario: laboratory.reference(scenario)}, SEED, 5)[number])


@dataclass(frozen=True)
class NoLauncher(Work):
    """Kills what starts the commands, as a machine does that runs out of memory."""

    base: str = "system"

    def __call__(self, account: Account) -> None:
        """Do it."""
        os.kill(account.launcher.pid, signal.SIGKILL)


def test_commands_are_started_by_another_launcher_where_one_died(laboratory: Laboratory) -> None:
    """A run of hours goes on."""
    reference = laboratory.reference("outputs")
    laboratory.worker.run(NoLauncher())
    laboratory.judge(Case.named("outputs/GetCallerIdentity#1/500/once", reference))


REGRESSIONS = (
    "update/ExecuteChangeSet#1/closed-after/once",
    "update/SIGINT@ExecuteChangeSet#1/after",
    "create/SetStackPolicy#1/denied/once",
    "logs/FilterLogEvents#1/cut/once",
    "cancel/CancelUpdateStack#1/500-after/once",
)
"""Cases that went wrong once."""


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_went_wrong_once(laboratory: Laboratory, name: str) -> None:
    """It stays mended."""
    verdict = laboratory.judge(Case.named(name, laboratory.reference(name.partition("/")[0])))
    assert verdict.hits, "the call was not reached"


STORIES = (written(11, 6),)
"""Stories that a seed wrote; one that went wrong once stays here, without what it does not need."""


@pytest.mark.parametrize("story", STORIES)
def test_a_story_ends_well(laboratory: Laboratory, story: str) -> None:
    """Every command is honest, and in the end the system is deployed with all its data."""
    laboratory.judge(Story(story))
