"""Secrets by name: what a role may read is what IAM compares, and what could never be read is told on its line."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from msaspec.diagnostics.diagnostic import Diagnostic, Invalid
from tests import template
from tests.template import Filled

HERE = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012"}
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-1111-2222-3333-444455556666"
EVERY_RUNTIME = pytest.mark.parametrize("runtime", ["instance", "autoscaling", "fargate"])


def text(runtime: str = "instance", **fields: Any) -> str:
    """Return a manifest of one service with some fields."""
    service = {"image": "web:1", "port": 80, "paths": ["/"], "runtime": runtime, **fields}
    sections = {"msaspec": 1, "name": "shop", "region": "eu-west-1", "network": {"placement": "public"}}
    return yaml.safe_dump({**sections, "services": {"web": service}})


def granted(action: str, runtime: str = "instance", **fields: Any) -> list[tuple[Any, Any]]:
    """Return the resources, with the condition, on which whoever reads the secrets of the service may do something."""
    compiled = template.template_of(text(runtime, **fields))
    role = "WebExecutionRole" if runtime == "fargate" else "WebRole"
    (policy,) = compiled["Resources"][role]["Properties"]["Policies"]
    found = []
    for statement in Filled(compiled, **HERE).value(policy["PolicyDocument"]["Statement"]):
        actions, resources = statement["Action"], statement["Resource"]
        if action in ([actions] if isinstance(actions, str) else actions):
            named = [resources] if isinstance(resources, str) else resources
            found += [(each, statement.get("Condition")) for each in named]
    return found


def refused(runtime: str = "instance", **fields: Any) -> list[Diagnostic]:
    """Return what is said of a service: errors, or else warnings."""
    try:
        found = template.compiled(text(runtime, **fields)).warnings
    except Invalid as invalid:
        found = tuple(invalid.diagnostics)
    return [each for each in found if each.code != "MSA361"]  # of a front door without HTTPS


@pytest.mark.parametrize(
    ("written", "real"),
    [
        pytest.param(f"{ARN}shop-AbCdEf", f"{ARN}shop-AbCdEf", id="the whole ARN"),
        pytest.param(f"{ARN}prod/shop#password", f"{ARN}prod/shop-AbCdEf", id="without the suffix"),
        pytest.param("/aws/reference/secretsmanager/prod/shop", f"{ARN}prod/shop-AbCdEf", id="by Parameter Store"),
        pytest.param(
            "arn:aws:ssm:eu-west-1:123456789012:parameter/aws/reference/secretsmanager/shop",
            f"{ARN}shop-AbCdEf",
            id="by the ARN of such a parameter",
        ),
    ],
)
def test_a_host_may_read_what_it_names(written: str, real: str) -> None:
    """IAM compares the grant with the ARN that the secret has, which has a suffix, whatever the request says."""
    ((pattern, _),) = granted("secretsmanager:GetSecretValue", secrets={"PASSWORD": written})
    assert fnmatchcase(real, pattern)
    assert not fnmatchcase(real.replace("shop", "shop-of-others"), pattern)


def test_a_name_by_parameter_store_is_read_from_secrets_manager() -> None:
    """So that no second permission is needed, and `#` is not."""
    compiled = template.template_of(text(secrets={"PASSWORD": "/aws/reference/secretsmanager/shop"}))
    settings = template.settings(template.user_data(compiled, "WebLaunchTemplate", **HERE))
    assert settings["environment"]["PASSWORD"] == [["secret", f"{ARN}shop"]]
    assert granted("ssm:GetParameter", secrets={"PASSWORD": "/aws/reference/secretsmanager/shop"}) == []


@pytest.mark.parametrize("written", [f"{ARN}prod/shop#key", "/aws/reference/secretsmanager/shop"])
def test_tasks_need_the_whole_arn(written: str) -> None:
    """ECS reads it for the task, and takes the ARN with its suffix only."""
    (found,) = refused("fargate", secrets={"PASSWORD": written})
    assert (found.code, found.path) == ("MSA374", ("services", "web", "secrets", "PASSWORD"))
    assert "describe-secret" in str(found.hint)
    assert refused("fargate", secrets={"PASSWORD": f"{ARN}shop-AbCdEf#key"}) == []


@EVERY_RUNTIME
def test_a_customers_key_may_be_used_as_the_stores_use_it(runtime: str) -> None:
    """Decrypting is granted on that key, and only by way of Secrets Manager and Parameter Store of its Region."""
    ((resource, condition),) = granted("kms:Decrypt", runtime, secrets={"A": "/shop/a"}, kms_key=KEY)
    stores = ["secretsmanager.eu-west-1.amazonaws.com", "ssm.eu-west-1.amazonaws.com"]
    assert (resource, condition) == (KEY, {"StringEquals": {"kms:ViaService": stores}})
    other = KEY.replace("1b2c3d4e", "5f6a7b8c")
    assert [each for each, _ in granted("kms:Decrypt", runtime, secrets={"A": "/shop/a"}, kms_key=[KEY, other])] == [
        KEY,
        other,
    ]
    assert granted("kms:Decrypt", runtime, secrets={"A": "/shop/a"}) == []


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"secrets": {"A": ARN.replace("aws", "aws-cn", 1) + "shop-AbCdEf"}}, "MSA386", ("secrets", "A")),
        ({"secrets": {"A": "/a"}, "kms_key": KEY.replace("aws", "aws-us-gov", 1)}, "MSA386", ("kms_key",)),
        ({"kms_key": KEY}, "MSA387", ("kms_key",)),
        ({"secrets": {"A": "/a"}, "kms_key": "alias/shop"}, "MSA204", ("kms_key",)),
        ({"secrets": {"A": "/a"}, "kms_key": [KEY.replace("key/", "alias/")]}, "MSA204", ("kms_key", 0)),
    ],
)
def test_what_cannot_be_read_is_told(fields: dict[str, Any], code: str, path: tuple[Any, ...]) -> None:
    """A secret and a key of another partition, a key for nothing, and an alias, on which IAM grants nothing."""
    (found,) = refused(**fields)
    assert (found.code, found.path) == (code, ("services", "web", *path))
