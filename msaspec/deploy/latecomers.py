"""Groups and names of removed services that a cleanup came too early for: removed afterwards.

From about 110 services on, they are in nested stacks of their own, and AWS does not say in which order nested stacks
clean up. One that comes before the stack of the service is refused, and forgets what it could not remove.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msaspec.compile import aws_types
from msaspec.deploy.aws import fault
from msaspec.deploy.aws.events import Event
from msaspec.deploy.context import Context
from msaspec.language.aws_type import AwsType
from msaspec.messages.deploying import RemovedLate
from msaspec.template import nesting
from msaspec.template.nesting import Homes, Template

ATTEMPTS = 24
"""How often it is tried: two minutes, in which the interfaces of the last tasks go."""


def remove(context: Context, failed: list[Event], before: Template, after: Homes) -> Iterator[Event]:
    """Try again what could not be removed of such stacks, as an update left them or its rollback did; yield what is
    left."""
    homes = {**nesting.homes_of(before), **after}
    for event in failed:
        kind = aws_types.of(event.type)
        of_names = nesting.is_of_names(homes.get(event.logical_id, ""), nesting.NESTED)
        if not (of_names and event.physical_id and _is_gone(context, kind, event.physical_id, ATTEMPTS)):
            yield event


def remove_all(context: Context, stack: str, template: Template, known: Collection[str]) -> None:
    """Remove what was left of such stacks earlier, before the whole stack is deleted: its network would not go. `known`
    are the ids of what the stack has."""
    if not nesting.homes_of(template):
        return
    for kind in aws_types.known().values():
        if kind.made_in:
            found: list[str] = []
            with fault.tolerated():
                found = list(kind.made_in(context.aws, f"{stack}-{nesting.OF_NAMES}0", known))
            for id in found:
                _is_gone(context, kind, id, 1)


def _is_gone(context: Context, kind: AwsType, id: str, attempts: int) -> bool:
    """Remove one, unless it is still in use after some attempts, or AWS refuses."""
    if kind.remove is None:
        return False
    pace = context.aws.pace
    pause = pace.first
    with fault.tolerated():
        for attempt in range(attempts):
            if attempt:
                pace.sleep(pause)
                pause = pace.longer(pause)
            if kind.remove(context.aws, id):
                context.reporter.say(RemovedLate(f"the {kind} {id}"))
                return True
    return False
