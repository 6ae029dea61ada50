"""What `audit` and `encryption` declare is in the sandbox, by what each service's own API says."""

from __future__ import annotations

from typing import Any

from msaspec import pipeline, sandbox
from msaspec.template import render
from tests.sandbox.deploying import Deployer

SYSTEM = """\
msaspec: 1
name: shop
region: us-east-1
network: {placement: public}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
buckets: {media: {cdn: true}}
services:
  web: {image: "public.ecr.aws/x/web:1.0", port: 8080, paths: [/], runtime: fargate, uses: [media]}
"""


def template(more: str) -> str:
    """The template of the system with further lines."""
    return render.to_yaml(pipeline.compile_main(pipeline.load(SYSTEM + more, "msa.yaml")).stack)


def test_what_audit_declares_stands_and_goes() -> None:
    """Logs go where the template says, requests pass the firewall, and all but the bucket and the key goes again."""
    with sandbox.start() as world:
        deployer = Deployer(world.client("cloudformation"), s3=world.client("s3"))
        assert deployer.deploy(template("audit: true\nencryption: own\n")) == "CREATE_COMPLETE", deployer.events()
        ids = {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in world.client("cloudformation").describe_stack_resources(StackName="shop")["StackResources"]
        }
        logs, balancer = ids["AuditLogs"], ids["IngressLoadBalancer"]
        s3, ec2, kms, waf = (world.client(name) for name in ("s3", "ec2", "kms", "wafv2"))
        where = s3.get_bucket_logging(Bucket=ids["MediaBucket"])["LoggingEnabled"]
        assert (where["TargetBucket"], where["TargetPrefix"]) == (logs, "s3/MediaBucket/")
        rules = s3.get_bucket_encryption(Bucket=ids["MediaBucket"])["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(ids["EncryptionKey"])
        assert kms.get_key_rotation_status(KeyId=ids["EncryptionKey"])["KeyRotationEnabled"]
        (flow,) = ec2.describe_flow_logs()["FlowLogs"]
        assert (flow["ResourceId"], flow["LogDestination"]) == (ids["Vpc"], f"arn:aws:s3:::{logs}")
        attributes = world.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
        assert {"Key": "access_logs.s3.bucket", "Value": logs} in attributes
        rules = waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["Rules"]
        assert [rule["Name"] for rule in rules] == ["AmazonIpReputationList", "CommonRuleSet", "KnownBadInputsRuleSet"]
        config = world.client("cloudfront").get_distribution_config(Id=ids["MediaDistribution"])["DistributionConfig"]
        assert config["Logging"]["Bucket"] == f"{logs}.s3.amazonaws.com"

        assert deployer.deploy(template("audit: false\n")) == "UPDATE_COMPLETE", deployer.events()
        assert ec2.describe_flow_logs()["FlowLogs"] == []
        assert waf.list_web_acls(Scope="REGIONAL")["WebACLs"] == []
        assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=ids["MediaBucket"])
        s3.head_bucket(Bucket=logs)
        assert kms.describe_key(KeyId=ids["EncryptionKey"])["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_distribution_in_another_region_has_rules_in_that_of_cloudfront() -> None:
    """A function of the stack makes them there, before the distribution, and they go with it."""
    with sandbox.start() as world:
        deployer = Deployer(world.client("cloudformation", "eu-west-1"), s3=world.client("s3", "eu-west-1"))
        elsewhere = SYSTEM.replace("us-east-1", "eu-west-1")

        def compiled(more: str) -> str:
            return render.to_yaml(pipeline.compile_main(pipeline.load(elsewhere + more, "msa.yaml")).stack)

        waf, cdn = world.client("wafv2", "us-east-1"), world.client("cloudfront")
        assert deployer.deploy(compiled("audit: true\n")) == "CREATE_COMPLETE", deployer.events()
        (made,) = waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
        there = waf.get_web_acl(Name=made["Name"], Id=made["Id"], Scope="CLOUDFRONT")["WebACL"]
        assert [each["Name"] for each in there["Rules"]] == [
            "AmazonIpReputationList",
            "CommonRuleSet",
            "KnownBadInputsRuleSet",
        ]
        assert there["Rules"][0]["VisibilityConfig"]["SampledRequestsEnabled"] is True
        tags = waf.list_tags_for_resource(ResourceARN=made["ARN"])["TagInfoForResource"]["TagList"]
        assert {"Key": "msaspec:stack", "Value": "shop"} in tags
        assert _firewall(cdn, deployer) == made["ARN"]

        assert deployer.deploy(compiled("audit: {firewall: false}\n")) == "UPDATE_COMPLETE", deployer.events()
        assert _firewall(cdn, deployer) == ""
        assert waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"] == []

        assert deployer.deploy(compiled("audit: true\n")) == "UPDATE_COMPLETE", deployer.events()
        assert len(waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]) == 1


def _firewall(cdn: Any, deployer: Deployer) -> str:
    """The rules of the distribution."""
    config = cdn.get_distribution_config(Id=deployer.ids()["MediaDistribution"])["DistributionConfig"]
    return str(config.get("WebACLId", ""))
