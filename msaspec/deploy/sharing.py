"""Stacks that two deployments may bring about at one time.

Of a stack that all environments share, whoever comes second waits for the first and goes on from there: both want the
same of it, or what one of them adds to it. Of any other stack, the user says with `--wait` whether to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from msaspec.deploy.aws import fault
from msaspec.deploy.execution import OVERTAKEN
from msaspec.deploy.obstacles import BUSY, Looked, look
from msaspec.deploy.options import DeployContext
from msaspec.messages.deploying import ContinuesFromOther

T = TypeVar("T")
_OVERTAKEN = ("ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus")
ATTEMPTS = 5
"""How often another environment may come first before it is told as any other operation is."""


def shared(context: DeployContext, looked: Looked, bring: Callable[[Looked], T]) -> T:
    """Return what becomes of a stack. Where another deployment came first, and it is to be waited for, try again with
    the stack as it is then. Raises Fault as `bring` does, and where another operation comes first each time.
    """
    from botocore.exceptions import ClientError

    for _ in range(ATTEMPTS - 1):
        try:
            return bring(looked)
        except (ClientError, fault.Fault) as error:
            if not ((looked.stack.role.shared or context.options.wait) and _came_second(error)):
                raise
            waiting = replace(context, options=replace(context.options, wait=True))
            found = look(waiting, looked.compiled)
            if _as_before(looked, found):
                raise
            looked = found
            whose = "environment" if looked.stack.role.shared else "deployment"
            context.reporter.say(ContinuesFromOther(whose, looked.stack.name))
    return bring(looked)


def _came_second(error: Exception) -> bool:
    """Whether an error can be that another operation came first."""
    if isinstance(error, fault.Fault):
        return any(each.code in (BUSY.id, OVERTAKEN.id) for each in error.diagnostics)
    said, code = fault.message_of(error), fault.code_of(error)
    known = "already exists" in said or "does not exist" in said
    return code in _OVERTAKEN or (code == "ValidationError" and known)


def _as_before(looked: Looked, found: Looked) -> bool:
    """Whether nobody else has changed a stack since it was looked at."""
    before, now = looked.deployed, found.deployed
    return (before and (before.id, before.status, before.changed)) == (now and (now.id, now.status, now.changed))
