"""EC2 hosts on Amazon Linux 2023: instance types, images, launch templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from troposphere import Base64, GetAtt, Ref, Sub, Tags, ec2

from msaspec.aws import user_data_apart
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Site
from msaspec.language.value import Text, Token
from msaspec.template import scripts

INSTANCE = AwsType(name="AWS::EC2::Instance")
LAUNCH_TEMPLATE = AwsType(
    name="AWS::EC2::LaunchTemplate",
    unique=(("LaunchTemplateName",),),
    # Every change of its data is a new version.
    moves={"LatestVersionNumber": ("LaunchTemplateData", "VersionDescription")},
    texts={("LaunchTemplateData", "UserData"): user_data_apart.taken_apart},
    labels=user_data_apart.label,
)

DEVICE = "/dev/xvda"  # fact: al2023-root-device
"""Root device of Amazon Linux 2023."""
# fact: burstable-types
BURSTABLE = ("t2.", "t3.", "t3a.", "t4g.")
"""Families that have CPU credits (EC2 User Guide, "Burstable performance instances")."""
DEFAULT_TYPES = {"arm64": "t4g.small", "x86_64": "t3.small"}


def image_id(arch: str) -> str:
    """Return the newest Amazon Linux 2023, looked up when an instance starts.

    EC2 resolves the SSM parameter at launch, so that a new image of Amazon changes no template and replaces no
    instance by itself (EC2 User Guide, "Use a Systems Manager parameter to reference an AMI").
    """
    # fact: image-at-launch
    return f"resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{arch}"


def architecture(instance_type: str) -> str:
    """Return the CPU architecture of an instance type, by its name: Graviton families have a `g` behind the
    generation.

    >>> architecture("t4g.small"), architecture("c7gn.large"), architecture("g5.xlarge"), architecture("im4gn.large")
    ('arm64', 'arm64', 'x86_64', 'arm64')
    """
    family = instance_type.partition(".")[0]
    attributes = family.lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0123456789-")
    return "arm64" if family == "a1" or "g" in attributes.partition("-")[0] else "x86_64"


def with_script(settings: Text, script: str) -> Any:
    """User data that ends with a script which the template holds once, whatever the number of its hosts.

    The script is the value of a mapping, so Fn::Sub puts it in as it is and reads nothing in it.
    """
    text = "".join(piece if isinstance(piece, str) else "${" + piece.target + "}" for piece in settings)
    return Sub(f"{text}${{Script}}", Script=scripts.looked_up(script))


def principal(site: Site) -> Any:
    """Return who may use the role of a host: EC2, which has a name of its own in China."""
    # fact: ec2-principal
    anywhere = site.region is None or site.region.startswith("cn-")
    return Sub("ec2.${AWS::URLSuffix}") if anywhere else "ec2.amazonaws.com"


def is_burstable(instance_type: str) -> bool:
    """Return whether an instance type has CPU credits."""
    return instance_type.startswith(BURSTABLE)


def launch_template(
    name: str,
    instance_type: str,
    profile: str,
    group: str,
    user_data: Any,
    *,
    disk: int | None = None,
    credits: str | None = None,
) -> Any:
    """Return a launch template with IMDSv2 only, an encrypted volume and no key.

    `user_data` is a text or an intrinsic. `disk` is the size of the root volume in GiB, by default that of the image.
    `credits` is `unlimited` or `standard`, for a type that has CPU credits.
    """
    return ec2.LaunchTemplate(
        name,
        LaunchTemplateData=ec2.LaunchTemplateData(
            ImageId=image_id(architecture(instance_type)),
            InstanceType=instance_type,
            IamInstanceProfile=ec2.IamInstanceProfile(Arn=GetAtt(profile, "Arn")),
            SecurityGroupIds=[Ref(group)],
            # Containers on Docker's bridge are one hop further from the metadata service than the host.
            MetadataOptions=ec2.MetadataOptions(
                HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=2
            ),
            BlockDeviceMappings=[
                ec2.LaunchTemplateBlockDeviceMapping(
                    DeviceName=DEVICE,
                    Ebs=ec2.EBSBlockDevice(
                        VolumeType="gp3", Encrypted=True, **({"VolumeSize": disk} if disk is not None else {})
                    ),
                )
            ],
            # What is left out is a setting of the account.
            **({"CreditSpecification": ec2.LaunchTemplateCreditSpecification(CpuCredits=credits)} if credits else {}),
            UserData=Base64(user_data),
        ),
    )


def instance(name: str, template: str, subnet: Token, display: str, after: Sequence[str], **attributes: Any) -> Any:
    """Return an instance of the newest version of a launch template: a new version is a new instance.

    Its volume has the instance's tags, those of the stack among them. `after`: logical ids that must exist before.
    """
    return ec2.Instance(
        name,
        # fact: replacement-is-awaited
        LaunchTemplate=ec2.LaunchTemplateSpecification(
            LaunchTemplateId=Ref(template), Version=GetAtt(template, "LatestVersionNumber")
        ),
        SubnetId=Ref(subnet.target),
        PropagateTagsToVolumeOnCreation=True,
        Tags=Tags(Name=display),
        **({"DependsOn": sorted(after)} if after else {}),
        **attributes,
    )
