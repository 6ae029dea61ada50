"""EC2 Auto Scaling: groups of hosts and their scaling policies."""

from __future__ import annotations

from typing import Any, ClassVar

from msaspec.sandbox.cloudformation.awaited import USUAL, Awaited, Batch
from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, resource, truth
from msaspec.sandbox.cloudformation.shapes import shaped, tags_apart, without


@resource("AWS::AutoScaling::AutoScalingGroup")
class Group(Resource):
    """A group of hosts. They are `running` at once; nothing boots on them."""

    ANEW: ClassVar[tuple[str, ...]] = ("LaunchTemplate", "VPCZoneIdentifier")
    """What makes a host differ from those that run, so that a rolling update replaces them."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it with as many hosts as are desired, at least its smallest number."""
        api, name = at.api("autoscaling"), new.get("AutoScalingGroupName") or at.name(255)
        words = self._words(new) | {"AutoScalingGroupName": name, "Tags": _tags(name, new)}
        api.create_auto_scaling_group(**shaped(api, "CreateAutoScalingGroup", words))
        return self._made(at, name)

    def _words(self, properties: Properties) -> dict[str, Any]:
        words = without(properties, "Tags")
        if "VPCZoneIdentifier" in words:
            words["VPCZoneIdentifier"] = ",".join(words["VPCZoneIdentifier"])
        if "Cooldown" in words:
            words["DefaultCooldown"] = words.pop("Cooldown")
        return words

    def _made(self, at: At, name: str) -> Made:
        there = _described(at, name)
        return Made(name, {"AutoScalingGroupARN": there["AutoScalingGroupARN"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it, and replaces its hosts, as one batch, where new ones would differ.

        AWS does so only by an `UpdatePolicy`, which the sandbox does not look at: msaspec's groups all have one.
        """
        api = at.api("autoscaling")
        words = without(self._words(new), "TargetGroupARNs") | {"AutoScalingGroupName": id}
        api.update_auto_scaling_group(**shaped(api, "UpdateAutoScalingGroup", words))
        before, after = (set(p.get("TargetGroupARNs", [])) for p in (old, new))
        if after - before:
            api.attach_load_balancer_target_groups(AutoScalingGroupName=id, TargetGroupARNs=sorted(after - before))
        if before - after:
            api.detach_load_balancer_target_groups(AutoScalingGroupName=id, TargetGroupARNs=sorted(before - after))
        gone, _ = tags_apart(old, new)
        if gone:
            api.delete_tags(Tags=[{"Key": key, **_of(id)} for key in gone])
        if new.get("Tags"):
            api.create_or_update_tags(Tags=_tags(id, new))
        if self._replaces(old, new):
            for instance in _described(at, id)["Instances"]:
                api.terminate_instance_in_auto_scaling_group(
                    InstanceId=instance["InstanceId"], ShouldDecrementDesiredCapacity=False
                )
        return self._made(at, id)

    def _replaces(self, old: Properties, new: Properties) -> bool:
        return any(old.get(key) != new.get(key) for key in self.ANEW)

    def awaited(
        self, at: At, made: Made, policies: Properties, old: Properties | None, new: Properties
    ) -> Awaited | None:
        """Return what its `CreationPolicy` says; after a rolling update, where that waits, a signal of each new
        host."""
        if old is None:
            return Batch.by_creation(policies)
        rolling = policies.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
        if not (self._replaces(old, new) and truth(rolling.get("WaitOnResourceSignals", False))):
            return None
        hosts = len(_described(at, made.id)["Instances"])
        return Batch(hosts, str(rolling.get("PauseTime", USUAL))) if hosts else None

    def delete(self, at: At, id: str, old: Properties) -> None:
        """End its hosts and remove it."""
        at.api("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=id, ForceDelete=True)


def _described(at: At, name: str) -> dict[str, Any]:
    groups = at.api("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return dict(groups[0])


def _of(name: str) -> dict[str, str]:
    return {"ResourceId": name, "ResourceType": "auto-scaling-group"}


def _tags(name: str, properties: Properties) -> list[dict[str, Any]]:
    """Return the tags of a group. Those of the stack, which say nothing of it, go on to its hosts, too."""
    return [
        {"Key": tag["Key"], "Value": tag["Value"], "PropagateAtLaunch": truth(tag.get("PropagateAtLaunch", True))}
        | _of(name)
        for tag in properties.get("Tags", [])
    ]


@resource("AWS::AutoScaling::ScalingPolicy")
class ScalingPolicy(Resource):
    """How a group follows its load. Nothing happens by it."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        return self._put(at, at.name(255), new)

    def _put(self, at: At, name: str, new: Properties) -> Made:
        api = at.api("autoscaling")
        arn = api.put_scaling_policy(**shaped(api, "PutScalingPolicy", {**new, "PolicyName": name}))["PolicyARN"]
        return Made(arn, {"Arn": arn, "PolicyName": name})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it."""
        return self._put(at, _policy(id), new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        group = old["AutoScalingGroupName"]
        at.api("autoscaling").delete_policy(AutoScalingGroupName=group, PolicyName=_policy(id))


def _policy(arn: str) -> str:
    return arn.partition(":policyName/")[2]
