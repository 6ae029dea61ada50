"""How a resource is looked into: investigators ask, whoever drives them answers when there is time for a request.

An investigator is a generator of requests, so that it neither calls AWS nor knows how often it may.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from msaspec.deploy.causes import Finding
from msaspec.diagnostics.place import Path
from msaspec.template.nesting import is_home, is_of_names

Answer: TypeAlias = Mapping[str, Any] | None
"""What AWS answers; None where it refuses or does not answer, which hides nothing else."""
PAGES = 5
"""How many pages of a list are read."""
SKEW = timedelta(seconds=10)
"""How far the clocks of two services of AWS may be apart."""
LINES = 12
"""How many lines of a log are shown."""


@dataclass(frozen=True)
class Ask:
    """A request."""

    service: str
    operation: str
    """As botocore's clients call it."""
    words: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    """Whether its answer holds for the whole investigation."""


Looking: TypeAlias = Generator[Ask, Answer, list[Finding]]


@dataclass(frozen=True)
class Subject:
    """A resource that is at work, or has failed."""

    logical_id: str
    type: str
    id: str
    """Its physical id."""
    entry: Path
    failed: bool = False


@dataclass(frozen=True)
class Scene:
    """What is known of the stack without a request."""

    stack_id: str
    template: Mapping[str, Any]
    entry_of: Callable[[str], Path]
    began: datetime | None = None
    """When the operation began, by CloudFormation's clock."""

    def precedes(self, at: datetime | None) -> bool:
        """Return whether something was before the operation. Clocks of services differ by seconds."""
        return bool(self.began and at and at < self.began - SKEW)

    def properties(self, logical_id: str) -> Mapping[str, Any]:
        """Return the properties of a resource of the template; empty where they are not known."""
        resource = self.template.get("Resources", {}).get(logical_id)
        found = resource.get("Properties") if isinstance(resource, Mapping) else None
        return found if isinstance(found, Mapping) else {}


class Investigator(ABC):
    """Looks into resources of some types. What it remembers holds for one operation."""

    types: ClassVar[tuple[str, ...]]

    @abstractmethod
    def look(self, subjects: Sequence[Subject], scene: Scene) -> Looking:
        """Yield requests, get their answers, and return what was found out."""


def physical(scene: Scene, *, once: bool = True) -> Generator[Ask, Answer, Mapping[str, tuple[str, str]]]:
    """Return type and physical id of the resources of the stack, by logical id, as far as the first pages have them.

    With `once`, the answer may be of the beginning of the operation.
    """
    found: dict[str, tuple[str, str]] = {}
    token: Mapping[str, str] = {}
    for _ in range(PAGES):
        words = {"StackName": scene.stack_id, **token}
        answer = yield Ask("cloudformation", "list_stack_resources", words, once=once)
        for row in (answer or {}).get("StackResourceSummaries", ()):
            found[row["LogicalResourceId"]] = row["ResourceType"], row.get("PhysicalResourceId", "")
        if not (answer or {}).get("NextToken"):
            break
        token = {"NextToken": (answer or {})["NextToken"]}
    return found


def groups(scene: Scene) -> Generator[Ask, Answer, Mapping[str, tuple[str, str]]]:
    """Return what `physical` does, with what is in the nested stacks that hold the groups of the services."""
    found = dict((yield from physical(scene)))
    for name, (kind, id) in tuple(found.items()):
        if id and is_of_names(name, kind):
            found |= yield from physical(replace(scene, stack_id=id))
    return found


def log_group(scene: Scene, entry: Path) -> Generator[Ask, Answer, str]:
    """Return the name of the log group of a manifest entry; empty where there is none."""
    for once in (True, False):  # It may have been made since the stack was listed.
        there = yield from physical(scene, once=once)
        for name, (kind, id) in tuple(there.items()):
            if id and is_home(name, kind) and scene.entry_of(name)[:2] == entry[:2]:
                there = yield from physical(replace(scene, stack_id=id), once=once)
        for name, (kind, id) in there.items():
            if kind == "AWS::Logs::LogGroup" and id and scene.entry_of(name)[:2] == entry[:2]:
                return id
    return ""


def last_lines(group: str, stream: str) -> Generator[Ask, Answer, tuple[str, ...]]:
    """Return the last lines of a stream of a log, without line breaks; none where it cannot be read."""
    words = {"logGroupName": group, "logStreamName": stream, "limit": LINES, "startFromHead": False}
    answer = yield Ask("logs", "get_log_events", words)
    messages = [str(event.get("message", "")) for event in (answer or {}).get("events", ())]
    return tuple(line for message in messages for line in message.splitlines() if line.strip())[-LINES:]


def referred(value: Any) -> str | None:
    """Return the logical id that a `Ref` or `Fn::GetAtt` of a template names; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("Ref"), str):
        return str(value["Ref"])
    attribute = value.get("Fn::GetAtt")
    if isinstance(attribute, str):
        return attribute.partition(".")[0]
    return str(attribute[0]) if isinstance(attribute, Sequence) and attribute else None
