"""What becomes of the parts of a stack when it is deleted: `msaspec.deploy.inventory`."""

from __future__ import annotations

from typing import Any

import pytest

from msaspec import pipeline
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.inventory import Fate, Item, as_changes, chosen, items
from msaspec.deploy.overview import entries
from msaspec.update import losses
from tests import goldens, template

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
MAIN = template.template_of(SHOP)


def stock(source: dict[str, Any], **statuses: str) -> dict[str, Item]:
    """Everything in a stack of this template, by logical id; complete, where no other status is given."""
    resources = [
        Resource(name, part["Type"], statuses.get(name, "CREATE_COMPLETE"), f"shop-{name.lower()}-1a")
        for name, part in source["Resources"].items()
    ]
    return {item.resource.logical_id: item for item in items(resources, source, entries(source))}


def one(kind: str, policy: str | None = None, status: str = "CREATE_COMPLETE", **properties: Any) -> Fate | None:
    """The fate of a single resource; None where it is left out."""
    part = {"Type": kind, "Properties": properties, **({"DeletionPolicy": policy} if policy else {})}
    found = stock({"Resources": {"A": part}}, A=status)
    return found["A"].fate if found else None


DATABASE, BUCKET, REPOSITORY = "AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::ECR::Repository"


def test_the_fates_of_the_example() -> None:
    """The database leaves a snapshot, the bucket and the logs stay, the rest goes unmissed."""
    found = stock(MAIN)
    fates = {name: item.fate for name, item in found.items() if item.fate is not Fate.GOES}
    logs = {name: Fate.STAYS for name, part in MAIN["Resources"].items() if part["Type"] == "AWS::Logs::LogGroup"}
    assert fates == {"MainDatabase": Fate.SNAPSHOT, "MediaBucket": Fate.STAYS, **logs}
    assert len(logs) == 4
    assert len(found) == len(MAIN["Resources"])


def test_repositories_stay() -> None:
    """The registry stack leaves its repositories in the account."""
    stack = template.registry_of(pipeline.load(SHOP, "msa.yaml"))
    assert stack
    assert {item.fate for item in stock(dict(stack.template)).values()} == {Fate.STAYS}


@pytest.mark.parametrize(
    ("kind", "policy", "wanted"),
    [
        (DATABASE, "Snapshot", Fate.SNAPSHOT),
        (DATABASE, None, Fate.SNAPSHOT),
        (DATABASE, "Delete", Fate.LOST),
        (DATABASE, "Retain", Fate.STAYS),
        (DATABASE, "RetainExceptOnCreate", Fate.STAYS),
        ("AWS::RDS::DBCluster", None, Fate.SNAPSHOT),
        ("AWS::RDS::DBCluster", "Delete", Fate.LOST),
        (BUCKET, None, Fate.LOST),
        (BUCKET, "Retain", Fate.STAYS),
        (REPOSITORY, "Delete", Fate.LOST),
        ("AWS::DynamoDB::Table", None, Fate.LOST),
        ("AWS::SecretsManager::Secret", None, Fate.GOES),
        ("AWS::SecretsManager::Secret", "Delete", Fate.GOES),
        ("AWS::SecretsManager::Secret", "Retain", Fate.STAYS),
        ("AWS::Logs::LogGroup", None, Fate.GOES),
        ("AWS::Logs::LogGroup", "Retain", Fate.STAYS),
        ("AWS::EC2::Instance", None, Fate.GOES),
    ],
)
def test_the_policy_decides(kind: str, policy: str | None, wanted: Fate) -> None:
    """The deletion policy, else CloudFormation's own for the type; a generated secret means nothing by itself."""
    assert one(kind, policy) is wanted


def test_a_member_of_a_cluster_is_not_missed() -> None:
    """Its data is that of the cluster, and CloudFormation takes no snapshot of it."""
    assert one(DATABASE, DBClusterIdentifier="a") is Fate.GOES


@pytest.mark.parametrize("policy", [None, "Delete", "Snapshot"])
def test_a_replica_is_not_missed(policy: str | None) -> None:
    """Its data is that of its source."""
    assert one(DATABASE, policy, SourceDBInstanceIdentifier={"Ref": "B"}) is Fate.GOES


