"""What somebody deleted by hand: each command that meets it ends with a way that works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from msaspec.deploy import repair
from msaspec.update.changes import Action, Change
from tests.deploy.account import OWNING, SMALL, STORING, Account

LOGGING = SMALL.replace("port: 8000", "port: 8000, logs: 30 days")


def no_bucket(account: Account) -> None:
    """The bucket is deleted by hand."""
    account.world.client("s3").delete_bucket(Bucket=account.ids()["MediaBucket"])


def no_log_group(account: Account) -> None:
    """The log group is deleted by hand."""
    account.world.client("logs").delete_log_group(logGroupName=account.ids()["CartLogGroup"])


def no_role(account: Account) -> None:
    """The role is deleted by hand, as the console does it: out of its profile, without its policies."""
    iam, role = account.world.client("iam"), account.ids()["CartRole"]
    for profile in iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=role)
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.delete_role(RoleName=role)


def no_database(account: Account) -> None:
    """The database instance is deleted by hand."""
    rds, id = account.world.client("rds"), account.ids()["MainDatabase"]
    rds.modify_db_instance(DBInstanceIdentifier=id, DeletionProtection=False)
    rds.delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True)


TOUCHED = {
    "bucket": (SMALL, SMALL.replace("{media: }", "{media: {versioned: true}}"), no_bucket, "MediaBucket"),
    "log group": (LOGGING, LOGGING.replace("30 days", "7 days"), no_log_group, "CartLogGroup"),
    "database": (STORING, STORING.replace("{main: }", "{main: {storage: 40 GiB}}"), no_database, "MainDatabase"),
}


@pytest.mark.parametrize("kind", TOUCHED)
def test_an_update_that_meets_it_names_the_way(account: Account, kind: str) -> None:
    """The update fails, and perhaps its rollback too; what the messages say leads to a system that is complete."""
    before, after, remove, name = TOUCHED[kind]
    assert account.deploy(before).exit_code == 0
    old = account.ids()[name]
    remove(account)
    result = account.deploy(after)
    assert result.exit_code == 3
    assert f"`{name}` of" in result.stderr
    assert "If somebody deleted it, or what it refers to" in result.stderr
    if account.status() == "UPDATE_ROLLBACK_FAILED":
        again = account.deploy()
        assert (again.exit_code, "MSA614" in again.stderr) == (3, True)
        (skipping,) = re.findall(r"is left out: (msaspec continue-rollback .*?)\. Then", again.stderr)
        result = account.run(*shlex.split(skipping)[1:])
        assert result.exit_code == 0, result.stderr
        assert f"as it was before the update, but for {name}, which CloudFormation left as it is." in result.stderr
    assert account.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert "msaspec deploy --repair" in result.stderr
    result = account.deploy(None, "--repair")
    assert result.exit_code == 0, result.stderr
    assert account.ids()[name] != old
    assert account.deploy().exit_code == 0
    assert account.run("destroy", "--yes").exit_code == 0


UNTOUCHED: dict[str, tuple[str, Callable[[Account], None], str]] = {
    "role": (SMALL, no_role, "CartRole"),
    "database": (STORING, no_database, "MainDatabase"),
}


@pytest.mark.parametrize("kind", UNTOUCHED)
def test_an_unchanged_manifest_makes_it_again(account: Account, kind: str) -> None:
    """Without a word CloudFormation does not notice; with `--repair` it is shown, asked about and made, and what needs
    it follows."""
    manifest, remove, name = UNTOUCHED[kind]
    assert account.deploy(manifest).exit_code == 0
    policy = account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"]
    old = account.ids()[name]
    remove(account)
    assert "The stack shop has no changes." in account.deploy().stderr
    looked = account.run("deploy", "--dry-run", "--repair")
    assert (looked.exit_code, account.ids()[name]) == (0, old), looked.stderr
    assert re.search(rf"\+ {name} +added", looked.stderr), looked.stderr
    result = account.deploy(None, "--repair")
    assert result.exit_code == 0, result.stderr
    assert ("MSA638" in result.stderr) == (kind == "database")
    assert account.ids()[name] != old
    assert account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == policy
    assert "The stack shop has no changes." in account.deploy(None, "--repair").stderr


def test_a_repository_is_no_circle(account: Account) -> None:
    """`deploy` and `push` lead to `deploy --repair`, that to `push`, and then `deploy` goes through."""
    account.deploy(OWNING)
    account.push("cart", "1.0")
    assert account.deploy().exit_code == 0
    account.world.client("ecr").delete_repository(repositoryName="shop/cart", force=True)
    result = account.deploy()
    assert result.exit_code == 3
    assert "error MSA626: Somebody deleted these image repositories: shop/cart." in result.stderr
    assert "Make them again: msaspec deploy --repair" in result.stderr
    result = account.run("push", "cart")
    assert (result.exit_code, "MSA626" in result.stderr) == (3, True)
    assert "msaspec deploy --repair" in result.stderr
    result = account.deploy(None, "--repair")
    assert (result.exit_code, "MSA522" in result.stderr) == (1, True), result.stderr
    assert "msaspec push cart" in result.stderr
    account.push("cart", "1.0")
    result = account.deploy()
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    "reason",
    [
        'Resource handler returned message: "Bucket not there" (RequestToken: 1, HandlerErrorCode: NotFound)',
        "The specified bucket does not exist (Service: S3, Status Code: 404)",
        "DBInstance shop-main not there. (Service: Rds, Error Code: DBInstanceNotFoundFault)",
        "An error occurred (NoSuchEntity) when calling the PutRolePolicy operation",
        "The security group 'sg-1' is not there (InvalidGroup.NotFound)",
    ],
)
def test_what_is_gone_is_known_by_its_reason(reason: str) -> None:
    """As handlers of CloudFormation and services say it."""
    assert repair.is_gone(reason)


@pytest.mark.parametrize("reason", [None, "", "The bucket is not empty", "We have no capacity."])
def test_other_failures_are_not_taken_for_it(reason: str | None) -> None:
    """Then nothing is said of a deletion by hand."""
    assert not repair.is_gone(reason)


def test_rows_of_a_drift_aware_change_set() -> None:
    """What is made again is added, even if it is called a replacement; a change of CloudFormation's records alone is
    none."""
    rows = [
        {"LogicalResourceId": "A", "Action": "Modify", "Replacement": "True", "ResourceDriftStatus": "DELETED"},
        {"LogicalResourceId": "B", "Action": "Remove", "ResourceDriftStatus": "DELETED"},
        {"LogicalResourceId": "C", "Action": "Modify", "Replacement": "False", "ResourceDriftStatus": "MODIFIED"},
        {"LogicalResourceId": "D", "Action": "SyncWithActual", "ResourceDriftStatus": "MODIFIED"},
    ]
    found = [(row["LogicalResourceId"], row["Action"]) for row in repair.as_added(rows)]
    assert found == [("A", "Add"), ("B", "Remove"), ("C", "Modify")]
    assert repair.deleted(rows) == {"A"}


def test_only_data_is_warned_about() -> None:
    """A role comes again as it was; a database is empty."""
    changes = [
        Change("CartRole", "AWS::IAM::Role", Action.ADD, entry=("services", "cart")),
        Change("MainDatabase", "AWS::RDS::DBInstance", Action.ADD, entry=("databases", "main"), stateful=True),
        Change("OtherDatabase", "AWS::RDS::DBInstance", Action.ADD, entry=("databases", "other"), stateful=True),
    ]
    (warning,) = repair.told(changes, frozenset({"CartRole", "MainDatabase"}))
    assert warning.message == (
        "Somebody deleted the database instance `MainDatabase` of `databases.main`. It is made again, and is empty."
    )


def test_a_repair_imports_nothing(account: Account) -> None:
    """Whether CloudFormation takes both is not documented."""
    result = account.deploy(SMALL, "--repair", "--import", "media")
    assert (result.exit_code, account.calls) == (2, {})
    assert "do not go together" in result.stderr
