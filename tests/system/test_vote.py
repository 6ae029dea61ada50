"""A vote on Fargate: TCP services by their names, a volume with one writer, a job by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.lambdas import postgres
from tests.system.booted import EXAMPLES, asking, program, started, tasks
from tests.system.shop import Outside, Shop

SERVICES = ("queue", "result", "store", "vote", "worker")
FOLDER = EXAMPLES / "vote"


@pytest.fixture(scope="module")
def poll(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example as it is."""
    images = {"app": program(FOLDER / "app", "vote.py")}
    with started(server, tmp_path_factory.mktemp("vote"), FOLDER, images) as poll:
        yield poll


class Voters:
    """People who vote and look at the result."""

    def __init__(self, poll: Shop) -> None:
        self._site = poll.site
        self._vote, self._result = poll.http("vote"), poll.http("result")
        for client in (self._vote, self._result):
            self._until(client, "/health")

    def _until(self, client: Outside, path: str) -> None:
        self._site.until(lambda: client.get(path).status_code == 200, f"{client.root} answers")

    def sends(self, choice: str) -> httpx.Response:
        """Somebody sends a vote."""
        return self._vote.post("", json={"choice": choice})

    def votes(self, choice: str) -> None:
        """Somebody votes."""
        answer = self.sends(choice)
        assert answer.status_code == 202, answer.text

    def looks(self) -> httpx.Response:
        """Somebody looks at the result."""
        return self._result.get("")

    @property
    def result(self) -> Mapping[str, int]:
        """What is shown."""
        answer = self.looks()
        assert answer.status_code == 200, answer.text
        found: dict[str, int] = answer.json()
        return found

    def sees(self, choice: str, number: int) -> None:
        """Waits until so many votes are counted."""
        self._site.until(lambda: self.result.get(choice) == number, f"{number} for {choice}")


def test_votes_are_counted(poll: Shop) -> None:
    """From one front end through queue, worker and store to the other, each by the name of the next."""
    voters = Voters(poll)
    for _ in range(3):
        voters.votes("tea")
    voters.sees("tea", 3)
    assert poll.site.permissions.denied == []


def test_a_job_seeds_the_store(poll: Shop) -> None:
    """It runs when somebody says so, and its last word is its exit code and its log."""
    voters = Voters(poll)
    assert "cats" not in voters.result
    assert "New choices: cats, dogs." in poll.run("run", "seed").stdout
    assert (voters.result["cats"], voters.result["dogs"]) == (0, 0)
    assert "New choices: none." in poll.run("run", "seed").stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_that_ends_is_replaced(poll: Shop, service: str) -> None:
    """What was counted is still there, and the next vote is counted. No one who looks at the result and asks again
    notices."""
    voters = Voters(poll)
    voters.votes(service)
    voters.sees(service, 1)
    before, there = voters.result, tasks(poll, service)
    victim = min(there)
    with asking(voters.looks, again=True) as somebody:
        poll.site.tasks[victim].crash()
        poll.site.until(lambda: len(tasks(poll, service) - {victim}) == len(there), "another task")
        poll.site.until(somebody.more(), "the result is shown")
    assert Voters(poll).result == before
    voters.votes(service)
    voters.sees(service, 2)


def test_the_store_is_replaced_by_one_at_a_time(poll: Shop) -> None:
    """The old version stops before the new one starts, since both write the same files; nothing that was counted is
    lost, and who asks meanwhile waits."""
    voters, before = Voters(poll), tasks(poll, "store")
    voters.votes("last")
    voters.sees("last", 1)
    counted = voters.result
    definition: Any = poll.site.tasks[min(before)].definition
    poll.run("deploy", "--yes", "--tag", "store=1.1")
    poll.site.until(lambda: len(now := tasks(poll, "store")) == 1 and now.isdisjoint(before), "the new version")
    (now,) = tasks(poll, "store")
    assert poll.site.tasks[now].definition["revision"] == definition["revision"] + 1
    assert poll.site.tasks[now].begun > poll.site.gone[min(before)]
    assert voters.result == counted


def test_a_new_version_of_everything_else(poll: Shop) -> None:
    """Each vote that is sent and each look at the result is answered, once: the public pages have two copies, and wait
    for the queue and the store, which have one."""
    voters, services = Voters(poll), [name for name in SERVICES if name != "store"]
    before = {name: tasks(poll, name) for name in services}
    numbers = itertools.count()
    with asking(lambda: voters.sends("late") if next(numbers) % 2 else voters.looks()) as somebody:
        poll.site.until(somebody.more(), "it answers")
        poll.run("deploy", "--yes", *(word for name in services for word in ("--tag", f"{name}=1.1")))
        assert all(tasks(poll, name).isdisjoint(before[name]) for name in services)
        poll.site.until(somebody.more(), "it answers")
    assert voters.result["late"] > 0
    assert poll.site.permissions.denied == []
