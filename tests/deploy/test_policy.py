"""Stack policies and capabilities, told from a template: `msaspec.deploy.policy`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.deploy.policy import capabilities, guarded, same_policy, stack_policy
from tests import goldens, template

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
MAIN = template.template_of(SHOP)
SMALL = "msaspec: 1\nname: shop\nnetwork: {placement: public}\nservices:\n  cart: {image: 'cart:1', port: 8000}\n"
ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete")
LONGEST = 16_384
"""Of `StackPolicyBody`: API reference of SetStackPolicy, and the service model of botocore."""


def registry() -> Mapping[str, Any]:
    """The template of the shop's image repositories."""
    stack = template.registry_of(pipeline.load(SHOP, "msa.yaml"))
    assert stack
    return stack.template


def listed(value: Any) -> list[str]:
    """A text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else list(value)


def allows(policy: str, logical_id: str, action: str, kind: str) -> bool:
    """What CloudFormation makes of a stack policy: nothing is allowed that no statement allows, and Deny beats Allow.

    Written from "Prevent updates to stack resources" of the user guide: `*` in actions and resources, `NotAction`,
    `NotResource`, and conditions on `ResourceType`.
    """
    effects = set()
    for statement in json.loads(policy)["Statement"]:
        assert statement["Principal"] == "*", "no other is allowed"
        assert ("Action" in statement) != ("NotAction" in statement)
        assert ("Resource" in statement) != ("NotResource" in statement)
        acts = listed(statement.get("Action", statement.get("NotAction")))
        where = listed(statement.get("Resource", statement.get("NotResource")))
        assert all(each == "*" or each.startswith("LogicalResourceId/") for each in where)
        fits = any(fnmatchcase(action, each) for each in acts) == ("Action" in statement)
        fits &= any(fnmatchcase(f"LogicalResourceId/{logical_id}", each) for each in where) == ("Resource" in statement)
        for condition, values in statement.get("Condition", {}).items():
            assert condition in ("StringEquals", "StringLike")
            fits &= any(fnmatchcase(kind, each) for each in listed(values["ResourceType"]))
        effects |= {statement["Effect"]} if fits else set()
    return "Allow" in effects and "Deny" not in effects


def denied(source: Mapping[str, Any], *released: str) -> set[tuple[str, str]]:
    """Logical id and action of everything that the policy of a template denies."""
    policy = stack_policy(source, released)
    return {
        (name, action.removeprefix("Update:"))
        for name, part in source["Resources"].items()
        for action in ACTIONS
        if not allows(policy, name, action, part["Type"])
    }


def test_the_evaluator_denies_by_itself() -> None:
    """The stand-in for CloudFormation can say no: without a statement, and where Deny meets Allow."""
    rows: list[dict[str, Any]] = [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]
    assert not allows(json.dumps({"Statement": []}), "A", "Update:Modify", "T")
    assert allows(json.dumps({"Statement": rows}), "A", "Update:Modify", "T")
    rows.append({"Effect": "Deny", "Principal": "*", "NotAction": "Update:Modify", "Resource": "LogicalResourceId/A*"})
    said = {
        (name, action): allows(json.dumps({"Statement": rows}), name, action, "T")
        for name in "AB"
        for action in ACTIONS
    }
    assert [pair for pair, allowed in said.items() if not allowed] == [("A", "Update:Replace"), ("A", "Update:Delete")]


def test_data_of_the_example_is_guarded() -> None:
    """Of every resource and action of the example, only these are denied: the database and the bucket are neither
    replaced nor removed, secrets not replaced."""
    secrets = {f"{service}ServiceToMainSecret" for service in ("Cart", "Product", "User")}
    lasting = {(name, action) for name in ("MainDatabase", "MediaBucket") for action in ("Replace", "Delete")}
    assert denied(MAIN) == lasting | {(name, "Replace") for name in secrets}


def test_repositories_are_guarded() -> None:
    """The policy of the registry stack denies that a repository is replaced or removed."""
    names = [f"{service}ServiceRepository" for service in ("Cart", "Product", "User")]
    assert denied(registry()) == {(name, action) for name in names for action in ("Replace", "Delete")}


def test_what_was_let_go_is_free() -> None:
    """Released ids are left out of the policy, and nothing else is; releasing all leaves a policy that allows all."""
    assert denied(MAIN) - denied(MAIN, "MainDatabase") == {("MainDatabase", "Replace"), ("MainDatabase", "Delete")}
    assert denied(MAIN) - denied(MAIN, "CartServiceToMainSecret") == {("CartServiceToMainSecret", "Replace")}
    assert denied(MAIN, *guarded(MAIN)) == set()


def test_replicas_are_not_guarded() -> None:
    """A replica's data is that of its source, which is guarded."""
    text = SMALL.replace("port: 8000", "port: 8000, uses: [main]") + "databases: {main: {replicas: 2}}\n"
    source = template.template_of(text)
    databases = [name for name, part in source["Resources"].items() if part["Type"] == "AWS::RDS::DBInstance"]
    assert len(databases) == 3
    kept = {name for name, _ in denied(source) if name in databases}
    assert kept == {"MainDatabase"}


