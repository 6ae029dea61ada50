"""CloudFormation's own types: nested stacks, conditions that wait for signals, and what the CDK notes of itself."""

from __future__ import annotations

from msaspec.sandbox.cloudformation.awaited import Awaited
from msaspec.sandbox.cloudformation.resource import At, Made, Nesting, Properties, Resource, Unable, resource


@resource("AWS::CloudFormation::Stack")
class NestedStack(Resource):
    """A stack that is a resource of another one."""

    looked_into = True

    def create(self, at: At, new: Properties) -> Made:
        """Make the stack with all its resources."""
        return _nesting(at).create(at, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Bring the stack to what its template says now."""
        return _nesting(at).update(at, id, new)

    def back(self, at: At, id: str, tried: Properties, old: Properties) -> Made:
        """Bring the stack back to where it was."""
        _nesting(at).back(id)
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove the stack with all its resources."""
        _nesting(at).delete(id)


def _nesting(at: At) -> Nesting:
    if at.nesting is None:
        raise Unable("The sandbox makes nested stacks only where CloudFormation does.")
    return at.nesting


@resource("AWS::CloudFormation::WaitConditionHandle")
class WaitConditionHandle(Resource):
    """An address for signals. Nothing listens there: `SignalResource` signals the condition."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it up."""
        return Made(f"https://cloudformation-waitcondition-{at.region}.s3.amazonaws.com/{at.stack_id}/{at.logical_id}")

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Nothing is there."""


@resource("AWS::CloudFormation::WaitCondition")
class WaitCondition(Resource):
    """A resource that is complete when its signals came."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it up."""
        handle = str(new.get("Handle", at.logical_id)).rpartition("/")[2]
        return Made(f"{at.stack_id}/{handle}", {"Data": "{}"})

    def awaited(
        self, at: At, made: Made, policies: Properties, old: Properties | None, new: Properties
    ) -> Awaited | None:
        """As many signals as its creation policy or its properties say."""
        if old is not None or "Handle" not in new:
            return super().awaited(at, made, policies, old, new)
        return Awaited(int(new.get("Count", 1)), f"PT{int(new['Timeout'])}S")

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Nothing of it can be changed after it was met."""
        return Made(id, {"Data": "{}"})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Nothing is there."""


@resource("AWS::CDK::Metadata")
class Metadata(Resource):
    """What the CDK says of the program that wrote a template."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it up."""
        return Made(at.name(64))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Keep it."""
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Nothing is there."""
