"""Availability Zones: named once, kept for ever after, refused where there are too few, not needed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from msaspec.diagnostics.diagnostic import Invalid
from msaspec.template import render, zones
from msaspec.update import changes
from tests import template
from tests.deploy.account import SMALL, Account

THREE = SMALL.replace("network: {placement: public}", "network: {placement: public, zones: 3}")
FARGATE = SMALL.replace("uses: [media]", "uses: [media], runtime: fargate")


def named(account: Account) -> str | None:
    """Return the zones that the stack was deployed with; None where it has no such parameter."""
    stack = account.stack()
    assert stack
    found = [each["ParameterValue"] for each in stack.get("Parameters", []) if each["ParameterKey"] == "Zones"]
    return found[0] if found else None


def subnets(account: Account) -> dict[str, tuple[str, str]]:
    """Return id and zone of each subnet of the stack."""
    ids = {name: id for name, id in account.ids().items() if re.fullmatch(r"\w+Subnet\d", name)}
    there = account.world.client("ec2").describe_subnets(SubnetIds=list(ids.values()))["Subnets"]
    zone_of = {each["SubnetId"]: each["AvailabilityZone"] for each in there}
    return {name: (id, zone_of[id]) for name, id in ids.items()}


def offer(account: Account, monkeypatch: pytest.MonkeyPatch, *offering: str) -> None:
    """Have only some zones offer the type of the hosts."""
    from moto.ec2.models import EC2Backend

    def offerings(self: Any, *ignored: Any, **words: Any) -> list[dict[str, str]]:
        return [{"InstanceType": "t4g.small", "LocationType": "availability-zone", "Location": z} for z in offering]

    monkeypatch.setattr(EC2Backend, "describe_instance_type_offerings", offerings)


def test_a_first_deployment_names_the_zones(account: Account) -> None:
    """They are told, and every subnet lies in the one with its number."""
    result = account.deploy(SMALL)
    assert result.exit_code == 0, result.stderr
    assert "The subnets are in us-east-1a, us-east-1b, for the lifetime of the stack." in result.stderr
    assert named(account) == "us-east-1a,us-east-1b"
    assert {name: zone for name, (_, zone) in subnets(account).items()} == {
        "PublicSubnet1": "us-east-1a",
        "PublicSubnet2": "us-east-1b",
    }


def test_zones_that_lack_the_type_are_passed_over(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host could not be started there, minutes after the network and the database were made."""
    offer(account, monkeypatch, "us-east-1b", "us-east-1d")
    account.deploy(SMALL)
    assert named(account) == "us-east-1b,us-east-1d"


