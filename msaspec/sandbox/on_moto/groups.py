"""EC2 Auto Scaling on top of moto's: hosts that are all their launch template says, spread over the subnets."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from moto.autoscaling.models import (
    ASG_NAME_TAG,
    AutoScalingBackend,
    FakeAutoScalingGroup,
    InstanceState,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.moto_api._internal import mock_random

from msaspec.sandbox.types.instances import RESOLVE
from msaspec.sandbox.world import current

_GROUP, _BACKEND, _API = FakeAutoScalingGroup, AutoScalingBackend, AutoScalingResponse
_launch_plain = _GROUP.replace_autoscaling_group_instances
_update_attached = _BACKEND.update_attached_target_groups
_terminate_plain = _BACKEND.terminate_instance
_create = _API.create_auto_scaling_group
_update = _API.update_auto_scaling_group
_policy = _API.put_scaling_policy
VERSION = "aws:ec2launchtemplate:version"


class Host(InstanceState):  # type: ignore[misc]
    """A host of a group, which knows the version of the launch template that it was started by."""

    @property
    def launch_template(self) -> dict[str, Any] | None:
        """That version, in place of the template's first."""
        template = self.auto_scaling_group.ec2_launch_template
        tags = {tag["key"]: tag["value"] for tag in self.instance.get_tags()}
        return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": tags[VERSION]}


def _launch(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
    """Start hosts as the version of the group's launch template has them; moto takes the first, and little of it."""
    if current().controls.unlaunched(self.name):
        return
    if self.ec2_launch_template is None or not self.vpc_zone_identifier:
        _launch_plain(self, count_needed, propagated_tags)
        return
    version = self.ec2_launch_template.get_version(self.launch_template_version)
    tags = {**propagated_tags, ASG_NAME_TAG: self.name, **version.instance_tags}
    for _ in range(count_needed):
        _start(self, version, tags)
    if self.name in self.autoscaling_backend.autoscaling_groups:
        self.autoscaling_backend.update_attached_target_groups(self.name)


def _start(self: Any, version: Any, tags: dict[str, str]) -> None:
    ec2, data = self.ec2_backend, copy.deepcopy(version.data)
    for mapping in data.get("BlockDeviceMappings", []):
        mapping.get("Ebs", {}).setdefault("VolumeSize", 8)  # moto needs what EC2 takes from the image
    image = data.get("ImageId", "")
    if image.startswith(RESOLVE):
        name = image.removeprefix(RESOLVE)
        image = current().client("ssm", self.region).get_parameter(Name=name)["Parameter"]["Value"]
    subnets = self.vpc_zone_identifier.split(",")
    used = Counter(state.instance.subnet_id for state in self.instance_states)
    role = data.get("IamInstanceProfile", {})
    profile = {"iam_instance_profile_name": role.get("Name"), "iam_instance_profile_arn": role.get("Arn")}
    reservation = ec2.run_instances(
        image,
        1,
        _encoded(data.get("UserData")),
        data.get("SecurityGroups", []),
        security_group_ids=data.get("SecurityGroupIds", []),
        instance_type=data.get("InstanceType", "m1.small"),
        is_instance_type_default=False,
        tags={"instance": tags},
        launch_template={"LaunchTemplateId": self.ec2_launch_template.id, "Version": version.number},
        metadata_options=data.get("MetadataOptions", {}),
        subnet_id=min(subnets, key=lambda subnet: used[subnet]),
        associate_public_ip=None,
        region_name=self.region,
        **profile,
        **({"block_device_mappings": data["BlockDeviceMappings"]} if "BlockDeviceMappings" in data else {}),
    )
    for instance in reservation.instances:
        if role:
            ec2.associate_iam_instance_profile(instance.id, **profile)
        instance.autoscaling_group = self
        protected = self.new_instances_protected_from_scale_in
        self.instance_states.append(Host(instance, protected_from_scale_in=protected))


def _encoded(user_data: Any) -> Any:
    """User data as moto hands it on, which it leaves as text in every version but the first."""
    return Base64EncodedString(user_data) if isinstance(user_data, str) else user_data


def _attached(self: Any, group_name: str) -> None:
    """Register a group's hosts in its target groups, and take out those that run no more."""
    _update_attached(self, group_name)
    for arn in self.autoscaling_groups[group_name].target_group_arns:
        target_group = self.elbv2_backend.target_groups[arn]
        for id in [id for id in target_group.targets if id.startswith("i-")]:
            instance = self.ec2_backend.get_instance_by_id(id)
            if instance is None or instance.state in ("shutting-down", "terminated"):
                target_group.deregister([{"Id": id}])


def _terminate(self: Any, instance_id: str, should_decrement: bool) -> Any:  # noqa: FBT001 as in moto
    """End a host of a group, and take it out of the target groups."""
    name = next(
        name
        for name, group in self.autoscaling_groups.items()
        if instance_id in [state.instance.id for state in group.instance_states]
    )
    activity = _terminate_plain(self, instance_id, should_decrement)
    self.update_attached_target_groups(name)
    return activity


def _warmed(plain: Any) -> Any:
    """Wrap a method that takes the warm-up of a group, which moto forgets."""

    def wrapped(self: Any) -> Any:
        answer = plain(self)
        warmup = self._get_int_param("DefaultInstanceWarmup")
        if warmup is not None:
            group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
            group.default_instance_warmup = warmup
        return answer

    return wrapped


def _put_policy(self: Any) -> ActionResult:
    """Put a scaling policy, and answer with its ARN, which moto spells as no client reads it."""
    _policy(self)
    made = self.autoscaling_backend.policies[self._get_param("PolicyName")]
    return ActionResult({"PolicyARN": made.arn, "Alarms": []})


def _activities(self: Any) -> ActionResult:
    """DescribeScalingActivities: what a group could not launch."""
    name = self._get_param("AutoScalingGroupName")
    ailing = current().controls.unlaunched(str(name))
    if ailing is None:
        return ActionResult({"Activities": []})
    failed = {
        "ActivityId": str(mock_random.uuid4()),
        "AutoScalingGroupName": name,
        "Cause": "An instance was started in response to a difference between desired and actual capacity.",
        "StartTime": ailing.begun,
        "StatusCode": "Failed",
        "StatusMessage": f"{ailing.fate.reason} Launching EC2 instance failed.",
    }
    return ActionResult({"Activities": [failed]})


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_GROUP, "replace_autoscaling_group_instances", _launch),
    (_BACKEND, "update_attached_target_groups", _attached),
    (_BACKEND, "terminate_instance", _terminate),
    (_API, "create_auto_scaling_group", _warmed(_create)),
    (_API, "update_auto_scaling_group", _warmed(_update)),
    (_API, "put_scaling_policy", _put_policy),
    (_API, "describe_scaling_activities", _activities),
)
"""What of moto is replaced: owner, name, replacement."""
