"""Protections that are lifted come back, snapshots of people stay, a stack that stays loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.exceptions import EndpointConnectionError
from moto.rds.models import rds_backends

from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.policy import lifted_of
from tests import told as programs
from tests.deploy.account import STORING, Account, interrupting
from tests.deploy.by_hand import refusal

FRONTED = STORING.replace("port: 8000", "port: 8000, paths: [/cart], runtime: fargate")
DENIED = refusal("AccessDenied", "You may not.", status=403)


def raising(error: Exception) -> Callable[[], None]:
    """What raises an error."""

    def act() -> None:
        raise error

    return act


def protections(account: Account) -> dict[str, bool]:
    """Whether the stack, its database and its load balancer are protected."""
    stack = account.stack()
    assert stack
    (database,) = account.world.client("rds").describe_db_instances()["DBInstances"]
    found = {"stack": stack["EnableTerminationProtection"], "database": database["DeletionProtection"]}
    balancers = account.world.client("elbv2")
    for each in balancers.describe_load_balancers()["LoadBalancers"]:
        attributes = balancers.describe_load_balancer_attributes(LoadBalancerArn=each["LoadBalancerArn"])["Attributes"]
        found["balancer"] = {"Key": "deletion_protection.enabled", "Value": "true"} in attributes
    return found


ALL = {"stack": True, "database": True, "balancer": True}


def test_a_deletion_that_is_refused_puts_protections_back(account: Account) -> None:
    """The stack stays, and is as protected as before, at once; nothing of it is told as gone."""
    account.deploy(FRONTED)
    assert protections(account) == ALL
    account.at("DeleteStack", raising(DENIED))
    result = account.run("destroy", "--yes")
    assert (result.exit_code, account.status()) == (3, "CREATE_COMPLETE")
    assert protections(account) == ALL
    assert "Turned on again the deletion protection of the database instance" in result.stderr
    assert "Turned on again the termination protection of the stack shop." in result.stderr


def test_a_deletion_that_fails_protects_what_is_left(account: Account) -> None:
    """Where something will not go, the database may be still there: then it is protected again."""
    account.deploy(FRONTED)
    account.world.refuse("MainDatabase", "it will not go", "DELETE")
    result = account.run("destroy", "--yes")
    assert (result.exit_code, account.status()) == (3, "DELETE_FAILED")
    (database,) = account.world.client("rds").describe_db_instances()["DBInstances"]
    assert database["DeletionProtection"] is True
    assert account.run("destroy", "--yes").exit_code == 0
    assert account.stack() is None


def test_what_could_not_be_put_back_is_told_until_it_is(account: Account) -> None:
    """Without a network nothing can be put back: the command says so, `status` shows it each time, and the next
    deployment puts it back although nothing else is to change."""
    account.deploy(FRONTED)
    down = EndpointConnectionError(endpoint_url="https://aws")

    def broken() -> None:
        account.before = lambda name: raising(down)()
        raise down

    account.at("DeleteStack", broken)
    result = account.run("destroy", "--yes")
    account.before = lambda name: None
    assert result.exit_code == 3
    assert "Not all protections are on again" in result.stderr
    assert protections(account) == dict.fromkeys(ALL, False)
    for _ in range(2):
        told = account.run("status").stdout
        assert "not protected against deletion" in told
        assert "The template turns on deletion protection for the database instance" in told
        assert "The template turns on deletion protection for the load balancer" in told
        (row,) = programs.rows(account.run("status", "--format", "json").stdout, "status")
        assert {each["logical_id"]: each["on"] for each in row["protections"]} == {
            "MainDatabase": False,
            "IngressLoadBalancer": False,
        }
    again = account.deploy()
    assert again.exit_code == 0, again.stderr
    assert protections(account) == ALL
    assert "Turned on again the deletion protection of the load balancer" in again.stderr
    assert "but it is off" not in account.run("status").stdout


def test_one_that_is_refused_leaves_the_others_on(account: Account) -> None:
    """AWS refuses to protect the database again: the load balancer is protected all the same. The stack's own
    protection stays off, by which the next deployment knows that something is open."""
    account.deploy(FRONTED)

    def denied() -> None:
        account.before = lambda name: raising(DENIED)() if name == "ModifyDBInstance" else None
        raise DENIED

    account.at("DeleteStack", denied)
    result = account.run("destroy", "--yes")
    account.before = lambda name: None
    assert result.exit_code == 3
    assert "Not all protections are on again" in result.stderr
    assert protections(account) == {"stack": False, "database": False, "balancer": True}
    assert account.deploy().exit_code == 0
    assert protections(account) == ALL


def test_status_tells_a_protection_that_somebody_took_away(account: Account) -> None:
    """The real state of a database is told, and where nobody may look, that it is not known."""
    account.deploy(STORING)
    database = account.ids()["MainDatabase"]
    account.world.client("rds").modify_db_instance(DBInstanceIdentifier=database, DeletionProtection=False)
    assert f"the database instance {database} of databases.main, but it is off" in account.run("status").stdout

    def denied(name: str) -> None:
        if name == "DescribeDBInstances":
            raise DENIED

    account.before = denied
    result = account.run("status")
    assert f"msaspec cannot tell whether the database instance {database}" in result.stdout
    assert "databases.main   unknown" in result.stdout


def test_nothing_is_asked_for_where_protections_are_on(account: Account) -> None:
    """A deployment without a change costs no request more than it did."""
    account.deploy(STORING)
    account.calls.clear()
    account.deploy()
    assert "DescribeDBInstances" not in account.calls
    assert account.calls.total() <= 8


def test_copies_and_snapshots_of_people_stay(account: Account) -> None:
    """The documented second run removes what the deletion made, by its name, which is said before the yes; a copy of it
    that somebody made since stays."""
    account.deploy(STORING)
    rds = account.world.client("rds")
    database = account.ids()["MainDatabase"]
    account.run("destroy", "--yes")
    (own,) = [each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]]
    assert own.startswith("shop-snapshot-maindatabase-")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier=own, TargetDBSnapshotIdentifier="my-safe-copy")
    rds_backends["123456789012"]["us-east-1"].database_snapshots["my-safe-copy"].created = datetime.now(UTC)

    def kept() -> set[str]:
        found = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
        return {each["DBSnapshotIdentifier"] for each in found}

    asked = account.run("destroy", "--delete-data", "main", answer="n\n")
    assert f"Deleted for good, as you asked: the snapshot {own}." in asked.stderr
    assert "my-safe-copy" not in asked.stderr
    assert kept() == {own, "my-safe-copy"}
    result = account.run("destroy", "--yes", "--delete-data", "main")
    assert result.exit_code == 0, result.stderr
    assert f"Removed the snapshot {own}." in result.stderr
    assert kept() == {"my-safe-copy"}
    again = account.run("destroy", "--yes", "--delete-data", "main")
    assert "Nothing is left of the data that you named." in again.stderr
    assert database not in again.stderr


PATCHED = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: }
services:
  cart: {image: docker.io/library/nginx:1, port: 8000, uses: [media]}
patches: [{op: replace, path: /Resources/MediaBucket/DeletionPolicy, value: Delete}]
"""


