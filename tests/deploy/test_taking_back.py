"""A creation or a deletion that goes on already: stopped, joined, and what was given up of it removed."""

from __future__ import annotations

import re
import shlex
import threading

import pytest
from botocore.exceptions import ClientError

from tests.deploy.account import SMALL, STORING, Account, interrupting


def named(text: str, before: str) -> list[str]:
    """The words of the command that a message names."""
    found = re.search(rf"^{before} msaspec (.*)$", text, re.MULTILINE)
    assert found, text
    return shlex.split(found[1])


@pytest.mark.parametrize("at", ["CartInstance", "Vpc"])
@pytest.mark.parametrize("manifest", [SMALL, STORING], ids=["bucket", "database"])
def test_a_first_creation_is_taken_back_by_the_command_that_is_named(account: Account, manifest: str, at: str) -> None:
    """Ctrl-C and `cancel` name a command; it stops the creation, deletes what there is, and says what is left."""
    usual = account.pace
    with account.world.hold(at) as held:
        account.pace = interrupting(held)
        stopped = account.deploy(manifest)
        account.pace = usual
        assert (stopped.exit_code, account.status()) == (130, "CREATE_IN_PROGRESS")
        instead = account.run("cancel")
        assert instead.exit_code == 3
        words = named(stopped.stderr, "Abort it:")
        assert words == named(instead.stderr, ".*cannot be cancelled. Delete it:")
        account.at("DescribeStackEvents", held.release, lambda: account.status() == "DELETE_IN_PROGRESS")
        result = account.run(*words, "--yes")
    assert result.exit_code == 0, result.stderr
    assert "The stack shop is being created. msaspec stops the creation and deletes what it made." in result.stderr
    assert "The stack shop is deleted." in result.stderr
    assert account.stack() is None
    assert account.deploy().exit_code == 0


def test_a_database_that_was_still_being_made_goes_too(account: Account) -> None:
    """Its protection comes with it, after the others were lifted: it is lifted then, and the deletion tried again."""
    rds = account.world.client("rds")
    with account.world.hold("CartInstance") as later, account.world.hold("MainDatabase") as held:
        account.deploy(STORING, "--no-wait")
        assert held.reached.wait(20)

        def come_to_be() -> None:
            held.release()
            assert later.reached.wait(20)
            account.at("DescribeStackEvents", later.release, lambda: account.status() == "DELETE_IN_PROGRESS")

        account.at("DeleteStack", come_to_be)
        result = account.run("destroy", "--yes", "--delete-data", "main")
    assert result.exit_code == 0, result.stderr
    assert "Turned off the deletion protection of the database instance" in result.stderr
    assert account.stack() is None
    assert rds.describe_db_instances()["DBInstances"] == []
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []


def test_a_deletion_is_joined(account: Account) -> None:
    """Ctrl-C names the command that removes what was given up; it watches the deletion to its end, and removes it."""
    account.deploy(SMALL)
    bucket, usual = account.ids()["MediaBucket"], account.pace
    with account.world.hold("CartSecurityGroup") as held:
        account.pace = interrupting(held)
        stopped = account.run("destroy", "--yes", "--delete-data", "media")
        account.pace = usual
        assert (stopped.exit_code, account.status()) == (130, "DELETE_IN_PROGRESS")
        words = named(stopped.stderr, "The data that you named is still there. Delete it afterwards:")
        assert words == ["destroy", "--delete-data", "media"]
        account.at("GetTemplate", lambda: threading.Timer(0.2, held.release).start())
        result = account.run(*words, "--yes")
    assert result.exit_code == 0, result.stderr
    assert "The stack shop is already being deleted; watching." in result.stderr
    assert f"Removed the bucket {bucket} with all that was in it." in result.stderr
    assert account.stack() is None
    with pytest.raises(ClientError, match="404"):
        account.world.client("s3").head_bucket(Bucket=bucket)


def test_a_deletion_that_is_joined_fails(account: Account) -> None:
    """The cause and what is left are told as ever, and the data is still there."""
    account.deploy(SMALL)
    bucket = account.ids()["MediaBucket"]
    account.world.refuse("Vpc", "it has dependencies", "DELETE")
    with account.world.hold("CartSecurityGroup") as held:
        account.cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
        account.cloudformation.delete_stack(StackName="shop")
        assert held.reached.wait(20)
        account.at("GetTemplate", lambda: threading.Timer(0.2, held.release).start())
        result = account.run("destroy", "--yes", "--delete-data", "media")
    assert (result.exit_code, account.status()) == (3, "DELETE_FAILED")
    assert "failed to delete: it has dependencies." in result.stderr
    account.world.client("s3").head_bucket(Bucket=bucket)


def test_an_update_is_not_in_the_way_of_being_destroyed(account: Account) -> None:
    """A stack that is being updated is left alone: that can be cancelled."""
    account.deploy(SMALL)
    with account.world.hold("CartInstance") as held:
        account.deploy(SMALL.replace("8000", "8001"), "--no-wait")
        assert held.reached.wait(20)
        result = account.run("destroy", "--yes")
    assert result.exit_code == 3
    assert "MSA613" in result.stderr
    assert account.settled() == "UPDATE_COMPLETE"
