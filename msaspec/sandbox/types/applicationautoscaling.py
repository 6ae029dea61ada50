"""Application Auto Scaling: what may be scaled, and how it follows its load."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, only, resource
from msaspec.sandbox.cloudformation.shapes import shaped, without

WHERE = "ResourceId", "ScalableDimension", "ServiceNamespace"


def _api(at: At) -> Any:
    return at.api("application-autoscaling")


@resource("AWS::ApplicationAutoScaling::ScalableTarget")
class ScalableTarget(Resource):
    """Something that may be scaled, between two numbers."""

    def create(self, at: At, new: Properties) -> Made:
        """Register it."""
        api = _api(at)
        api.register_scalable_target(**shaped(api, "RegisterScalableTarget", without(new, "Tags")))
        id = "|".join(new[key] for key in WHERE)
        return Made(id, {"Id": id})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the two numbers."""
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Deregisters it."""
        _api(at).deregister_scalable_target(**only(old, *WHERE))


@resource("AWS::ApplicationAutoScaling::ScalingPolicy")
class ScalingPolicy(Resource):
    """How something follows its load. Nothing happens by it."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        api = _api(at)
        words = without(new, "ScalingTargetId") | self._where(new)
        arn = api.put_scaling_policy(**shaped(api, "PutScalingPolicy", words))["PolicyARN"]
        return Made(arn, {"Arn": arn})

    def _where(self, properties: Properties) -> dict[str, Any]:
        """Return what it scales, said in full or by the id of a target."""
        if "ScalingTargetId" in properties:
            return dict(zip(WHERE, properties["ScalingTargetId"].split("|"), strict=True))
        return only(properties, *WHERE)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it."""
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        _api(at).delete_scaling_policy(PolicyName=old["PolicyName"], **self._where(old))
