"""Read replicas: protected as their source is, and never in the way of a deployment that drops them."""

from __future__ import annotations

from typing import Any

from tests.deploy.account import STORING, Account

LATE = """\
patches:
- {op: add, path: /Resources/Late, value: {Type: 'AWS::Logs::LogGroup', DependsOn: MainDatabaseReplica2}}
"""


def system(replicas: int) -> str:
    """A database with replicas."""
    return STORING.replace("main: }", f"main: {{replicas: {replicas}}}}}")


def replicas(account: Account) -> list[dict[str, Any]]:
    """The replicas that there are."""
    found = account.world.client("rds").describe_db_instances()["DBInstances"]
    return [each for each in found if each.get("ReadReplicaSourceDBInstanceIdentifier")]


def protections(account: Account) -> list[bool]:
    """Whether the deletion protection of each is on."""
    return [each["DeletionProtection"] for each in replicas(account)]


def test_a_replica_is_protected_and_logs_as_its_source_does(account: Account) -> None:
    """So that nobody deletes by mistake what services read from."""
    assert account.deploy(system(1)).exit_code == 0
    (replica,) = replicas(account)
    assert replica["DeletionProtection"] is True
    assert replica["EnabledCloudwatchLogsExports"] == ["postgresql", "upgrade"]


def test_fewer_replicas_need_no_word(account: Account) -> None:
    """The protection is lifted, which is told: all that a replica holds is on its source."""
    assert account.deploy(system(2)).exit_code == 0
    result = account.deploy(system(1))
    assert result.exit_code == 0, result.stderr
    assert (
        "Turned off the deletion protection of the database instance MainDatabaseReplica2, which is removed."
    ) in result.stderr
    assert protections(account) == [True]


def test_a_failed_update_takes_its_new_replica_back(account: Account) -> None:
    """CloudFormation could not delete it while it is protected, and would leave it running."""
    assert account.deploy(system(1)).exit_code == 0
    account.world.refuse("Late", "No more log groups.")
    held = account.world.hold("Late")

    def fail() -> None:
        later = account.world.hold("MainDatabaseReplica2")
        held.release()
        account.at("DescribeStackEvents", later.release, lambda: False in protections(account))

    account.at("DescribeStackEvents", fail, held.reached.is_set)
    result = account.deploy(system(2) + LATE)
    assert result.exit_code == 3, result.stderr
    assert "Turned off the deletion protection of the database instance" in result.stderr
    assert protections(account) == [True]


def test_destroying_takes_them_along(account: Account) -> None:
    """After the question the protections are lifted."""
    assert account.deploy(system(1)).exit_code == 0
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert replicas(account) == []