def test_a_template_without_data_allows_everything() -> None:
    """The policy of a stack without data has no statement that names nothing."""
    source = template.template_of(SMALL)
    assert denied(source) == set()
    assert len(json.loads(stack_policy(source))["Statement"]) == 1


def test_many_services_fit() -> None:
    """38 services with the longest names and two databases stay below what SetStackPolicy takes."""
    data = [f"d{number}{'x' * 38}" for number in range(2)]
    lines = [
        f"  s{number:02}{'x' * 37}: {{image: 'a:1', port: {8000 + number}, uses: [{', '.join(data)}]}}\n"
        for number in range(38)
    ]
    head = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
    source = template.template_of(f"{head}databases: {{{': , '.join(data)}: }}\nservices:\n{''.join(lines)}")
    assert len(guarded(source)) == 2 + 2 * 38
    assert len(stack_policy(source).encode()) < LONGEST


def test_policies_are_compared_by_what_they_say() -> None:
    """Order of keys and blanks do not count; none, or what is no policy, is another."""
    policy = stack_policy(MAIN)
    assert same_policy(json.dumps(json.loads(policy), sort_keys=True), policy)
    assert not same_policy(stack_policy(MAIN, ["MainDatabase"]), policy)
    assert [same_policy(other, policy) for other in (None, "", "{")] == [False] * 3


def resources(**parts: Any) -> dict[str, Any]:
    """A template of these resources."""
    return {"Resources": parts}


ROLE = {"Type": "AWS::IAM::Role"}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (resources(A={"Type": "AWS::S3::Bucket"}), []),
        (resources(A=ROLE), ["CAPABILITY_IAM"]),
        (resources(A={"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "x"}}), ["CAPABILITY_IAM"]),
        (resources(A={"Type": "AWS::IAM::AccessKey"}), ["CAPABILITY_IAM"]),
        (resources(A=ROLE, B={**ROLE, "Properties": {"RoleName": "x"}}), ["CAPABILITY_NAMED_IAM"]),
        (resources(A={"Type": "AWS::IAM::User", "Properties": {"UserName": "x"}}), ["CAPABILITY_NAMED_IAM"]),
        (resources(A={"Type": "Some::Own::Thing", "Properties": {"RoleName": "x"}}), []),
        ({"Transform": "AWS::LanguageExtensions", **resources(A=ROLE)}, ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]),
        (
            resources(A={"Type": "T", "Properties": {"B": [{"C": {"Fn::Transform": {"Name": "AWS::Include"}}}]}}),
            ["CAPABILITY_AUTO_EXPAND"],
        ),
        (resources(**{"Fn::Transform": {"Name": "AWS::Include"}}), ["CAPABILITY_AUTO_EXPAND"]),
        ({**resources(), "Mappings": {"Fn::Transform": {"Name": "AWS::Include"}}}, ["CAPABILITY_AUTO_EXPAND"]),
        ({**resources(), "Outputs": {"A": {"Value": {"Fn::Transform": {"Name": "X"}}}}}, ["CAPABILITY_AUTO_EXPAND"]),
        (
            {
                "Transform": "AWS::LanguageExtensions",
                **resources(**{"Fn::ForEach::Roles": ["Name", ["a"], {"Role${Name}": ROLE}]}),
            },
            ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        ),
        (
            {
                "Transform": "AWS::LanguageExtensions",
                **resources(
                    **{"Fn::ForEach::R": ["N", ["a"], {"R${N}": {**ROLE, "Properties": {"RoleName": {"Ref": "N"}}}}]}
                ),
            },
            ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        ),
        (resources(A={"Type": "AWS::CloudFormation::Stack"}), ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]),
    ],
)
def test_capabilities_are_what_the_template_needs(source: dict[str, Any], wanted: list[str]) -> None:
    """Roles, roles with names, and macros are acknowledged where they are; a nested stack may hold all of them."""
    assert capabilities(source) == wanted


def test_the_example_needs_no_names() -> None:
    """A compiled system makes roles, and gives none a name; its registry needs nothing."""
    assert capabilities(MAIN) == ["CAPABILITY_IAM"]
    assert capabilities(registry()) == []


def test_a_patch_can_ask_for_more() -> None:
    """A patch that names a role makes the stronger capability needed."""
    patch = "patches:\n  - {op: add, path: /Resources/CartRole/Properties/RoleName, value: mine}\n"
    assert capabilities(template.template_of(SMALL + patch)) == ["CAPABILITY_NAMED_IAM"]
