"""AWS as it was recorded: clients of botocore that answer by hand. Words and answers are held to AWS's own models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.validate import validate_parameters

from msaspec.deploy.aws.events import Event
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.progress import Progress
from msaspec.deploy.reporter import Output
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.messages.message import Message
from msaspec.update.changes import Change
from tests.deploy.by_hand import ACCOUNT, REGION, Waiting, caller, refusal

STACK = "shop"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/0aa10ab0-1111-2222-3333-444455556666"
NOON = datetime(2026, 7, 24, 12, 0, tzinfo=UTC)
ITSELF = "AWS::CloudFormation::Stack"


@cache
def _client(service: str) -> Any:
    return boto3.client(service, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")


def _snake(operation: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()


class Recorded:
    """A client of a service that notes its calls.

    An answer is data, an exception, or a function of the words of a call; a list has those of one call after the other,
    the last of which stays.
    """

    def __init__(self, service: str = "cloudformation", **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        made = _client(service)  # Making one takes longer than most tests: what was made is given to all.
        self.client = object.__new__(type(made))
        vars(self.client).update(vars(made), _make_api_call=self._answer)

    def _answer(self, operation: str, words: dict[str, Any]) -> Any:
        model = self.client.meta.service_model.operation_model(operation)
        validate_parameters(words, model.input_shape)
        name = _snake(operation)
        self.calls.append((name, words))
        assert name in self.answers, f"{operation} was not expected"
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(**words)
        if isinstance(answer, BaseException):
            raise answer
        if model.output_shape:
            # A template that is JSON is read by botocore itself, beyond the model.
            validate_parameters({k: v for k, v in answer.items() if k != "TemplateBody"}, model.output_shape)
        return answer

    def names(self) -> list[str]:
        """The operations that were called."""
        return [name for name, _ in self.calls]

    def words(self, name: str) -> list[dict[str, Any]]:
        """The words of every call of an operation."""
        return [words for called, words in self.calls if called == name]

    def begun(self, name: str) -> list[dict[str, Any]]:
        """The words of every call of an operation but its client token, which each has."""
        calls = [dict(words) for words in self.words(name)]
        tokens = [words.pop("ClientRequestToken") for words in calls]
        assert all(token.startswith("msaspec-") for token in tokens)
        assert len(set(tokens)) == len(tokens)
        return calls


def aws(pace: Pace | None = None, **clients: Recorded) -> Aws:
    """An AWS of recorded clients, in which nobody waits."""
    made = {"sts": caller(), **{service: recorded.client for service, recorded in clients.items()}}
    return Aws(made.__getitem__, REGION, pace or Waiting().pace)


def event(
    status: str,
    name: str = STACK,
    at: float = 0,
    *,
    kind: str = "AWS::S3::Bucket",
    reason: str | None = None,
    id: str | None = None,
    physical: str | None = None,
    stack: str = STACK_ID,
    token: str | None = None,
) -> dict[str, Any]:
    """A row of DescribeStackEvents, some seconds after noon; of the stack itself, unless a resource is named."""
    own = name == STACK
    row = {
        "StackId": stack,
        "EventId": id or f"{name}-{status}-{at}",
        "StackName": STACK,
        "LogicalResourceId": name,
        "PhysicalResourceId": stack if own else f"shop-{name}".lower() if physical is None else physical,
        "ResourceType": ITSELF if own else kind,
        "Timestamp": NOON + timedelta(seconds=at),
        "ResourceStatus": status,
    }
    row |= {"ClientRequestToken": token} if token else {}
    return row | ({"ResourceStatusReason": reason} if reason else {})


def paged(key: str, rows: Sequence[Any], size: int = 100) -> Callable[..., dict[str, Any]]:
    """Rows as AWS gives them out: a page, and a token for the next."""

    def page(NextToken: str | None = None, **_: Any) -> dict[str, Any]:
        begin = int(NextToken or 0)
        more = {"NextToken": str(begin + size)} if begin + size < len(rows) else {}
        return {key: list(rows[begin : begin + size]), **more}

    return page


@dataclass
class History:
    """The events of a stack as they come to pass: `DescribeStackEvents` has the newest first, in pages."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    size: int = 100

    def happens(self, *rows: dict[str, Any]) -> None:
        """Some more, from old to new."""
        self.rows[:0] = reversed(rows)

    def __call__(self, **words: Any) -> dict[str, Any]:
        return paged("StackEvents", self.rows, self.size)(**words)


