"""EC2's instances and launch templates."""

from __future__ import annotations

import base64
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, only, resource
from msaspec.sandbox.types.ec2 import retag, tagged

RESOLVE = "resolve:ssm:"


@resource("AWS::EC2::LaunchTemplate")
class LaunchTemplate(Resource):
    """A launch template; each change is a new version."""

    def create(self, at: At, new: Properties) -> Made:
        """Make its first version."""
        name = new.get("LaunchTemplateName") or at.name(128)
        made = at.api("ec2").create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData=new["LaunchTemplateData"]
        )["LaunchTemplate"]
        return self._made(made["LaunchTemplateId"], 1)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Make another version."""
        made = at.api("ec2").create_launch_template_version(
            LaunchTemplateId=id, LaunchTemplateData=new["LaunchTemplateData"]
        )["LaunchTemplateVersion"]
        return self._made(id, made["VersionNumber"])

    def _made(self, id: str, version: int) -> Made:
        versions = {"LatestVersionNumber": str(version), "DefaultVersionNumber": "1"}
        return Made(id, {"LaunchTemplateId": id, **versions})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove all versions."""
        at.api("ec2").delete_launch_template(LaunchTemplateId=id)


@resource("AWS::EC2::Instance")
class Instance(Resource):
    """A host. It is `running` at once; nothing boots on it."""

    def create(self, at: At, new: Properties) -> Made:
        """Start it from its launch template."""
        words = self._template(at, new) | only(new, "ImageId", "InstanceType", "SubnetId", "SecurityGroupIds")
        image = words.get("ImageId", "")
        if image.startswith(RESOLVE):
            name = image.removeprefix(RESOLVE)
            words["ImageId"] = at.api("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        if not at.api("ec2").describe_images(ImageIds=[words["ImageId"]])["Images"]:
            raise Failed(f"The image id '[{words['ImageId']}]' does not exist")
        for mapping in words.get("BlockDeviceMappings", []):
            if "Ebs" in mapping:  # moto needs what EC2 takes from the image
                mapping["Ebs"].setdefault("VolumeSize", 8)
        if "UserData" in words:
            words["UserData"] = base64.b64decode(words["UserData"]).decode()  # boto3 encodes it again
        made = at.api("ec2").run_instances(MinCount=1, MaxCount=1, **words, **tagged("instance", new))["Instances"][0]
        return self._made(at, made["InstanceId"])

    def _template(self, at: At, new: Properties) -> dict[str, Any]:
        if "LaunchTemplate" not in new:
            return {}
        chosen = new["LaunchTemplate"]
        found = at.api("ec2").describe_launch_template_versions(
            LaunchTemplateId=chosen["LaunchTemplateId"], Versions=[str(chosen["Version"])]
        )["LaunchTemplateVersions"]
        if not found:
            raise Failed(f"Could not find launch template version {chosen['Version']}")
        return dict(found[0]["LaunchTemplateData"])

    def _made(self, at: At, id: str) -> Made:
        there = at.api("ec2").describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
        return Made(
            id,
            {
                "InstanceId": id,
                "VpcId": there["VpcId"],
                "AvailabilityZone": there["Placement"]["AvailabilityZone"],
                "PrivateIp": there["PrivateIpAddress"],
                "PrivateDnsName": there["PrivateDnsName"],
                "PublicIp": there.get("PublicIpAddress", ""),
                "PublicDnsName": there.get("PublicDnsName", ""),
            },
        )

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the tags."""
        if {key for key in {*old, *new} if old.get(key) != new.get(key)} != {"Tags"}:
            return super().update(at, id, old, new)
        retag(at, id, old, new)
        return self._made(at, id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """End it."""
        at.api("ec2").terminate_instances(InstanceIds=[id])