@pytest.mark.parametrize("when", ["refused", "in use"])
def test_a_bucket_of_a_stack_that_stays_is_not_emptied(account: Account, when: str) -> None:
    """Its data was given up together with the stack: while the stack is there, the data is."""
    account.deploy(PATCHED)
    bucket, s3 = account.ids()["MediaBucket"], account.world.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    if when == "refused":
        account.at("DeleteStack", raising(DENIED))
    else:
        account.world.refuse("CartSecurityGroup", "it has a dependent object", "DELETE")
    assert account.run("destroy", "--yes", "--delete-data", "media").exit_code == 3
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    result = account.run("destroy", "--yes", "--delete-data", "media")
    assert (result.exit_code, account.stack()) == (0, None), result.stderr
    assert s3.list_buckets()["Buckets"] == []


def test_a_balancer_is_protected_again_after_an_update_that_fails(account: Account) -> None:
    """A load balancer that was to be replaced, or to go, had its protection lifted for that."""
    account.deploy(FRONTED)
    account.world.refuse("CartService", "no capacity", "UPDATE")
    scheme = "patches: [{op: add, path: /Resources/IngressLoadBalancer/Properties/Name, value: other}]\n"
    text = FRONTED.replace("image: docker.io/library/nginx:1", "image: docker.io/library/nginx:2") + scheme
    result = account.deploy(text)
    assert result.exit_code == 3, result.stderr
    assert (
        "Turned off the deletion protection of the load balancer IngressLoadBalancer, which is removed."
    ) in result.stderr
    assert protections(account) == ALL


