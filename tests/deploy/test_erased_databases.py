"""What of a database is removed when it was given up, and what is not: `msaspec.deploy.erasure`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from msaspec.deploy import erasure
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.inventory import Item
from msaspec.language.aws_type import Deletion
from tests.deploy.by_hand import REGION, Client, fake, refusal

BEGAN = datetime(2026, 7, 1, 12, 0, 0, 900_000, tzinfo=UTC)
"""When the deletion of the stack began."""
SECOND = timedelta(seconds=1)
GONE = refusal("DBInstanceNotFound", status=404)
NAME = "shop-maindatabase-1a"
OWN = "shop-snapshot-maindatabase-r0vu34ek3p2"
"""How CloudFormation's own snapshots begin; one letter or digit is missing."""


def database(policy: str = "Snapshot", kind: str = "AWS::RDS::DBInstance", id: str | None = NAME) -> Item:
    """The database of a stack."""
    return Item(Resource("MainDatabase", kind, "DELETE_COMPLETE", id), ("databases", "main"), policy, stateful=True)


def snapshot(name: str, made: datetime | None) -> dict[str, Any]:
    """A snapshot as RDS lists it; one that is only being made has no time yet."""
    return {"DBSnapshotIdentifier": name, **({"SnapshotCreateTime": made} if made else {})}


def rds(*snapshots: dict[str, Any], **answers: Any) -> Client:
    """An RDS with these snapshots, without the instance and without automated backups."""
    return Client(
        **{
            "describe_db_instances": GONE,
            "describe_db_snapshots": {"DBSnapshots": list(snapshots)},
            "describe_db_instance_automated_backups": {"DBInstanceAutomatedBackups": []},
            "delete_db_snapshot": {},
            **answers,
        }
    )


def erased(client: Client, deleted: datetime | None = BEGAN) -> list[str]:
    """What is told of the removal."""
    return erasure.erase(fake(rds=client), database(), Deletion("shop", deleted))


def test_snapshots_of_the_deletion_go_and_older_ones_stay() -> None:
    """Only what was made since the deletion began is CloudFormation's; what people made before stays. RDS tells whole
    seconds, so that the second in which it began counts."""
    client = rds(
        snapshot(f"{OWN}1", BEGAN - SECOND),
        snapshot(f"{OWN}2", BEGAN.replace(microsecond=0)),
        snapshot(f"{OWN}3", BEGAN + SECOND),
        snapshot(f"{OWN}4", None),
    )
    assert erased(client) == [f"the snapshot {OWN}2", f"the snapshot {OWN}3"]
    assert client.words("describe_db_snapshots") == [{"DBInstanceIdentifier": NAME, "SnapshotType": "manual"}]
    deleted = [words["DBSnapshotIdentifier"] for words in client.words("delete_db_snapshot")]
    assert deleted == [f"{OWN}2", f"{OWN}3"]


@pytest.mark.parametrize(
    "name",
    [
        "my-safe-copy",  # a copy that a person made of the last snapshot, which has the time of its copying
        "shop-snapshot-maindatabase",
        f"{OWN}ab",
        f"copy-of-{OWN}a",
        "shop-snapshot-otherdatabase-r0vu34ek3p2a",
        "shop-prod-snapshot-maindatabase-r0vu34ek3p2a",
        "before-the-migration",
    ],
)
def test_what_a_person_made_since_stays(name: str) -> None:
    """A copy of the last snapshot, one made while the stack was being deleted, one of another stack: their time is that
    of the deletion or later, and their name is not CloudFormation's."""
    client = rds(snapshot(name, BEGAN + SECOND))
    assert erased(client) == []
    assert "delete_db_snapshot" not in client.names()


def test_a_stack_with_two_dashes_is_known_by_its_snapshots() -> None:
    """CloudFormation makes one dash of several, and RDS lower case of all letters."""
    client = rds(snapshot("a-b-snapshot-maindatabase-r0vu34ek3p2a", BEGAN))
    found = erasure.snapshots(fake(rds=client), database(), Deletion("A--b", BEGAN))
    assert found == ["a-b-snapshot-maindatabase-r0vu34ek3p2a"]


def test_nothing_is_deleted_when_the_time_is_unknown() -> None:
    """Without the time nobody can tell whose a snapshot is, and nothing is even looked for."""
    client = rds(snapshot(f"{OWN}3", BEGAN + SECOND))
    assert (erased(client, None), client.calls) == ([], [])
    assert erasure.snapshots(fake(rds=client), database(), Deletion("shop", None)) == []


def test_snapshots_are_told_over_pages() -> None:
    """What is left in the account is named, however much there is."""
    pages = [{"DBSnapshots": [snapshot(f"{OWN}{name}", BEGAN)]} for name in ("a", "b")]
    client = rds(describe_db_snapshots={"pages": pages})
    assert erasure.snapshots(fake(rds=client), database(), Deletion("shop", BEGAN)) == [f"{OWN}a", f"{OWN}b"]


def test_a_snapshot_that_is_gone_hides_no_other() -> None:
    """An earlier run removed one of two; the other goes, and only that is told."""
    client = rds(
        snapshot(f"{OWN}1", BEGAN),
        snapshot(f"{OWN}2", BEGAN),
        delete_db_snapshot=[refusal("DBSnapshotNotFound", status=404), {}],
    )
    assert erased(client) == [f"the snapshot {OWN}2"]