def plays(*looks: Iterable[dict[str, Any]] | BaseException, past: Iterable[dict[str, Any]] = ()) -> Callable[..., Any]:
    """`DescribeStackEvents` of a stack in which more has happened at each look; the first look sees the past."""
    history, waiting = History(), [list(past), *looks]

    def look(NextToken: str | None = None, **words: Any) -> Any:
        if NextToken is None and waiting:
            happened = waiting.pop(0)
            if isinstance(happened, BaseException):
                return happened
            history.happens(*happened)
        return history(NextToken=NextToken, **words)

    return look


def described(status: str, **more: Any) -> dict[str, Any]:
    """An answer of DescribeStacks."""
    about = {"StackName": STACK, "StackId": STACK_ID, "StackStatus": status, "CreationTime": NOON}
    return {"Stacks": [{**about, **more}]}


def missing(StackName: str = STACK) -> Exception:
    """What DescribeStacks says of a stack that is not there."""
    message = f"Stack with id {StackName} does not exist"
    return refusal("ValidationError", message, operation="DescribeStacks")


def listed(*resources: tuple[str, ...]) -> dict[str, Any]:
    """An answer of ListStackResources: id, type, status, and perhaps the reason, of each."""
    keys = ("LogicalResourceId", "ResourceType", "ResourceStatus", "ResourceStatusReason")
    rows = [
        {"PhysicalResourceId": f"shop-{resource[0]}".lower(), **dict(zip(keys, resource, strict=False))}
        for resource in resources
    ]
    return {"StackResourceSummaries": [{**row, "LastUpdatedTimestamp": NOON} for row in rows]}


def original(template: Mapping[str, Any] | str) -> dict[str, Any]:
    """An answer of GetTemplate."""
    return {"TemplateBody": template, "StagesAvailable": ["Original", "Processed"]}


@dataclass
class Heard:
    """A teller that notes what it is told, and answers every question alike."""

    answer: bool = True
    told: list[tuple[str, Any]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Any]:
        """What was told in one way."""
        return [what for how, what in self.told if how == kind]

    def say(self, message: Message) -> None:
        """Notes the sentence."""
        self.told.append(("note", message.sentence()))

    def busy(self, message: Message) -> AbstractContextManager[object]:
        """Notes the sentence."""
        self.say(message)
        return nullcontext()

    def result(self, message: Message, show: Callable[[], object]) -> None:
        """Notes it."""
        self.told.append(("result", message))

    def diagnosed(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Notes them."""
        self.told.append(("diagnosed", tuple(diagnostics)))

    def details(self, lines: Iterable[str]) -> None:
        """Notes them."""
        self.told.append(("details", tuple(lines)))

    def proposed(self, stack: str, changes: Sequence[Change], place: Callable[[Path], str] | None = None) -> None:
        """Notes them."""
        self.told.append(("proposed", tuple(changes)))

    def begins(self, progress: Progress) -> None:
        """Notes the stack."""
        self.told.append(("begins", progress.stack))

    def moved(self, progress: Progress, events: Sequence[Event]) -> None:
        """Notes the statuses."""
        self.told.append(("moved", [event.status for event in events]))

    def ends(self, progress: Progress) -> None:
        """Notes how it ended."""
        self.told.append(("ends", progress.status))

    def outputs(self, stack: str, outputs: Sequence[Output]) -> None:
        """Notes them."""
        self.told.append(("outputs", tuple(outputs)))

    def asks(self, question: Message) -> bool:
        """Notes the question, and answers."""
        self.questions.append(question.sentence())
        return self.answer