@pytest.mark.parametrize(
    ("kind", "policy", "status", "wanted"),
    [
        (BUCKET, "Delete", "DELETE_COMPLETE", None),
        (BUCKET, "Retain", "DELETE_SKIPPED", Fate.STAYS),
        (BUCKET, "Delete", "DELETE_SKIPPED", Fate.STAYS),
        (BUCKET, "Delete", "DELETE_FAILED", Fate.LOST),
        (DATABASE, "Snapshot", "DELETE_COMPLETE", Fate.SNAPSHOT),
        (DATABASE, "Delete", "DELETE_COMPLETE", None),
        ("AWS::EC2::Instance", None, "DELETE_COMPLETE", None),
    ],
)
def test_what_is_gone_is_left_out(kind: str, policy: str, status: str, wanted: Fate | None) -> None:
    """What an interrupted deletion removed is no more, but for its snapshot; what it skipped stays."""
    assert one(kind, policy, status) is wanted


def test_what_left_the_template_is_told_by_its_status() -> None:
    """A bucket that an earlier update left in the account stays, a database that one removed is no part any more."""
    rows = [
        Resource("Old", BUCKET, "DELETE_SKIPPED", "old"),
        Resource("Gone", DATABASE, "DELETE_COMPLETE", "gone"),
        Resource("New", BUCKET, "CREATE_COMPLETE", "new"),
    ]
    source = {"Resources": {"New": {"Type": BUCKET, "DeletionPolicy": "Retain"}}}
    found = items(rows, source, entries(source))
    assert [(item.resource.logical_id, item.fate) for item in found] == [("Old", Fate.STAYS), ("New", Fate.STAYS)]


def test_without_a_template_nothing_is_taken_for_safe() -> None:
    """A template that nobody can read leaves the defaults: a bucket is lost, a database leaves a snapshot."""
    rows = [Resource("A", BUCKET, "CREATE_COMPLETE", "a"), Resource("B", DATABASE, "DELETE_COMPLETE", "b")]
    assert [item.fate for item in items(rows, {}, entries({}))] == [Fate.LOST, Fate.SNAPSHOT]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["main"], ["MainDatabase"]),
        (["MainDatabase"], ["MainDatabase"]),
        (["shop-maindatabase-1a"], ["MainDatabase"]),
        (["media", "main"], ["MainDatabase", "MediaBucket"]),
        (["cart-service"], ["CartServiceLogGroup"]),
        ([], []),
    ],
)
def test_data_has_three_names(words: list[str], wanted: list[str]) -> None:
    """The manifest entry, the logical id, and the id in AWS name what is given up."""
    found, unknown = chosen(stock(MAIN).values(), words)
    assert (sorted(item.resource.logical_id for item in found), unknown) == (wanted, ())


def test_words_that_name_no_data_come_back() -> None:
    """A word for what does not exist, or for what holds no data, is told, sorted."""
    found, unknown = chosen(stock(MAIN).values(), ["x", "main", "Vpc", "CartServiceRole", "MainDatabase"])
    assert [item.resource.logical_id for item in found] == ["MainDatabase"]
    assert unknown == ("CartServiceRole", "Vpc", "x")


def test_what_has_no_id_yet_has_no_empty_name() -> None:
    """A resource that never came about is not named by an empty word."""
    item = Item(Resource("A", BUCKET, "CREATE_FAILED"), (), "Retain", True)
    assert (item.names, str(item)) == ({"A"}, "bucket A")
    assert chosen([item], [""]) == ((), ("",))


def test_messages_say_what_it_is() -> None:
    """A type that has a word is called by it."""
    found = stock(MAIN)
    assert str(found["MainDatabase"]) == "database instance shop-maindatabase-1a"
    assert str(found["CartServiceLogGroup"]) == "log group shop-cartserviceloggroup-1a"


def test_the_deletion_is_shown_as_removals() -> None:
    """Each item is a removal under its entry, and what it says of its data agrees with its fate."""
    found = stock(MAIN)
    shown = {change.logical_id: change for change in as_changes(found.values())}
    assert list(shown) == list(found)
    assert {str(change.action) for change in shown.values()} == {"remove"}
    assert shown["MainDatabase"].entry == ("databases", "main")
    told = {name: change.retained for name, change in shown.items() if change.retained != "Delete"}
    assert told == {name: item.policy for name, item in found.items() if item.fate is not Fate.GOES}
    assert {change.logical_id for change, _ in losses.found(shown.values())} == {"MainDatabase", "MediaBucket"}


def test_a_replica_is_shown_as_leaving_nothing() -> None:
    """The default policy of its type is not told of a replica, of which no snapshot is made."""
    source = {"Resources": {"A": {"Type": DATABASE, "Properties": {"SourceDBInstanceIdentifier": "b"}}}}
    (change,) = as_changes(stock(source).values())
    assert (change.retained, change.stateful) == ("Delete", False)
