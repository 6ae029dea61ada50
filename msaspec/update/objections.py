"""Changes in place that AWS refuses, or that cost more than their properties show: reported before they are tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msaspec.aws import existing_network
from msaspec.aws.data.ec2 import VPC
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, render
from msaspec.language.aws_type import Effect
from msaspec.update.changes import Action, Change

REFUSED_CHANGE = Code(
    "MSA516",
    "A change that AWS refuses",
    """
    AWS always refuses this change of a deployed resource: an older version of a database, a smaller volume, another
    engine, another type of resource under the same logical id. The update would fail and roll back, so `msaspec deploy`
    does not start it.
    """,
)
COSTLY_CHANGE = Code(
    "MSA518",
    "A change that gives something up",
    """
    The update succeeds, but it gives something up: a protection, the return to an older version, old backups, or some
    minutes in which nobody can connect. The message says what.
    """,
    Severity.WARNING,
)


def refused(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """Yield an error for each change that AWS always refuses."""
    changes = tuple(changes)
    yield from _told(changes, Effect.REFUSED, REFUSED_CHANGE)
    yield from _of_the_vpc(changes)


def costs(changes: Iterable[Change]) -> Iterator[Diagnostic]:
    """Yield a warning for each change that gives something up. What it loses for good is among the losses."""
    yield from _told(changes, Effect.COSTS, COSTLY_CHANGE)


def unprotected(stack: str) -> Diagnostic:
    """Return the warning that a stack loses its termination protection, which is in no template."""
    message = f"The manifest says `protect: false`: the stack {stack} loses its termination protection."
    hint = "Continue if you want that: this update loses no data, but later ones can."
    return COSTLY_CHANGE.at(("protect",), message, hint=hint)


def _of_the_vpc(changes: Sequence[Change]) -> Iterator[Diagnostic]:
    """Yield an error for a system that would go from a VPC of its own into one that exists, back, or into another."""
    found = {(each.type, each.action) for each in changes if each.logical_id == existing_network.VPC}
    own, named = VPC, "Parameter"
    moves = {(own, Action.REMOVE), (named, Action.ADD)}, {(named, Action.REMOVE), (own, Action.ADD)}
    if (named, Action.MODIFY) in found or any(each <= found for each in moves):
        message = "`network.vpc` would move the system into another VPC: databases and load balancers cannot move."
        hint = (
            "Keep the network as it is. For another VPC, deploy the system under another `name` or environment, move"
            " its data (a snapshot, `pg_dump`), and destroy this one."
        )
        yield REFUSED_CHANGE.at(("network", "vpc"), message, hint=hint)


def _told(changes: Iterable[Change], effect: Effect, code: Code) -> Iterator[Diagnostic]:
    told: set[tuple[Path, str]] = set()
    for change in changes:
        for objection in change.objections:
            place, message = (*change.entry, objection.field), f"`{render(change.entry)}` {objection.reason}."
            if objection.effect is effect and (place, message) not in told:
                told.add((place, message))  # Replicas and members of a cluster change together.
                yield code.at(place, message, hint=objection.hint)
