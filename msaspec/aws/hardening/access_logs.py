"""The bucket for logs, and who writes into it: buckets, load balancers, distributions, the VPC."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Ref, Sub, ec2, s3

from msaspec.aws.data import s3 as stored
from msaspec.aws.hardening import Hardened
from msaspec.language.audit import Audit
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Part
from msaspec.template.regions import takes_cdn_logs

LOGS, POLICY, FLOW_LOG = "AuditLogs", "AuditLogsPolicy", "AuditFlowLog"
TYPES = (stored.BUCKET, stored.POLICY, AwsType(name="AWS::EC2::FlowLog"))
BALANCER, DISTRIBUTION = "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::CloudFront::Distribution"


def build(audit: Audit, to: Hardened) -> Part:
    """Turn on the logs that `audit` asks for. Return the bucket for them, where there are any."""
    if not audit.does("access_logs"):
        _off(to)
    buckets = [name for name, _ in to.of("AWS::S3::Bucket")] if audit.does("access_logs") else []
    balancers = [name for name, _ in to.of(BALANCER)] if audit.does("access_logs") else []
    cdns = _logged_distributions(to) if audit.does("access_logs") else []
    # The traffic of a VPC that exists is its owner's to log, and a system of sites has none.
    flows = audit.does("flow_logs") and any(to.of("AWS::EC2::VPC"))
    if not (buckets or balancers or cdns or flows):
        return Part()
    for name in buckets:
        where = {"DestinationBucketName": {"Ref": LOGS}, "LogFilePrefix": f"s3/{name}/"}
        to.resources[name]["Properties"]["LoggingConfiguration"] = where
        to.after(name, POLICY)
    for name in balancers:
        words = {"enabled": "true", "bucket": {"Ref": LOGS}, "prefix": f"balancers/{name}"}
        attributes = to.resources[name]["Properties"].setdefault("LoadBalancerAttributes", [])
        attributes += [{"Key": f"access_logs.s3.{key}", "Value": value} for key, value in words.items()]
        # Elastic Load Balancing writes a file to try the bucket when the attribute is set.
        to.after(name, POLICY)
    for name in cdns:
        logging = {"Bucket": {"Fn::GetAtt": [LOGS, "DomainName"]}, "IncludeCookies": False, "Prefix": f"cdn/{name}/"}
        to.resources[name]["Properties"]["DistributionConfig"]["Logging"] = logging
        to.after(name, POLICY)
    made = [
        _bucket(audit.keep, with_acl=bool(cdns)),
        _policy(buckets=bool(buckets), balancers=bool(balancers), flows=flows),
    ]
    return Part((*made, *([_flow_log()] if flows else [])))


def _off(to: Hardened) -> None:
    """Turn off what stays on where a template says nothing any more."""
    for _, properties in to.properties(BALANCER):
        properties.setdefault("LoadBalancerAttributes", []).append({"Key": "access_logs.s3.enabled", "Value": "false"})


def _logged_distributions(to: Hardened) -> list[str]:
    """Return the distributions whose logs can go into a bucket of this Region."""
    return [name for name, _ in to.of(DISTRIBUTION)] if takes_cdn_logs(to.region) else []


def _bucket(days: int, *, with_acl: bool) -> Any:
    """Return the bucket. It stays when the stack goes, also after a creation that failed: by then it has objects, and
    S3 deletes only empty buckets.

    Elastic Load Balancing writes into buckets with S3's own key only (its User Guide, "Access logs"). CloudFront asks
    for a bucket with an access control list, to which it adds itself.
    """
    # fact: balancer-log-bucket
    owner = "BucketOwnerPreferred" if with_acl else "BucketOwnerEnforced"
    return s3.Bucket(
        LOGS,
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[
                s3.ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership=owner)]),
        # Nobody changes a log unseen: what is overwritten or deleted is kept for a month.
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        LifecycleConfiguration=s3.LifecycleConfiguration(
            Rules=[
                s3.LifecycleRule(
                    Id="old-logs",
                    Status="Enabled",
                    ExpirationInDays=days,
                    NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=30),
                    AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
                )
            ]
        ),
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )


def _policy(*, buckets: bool, balancers: bool, flows: bool) -> Any:
    """Return who may write where: each service under its own prefix, for this account only."""
    mine = {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}}
    statements: list[dict[str, Any]] = [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [GetAtt(LOGS, "Arn"), Sub(f"${{{LOGS}.Arn}}/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]

    def writer(sid: str, service: str, where: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
        return {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "s3:PutObject",
            "Resource": Sub(f"${{{LOGS}.Arn}}/{where}"),
            **({"Condition": condition} if condition else {}),
        }

    if buckets:
        statements.append(writer("Buckets", "logging.s3.amazonaws.com", "s3/*", mine))
    if balancers:
        where = "balancers/*/AWSLogs/${AWS::AccountId}/*"
        statements.append(writer("Balancers", "logdelivery.elasticloadbalancing.amazonaws.com", where))
    if flows:
        # fact: flow-log-bucket
        delivery = "delivery.logs.amazonaws.com"
        full = {"StringEquals": {**mine["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
        statements.append(writer("FlowLogs", delivery, "AWSLogs/${AWS::AccountId}/*", full))
        look = {"Sid": "FlowLogsLook", "Effect": "Allow", "Principal": {"Service": delivery}}
        statements.append({**look, "Action": "s3:GetBucketAcl", "Resource": GetAtt(LOGS, "Arn"), "Condition": mine})
    return s3.BucketPolicy(POLICY, Bucket=Ref(LOGS), PolicyDocument={"Version": "2012-10-17", "Statement": statements})


def _flow_log() -> Any:
    return ec2.FlowLog(
        FLOW_LOG,
        ResourceId=Ref("Vpc"),
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=GetAtt(LOGS, "Arn"),
        MaxAggregationInterval=600,
        DependsOn=POLICY,
    )