RENAMED = FRONTED + ("patches: [{op: add, path: /Resources/IngressLoadBalancer/Properties/Name, value: other}]\n")
"""Replaces the load balancer, whose protection is turned off for that."""


def left_open(account: Account) -> frozenset[str]:
    """What the stack policy names as unprotected."""
    return lifted_of(account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"])


def test_a_balancer_of_an_update_that_never_began_is_protected_by_the_next(account: Account) -> None:
    """The command lost its network after it had turned the protection off. `status` tells it, and a deployment of
    anything protects the balancer again; one for which nobody waits leaves that to the next."""
    account.deploy(FRONTED)
    down = EndpointConnectionError(endpoint_url="https://aws")

    def broken() -> None:
        account.before = lambda name: raising(down)()
        raise down

    account.at("ExecuteChangeSet", broken)
    result = account.deploy(RENAMED)
    account.before = lambda name: None
    assert result.exit_code == 3
    assert protections(account) == {**ALL, "balancer": False}
    assert "deletion protection for the load balancer" in account.run("status").stdout
    other = FRONTED.replace("nginx:1", "nginx:2")
    assert account.deploy(other, "--no-wait").exit_code == 0
    assert account.settled() == "UPDATE_COMPLETE"
    assert (protections(account)["balancer"], left_open(account)) == (False, {"IngressLoadBalancer"})
    result = account.deploy(other)
    assert result.exit_code == 0, result.stderr
    assert "Turned on again the deletion protection of the load balancer" in result.stderr
    assert (protections(account), left_open(account)) == (ALL, frozenset())


def test_a_balancer_of_an_update_that_somebody_stopped_watching(account: Account) -> None:
    """It failed after that: the protection stays off, which the command said, and the next deployment turns it on."""
    account.deploy(FRONTED)
    held = account.world.hold("IngressLoadBalancer")
    account.pace = interrupting(held)
    result = account.deploy(RENAMED)
    account.pace = Pace(first=0.01, most=0.05)
    assert result.exit_code == 130
    assert "If the update fails, the deletion protection of the load balancer IngressLoadBalancer" in result.stderr
    account.cloudformation.cancel_update_stack(StackName="shop")
    held.release()
    assert account.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert protections(account) == {**ALL, "balancer": False}
    assert account.deploy(FRONTED).exit_code == 0
    assert protections(account) == ALL


def test_what_a_deployment_may_not_turn_on_is_left_to_the_next(account: Account) -> None:
    """AWS refuses to protect the database after a `destroy` that failed. The stack's own protection is on again, and
    the next deployment still finds that the database lacks one."""
    account.deploy(STORING)
    whole = {"stack": True, "database": True}
    database = account.ids()["MainDatabase"]
    account.world.client("rds").modify_db_instance(DBInstanceIdentifier=database, DeletionProtection=False)
    account.cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
    account.before = lambda name: raising(DENIED)() if name == "ModifyDBInstance" else None
    result = account.deploy()
    account.before = lambda name: None
    assert result.exit_code == 3
    assert "MSA633" in result.stderr
    assert protections(account) == {**whole, "database": False}
    assert account.deploy().exit_code == 0
    assert protections(account) == whole


def test_protections_are_on_again_where_one_cannot_be_turned_off(account: Account) -> None:
    """The second of two replicas may not be touched, so nothing begins, and the first is protected as before."""

    def told() -> list[bool]:
        found = account.world.client("rds").describe_db_instances()["DBInstances"]
        return [each["DeletionProtection"] for each in found]

    account.deploy(STORING.replace("main: }", "main: {replicas: 3}}"))
    account.at("ModifyDBInstance", raising(DENIED), lambda: False in told())
    result = account.deploy(STORING.replace("main: }", "main: {replicas: 1}}"))
    assert result.exit_code == 3, result.stderr
    assert "Turned off the deletion protection of the database instance MainDatabaseReplica" in result.stderr
    assert (account.status(), told(), left_open(account)) == ("CREATE_COMPLETE", [True] * 4, frozenset())
