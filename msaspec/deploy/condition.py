"""How the parts of a system are, as AWS has them at the moment: copies that run, stores that are available.

Each type of resource has its `Examiner`, a file in `examiners/`, which asks like the investigators do (`evidence.py`).
What may not be looked at is unknown, and nothing else is hidden by it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from msaspec import discover
from msaspec.deploy.asking import Asking
from msaspec.deploy.aws.state import Deployed, Resource
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.evidence import Answer, Ask, Scene, Subject
from msaspec.deploy.parameters import filled
from msaspec.diagnostics.place import Path
from msaspec.template import origin

GONE_STATES = ("missing", "shutting-down", "terminated")
"""The states of what its stack has and the account has not."""


@dataclass(frozen=True)
class Condition:
    """How one part of a system is."""

    entry: Path
    type: str
    id: str
    state: str
    """In a word of AWS, or `running`."""
    faults: tuple[str, ...] = ()
    """Why it is not well, each as a clause."""
    known: bool = True
    """Whether AWS told how it is."""
    wanted: int | None = None
    """Copies of a service that are to run, that run, and that are healthy; None where AWS does not tell."""
    running: int | None = None
    healthy: int | None = None
    version: str | None = None
    """The image that runs, without its registry."""
    deployment: str | None = None
    """The state of its last deployment."""
    since: datetime | None = None
    """Since when it is so, or was last deployed."""
    targets: Mapping[str, int] = field(default_factory=dict)
    """How many targets of load balancers there are, by their health."""
    protections: Mapping[str, str | bool | None] = field(default_factory=dict)
    """What keeps the data of a store; None where AWS does not tell."""
    addresses: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether the account does not have it any more."""
        return self.state in GONE_STATES

    @property
    def well(self) -> bool | None:
        """Whether it is well; None where AWS does not tell."""
        return not self.faults if self.known else None


def version(image: str) -> str:
    """Return an image without its registry, and with as much of its digest as tells it from others.

    >>> version("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/cart:latest@sha256:" + "ab" * 32)
    'shop/cart:latest@sha256:abababababab'
    """
    name, at, digest = (image.partition("/")[2] or image).partition("@")
    return f"{name}{at}{digest[: len('sha256:') + 12]}"


Examining: TypeAlias = Generator[Ask, Answer, list[Condition]]


class Examiner(ABC):
    """Finds out how resources of one type are."""

    types: ClassVar[tuple[str, ...]]

    @abstractmethod
    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Yield requests, get their answers, and return how the resources are."""


def unknown(subject: Subject) -> Condition:
    """Return the condition of what may not be looked at."""
    return Condition(subject.entry, subject.type, subject.id, "unknown", known=False)


def gone(subject: Subject) -> Condition:
    """Return the condition of what its stack has and the account has not."""
    return Condition(subject.entry, subject.type, subject.id, "missing", ("somebody deleted it",))


def examined(
    aws: Aws, deployed: Deployed, template: Mapping[str, Any], resources: Iterable[Resource]
) -> tuple[tuple[Condition, ...], tuple[str, ...]]:
    """Return how the parts of a stack are, in the order of its template, and what AWS says of missing permissions."""
    entry_of = origin.reader(template)
    scene = Scene(deployed.id, filled(template, deployed.parameters), lambda name: entry_of(name.partition(".")[0]))
    subjects = [
        Subject(each.logical_id, each.type, each.id, scene.entry_of(each.logical_id))
        for each in resources
        if each.id and each.made
    ]
    found: list[Condition] = []
    asking = Asking(aws)
    for examiner in discover.instances("msaspec.deploy.examiners", Examiner):
        own = [each for each in subjects if each.type in examiner.types]
        if own:
            found += asking.led(examiner.look(own, scene))
    order = {name: number for number, name in enumerate(template.get("Resources", {}))}
    places = {(each.type, each.id): order.get(each.logical_id, len(order)) for each in subjects}
    found.sort(key=lambda each: places.get((each.type, each.id), len(order)))
    return tuple(replace(each, addresses=_addresses(deployed, scene, each.entry)) for each in found), asking.missing


def _addresses(deployed: Deployed, scene: Scene, entry: Path) -> tuple[str, ...]:
    """Return the URLs among the outputs of the stack that belong to an entry."""
    return tuple(
        value
        for key, value in sorted(deployed.outputs.items())
        if value.startswith(("http://", "https://")) and scene.entry_of(key)[:2] == entry[:2]
    )
