"""AWS for these tests: moto's clients, or answers written by hand in the shape that botocore gives them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.cli.app import App
from msaspec.compile.plan import Plan
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.aws.target import Aws, Target
from msaspec.deploy.context import Context
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.reporter import Reporter

ACCOUNT = "123456789012"
REGION = "eu-west-1"

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
services:
  cart: {image: 'cart:1.0', port: 8000}
  user: {image: user, port: 8001}
  web: {image: 'public.ecr.aws/nginx/nginx:1.29', port: 8002}
"""


def plan(text: str, environment: str | None = None) -> Plan:
    """The plan of a manifest."""
    return pipeline.plan_of(pipeline.load(text, "msa.yaml"), environment)[0]


@dataclass
class Waiting:
    """A pace at which nobody waits: pauses are only noted."""

    time: float = 1_700_000_000.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Notes a pause."""
        self.pauses.append(seconds)
        self.time += seconds

    @property
    def pace(self) -> Pace:
        """It as msaspec wants it."""
        return Pace(sleep=self.sleep, now=lambda: self.time)


@cache
def _client(service: str, region: str) -> Any:
    """A client that every test may use: making one takes longer than most tests, and moto answers all alike."""
    import boto3

    return boto3.client(service, region_name=region, aws_access_key_id="x", aws_secret_access_key="x")


def moto(region: str = REGION) -> Aws:
    """The AWS of `mock_aws`, in which it has to be called."""
    return Aws(lambda service: _client(service, region), region, Waiting().pace)


def refusal(code: str, message: str = "No.", status: int = 400, operation: str = "Anything") -> ClientError:
    """What botocore raises when AWS refuses."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


Answer = Mapping[str, Any] | Exception


class Client:
    """A client that notes its calls and answers by hand: with data, an exception, or what a function makes of the call.

    A list holds the answers of one call after the other, or the pages of a paginator; its last one stays.
    """

    def __init__(self, **answers: Answer | list[Answer] | Callable[..., Answer]) -> None:
        self.answers: dict[str, Any] = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def names(self) -> list[str]:
        """The operations that were called."""
        return [name for name, _ in self.calls]

    def words(self, name: str) -> list[dict[str, Any]]:
        """The words of every call of an operation."""
        return [words for called, words in self.calls if called == name]

    def _answer(self, name: str, words: dict[str, Any]) -> Any:
        self.calls.append((name, words))
        answer = self.answers[name]
        if callable(answer) and not isinstance(answer, Exception):
            answer = answer(**words)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda **words: self._answer(name, words)

    def get_paginator(self, name: str) -> _Paginator:
        """Gives what is answered as pages."""
        return _Paginator(self, name)


@dataclass
class _Paginator:
    client: Client
    name: str

    def paginate(self, **words: Any) -> Iterator[Any]:
        """One page; the items of a key `pages`, where the answer has it."""
        answer = self.client._answer(self.name, words)
        yield from answer.get("pages", [answer])


def caller(partition: str = "aws", account: str = ACCOUNT) -> Client:
    """An STS that says who asks."""
    arn = f"arn:{partition}:iam::{account}:user/somebody"
    return Client(get_caller_identity={"Account": account, "Arn": arn, "UserId": "AID"})


def closed() -> Client:
    """A service that may not be looked at."""
    client = Client()
    client.answers = defaultdict(lambda: refusal("AccessDenied"))
    return client


def fake(region: str = REGION, pace: Pace | None = None, words: str = "", **clients: Any) -> Aws:
    """An AWS of clients by hand."""
    made = {"sts": caller(), **clients}
    return Aws(made.__getitem__, region, pace or Waiting().pace, words=words)


@dataclass
class Commands:
    """The command line, whose commands reach this AWS."""

    aws: Aws
    asked: list[tuple[Target, str | None]] = field(default_factory=list)
    """The targets that commands asked for, each with the Region of the manifest."""

    def connect(self, target: Target, region: str | None) -> Aws:
        """Notes what is asked for."""
        self.asked.append((target, region))
        return self.aws

    @property
    def app(self) -> App:
        """What commands reach the world through."""
        return App(self.connect)

    def run(self, *words: str) -> Result:
        """What a command says."""
        return CliRunner().invoke(main, words, obj=self.app)


def context(aws: Aws, reporter: Reporter, invocation: Invocation | None = None) -> Context:
    """The surroundings of a step."""
    return Context(aws, reporter, invocation or Invocation())


def deployed(
    name: str,
    source: Mapping[str, Any] | str,
    *,
    status: str = "CREATE_COMPLETE",
    rows: Mapping[str, Mapping[str, str]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A stack for `cloudformation`. `rows` change what is listed of a resource; `more` goes into its description."""
    parts = source["Resources"] if isinstance(source, Mapping) else {}
    listed = {
        logical_id: {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": f"{name}-{logical_id}".lower(),
            "ResourceType": part["Type"],
            "ResourceStatus": "CREATE_COMPLETE",
            **(rows or {}).get(logical_id, {}),
        }
        for logical_id, part in parts.items()
    }
    id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1"
    about = {"StackName": name, "StackId": id, "StackStatus": status, "CreationTime": datetime(2026, 7, 1, tzinfo=UTC)}
    return {"about": {**about, **more}, "rows": list(listed.values()), "body": source}


def cloudformation(*stacks: Mapping[str, Any]) -> Client:
    """A CloudFormation that has these stacks."""
    known = {stack["about"][key]: stack for stack in stacks for key in ("StackName", "StackId")}

    def describe(StackName: str) -> Answer:
        if StackName not in known:
            return refusal("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [known[StackName]["about"]]}

    return Client(
        describe_stacks=describe,
        get_template=lambda StackName, TemplateStage: {"TemplateBody": known[StackName]["body"]},
        list_stack_resources=lambda StackName: {"StackResourceSummaries": known[StackName]["rows"]},
    )
