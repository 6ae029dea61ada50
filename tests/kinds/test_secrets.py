"""The section `secrets`: who may read what, and what stays of it."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec import pipeline
from msaspec.sandbox.world import World
from msaspec.template import render
from tests.sandbox.conftest import deployer, world
from tests.sandbox.deploying import Deployer
from tests.template import nodes, template_of
from tests.test_ports import RUNTIMES, text

__all__ = ["deployer", "world"]

EXISTING = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:smtp-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e"


@RUNTIMES
def test_only_who_uses_a_secret_reads_it(runtime: str) -> None:
    """One role of each user may, and it may decrypt with the customer's key; nobody else has the name of the secret."""
    service = {"image": "public.ecr.aws/a/web:1", "runtime": runtime}
    sections = {"jwt": {}, "smtp": {"from": EXISTING, "keys": ["password"], "kms_key": KEY}}
    services = {"web": {**service, "uses": ["jwt", "smtp"]}, "api": service}
    found: dict[str, Any] = template_of(text(services, secrets=sections))["Resources"]
    roles = {name: str(part) for name, part in found.items() if part["Type"] == "AWS::IAM::Role"}
    for named in ("JwtSharedSecret", EXISTING, KEY):
        (reader,) = (name for name, role in roles.items() if named in role)
        assert reader == ("WebExecutionRole" if runtime == "fargate" else "WebRole")
    assert not any("JwtSharedSecret" in str(node) for path, node in nodes(found) if path and str(path[0])[:3] == "Api")


@pytest.mark.parametrize(
    ("framework", "variables"),
    [
        ("plain", {"SIGNING_KEY", "SMTP_PASSWORD", "SMTP_USERNAME"}),
        ("spring-boot", {"msa.signing-key.value", "msa.smtp.password", "msa.smtp.username"}),
    ],
)
def test_the_variables_of_a_secret(framework: str, variables: set[str]) -> None:
    """One for a whole secret, one for each key of an existing one."""
    sections = {"signing-key": {}, "smtp": {"from": EXISTING, "keys": ["username", "password"]}}
    web = {"image": "w:1", "runtime": "fargate", "framework": framework, "uses": ["signing-key", "smtp"]}
    template = template_of(text({"web": web}, secrets=sections))
    (container,) = template["Resources"]["WebTask"]["Properties"]["ContainerDefinitions"]
    assert {each["Name"] for each in container["Secrets"]} == variables


def test_a_generated_secret_stays(world: World, deployer: Deployer) -> None:
    """It is the same for all its users and after an update, and stays in the account when the stack goes."""
    web = {"image": "public.ecr.aws/a/web:1", "runtime": "fargate", "uses": ["jwt"]}

    def template(**more: Any) -> str:
        written = text({"web": web, "api": {**web, **more}}, secrets={"jwt": {"length": 40}})
        return render.to_yaml(pipeline.compile_main(pipeline.load(written, "msa.yaml")).stack)

    assert deployer.deploy(template()) == "CREATE_COMPLETE"
    reading, arn = world.client("secretsmanager").get_secret_value, deployer.ids()["JwtSharedSecret"]
    value = reading(SecretId=arn)["SecretString"]
    assert (len(value), value.isalnum()) == (40, True)
    assert deployer.deploy(template(env={"MODE": "fast"})) == "UPDATE_COMPLETE"
    assert deployer.delete() == "DELETE_COMPLETE"
    assert reading(SecretId=arn)["SecretString"] == value
