"""The oracle: it sees each kind of lie, and believes what is true."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import pytest

from tests.chaos.account import Account, Run
from tests.chaos.commands import TIMEOUT, Done
from tests.chaos.operations import Operation
from tests.chaos.oracle import Oracle, Reference
from tests.chaos.proxy import Call
from tests.chaos.scenarios import REASON, SCENARIOS

EXECUTED = Call(Operation("cloudformation", "ExecuteChangeSet", "query"), "closed-after", 200, "shop")
PROPOSED = Call(Operation("cloudformation", "CreateChangeSet", "query"), None, 200, "shop")
DELETED = Call(Operation("cloudformation", "DeleteStack", "query"), None, 200, "shop")
CAUSE = "error MSA604: AWS cannot be reached: the connection broke.\n   = hint: Check the network.\n"
GOES_ON = "The operation on the stack shop continues in CloudFormation. Watch it: msaspec status --follow\n"
IDLE = "Interrupted. Nothing is running in CloudFormation for this command.\n"
OVERTAKEN = "error MSA612: The change set is obsolete: it is [EXECUTE_IN_PROGRESS]\n   = hint: Run it again.\n"
EVENT = "12:00:00  shop  UPDATE_COMPLETE\n"
DATA = {"object media/a": b"a letter", "database main": 1}
TRACE = "Traceback (most recent call last):\n  File ...\nKeyError: 'Status'\n"


class Standing:
    """An account that stands as a test says."""

    def __init__(self, lacks: list[str], unguarded: list[str], data: Mapping[str, Any], **more: Any) -> None:
        self.lacks, self.off, self.held, self.more = lacks, unguarded, data, more

    def missing_of(self, *ignored: object) -> list[str]:
        """What there is to do."""
        return self.lacks

    def unguarded(self, name: str, *, protected: bool) -> list[str]:
        """What is off."""
        return self.off

    def data(self) -> Mapping[str, Any]:
        """What holds data."""
        return self.held

    def status(self, name: str) -> str | None:
        """How the stack is."""
        return self.more.get("status")

    def statuses(self) -> Mapping[str, str | None]:
        """How the stacks are."""
        return {"shop": self.more.get("status")}

    def stale(self) -> list[str]:
        """Change sets that were left."""
        return cast(list[str], self.more.get("stale", []))

    def inventory(self) -> Counter[str]:
        """What there is."""
        return cast("Counter[str]", self.more.get("inventory", Counter()))

    def settled_if_free(self) -> None:
        """Nothing goes on."""


def found(
    scenario: str,
    code: int,
    stderr: str = "",
    *,
    signal: str | None = None,
    calls: tuple[Call, ...] = (EXECUTED,),
    lacks: list[str] | None = None,
    off: list[str] | None = None,
    data: Mapping[str, Any] = DATA,
    busy: bool = False,
    stdout: str = "",
    **more: Any,
) -> list[str]:
    """The kinds of problems that are found in a first run."""
    account = Standing(lacks or [], off or [], data, **more)
    oracle = Oracle(SCENARIOS[scenario], cast(Account, account), Reference(0, "told", (), Counter()))
    oracle.before = DATA
    status = "UPDATE_IN_PROGRESS" if busy else "UPDATE_COMPLETE"
    run = Run(Done((), code, stdout, stderr, 1.0), calls, {"shop": status}, False)
    return [str(problem.kind) for problem in oracle.first(run, signal)]


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        # done, and said so
        ([], {"code": 0}),
        # well, though it is not
        (["report"], {"code": 0, "lacks": ["the template is another"]}),
        (["report"], {"code": 0, "busy": True}),
        (["guard"], {"code": 0, "off": ["termination protection is off"]}),
        # failed, though it is done; the rows of events say nothing of how things stand
        (["report"], {"code": 3, "stderr": CAUSE}),
        (["report"], {"code": 3, "stderr": EVENT + CAUSE}),
        ([], {"code": 3, "stderr": CAUSE + GOES_ON}),
        ([], {"code": 3, "stderr": CAUSE + "The stack shop is deployed. Its policy is not."}),
        # nothing came of it, and it is said why
        ([], {"code": 3, "stderr": CAUSE, "calls": (), "lacks": ["x"]}),
        (["report"], {"code": 3, "stderr": CAUSE + GOES_ON, "calls": (), "lacks": ["x"]}),
        # it began, and ended otherwise
        (["report"], {"code": 3, "stderr": CAUSE, "lacks": ["x"]}),
        ([], {"code": 3, "stderr": CAUSE.replace("604", "620"), "lacks": ["x"]}),
        # denied
        (["report"], {"code": 3, "stderr": CAUSE + GOES_ON + "Nothing was changed."}),
        (["report", "report"], {"code": 3, "stderr": OVERTAKEN}),
        # without cause or next command
        (["message"], {"code": 3, "stderr": "", "calls": (), "lacks": ["x"]}),
        (["message"], {"code": 3, "stderr": "error MSA606: AWS refuses it for a reason.", "calls": (), "lacks": ["x"]}),
        # the manifest is not to blame
        (["report"], {"code": 1, "stderr": CAUSE, "calls": (), "lacks": ["x"]}),
        # no end, no words, no data
        (["traceback"], {"code": 1, "stderr": TRACE}),
        (["hang"], {"code": TIMEOUT}),
        (["data"], {"code": 0, "data": {"object media/a": b"a letter"}}),
        (["data"], {"code": 0, "data": {**DATA, "object media/a": b"another"}}),
    ],
)
def test_a_deployment(kinds: list[str], words: dict[str, Any]) -> None:
    """Exit code and words against what is so."""
    assert found("update", **words) == kinds


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([], {"code": 130, "stderr": GOES_ON}),
        ([], {"code": 130, "stderr": "", "calls": (), "lacks": ["x"]}),
        # what was only proposed is taken back; what was there is deleted to make way
        ([], {"code": 130, "stderr": IDLE, "lacks": ["x"], "calls": (PROPOSED, DELETED)}),
        (["report"], {"code": 130, "stderr": IDLE, "lacks": ["x"], "calls": (DELETED, PROPOSED)}),
        (["report"], {"code": 130, "stderr": IDLE, "lacks": ["x"], "calls": (PROPOSED, EXECUTED, DELETED)}),
        # what was begun is over, and is not what was asked, or it is not over
        (["report"], {"code": 130, "stderr": IDLE, "lacks": ["x"]}),
        (["report", "report"], {"code": 130, "stderr": IDLE, "lacks": ["x"], "busy": True}),
        (["report", "report"], {"code": 1, "stderr": "Aborted!"}),
        (["report"], {"code": 130, "stderr": ""}),
        ([], {"code": 0}),
    ],
)
def test_ctrl_c(kinds: list[str], words: dict[str, Any]) -> None:
    """It ends with 130, and what was begun is said."""
    assert found("update", signal="SIGINT", **words) == kinds


def test_who_is_killed_says_nothing() -> None:
    """Only data counts then, and what the next run makes of it."""
    assert found("update", -9, signal="SIGKILL") == []
    assert found("update", -9, signal="SIGKILL", data={}) == ["data", "data"]


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (
            [],
            {"code": 3, "stderr": f"error MSA620: CartInstance failed: {REASON}\n   = hint: msaspec deploy"},
        ),
        ([], {"code": 3, "stderr": CAUSE + GOES_ON}),
        (["report"], {"code": 3, "stderr": CAUSE}),
        (["report"], {"code": 0}),
    ],
)
def test_what_has_to_fail(kinds: list[str], words: dict[str, Any]) -> None:
    """It never ends well, and the reason is told, or that it goes on."""
    assert found("update-failing", lacks=["x"], **words) == kinds


def test_what_only_reads() -> None:
    """It says what is so, or why it cannot."""
    assert found("status", 0, stdout="told", calls=()) == []
    unknown = "  msaspec cannot tell whether the database instance a of databases.main has deletion protection.\n"
    assert found("status", 0, stdout=unknown + "told", calls=()) == []
    assert found("status", 0, stdout="something else", calls=()) == ["report"]
    assert found("status", 0, stdout="told: unknown", calls=()) == []
    assert found("status", 0, stdout="told, health unknown", calls=()) == ["report"], "without the reason"
    row, why = "  databases.main   unknown   unknown\n", "msaspec cannot tell everything: AWS cannot be reached: 504."
    assert found("status", 0, why, stdout=f"{row}told", calls=()) == []
    assert found("status", 0, stdout=f"{row}told", calls=()) == ["report"], "without the reason"
    assert found("status", 0, why, stdout="told, health unknown", calls=()) == []
    assert found("status", 3, CAUSE, calls=()) == []
    assert found("status", 3, "", calls=()) == ["message"]
    said = {
        "event": "diagnostic",
        "level": "error",
        "code": "MSA604",
        "message": "AWS cannot be reached: the connection broke.",
        "hint": "Check the network.",
    }
    assert found("outputs", 3, stdout=json.dumps(said), calls=()) == []
    assert found("outputs", 3, stdout=json.dumps({**said, "hint": ""}), calls=()) == ["message"]


def test_a_deletion_may_take_what_was_given_up() -> None:
    """And nothing else."""
    kept = {"object media/a": b"a letter"}
    assert found("destroy", 0, data=kept, status=None) == []
    assert found("destroy", 0, data={}, status=None) == ["data"]
    assert found("destroy-data", 0, data={}, status=None) == []
    assert found("destroy", 0, data=kept, status="DELETE_FAILED") == ["report"]


def test_the_second_run() -> None:
    """It ends well, with what was asked, guarded, and with nothing left over."""
    due = Counter({"roles": 3})

    def again(code: int, lacks: list[str], off: list[str], **more: Any) -> list[str]:
        account = Standing(lacks, off, DATA, **more)
        reference = Reference(0, "", (), due)
        oracle = Oracle(SCENARIOS["update"], cast(Account, account), reference)
        oracle.before = DATA
        run = Run(Done((), code, "", CAUSE, 1.0), (), {}, False)
        return [str(problem.kind) for problem in oracle.second(run)]

    assert again(0, [], [], inventory=due) == []
    assert again(3, [], [], inventory=due) == ["again"]
    assert again(0, ["x"], ["y"], inventory=due) == ["again", "guard"]
    assert again(0, [], [], inventory=Counter({"roles": 4}), stale=["msaspec-1"]) == ["left", "left"]
