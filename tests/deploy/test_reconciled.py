"""What a change set does, put together from CloudFormation's list and the comparison of the templates."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from msaspec.deploy import changeset
from msaspec.deploy.changeset import ChangeSet
from msaspec.diagnostics.place import Path
from msaspec.update import changes
from msaspec.update.changes import Action, Change, PropertyChange, Replaces
from tests import goldens, template
from tests.deploy.recorded import ITSELF
from tests.deploy.test_changeset import ID, STACK_ID, row

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
STACK = template.compiled(SHOP).stack
DATABASE = "MainDatabase"
RDS = "AWS::RDS::DBInstance"


def edited(**properties: Any) -> dict[str, Any]:
    """The template of the shop with other properties of the database."""
    other = deepcopy(dict(STACK.template))
    other["Resources"][DATABASE]["Properties"].update(properties)
    return other


def reconciled(
    *rows: dict[str, Any], before: Mapping[str, Any] = STACK.template, after: Mapping[str, Any] = STACK.template
) -> dict[str, Change]:
    """What comes out of these rows between these templates, by logical id and in order."""
    change_set = ChangeSet(ID, STACK_ID, "CREATE_COMPLETE", None, tuple(each["ResourceChange"] for each in rows))
    entries: dict[str, Path] = dict(STACK.origins)
    found = changeset.reconciled(
        change_set, changes.between(before, after, origins=STACK.origins), before, after, entries
    )
    return {change.logical_id: change for change in found}


def detail(name: str, recreation: str = "Never", evaluation: str = "Static", **target: Any) -> dict[str, Any]:
    """A detail of a row about a property."""
    about = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation, **target}
    return {"Target": about, "Evaluation": evaluation, "ChangeSource": "DirectModification"}


def modified(replacement: str | None, *details: dict[str, Any], name: str = DATABASE, **more: Any) -> dict[str, Any]:
    """A row about the database."""
    words = {"Replacement": replacement} if replacement else {}
    return row(name, "Modify", RDS, Details=list(details), **words, **more)


def database(*rows: dict[str, Any], **templates: Any) -> Change:
    """What becomes of the database."""
    return reconciled(*rows, **templates)[DATABASE]


def test_aws_says_that_it_is_replaced() -> None:
    """Whatever the comparison thinks of it."""
    for after in (STACK.template, edited(AllocatedStorage="50")):
        change = database(
            modified("True", detail("KmsKeyId", "Always"), PolicyAction="ReplaceAndSnapshot"), after=after
        )
        assert (change.action, change.retained, change.stateful) == (Action.REPLACE, "Snapshot", True)
        assert change.properties == (PropertyChange(("KmsKeyId",), Replaces.YES),)
        assert change.protected, "the old one has deletion protection"
        assert change.entry == ("databases", "main")


def test_aws_says_that_it_is_not_replaced() -> None:
    """Then it is not, though the comparison feared it; the whole paths of the comparison stay."""
    after = edited(MasterUsername="other")
    (feared,) = [c for c in changes.between(STACK.template, after) if c.logical_id == DATABASE]
    change = database(modified("False", detail("MasterUsername", "Always")), after=after)
    assert feared.action is Action.REPLACE
    assert (change.action, change.retained, change.protected) == (Action.MODIFY, None, False)
    assert change.properties == (PropertyChange(("MasterUsername",)),)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"MasterUsername": "other"}, Action.REPLACE),
        ({"Engine": "mysql"}, Action.MAYBE_REPLACE),
        ({"AllocatedStorage": "50"}, Action.MODIFY),
        ({}, Action.MODIFY),
    ],
    ids=["certain", "perhaps", "harmless", "unseen"],
)
def test_aws_does_not_know(properties: dict[str, Any], expected: Action) -> None:
    """`Conditional` is decided by the comparison, which sees the values on both sides."""
    name = next(iter(properties), "DBInstanceIdentifier")
    change = database(modified("Conditional", detail(name, "Conditionally", "Dynamic")), after=edited(**properties))
    assert change.action is expected
    effects = {each.replaces for each in change.properties}
    assert (effects == {Replaces.NO}) is (expected is Action.MODIFY)


def test_nobody_knows() -> None:
    """`Conditional` stays so where the comparison sees no two sides: the old template could not be read, or the
    resource is inside of a nested stack."""
    dynamic = detail("MasterUsername", "Always", "Dynamic")
    assert database(modified("Conditional", dynamic), before={}).action is Action.MAYBE_REPLACE
    inner = reconciled(modified("Conditional", dynamic, name="Inner.Database"))["Inner.Database"]
    assert (inner.action, inner.stateful) == (Action.MAYBE_REPLACE, True)
    assert inner.properties == (PropertyChange(("MasterUsername",), Replaces.MAYBE),)


def test_an_action_that_aws_does_not_know() -> None:
    """`Dynamic` is decided like a replacement."""
    after = edited(MasterUsername="other")
    assert database(row(DATABASE, "Dynamic", RDS), after=after).action is Action.REPLACE
    assert database(row(DATABASE, "Dynamic", RDS)).action is Action.MODIFY
    assert reconciled(row("Inner.A", "Dynamic", RDS))["Inner.A"].action is Action.MAYBE_REPLACE


@pytest.mark.parametrize(("action", "wanted"), [("Add", Action.ADD), ("Import", Action.IMPORT)])
def test_what_is_added(action: str, wanted: Action) -> None:
    """It has no past in the stack: nothing is kept or lost."""
    change = database(row(DATABASE, action, RDS), before={})
    assert (change.action, change.retained, change.protected, change.entry) == (
        wanted,
        None,
        False,
        ("databases", "main"),
    )


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("Delete", "Delete"),
        ("Retain", "Retain"),
        ("Snapshot", "Snapshot"),
        ("ReplaceAndDelete", "Delete"),
        ("ReplaceAndRetain", "Retain"),
        ("ReplaceAndSnapshot", "Snapshot"),
    ],
)
def test_what_becomes_of_the_old_one(policy: str, expected: str) -> None:
    """CloudFormation says it itself."""
    row_of = modified("True", PolicyAction=policy) if policy.startswith("Replace") else None
    after = deepcopy(dict(STACK.template))
    if row_of is None:
        row_of = row(DATABASE, "Remove", RDS, PolicyAction=policy)
        del after["Resources"][DATABASE]
    change = database(row_of, after=after)
    assert (change.retained, change.protected) == (expected, True)


def test_what_becomes_of_it_where_aws_says_nothing() -> None:
    """Then the comparison knows."""
    after = deepcopy(dict(STACK.template))
    del after["Resources"][DATABASE]
    change = database(row(DATABASE, "Remove", RDS), after=after)
    assert (change.action, change.retained, change.stateful) == (Action.REMOVE, "Snapshot", True)


def test_data_that_the_comparison_does_not_know() -> None:
    """A resource with data is one, whether or not a template that could be read names it."""
    found = reconciled(
        row("Old", "Remove", RDS, PolicyAction="Delete"),
        row("Inner.Bucket", "Remove", "AWS::S3::Bucket", PolicyAction="Delete"),
        row("Alarm", "Remove", "AWS::CloudWatch::Alarm", PolicyAction="Delete"),
        before={},
    )
    assert {name: change.stateful for name, change in found.items() if change.action is Action.REMOVE} == {
        "Old": True,
        "Inner.Bucket": True,
        "Alarm": False,
    }


def test_a_replica_has_no_data_of_its_own() -> None:
    """Its source has it, also where the comparison sees no change."""
    replica = {"Type": RDS, "Properties": {"SourceDBInstanceIdentifier": {"Ref": DATABASE}}}
    with_replica = {"Resources": {**STACK.template["Resources"], "Replica": replica}}
    found = reconciled(modified("True", name="Replica"), before=with_replica, after=with_replica)
    assert not found["Replica"].stateful


def test_the_entry_of_a_resource_in_a_nested_stack() -> None:
    """It is that of the nested stack."""
    stack = row(DATABASE, "Modify", ITSELF)
    assert reconciled(stack, row(f"{DATABASE}.Role"))[f"{DATABASE}.Role"].entry == ("databases", "main")
    assert reconciled(row("Unknown.Role"))["Unknown.Role"].entry == ()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Name": "A", "Path": "/Properties/A"}, PropertyChange(("A",))),
        ({"Name": "A", "Path": "/Properties/A/B/C"}, PropertyChange(("A", "B", "C"))),
        ({"Name": "A", "Path": "/Properties/A/0/Properties"}, PropertyChange(("A", 0, "Properties"))),
        ({"Name": "A", "Path": "/Properties/A/x~1y~0z"}, PropertyChange(("A", "x/y~z"))),
        ({"Name": "A"}, PropertyChange(("A",))),
        ({"Path": "/Properties"}, PropertyChange(("Properties",))),
        ({}, PropertyChange(("Properties",))),
        ({"Attribute": "Tags", "Name": None}, PropertyChange(("Tags",), attribute=True)),
        ({"Attribute": "DeletionPolicy"}, PropertyChange(("DeletionPolicy",), attribute=True)),
    ],
    ids=lambda value: (
        value.get("Path") or value.get("Attribute") or value.get("Name") if isinstance(value, dict) else ""
    ),
)
def test_the_path_of_a_property(target: dict[str, Any], expected: PropertyChange) -> None:
    """From the pointer, else the name; attributes stand beside the properties."""
    about = {"Attribute": "Properties", "RequiresRecreation": "Never", **target}
    found = database(modified("False", {"Target": {k: v for k, v in about.items() if v}, "Evaluation": "Static"}))
    assert found.properties == (expected,)


def test_a_property_that_is_told_of_twice() -> None:
    """Once statically and once for what a reference gives: it counts once, with its strongest effect."""
    change = database(
        modified(
            "True",
            detail("A", "Always", "Dynamic"),
            detail("A", "Always"),
            detail("A", "Never"),
            detail("B", "Conditionally"),
            detail("C", "Always", "Dynamic"),
            detail("D"),
        )
    )
    assert [(each.path[0], each.replaces) for each in change.properties] == [
        ("A", Replaces.YES),
        ("B", Replaces.MAYBE),
        ("C", Replaces.MAYBE),
        ("D", Replaces.NO),
    ]


def test_the_order_is_that_of_the_template() -> None:
    """What is new stands where it will stand, what goes stands last, nested resources behind their stack."""
    names = list(STACK.template["Resources"])
    before = deepcopy(dict(STACK.template))
    new = names[len(names) // 2]
    del before["Resources"][new]
    before["Resources"]["Gone"] = {"Type": "AWS::SQS::Queue"}
    shown = [names[-1], new, "Gone", names[3], f"{names[3]}.Inner", names[0]]
    rows = [row(name, "Remove" if name == "Gone" else "Add" if name == new else "Modify") for name in shown]
    found = reconciled(*rows, before=before)
    expected = [names[0], names[3], f"{names[3]}.Inner", new, names[-1], "Gone"]
    assert [name for name, change in found.items() if "::" in change.type] == expected


def test_outputs_and_parameters_are_taken_from_the_comparison() -> None:
    """CloudFormation does not list them."""
    after = template.template_of(SHOP.replace("user-service:1.0", "user-service:1.1"))
    found = reconciled(after=after)
    assert {name: (change.type, change.action) for name, change in found.items()} == {
        "UserServiceImageTag": ("Parameter", Action.MODIFY)
    }


def test_what_aws_does_not_list_does_not_happen() -> None:
    """A change that only the comparison sees is none."""
    assert reconciled(after=edited(MasterUsername="other")) == {}
