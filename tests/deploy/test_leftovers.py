"""What an update could not remove: told after the success, with what to do about it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from moto.rds.models import rds_backends

from msaspec.deploy.aws.events import read
from msaspec.deploy.leftovers import left
from msaspec.deploy.watch import Outcome
from tests.deploy.account import SMALL, STORING, Account
from tests.deploy.by_hand import fake
from tests.deploy.recorded import event

PROTECTED = "Cannot delete protected DB Instance"
DATABASE = "AWS::RDS::DBInstance"


def warned(*rows: dict[str, Any], status: str = "UPDATE_COMPLETE", words: str = "") -> list[tuple[str, str | None]]:
    """What is said of an operation that ended so: messages and hints."""
    outcome = Outcome(status, None, tuple(read([event("UPDATE_IN_PROGRESS"), *rows, event(status, at=99)])))
    found = left(fake(words=words), outcome, lambda name: ("databases", name.lower()))
    return [(each.message, each.hint) for each in found]


def test_what_was_tried_again_and_went_is_not_left() -> None:
    """CloudFormation tries some times; the last word on a resource counts, and one id is one resource."""
    failed = event("DELETE_FAILED", "Main", 2, kind=DATABASE, reason=PROTECTED, physical="old")
    new = event("UPDATE_COMPLETE", "Main", 1, kind=DATABASE, physical="new")
    assert warned(failed, event("DELETE_COMPLETE", "Main", 3, kind=DATABASE, physical="old")) == []
    ((message, _),) = warned(new, failed, event("DELETE_FAILED", "Main", 4, reason=PROTECTED, physical="old"))
    assert "old" in message


def test_every_word_of_it() -> None:
    """What it is, its ids, its entry and CloudFormation's reason; commands that lift its protection and delete it."""
    row = event("DELETE_FAILED", "Main", 2, kind=DATABASE, reason=f"{PROTECTED},\n please.", physical="shop-main-1")
    ((message, hint),) = warned(row)
    assert message == (
        "The database instance shop-main-1 (`Main` of `databases.main`) could not be deleted: "
        "Cannot delete protected DB Instance, please."
    )
    assert hint == (
        "It no longer belongs to a stack. Keep it, or delete it: "
        "aws rds modify-db-instance --db-instance-identifier shop-main-1 --no-deletion-protection --apply-immediately "
        "--region eu-west-1 && aws rds delete-db-instance --db-instance-identifier shop-main-1 "
        "--final-db-snapshot-identifier shop-main-1-last --region eu-west-1"
    )


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("AWS::S3::Bucket", "aws s3 rb s3://x --force --region eu-west-1"),
        ("AWS::ECR::Repository", "aws ecr delete-repository --repository-name x --force --region eu-west-1"),
        (
            "AWS::EC2::SecurityGroup",
            "aws cloudcontrol delete-resource --type-name AWS::EC2::SecurityGroup --identifier x --region eu-west-1",
        ),
        ("Custom::PostgresDatabase", "its service has to do that by hand."),
        ("AWS::CloudFormation::CustomResource", "its service has to do that by hand."),
    ],
)
def test_how_it_is_removed(kind: str, command: str) -> None:
    """A command by its type; what a function of its own made has none."""
    ((_, hint),) = warned(event("DELETE_FAILED", "Main", 2, kind=kind, physical="x"))
    assert hint
    assert hint.partition("delete it: ")[2] == command


def test_the_words_that_lead_to_the_account() -> None:
    """What the user chose stands in the command, once."""
    ((_, hint),) = warned(event("DELETE_FAILED", "Main", 2, physical="x"), words=" --region us-east-1 --profile p")
    assert hint
    assert shlex.split(hint.partition("delete it: ")[2])[5:] == ["--region", "us-east-1", "--profile", "p"]


@pytest.mark.parametrize(
    ("status", "told"),
    [("UPDATE_ROLLBACK_COMPLETE", 1), ("DELETE_FAILED", 0), ("UPDATE_ROLLBACK_FAILED", 0), ("ROLLBACK_FAILED", 0)],
)
def test_what_the_stack_still_has_is_not_forgotten(status: str, told: int) -> None:
    """Only an operation that is over and done with leaves something outside of the stack."""
    assert len(warned(event("DELETE_FAILED", "Main", 2), status=status)) == told


def test_a_protected_database_that_was_given_up(account: Account) -> None:
    """Before the question it is said that its protection refuses it; after the success, that it is still there."""
    account.deploy(STORING)
    database = account.ids()["MainDatabase"]
    without = STORING.replace("databases: {main: }\n", "").replace(", uses: [main]", "")
    result = account.deploy(without, "--allow-replace", "main")
    assert (result.exit_code, account.status()) == (0, "UPDATE_COMPLETE"), result.stderr
    before, _, after = result.stderr.partition("UPDATE_IN_PROGRESS")
    assert "unless you turn it off first, the resource stays in the account, outside any stack." in before
    told = after[after.index("warning MSA630: ") :]
    assert told.startswith(
        f"warning MSA630: The database instance {database} (`MainDatabase` of `databases.main`) could"
    )
    assert f"aws rds delete-db-instance --db-instance-identifier {database}" in told
    assert database in rds_backends["123456789012"]["us-east-1"].databases
    assert "MainDatabase" not in account.ids()


def test_who_joins_is_told_too(account: Account) -> None:
    """`status --follow` says what is left of the update that it watched."""
    account.deploy(SMALL)
    old = account.ids()["CartInstance"]
    account.world.refuse("CartInstance", "The instance has termination protection.", "DELETE")
    with account.world.hold("CartInstance") as held:
        account.deploy(SMALL.replace("8000", "8001"), "--no-wait")
        assert held.reached.wait(20)
        account.at("GetTemplate", held.release)
        result = account.run("status", "--follow")
    assert (result.exit_code, account.status()) == (0, "UPDATE_COMPLETE")
    assert (
        f"warning MSA630: The AWS::EC2::Instance {old} (`CartInstance` of `services.cart`) could not be"
        in result.stderr
    )
    assert "aws cloudcontrol delete-resource --type-name AWS::EC2::Instance" in result.stderr