def test_zones_stay_whatever_is_offered_later(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployed subnet never moves, and a later deployment asks for nothing."""
    account.deploy(SMALL)
    before = subnets(account)
    offer(account, monkeypatch, "us-east-1e", "us-east-1f")
    account.calls.clear()
    account.deploy(SMALL.replace("nginx:1", "nginx:2"))
    assert named(account) == "us-east-1a,us-east-1b"
    assert subnets(account) == before
    assert not account.calls["DescribeAvailabilityZones"] + account.calls["DescribeInstanceTypeOfferings"]


def test_a_third_zone_comes_beside_the_first_two(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the first that offers the type and is not taken; going back to two and forth again gives the same one."""
    account.deploy(SMALL)
    before = subnets(account)
    offer(account, monkeypatch, "us-east-1a", "us-east-1d")
    assert account.deploy(THREE).exit_code == 0
    assert named(account) == "us-east-1a,us-east-1b,us-east-1d"
    assert {name: subnets(account)[name] for name in before} == before
    account.deploy(SMALL)
    account.deploy(THREE)
    assert subnets(account)["PublicSubnet3"][1] == "us-east-1d"


def test_too_few_zones_are_told_on_the_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made, and the message names what there is."""
    offer(account, monkeypatch, "us-east-1b", "us-east-1d")
    result = account.deploy(THREE)
    assert result.exit_code == 1
    assert "msa.yaml:4:" in result.stderr
    assert (
        "MSA528: The network needs 3 zones, and us-east-1 has 2 for this account that offer t4g.small" in result.stderr
    )
    assert "Set `zones: 2`." in result.stderr
    assert account.stack() is None


def test_fargate_is_not_sent_where_it_does_not_run(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some zones have subnets and no Fargate, by their ids, since names are an account's own."""
    from msaspec.aws import tasks

    ids = {each["ZoneName"]: each["ZoneId"] for each in zones_of(account)}
    monkeypatch.setattr(tasks, "WITHOUT_FARGATE", frozenset({ids["us-east-1a"]}))
    account.deploy(FARGATE)
    assert named(account) == "us-east-1b,us-east-1c"


def zones_of(account: Account) -> list[dict[str, Any]]:
    """Return the zones of the Region as EC2 describes them."""
    found: list[dict[str, Any]] = account.world.client("ec2").describe_availability_zones()["AvailabilityZones"]
    return found


def test_an_old_zone_is_the_last_choice(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """use1-az3 lacks many types and services, whatever its letter is."""
    from msaspec.deploy import zones as choosing

    ids = {each["ZoneName"]: each["ZoneId"] for each in zones_of(account)}
    assert "use1-az3" in choosing.LATE
    monkeypatch.setattr(choosing, "LATE", frozenset({ids["us-east-1a"]}))
    account.deploy(SMALL)
    assert named(account) == "us-east-1b,us-east-1c"


def test_a_stack_that_was_deployed_without_names_keeps_its_zones(account: Account) -> None:
    """One of an earlier msaspec, or of a plain `aws cloudformation deploy`: its subnets are asked, and none moves."""
    text = render.to_yaml(template.compiled(SMALL).stack)
    tags = [{"Key": "team", "Value": "shop"}]
    account.cloudformation.create_stack(StackName="shop", TemplateBody=text, Capabilities=["CAPABILITY_IAM"], Tags=tags)
    assert account.settled() == "CREATE_COMPLETE"
    assert named(account) == ""
    before = subnets(account)
    result = account.deploy(SMALL.replace("nginx:1", "nginx:2"))
    assert result.exit_code == 0, result.stderr
    assert named(account) == "us-east-1a,us-east-1b"
    assert subnets(account) == before
    assert "PublicSubnet1" not in result.stderr


def test_whoever_may_not_ask_deploys_as_before(account: Account) -> None:
    """The permission to describe zones is no condition: CloudFormation lists them then, and that is told."""

    def refuse(operation: str) -> None:
        if operation == "DescribeAvailabilityZones":
            answer = {"Error": {"Code": "UnauthorizedOperation", "Message": "You are not authorized to do this."}}
            raise ClientError(answer, operation)

    account.before = refuse
    result = account.deploy(SMALL)
    assert result.exit_code == 0, result.stderr
    assert "Using the zones that CloudFormation lists first: You are not authorized to do this." in result.stderr
    assert named(account) == ""


# ---- Templates ----


def test_a_template_names_no_zone_by_itself() -> None:
    """It is plain CloudFormation: without a value the zones are those that CloudFormation lists."""
    compiled = template.template_of(SMALL)
    assert compiled["Parameters"]["Zones"]["Default"] == ""
    resources = compiled["Resources"]
    assert resources["PublicSubnet2"]["Properties"]["AvailabilityZone"] == {
        "Fn::Select": [1, {"Fn::If": ["ZonesAreNamed", {"Ref": "Zones"}, {"Fn::GetAZs": ""}]}]
    }


def test_naming_the_zones_changes_no_subnet() -> None:
    """A template of an earlier msaspec only lists them, and the comparison knows that the names are the same zones."""
    after = template.template_of(SMALL)
    before = {**zones.comparable(after), "Parameters": {}}
    after["Parameters"]["Zones"] = {**after["Parameters"]["Zones"], "Default": "us-east-1a,us-east-1b"}
    found = list(changes.between(before, after))
    assert [(change.logical_id, change.type, change.action) for change in found] == [("Zones", "Parameter", "add")]


def test_more_zones_than_every_account_has_are_told_by_lint() -> None:
    """us-west-1 shows two zones to every account, so nobody has to ask."""
    with pytest.raises(Invalid) as caught:
        template.compiled(THREE + "region: us-west-1\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.path) == ("MSA390", ("network", "zones"))
    assert template.compiled(SMALL + "region: us-west-1\n")
