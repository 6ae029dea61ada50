"""The deadline of deployments that shift requests, watched beside the update that made them.

The account has a function that ends them (`aws/deployment_watch.py`), whoever deploys and watches. Here it happens at
once, and the user reads which service it was.
"""

from __future__ import annotations

from typing import Any

from msaspec.aws import deployment_watch
from msaspec.deploy.aws import fault, state
from msaspec.deploy.context import Context
from msaspec.deploy.obstacles import Looked
from msaspec.diagnostics.place import Path
from msaspec.messages.deploying import NotHealthy
from msaspec.template.origin import belonging

EVERY = 12
"""So many of the longest pauses of watching lie between two looks: a minute at the normal pace."""
_CLUSTER, _SERVICE = "AWS::ECS::Cluster", "AWS::ECS::Service"


class Deadline:
    """Watches the deployments of a stack, and ends those that are late."""

    def __init__(self, context: Context, looked: Looked, stack_id: str) -> None:
        self._context, self._looked, self._stack_id = context, looked, stack_id
        self._next = context.aws.pace.now() + EVERY * context.aws.pace.most
        self.missed: Path | None = None
        """The entry of a service whose new version was late; None as long as there is none."""
        self._seconds = _seconds(looked.stack.template)

    def look(self) -> None:
        """Look whether it is time, and end what is late. What AWS refuses is the function's to do."""
        pace = self._context.aws.pace
        if self._seconds is None or self.missed is not None or pace.now() < self._next:
            return
        self._next = pace.now() + EVERY * pace.most
        with fault.tolerated():
            self._end(self._seconds)

    def _end(self, seconds: int) -> None:
        from msaspec.aws.lambdas import deployment_watch as program

        function: Any = program  # It has no annotations.
        aws = self._context.aws
        found = state.resources(aws, self._stack_id)
        services = {each.id: each.logical_id for each in found if each.type == _SERVICE}
        ecs = aws.client("ecs")
        for cluster in [each.id for each in found if each.type == _CLUSTER and each.id]:
            for deployment in function.late(ecs, cluster, seconds):
                if (name := services.get(deployment["serviceArn"])) is None:
                    continue
                self.missed = self._looked.entry_of(name)
                self._report(seconds)
                function.end(ecs, aws.client("cloudformation"), self._stack_id, deployment)
                return

    def _report(self, seconds: int) -> None:
        following = "msaspec cancels the update, and it rolls back."
        if self._looked.first:
            delete = self._context.command("destroy")
            following = f"CloudFormation cannot cancel a first creation; if it does not end, delete it: {delete}"
        self._context.reporter.say(NotHealthy(belonging(self.missed or ()), seconds // 60, following))


def _seconds(template: Any) -> int | None:
    """Return the limit that a template has for its deployments; None where nothing in it shifts requests."""
    watch = template.get("Resources", {}).get(deployment_watch.FUNCTION)
    return int(watch["Properties"]["Environment"]["Variables"]["SECONDS"]) if watch else None
