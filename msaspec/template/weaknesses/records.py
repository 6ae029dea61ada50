"""What is recorded and watched, and what checkers are configured to skip."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.template.weakness import Group, Kind, Template, Weakness, as_map, inner

NOT_RECORDED = Kind(
    Group.LOGS,
    ("AwsSolutions-VPC7", "AwsSolutions-ELB2", "AwsSolutions-CFR3", "AwsSolutions-S1", "AwsSolutions-ECS7"),
    ("CKV_AWS_91", "CKV_AWS_86", "CKV_AWS_18"),
    (
        "ELBV2_ACCESS_LOGGING_RULE",
        "CLOUDFRONT_ACCESSLOGS_ENABLED",
        "S3_BUCKET_LOGGING_ENABLED",
        "RDS_INSTANCE_LOGGING_ENABLED",
    ),
)
SILENCED = Kind(Group.SILENT)

_RECORDS = {
    "AWS::EC2::VPC": "the traffic of its network is",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "its requests are",
    "AWS::CloudFront::Distribution": "its requests are",
    "AWS::S3::Bucket": "its requests are",
    "AWS::RDS::DBInstance": "its log is",
}
_WATCHING = (
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupSelection",
    "AWS::CloudTrail::Trail",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::FlowLog",
    "AWS::Logs::LogGroup",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation",
)
_CHECKERS = ("cfn-lint", "cdk_nag", "cfn_nag", "checkov", "guard")


def find(view: Template) -> Iterator[Weakness]:
    """Yield what is not recorded, and what is silenced."""
    flows = {str(entry.properties.get("ResourceId")) for entry in view.of("AWS::EC2::FlowLog")}
    for entry in view.entries:
        recorded = True
        if entry.type == "AWS::EC2::VPC":
            recorded = str({"Ref": entry.name}) in flows
        elif entry.type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
            attributes = view.maps(entry.properties.get("LoadBalancerAttributes"))
            on = [each for _, each in attributes if each.get("Key") == "access_logs.s3.enabled"]
            recorded = bool(on) and not any(view.is_false(each.get("Value")) for each in on)
        elif entry.type == "AWS::CloudFront::Distribution":
            recorded = bool(inner(entry.properties, "DistributionConfig", "Logging"))
        elif entry.type == "AWS::S3::Bucket":
            recorded = bool(entry.properties.get("LoggingConfiguration"))
        elif entry.type == "AWS::RDS::DBInstance":
            recorded = bool(entry.properties.get("EnableCloudwatchLogsExports"))
        if not recorded:
            yield Weakness(
                NOT_RECORDED, entry.name, f"{entry.noun}: {_RECORDS[entry.type]} not recorded", entry.at(), True
            )
        for at, container in view.maps(entry.properties.get("ContainerDefinitions")):
            if entry.type == "AWS::ECS::TaskDefinition" and not container.get("LogConfiguration"):
                what = f"The output of a container of {entry.noun} is not logged"
                yield Weakness(NOT_RECORDED, entry.name, what, entry.at("ContainerDefinitions", *at))
    for name, body in (("", view.data), *((entry.name, entry.body) for entry in view.entries)):
        metadata = as_map(body.get("Metadata"))
        for checker in _CHECKERS:
            if checker in metadata:
                path = ("Resources", name, "Metadata", checker) if name else ("Metadata", checker)
                where = f"at `{name}`" if name else "in the whole template"
                what = f"{checker} skips a rule {where}: {_named(metadata[checker])}"
                yield Weakness(SILENCED, name, what, path, detail=str(metadata[checker]))


def gone(before: Template, after: Template) -> Iterator[Weakness]:
    """Yield what only records or watches, and is no longer there."""
    left = {entry.name: entry for entry in after.entries}
    for entry in before.of(*_WATCHING):
        now = left.get(entry.name)
        if now is None:
            yield Weakness(NOT_RECORDED, entry.name, f"{entry.noun} is gone", ("Resources", entry.name))
        elif "Condition" in now.body and "Condition" not in entry.body:
            what, path = f"{entry.noun} is there on a condition only", ("Resources", entry.name, "Condition")
            yield Weakness(NOT_RECORDED, entry.name, what, path)


def _named(said: object) -> str:
    text = str(said)
    return text if len(text) < 60 else f"{text[:57]}..."
