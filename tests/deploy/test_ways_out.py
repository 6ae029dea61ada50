"""Stacks with which something is wrong that a person did: each command ends, or names a way that works."""

from __future__ import annotations

import re
import shlex

from botocore.exceptions import ClientError

from tests.deploy.account import OWNING, SMALL, STORING, Account

IN_USE = "resource sg-1 has a dependent object"


def in_use(account: Account, name: str = "CartSecurityGroup") -> None:
    """A system whose deletion fails at a resource that something else uses, for good."""
    assert account.deploy(SMALL).exit_code == 0
    account.world.refuse(name, IN_USE, "DELETE", times=99)


def offered(stderr: str) -> list[str]:
    """The words of the last command with `--retain` that a message offers."""
    *_, last = re.findall(r"in no stack: (msaspec destroy .*)", stderr)
    return shlex.split(last)[1:]


def test_what_is_in_use_is_left_by_name(account: Account) -> None:
    """The message has the words; each round names what is in the way then, until the stack is gone."""
    in_use(account)
    group = account.ids()["CartSecurityGroup"]
    result = account.run("destroy", "--yes")
    assert (result.exit_code, account.status()) == (3, "DELETE_FAILED")
    assert "Remove the cause, then run again: msaspec destroy. Or leave what will not go" in result.stderr
    words = offered(result.stderr)
    assert words == ["destroy", "--retain", "CartSecurityGroup"]
    refused = account.deploy()
    assert (refused.exit_code, "msaspec destroy" in refused.stderr) == (3, True)
    for _ in range(3):
        result = account.run(*words, "--yes")
        if result.exit_code == 0:
            break
        words = offered(result.stderr)
    assert result.exit_code == 0, result.stderr
    assert account.stack() is None
    assert f"Stays: the security group {group}." in result.stderr
    assert account.world.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert account.deploy().exit_code == 0


def test_everything_that_will_not_go_is_left_by_force(account: Account) -> None:
    """In one run, which says what that is before and after."""
    in_use(account)
    group = account.ids()["CartSecurityGroup"]
    result = account.run("destroy", "--yes", "--force")
    assert result.exit_code == 0, result.stderr
    assert account.stack() is None
    assert "With --force, what CloudFormation cannot delete stays in the account: CartSecurityGroup." in result.stderr
    assert f"Left: the security group {group}." in result.stderr


def test_force_changes_nothing_where_all_goes(account: Account) -> None:
    """Nothing is left by it that can be deleted."""
    assert account.deploy(SMALL).exit_code == 0
    result = account.run("destroy", "--yes", "--force")
    assert (result.exit_code, account.stack()) == (0, None)
    assert "as you asked" not in result.stderr


def test_only_what_failed_can_be_retained(account: Account) -> None:
    """Of a stack that was not tried yet nothing is; the data that stays anyway is not among it."""
    assert account.deploy(SMALL).exit_code == 0
    result = account.run("destroy", "--yes", "--retain", "media")
    assert (result.exit_code, account.status()) == (1, "CREATE_COMPLETE")
    assert "MSA637" in result.stderr
    assert "Nothing has failed yet" in result.stderr
    account.world.refuse("CartSecurityGroup", IN_USE, "DELETE")
    assert account.run("destroy", "--yes").exit_code == 3
    result = account.run("destroy", "--yes", "--retain", "Vpc")
    assert (result.exit_code, account.status()) == (1, "DELETE_FAILED")
    assert "These would not go: CartSecurityGroup." in result.stderr


def test_a_database_that_will_not_go_is_left_whole(account: Account) -> None:
    """By name, with its data; what was given up of the rest goes all the same."""
    assert account.deploy(STORING).exit_code == 0
    account.world.refuse("MainDatabase", "It is being backed up.", "DELETE", times=99)
    result = account.run("destroy", "--yes")
    assert (result.exit_code, account.status()) == (3, "DELETE_FAILED")
    words = offered(result.stderr)
    for _ in range(4):
        result = account.run(*words, "--yes")
        if result.exit_code == 0:
            break
        words = offered(result.stderr)
    assert result.exit_code == 0, result.stderr
    (database,) = account.world.client("rds").describe_db_instances()["DBInstances"]
    assert f"Stays: the database instance {database['DBInstanceIdentifier']}." in result.stderr


def test_what_is_gone_is_no_obstacle_to_destroy(account: Account) -> None:
    """A bucket and a database that somebody deleted are told as gone, before and after."""
    both = STORING.replace("services:", "buckets: {media: }\nservices:").replace("[main]", "[main, media]")
    assert account.deploy(both).exit_code == 0
    ids = account.ids()
    account.world.client("s3").delete_bucket(Bucket=ids["MediaBucket"])
    rds = account.world.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier=ids["MainDatabase"], DeletionProtection=False)
    rds.delete_db_instance(DBInstanceIdentifier=ids["MainDatabase"], SkipFinalSnapshot=True)
    result = account.run("destroy", "--yes", "--delete-data", "media")
    assert result.exit_code == 0, result.stderr
    assert f"Gone already: the bucket {ids['MediaBucket']}, which somebody deleted." in result.stderr
    assert f"Gone already: the database instance {ids['MainDatabase']}, which somebody deleted." in result.stderr
    assert "snapshot" not in result.stderr
    assert f"Left: the bucket {ids['MediaBucket']}" not in result.stderr


def test_a_repository_that_is_gone_is_not_told_as_left(account: Account) -> None:
    """Also where the stack that had it stays DELETE_FAILED for nothing."""
    account.deploy(OWNING)
    account.world.client("ecr").delete_repository(repositoryName="shop/cart", force=True)
    result = account.run("destroy", "--yes", "--stack", "registry")
    assert result.exit_code == 0, result.stderr
    assert "Gone already: the image repository shop/cart" in result.stderr
    assert "Left: the image repository" not in result.stderr


def test_a_look_that_is_denied_takes_nothing_for_gone(account: Account) -> None:
    """Who may not ask hears what CloudFormation says."""
    assert account.deploy(SMALL).exit_code == 0
    bucket = account.ids()["MediaBucket"]
    answer = {"Error": {"Code": "403", "Message": "Forbidden"}, "ResponseMetadata": {"HTTPStatusCode": 403}}

    def deny(operation: str) -> None:
        if operation == "HeadBucket":
            raise ClientError(answer, operation)  # type: ignore[arg-type]

    account.before = deny
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert f"Stays: the bucket {bucket}." in result.stderr
