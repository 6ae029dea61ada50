"""What an update does, told from two templates: `msaspec.update.changes` and the registry schemas behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from msaspec.linting import inputs
from msaspec.template import reading as reader
from msaspec.template import render
from msaspec.update import changes, losses, replacement
from msaspec.update.changes import Action, Change, Replaces
from tests import goldens, template

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
SMALL = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
CART = "services:\n  cart: {image: 'cart:1', port: 8000}\n"


def compared(before: str, after: str) -> dict[str, Change]:
    """The changes between two manifests, by logical id; an output that is named as a resource gives way to it."""
    old, new = template.compiled(before).stack, template.compiled(after).stack
    found = changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)
    return {change.logical_id: change for change in sorted(found, key=lambda change: "::" in change.type)}


def actions(found: dict[str, Change]) -> dict[str, str]:
    """What happens to each."""
    return {name: str(change.action) for name, change in found.items()}


def lost(found: dict[str, Change]) -> list[str]:
    """The codes and sentences of what would be lost."""
    return [f"{diagnostic.code} {diagnostic.message}" for _, diagnostic in losses.found(found.values())]


VARIATIONS = [
    SMALL + CART,
    SMALL + CART.replace("cart:1", "cart:2"),
    SMALL + CART + "  user: {image: user, port: 8001}\n",
    SMALL + "databases: {main: }\n" + CART.replace("8000}", "8000, uses: [main]}"),
    SMALL + "databases: {main: {version: '16', replicas: 1}}\nbuckets: {media: }\n" + CART,
    SMALL.replace("public}", "public, cidr: 10.9.0.0/16}") + CART,
]


@pytest.mark.parametrize("text", [*VARIATIONS, SHOP])
def test_nothing_changes_between_a_template_and_itself(text: str) -> None:
    """A template, its YAML and its JSON are the same."""
    stack = template.compiled(text).stack
    for again in (stack.template, reader.load(render.to_yaml(stack)), reader.load(render.to_json(stack).encode())):
        assert changes.between(stack.template, again) == ()
        assert changes.between(again, stack.template) == ()


@pytest.mark.parametrize(("one", "other"), list(permutations(VARIATIONS, 2)))
def test_what_one_way_adds_the_other_removes(one: str, other: str) -> None:
    """Forth and back, additions and removals swap and the rest is the same resources."""
    forth, back = compared(one, other), compared(other, one)

    def named(found: dict[str, Change], *wanted: Action) -> set[str]:
        return {name for name, change in found.items() if change.action in wanted}

    assert forth
    assert named(forth, Action.ADD) == named(back, Action.REMOVE)
    assert named(forth, Action.REMOVE) == named(back, Action.ADD)


def test_a_new_tag_replaces_the_instance_of_its_service_only() -> None:
    """The default of the parameter moves the launch template, its version the instance, and that what names it."""
    found = compared(SHOP, SHOP.replace("user-service:1.0", "user-service:1.1"))
    assert actions(found) == {
        "UserServiceImageTag": "modify",
        "UserServiceLaunchTemplate": "modify",
        "UserServiceInstance": "replace",
        "UserServiceAddressInstance": "replace",
        "UserServicePublicAddress": "modify",
    }
    assert {change.entry for change in found.values()} == {("services", "user-service")}
    (cause,) = found["UserServiceInstance"].properties
    assert (cause.path, cause.replaces) == (("LaunchTemplate", "Version"), Replaces.YES)
    assert not lost(found)


def test_tags_of_a_launch_template_make_no_version() -> None:
    """Only the data of a launch template moves the instance behind it."""
    before = dict(template.compiled(SMALL + CART).stack.template)
    after = deepcopy(before)
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}]
    after["Resources"]["CartLaunchTemplate"]["Properties"]["TagSpecifications"] = tags
    assert [change.logical_id for change in changes.between(before, after)] == ["CartLaunchTemplate"]


def test_a_service_more_touches_what_it_uses() -> None:
    """A new service is added; of what was there only the bootstrap of its database and the role for it change."""
    more = SHOP + "  extra-service: {image: 'extra:1', port: 8003, uses: {main: {database: extra}}}\n"
    found = compared(SHOP, more)
    assert {name for name, change in found.items() if change.action is not Action.ADD} == {
        "MainBootstrap",
        "DatabaseBootstrapHandlerRole",
    }
    assert all(name.startswith("ExtraService") for name, change in found.items() if change.action is Action.ADD)
    back = compared(more, SHOP)
    assert lost(back) == [
        "MSA515 No service would use the database `extra` of `databases.main` any more. Its data stays, but no service"
        " can read it."
    ], "its secret goes with it and is no longer in use"
    assert back["ExtraServiceRole"].entry == ("services", "extra-service")


def test_renaming_is_removing_and_adding() -> None:
    """A database under another name is another database; the old one leaves a snapshot, and is protected."""
    found = compared(SHOP, SHOP.replace("main:", "primary:"))
    assert found["PrimaryDatabase"].action is Action.ADD
    assert found["MainDatabase"].action is Action.REMOVE
    assert (found["MainDatabase"].retained, found["MainDatabase"].stateful) == ("Snapshot", True)
    (message,) = lost(found)
    assert message.startswith(
        "MSA510 The database instance `MainDatabase` of `databases.main` would be deleted after a final"
    )
    assert "deletion protection" in message


def test_a_bucket_that_goes_stays_in_the_account() -> None:
    """Removing a bucket tells that it is kept."""
    found = compared(SMALL + "buckets: {media: }\n" + CART, SMALL + CART)
    (message,) = lost(found)
    assert message.startswith("MSA510")
    assert "stays in the account with its data" in message


def test_a_version_of_the_database_is_no_replacement() -> None:
    """A major version changes the instance in place, with a new parameter group."""
    found = compared(SHOP, SHOP.replace('"17"', '"18"'))
    assert actions(found) == {"MainDatabaseParameters": "replace", "MainDatabase": "modify"}


def test_addresses_of_the_network_are_for_life() -> None:
    """Another block replaces the VPC and all that is made in it, which spreads to groups and hosts."""
    found = compared(SMALL + CART, SMALL.replace("public}", "public, cidr: 10.9.0.0/16}") + CART)
    for name in ("Vpc", "PublicSubnet1", "CartSecurityGroup", "CartInstance"):
        assert found[name].action is Action.REPLACE, name
    assert found["CartLaunchTemplate"].action is Action.MODIFY
    assert "CartRole" not in found


def test_the_program_behind_a_mapping_counts() -> None:
    """A changed program changes the functions and user data that look it up, and nothing else."""
    before = dict(template.compiled(SHOP).stack.template)
    after = deepcopy(before)
    after["Mappings"]["Scripts"]["DatabaseBootstrapRunner"]["Text"] += "# more\n"
    (found,) = changes.between(before, after)
    assert (found.logical_id, found.action) == ("DatabaseBootstrapRunner", Action.MODIFY)


def edited(name: str, edit: Callable[[dict[str, Any]], None]) -> tuple[Change, list[str]]:
    """What happens to a resource of the shop whose definition is edited, and what is lost by it."""
    before = dict(template.compiled(SHOP).stack.template)
    after = deepcopy(before)
    edit(after["Resources"][name])
    found = {change.logical_id: change for change in changes.between(before, after)}
    return found[name], lost({name: found[name]})


def test_a_replaced_database_warns() -> None:
    """What the instance has for life makes a new, empty one, and the message names the cause."""
    change, said = edited("MainDatabase", lambda r: r["Properties"].update(MasterUsername="other"))
    assert change.action is Action.REPLACE
    assert said[0].startswith("MSA511")
    assert "since `MasterUsername` changes; the old one is deleted after a final snapshot" in said[0]


def test_the_weaker_policy_of_a_replacement_is_told() -> None:
    """Who drops the policy together with the change does not hide what is lost."""

    def edit(resource: dict[str, Any]) -> None:
        resource["Properties"]["BucketName"] = "x"
        del resource["UpdateReplacePolicy"]

    change, said = edited("MediaBucket", edit)
    assert change.retained == "Delete"
    assert "which fails unless it is empty" in said[0]


def test_conditional_replacements_may_happen_and_do_not_spread() -> None:
    """`maybe` is told of the resource itself."""
    change, said = edited("MainDatabase", lambda r: r["Properties"].update(Engine="mysql"))
    assert change.action is Action.MAYBE_REPLACE
    assert "may be replaced" in said[0]


def test_attributes_change_and_the_order_does_not_count() -> None:
    """A deletion policy is a change; `DependsOn`, and numbers written as text, are none."""
    change, said = edited("MainDatabase", lambda r: r.update(DeletionPolicy="Delete"))
    assert [(p.path, p.attribute) for p in change.properties] == [(("DeletionPolicy",), True)]
    assert not said
    before = {"Resources": {"A": {"Type": "AWS::EC2::VPC", "Properties": {"A": 1, "B": True}}}}
    after = {"Resources": {"A": {"Type": "AWS::EC2::VPC", "DependsOn": "B", "Properties": {"A": "1", "B": "true"}}}}
    assert changes.between(before, after) == ()


def test_the_inside_of_a_property_may_be_for_life() -> None:
    """`EncryptionConfiguration` of a repository replaces it, whichever part of it changes."""

    def resource(**properties: Any) -> dict[str, Any]:
        return {"Resources": {"R": {"Type": "AWS::ECR::Repository", "Properties": properties}}}

    (found,) = changes.between(
        resource(EncryptionConfiguration={"EncryptionType": "AES256"}),
        resource(EncryptionConfiguration={"KmsKey": "k"}),
    )
    assert (found.action, found.stateful, found.retained) == (Action.REPLACE, True, "Delete")


def test_a_type_that_no_schema_is_known_of_may_be_replaced() -> None:
    """What is not known is not claimed."""
    one, other = ({"Resources": {"R": {"Type": "Some::Own::Thing", "Properties": {"A": n}}}} for n in (1, 2))
    (found,) = changes.between(one, other)
    assert found.action is Action.MAYBE_REPLACE


def test_the_newer_schemas_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemas that `cfn-lint --update-specs` fetched are used if they are newer, and do no harm if they are broken."""
    own = next(inputs.schema_folders())
    monkeypatch.setattr(inputs, "schema_folders", lambda: iter([own, str(tmp_path)]))
    (tmp_path / "providers").mkdir()
    (tmp_path / "resources").mkdir()
    (tmp_path / "version.json").write_text(json.dumps({"schema_date": "2999-01-01"}), "utf-8")
    (tmp_path / "providers" / "us-east-1.json").write_text(json.dumps({"AWS::S3::Bucket": "a"}), "utf-8")
    (tmp_path / "resources" / "a.json").write_text(json.dumps({"createOnlyProperties": ["/properties/X/*/Y"]}), "utf-8")
    bucket = replacement.updates("AWS::S3::Bucket")
    assert bucket
    assert bucket.always == (("X", "Y"),)
    (tmp_path / "resources" / "a.json").write_text("{", "utf-8")
    bucket = replacement.updates("AWS::S3::Bucket")
    assert bucket
    assert ("BucketName",) in bucket.always