def test_automated_backups_go_with_the_requests_of_rds() -> None:
    """Backups that outlived their instance are removed; the words are what botocore's model of RDS takes."""
    import boto3

    client = boto3.client("rds", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    backups = [
        {"DBInstanceIdentifier": NAME, "DbiResourceId": "db-OLD", "Status": "retained"},
        {"DBInstanceIdentifier": NAME, "DbiResourceId": "db-LIVE", "Status": "active"},
    ]
    with Stubber(client) as stub:
        stub.add_client_error("describe_db_instances", "DBInstanceNotFound", http_status_code=404)
        stub.add_response(
            "describe_db_snapshots", {"DBSnapshots": []}, {"DBInstanceIdentifier": NAME, "SnapshotType": "manual"}
        )
        stub.add_response(
            "describe_db_instance_automated_backups",
            {"DBInstanceAutomatedBackups": backups},
            {"DBInstanceIdentifier": NAME},
        )
        stub.add_response("delete_db_instance_automated_backup", {}, {"DbiResourceId": "db-OLD"})
        aws = Aws(lambda _: client, REGION)
        assert erasure.erase(aws, database(), Deletion("shop", BEGAN)) == [f"the automated backups of {NAME}"]
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("step", ["describe_db_instance_automated_backups", "delete_db_instance_automated_backup"])
def test_backups_that_are_gone_are_no_error(step: str) -> None:
    """An interrupted run can be repeated, and what it removed is told no more; the snapshots are told all the same."""
    there = {"DBInstanceAutomatedBackups": [{"DbiResourceId": "db-1", "Status": "retained"}]}
    answers: dict[str, Any] = {"describe_db_instance_automated_backups": there}
    client = rds(
        snapshot(f"{OWN}a", BEGAN), **{**answers, step: refusal("DBInstanceAutomatedBackupNotFound", status=404)}
    )
    assert erased(client) == [f"the snapshot {OWN}a"]


def instance(**more: Any) -> dict[str, Any]:
    """An instance that is still there, made before the deletion began."""
    there = {"DBInstanceIdentifier": NAME, "DBInstanceStatus": "available", "InstanceCreateTime": BEGAN - SECOND}
    return {"describe_db_instances": {"DBInstances": [{**there, **more}]}, "delete_db_instance": {}}


def test_an_instance_that_stayed_is_deleted() -> None:
    """Where the policy left the instance itself in the account, giving it up means the instance."""
    client = rds(**instance())
    assert erased(client) == [f"the database instance {NAME}, which takes some minutes to go"]
    words = {"DBInstanceIdentifier": NAME, "SkipFinalSnapshot": True, "DeleteAutomatedBackups": True}
    assert client.words("delete_db_instance") == [words]


def test_its_protection_is_lifted_first() -> None:
    """The protection of an instance that stayed would refuse the deletion."""
    client = rds(**instance(DeletionProtection=True), modify_db_instance={})
    assert len(erased(client)) == 1
    assert client.names()[:3] == ["describe_db_instances", "modify_db_instance", "delete_db_instance"]


@pytest.mark.parametrize(
    "more", [{"DBInstanceStatus": "deleting"}, {"InstanceCreateTime": BEGAN + SECOND}, {"InstanceCreateTime": None}]
)
def test_another_instance_of_the_name_is_left_alone(more: dict[str, Any]) -> None:
    """One that is going already, or that was made since, was not given up."""
    client = rds(**instance(**more))
    assert erased(client) == []
    assert "delete_db_instance" not in client.names()


def unprotected(item: Item, client: Client) -> bool:
    """Whether a protection was lifted."""
    return erasure.unprotect(fake(rds=client), item)


@pytest.mark.parametrize("policy", ["Snapshot", "Delete"])
def test_the_protection_of_what_goes_is_lifted(policy: str) -> None:
    """With and without a last snapshot the instance has to go, at once and not in the next maintenance window."""
    client = rds(**instance(DeletionProtection=True), modify_db_instance={})
    assert unprotected(database(policy), client)
    words = {"DBInstanceIdentifier": NAME, "DeletionProtection": False, "ApplyImmediately": True}
    assert client.words("modify_db_instance") == [words]


def test_the_protection_of_what_is_being_made_is_left() -> None:
    """RDS refuses every change of an instance that is not there yet."""
    client = rds(**instance(DeletionProtection=True, DBInstanceStatus="creating"))
    assert not unprotected(database(), client)
    assert client.names() == ["describe_db_instances"]


def test_no_protection_is_nothing_to_lift() -> None:
    """An instance without protection is not changed, and one that is gone is no error."""
    client = rds(**instance(DeletionProtection=False))
    assert (unprotected(database(), client), client.names()) == (False, ["describe_db_instances"])
    assert not unprotected(database(), rds())


@pytest.mark.parametrize(
    "item", [database("Retain"), database("RetainExceptOnCreate"), database(id=None), database(kind="AWS::S3::Bucket")]
)
def test_what_stays_keeps_its_protection(item: Item) -> None:
    """Of what does not go, of what never came about, and of what is no database nobody is asked."""
    client = rds()
    assert (unprotected(item, client), client.calls) == (False, [])


def test_who_may_not_look_is_told() -> None:
    """A refusal is not taken for an instance that is gone."""
    error = refusal("AccessDenied", status=403)
    with pytest.raises(type(error)) as caught:
        unprotected(database(), rds(describe_db_instances=error))
    assert caught.value is error
