"""The values that an update changes: old and new, folded to the variable, the command or the image that differs."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from msaspec.deploy import changeset
from msaspec.deploy.changeset import ChangeSet
from msaspec.update import changes, listing, values
from msaspec.update.changes import Action, Change
from tests import template
from tests.deploy.recorded import Recorded, aws

SHOP = """\
msaspec: 1
name: shop
databases: {main: }
services:
  cart:
    image: cart:1
    port: 8000
    paths: [/]
    uses: [main]
    runtime: RUNTIME
    env: {GREETING: Hello, OLD: x}
    command: [serve, --quiet]
"""
FARGATE, HOSTS = SHOP.replace("RUNTIME", "fargate"), SHOP.replace("RUNTIME", "autoscaling")


def between(before: str, after: str) -> dict[str, Change]:
    """The changes from one manifest to another, by logical id."""
    old, new = (template.compiled(text).stack for text in (before, after))
    found = changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)
    return {change.logical_id: change for change in found}


def shown(change: Change) -> list[str]:
    """The values of a change as people read them."""
    return [str(each) for each in change.values]


@pytest.mark.parametrize(("manifest", "where"), [(FARGATE, "CartTask"), (HOSTS, "CartLaunchTemplate")])
def test_a_variable_is_told_by_its_name(manifest: str, where: str) -> None:
    """In a task definition and in user data alike: what changes, what is new and what goes, and nothing else."""
    changed = manifest.replace("GREETING: Hello, OLD: x", "GREETING: Hi, NEW: z")
    found = between(manifest, changed)[where]
    assert sorted(shown(found)) == ["env GREETING: Hello -> Hi", "env NEW: z (new)", "env OLD: x (removed)"]
    assert found.action is Action.MODIFY
    assert shown(between(manifest, manifest.replace("--quiet", "--loud"))[where]) == [
        "command: serve --quiet -> serve --loud"
    ]
    (image,) = shown(between(manifest, manifest.replace("cart:1", "cart:2"))[where])
    assert image == "image: .../cart:1 -> .../cart:2"


def test_a_new_revision_replaces_nothing() -> None:
    """Of a task definition, whose old revision runs until the new one does."""
    found = between(FARGATE, FARGATE.replace("Hello", "Hi"))
    assert {change.action for change in found.values()} == {Action.MODIFY}
    assert shown(found["CartService"]) == []
    text = click.unstyle(listing.to_text(found.values()))
    assert "replaced" not in text
    assert "env GREETING: Hello -> Hi" in text


def test_a_property_has_its_values() -> None:
    """A plain one stands on the line of its resource, and in the JSON of both commands."""
    found = between(FARGATE, FARGATE.replace("{main: }", "{main: {size: db.t4g.small}}"))["MainDatabase"]
    assert shown(found) == ["DBInstanceClass: db.t4g.micro -> db.t4g.small"]
    (line,) = click.unstyle(listing.to_text([found])).splitlines()[1:]
    assert line.endswith("DBInstanceClass: db.t4g.micro -> db.t4g.small")
    assert listing.as_message("shop", found).as_object()["values"] == [
        {"name": "DBInstanceClass", "before": "db.t4g.micro", "after": "db.t4g.small"}
    ]


def task(**variables: str) -> dict[str, Any]:
    """A template with a task of some variables."""
    listed = [{"Name": name, "Value": value} for name, value in variables.items()]
    properties = {"ContainerDefinitions": [{"Name": "a", "Environment": listed}]}
    return {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}}


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("DB_PASSWORD", "hunter2", "hunter3", "env DB_PASSWORD: **** -> ****"),
        ("URL", "https://a:hunter2@b", "https://a:hunter3@b", "env URL: https://*********@b -> https://*********@b"),
        ("LINES", "a\nb", "a\nc", None),
        ("LONG", "x " * 60 + "one", "x " * 60 + "two", "env LONG: ... one -> ... two"),
        ("EMPTY", "", "x", "env EMPTY: (empty) -> x"),
        ("ESCAPE", "a", "\x1b[2J", "env ESCAPE: a -> \x1b[2J"),
    ],
)
def test_values_are_shown_safely(name: str, old: str, new: str, said: str | None) -> None:
    """No credential, whether by its form or by its name; long ones where they differ. The listing has no character that
    steers a terminal."""
    found = changes.between(task(**{name: old}), task(**{name: new}))
    (told,) = [str(each) for change in found for each in change.values]
    assert told == said if said else "2 lines" in told
    text = listing.to_text(found)
    assert "hunter" not in text + json.dumps(listing.as_message("shop", found[0]).as_object())
    assert "\x1b[2J" not in text


def test_a_parameter_that_nobody_may_see() -> None:
    """`NoEcho` hides its value wherever it is filled in."""
    sides = []
    for secret in ("hunter2", "hunter3"):
        one = task(TOKENS="x")
        one["Parameters"] = {"Key": {"Type": "String", "NoEcho": True, "Default": secret}}
        one["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]["Environment"][0]["Value"] = {
            "Fn::Sub": f"${{Key}} {secret[-1]}"
        }
        sides.append(one)
    found = changes.between(*sides)
    assert "hunter" not in listing.to_text(found)


def test_lists_with_names_are_compared_by_them() -> None:
    """Their order is nothing."""
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    sides = [
        {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": each}}}}
        for each in (tags, [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}, {"Key": "a", "Value": "1"}])
    ]
    (found,) = changes.between(*sides)
    assert shown(found) == ["Tags.c.Value: 3 (new)"]


def test_cloudformation_tells_what_templates_do_not() -> None:
    """Of drift, say; asked only there, and rows stay those of the plain description."""
    target = {"Attribute": "Properties", "Name": "Path", "Path": "/Properties/Path", "RequiresRecreation": "Never"}
    row = {"Action": "Modify", "LogicalResourceId": "A", "ResourceType": "AWS::SSM::Parameter", "Replacement": "False"}
    plain = {**row, "Details": [{"ChangeSource": "DirectModification", "Target": target}]}
    more = {**target, "BeforeValue": "/old", "AfterValue": "/new"}
    answer = {"Changes": [{"ResourceChange": {**row, "Details": [{"Target": more}]}}], "Status": "CREATE_COMPLETE"}
    client = Recorded(describe_change_set=answer)
    there, change_set = aws(cloudformation=client), ChangeSet("id", "stack", "CREATE_COMPLETE", None, (plain,))
    known = Change("A", "AWS::SSM::Parameter", Action.MODIFY)
    (found,) = changeset.valued(there, change_set, [known])
    assert shown(found) == ["Path: /old -> /new"]
    told = Change("A", "AWS::SSM::Parameter", Action.MODIFY, values=(values.Difference("Path", "a", "b"),))
    assert changeset.valued(there, change_set, [told]) == (told,)
    assert len(client.calls) == 1
