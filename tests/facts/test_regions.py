"""China, AWS GovCloud (US), and Regions that lack something: names that differ, and what is refused on its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from msaspec.cli import main
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid
from msaspec.linting import inputs, regional
from tests import template
from tests.template import Filled

SYSTEM: dict[str, Any] = {
    "msaspec": 1,
    "name": "shop",
    "network": {"nat": "none"},
    "bastion": True,
    "services": {"web": {"image": "web:1", "port": 8080}},
}


def text(region: str | None, **sections: Any) -> str:
    """Return a manifest for a Region."""
    return yaml.safe_dump({**SYSTEM, **({"region": region} if region else {}), **sections})


def refused(region: str, **sections: Any) -> list[Diagnostic]:
    """Return the errors of a manifest for a Region."""
    with pytest.raises(Invalid) as caught:
        template.compiled(text(region, **sections))
    return list(caught.value.diagnostics)


@pytest.mark.parametrize(
    ("region", "partition", "start"),
    [
        ("cn-north-1", "aws-cn", "cn."),
        (None, "aws-cn", "cn."),
        (None, "aws", ""),
        ("eu-west-1", "aws", ""),
        ("us-gov-west-1", "aws-us-gov", ""),
    ],
)
def test_endpoints_have_the_names_of_the_partition(region: str | None, partition: str, start: str) -> None:
    """In China three of them begin with `cn.`, also where the manifest leaves the Region to the command line."""
    compiled = template.template_of(text(region))
    filled = Filled(compiled, **{"AWS::Region": "REGION", "AWS::Partition": partition})
    names = {
        name: filled.value(resource["Properties"]["ServiceName"])
        for name, resource in compiled["Resources"].items()
        if resource["Type"] == "AWS::EC2::VPCEndpoint"
    }
    assert names == {
        "CloudformationEndpoint": f"{start}com.amazonaws.REGION.cloudformation",
        "EcrApiEndpoint": f"{start}com.amazonaws.REGION.ecr.api",
        "EcrDkrEndpoint": f"{start}com.amazonaws.REGION.ecr.dkr",
        "LogsEndpoint": "com.amazonaws.REGION.logs",
        "S3Endpoint": "com.amazonaws.REGION.s3",
        "SecretsmanagerEndpoint": "com.amazonaws.REGION.secretsmanager",
        "SsmEndpoint": "com.amazonaws.REGION.ssm",
        "SsmmessagesEndpoint": "com.amazonaws.REGION.ssmmessages",
    }


@pytest.mark.parametrize(
    ("region", "suffix", "principal"),
    [
        ("cn-north-1", "amazonaws.com.cn", "ec2.amazonaws.com.cn"),
        (None, "amazonaws.com.cn", "ec2.amazonaws.com.cn"),
        (None, "amazonaws.com", "ec2.amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com", "ec2.amazonaws.com"),
    ],
)
def test_hosts_have_their_roles_by_the_name_of_ec2(region: str | None, suffix: str, principal: str) -> None:
    """EC2 has a name of its own in China; Lambda and ECS have not."""
    compiled = template.template_of(
        text(region, databases={"main": {}}, services={"web": {"image": "web:1", "uses": ["main"]}})
    )
    filled = Filled(compiled, **{"AWS::URLSuffix": suffix})
    for name in ("WebRole", "BastionRole"):
        (statement,) = compiled["Resources"][name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert filled.value(statement["Principal"]) == {"Service": principal}
    (statement,) = compiled["Resources"]["DatabaseBootstrapHandlerRole"]["Properties"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_a_cdn_is_refused_where_there_is_none(region: str) -> None:
    """On the line that asks for it, by `compile` too."""
    (found,) = (each for each in refused(region, buckets={"media": {"cdn": True}}) if each.code == "MSA391")
    assert found.path == ("buckets", "media", "cdn")
    assert template.compiled(text(region, buckets={"media": {}}))


def test_a_name_for_a_load_balancer_is_refused_in_govcloud() -> None:
    """Cloud Map has no aliases there; tasks and hosts are registered by their addresses."""
    services = {"web": {"image": "web:1", "port": 80, "uses": ["stock"]}, "stock": {"image": "stock:1", "port": 81}}
    defaults = {"defaults": {"runtime": "autoscaling"}, "network": {}}
    (found,) = refused("us-gov-west-1", services=services, **defaults)
    assert (found.code, found.path) == ("MSA392", ("services", "stock"))
    assert template.compiled(text("us-gov-west-1", services=services, network={}, defaults={"runtime": "fargate"}))
    assert template.compiled(text("us-east-1", services=services, **defaults))


def test_what_a_region_lacks_is_told_by_compile() -> None:
    """An instance class, an instance type, a resource type; each with the nearest that there is, on the line of it."""
    (found,) = refused("ca-west-1", databases={"main": {}}, services={"web": {"image": "web:1", "uses": ["main"]}})
    assert (found.code, found.path) == ("MSA393", ("databases", "main", "size"))
    assert "ca-west-1 does not offer the postgres instance class db.t4g.micro" in found.message
    (found,) = refused("cn-north-1", bastion={"instance_type": "m7gd.large"}, network={})
    assert found.path == ("bastion",)
    assert template.compiled(text("cn-north-1", bastion={"instance_type": "t4g.gigantic"}, network={}))  # cfn-lint's
    known = regional.resource_types("us-gov-west-1") or frozenset()
    assert "AWS::CloudFront::Distribution" not in known
    assert "AWS::EC2::VPC" in known


@pytest.mark.parametrize("region", ["us-east-1", "ap-northeast-2", "cn-north-1", "us-gov-west-1", "ca-west-1"])
def test_what_is_read_of_a_region_is_what_its_file_says(region: str) -> None:
    """The files are not parsed as a whole, which must make no difference."""
    import json

    (folder,) = [each for each in map(Path, inputs.schema_folders()) if (each / "extensions").exists()]
    whole = json.loads((folder / "extensions/aws_ec2_instance/instancetype_enum.json").read_text())
    assert regional.instance_types(region) == frozenset(whole[region]["enum"])
    assert "db.m7g.large" in (regional.database_classes("us-east-1", "postgres") or ())
    assert regional.database_classes(region, "no-such-engine") is None
    assert regional.instance_types("xx-nowhere-1") is None


def test_the_region_of_the_command_line_is_looked_at_too(tmp_path: Any) -> None:
    """A manifest without a Region is judged by the one that it is deployed into."""
    manifest = tmp_path / "msa.yaml"
    manifest.write_text(
        text(
            None, buckets={"media": {"cdn": True}}, services={"web": {"image": "docker.io/library/nginx:1"}}, network={}
        )
    )
    result = CliRunner().invoke(main, ["deploy", str(manifest), "--region", "us-gov-west-1", "--dry-run"])
    assert result.exit_code == 1
    assert "MSA391" in result.stderr
