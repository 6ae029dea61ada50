"""`msaspec destroy` from end to end: what goes, what stays, what is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from moto.rds.models import rds_backends

from msaspec.deploy import slowness
from tests.deploy.account import OWNING, SMALL, STORING, Account

BOTH = STORING.replace("services:", "buckets: {media: }\nservices:").replace("[main]", "[main, media]")


def test_data_stays(account: Account) -> None:
    """The bucket and the logs stay, the database leaves a snapshot. Each is named once: the bucket before the deletion,
    the snapshot after it, when it has a name."""
    account.deploy(BOTH)
    ids = account.ids()
    account.world.client("s3").put_object(Bucket=ids["MediaBucket"], Key="a", Body=b"1")
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert account.stack() is None
    assert f"Stays: the bucket {ids['MediaBucket']}." in result.stderr
    assert f"Turned off the deletion protection of the database instance {ids['MainDatabase']}." in result.stderr
    assert result.stderr.count(ids["MediaBucket"]) == 1
    assert "Left: 3 resources that msaspec named above as what stays." in result.stderr
    (snapshot,) = account.world.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert f"Left: the snapshot {snapshot['DBSnapshotIdentifier']}" in result.stderr
    assert account.world.client("s3").get_object(Bucket=ids["MediaBucket"], Key="a")["Body"].read() == b"1"


def test_what_takes_long_is_said_before_the_question(account: Account) -> None:
    """A database, and the functions in the network that prepare it; a function outside of a network is no reason."""
    account.deploy(STORING)
    result = account.run("destroy", answer="n\n")
    slow = "It usually takes 20 to 45 minutes, for its network interfaces, to delete a Lambda function."
    assert f"This takes a while. {slow}" in result.stderr
    assert "It usually takes 5 to 30 minutes, with a last snapshot, to delete a database instance." in result.stderr
    assert result.stderr.index(slow) < result.stderr.index("Delete the stack shop")
    function = "AWS::Lambda::Function"
    assert slowness.deletions([(function, {})]) == []
    assert slowness.deletions([(function, {}), (function, {"VpcConfig": {"SubnetIds": ["a"]}})]) == [slow]


def test_data_goes_by_name(account: Account) -> None:
    """What is named is emptied and deleted, with its snapshot; the rest stays."""
    account.deploy(BOTH)
    ids = account.ids()
    s3, rds = account.world.client("s3"), account.world.client("rds")
    s3.put_object(Bucket=ids["MediaBucket"], Key="a", Body=b"1")
    rds.create_db_snapshot(DBInstanceIdentifier=ids["MainDatabase"], DBSnapshotIdentifier="by-hand")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    rds_backends["123456789012"]["us-east-1"].database_snapshots["by-hand"].created = yesterday
    result = account.run("destroy", "--yes", "--delete-data", "media", "--delete-data", "main")
    assert result.exit_code == 0, result.stderr
    assert f"Deleted for good, as you asked: the bucket {ids['MediaBucket']}." in result.stderr
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=ids["MediaBucket"])
    left = [each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]]
    assert left == ["by-hand"]
    account.world.client("logs").describe_log_streams(logGroupName=ids["CartLogGroup"])


def test_saying_no_lifts_nothing(account: Account) -> None:
    """Protections are lifted after the question, not before."""
    account.deploy(STORING)
    result = account.run("destroy", answer="n\n")
    assert (result.exit_code, account.status()) == (1, "CREATE_COMPLETE")
    stack = account.stack()
    assert stack
    assert stack["EnableTerminationProtection"] is True
    (database,) = account.world.client("rds").describe_db_instances()["DBInstances"]
    assert database["DeletionProtection"] is True


def test_data_without_a_copy_has_to_be_named(account: Account) -> None:
    """A database with `protect: false` leaves no snapshot, so `destroy` wants its name."""
    account.deploy(STORING.replace("{main: }", "{main: {protect: false}}"))
    result = account.run("destroy", "--yes")
    assert (result.exit_code, account.status()) == (1, "CREATE_COMPLETE")
    assert "msaspec destroy --delete-data main" in result.stderr
    assert account.run("destroy", "--yes", "--delete-data", "main").exit_code == 0
    assert account.stack() is None


def test_a_name_without_data_is_refused(account: Account) -> None:
    """A misspelt name stops the command, and those with data are listed."""
    account.deploy(SMALL)
    result = account.run("destroy", "--yes", "--delete-data", "medai")
    assert (result.exit_code, account.status()) == (1, "CREATE_COMPLETE")
    assert "medai" in result.stderr
    assert "media" in result.stderr


def test_what_would_not_go_is_named_and_can_be_tried_again(account: Account) -> None:
    """A resource that is in use: the cause, everything that is left, and the same command finishes it."""
    account.deploy(SMALL)
    account.world.refuse("CartSecurityGroup", "resource sg-1 has a dependent object", "DELETE")
    result = account.run("destroy", "--yes")
    assert (result.exit_code, account.status()) == (3, "DELETE_FAILED")
    assert "failed to delete: resource sg-1 has a dependent object." in result.stderr
    assert "Left: Vpc (AWS::EC2::VPC" in result.stderr
    assert account.deploy().exit_code == 3
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert account.stack() is None


def test_a_bucket_that_is_not_empty_and_not_named_stays(account: Account) -> None:
    """A patch took its retention away: it stays all the same, since nobody gave it up, and the stack goes."""
    patch = "patches: [{op: replace, path: /Resources/MediaBucket/DeletionPolicy, value: Delete}]\n"
    account.deploy(SMALL + patch)
    bucket = account.ids()["MediaBucket"]
    account.world.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    result = account.run("destroy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert account.stack() is None
    assert f"The bucket {bucket} is not empty and stays in the account." in result.stderr
    account.world.client("s3").head_bucket(Bucket=bucket)


def test_an_interrupted_run_is_finished(account: Account) -> None:
    """The stack is gone and its bucket was to go too: the same command finds and removes it."""
    account.deploy(SMALL)
    bucket = account.ids()["MediaBucket"]
    account.run("destroy", "--yes")
    account.world.client("s3").head_bucket(Bucket=bucket)
    result = account.run("destroy", "--yes", "--delete-data", "media")
    assert result.exit_code == 0, result.stderr
    assert "is already deleted" in result.stderr
    with pytest.raises(ClientError, match="404"):
        account.world.client("s3").head_bucket(Bucket=bucket)


def test_nothing_to_destroy(account: Account) -> None:
    """A stack that is not there is a fault with a hint, and no success."""
    account.write(SMALL)
    result = account.run("destroy", "--yes")
    assert result.exit_code == 3
    assert "There is no stack shop in us-east-1 of the account 123456789012." in result.stderr


def test_the_repositories_are_a_stack_of_their_own(account: Account) -> None:
    """`--stack registry` deletes that; the images stay unless the service is named."""
    account.deploy(OWNING)
    account.push("cart", "1.0")
    alone = account.run("destroy", "--yes", "--stack", "registry")
    assert (alone.exit_code, "MSA632" in alone.stderr) == (0, False)
    ecr = account.world.client("ecr")
    assert len(ecr.list_images(repositoryName="shop/cart")["imageIds"]) == 1
    result = account.run("destroy", "--yes", "--stack", "registry", "--delete-data", "cart")
    assert result.exit_code == 0, result.stderr
    assert ecr.describe_repositories()["repositories"] == []


def test_the_repositories_are_named_as_left(account: Account) -> None:
    """They outlive every environment: told once, with the command, which warns while services run."""
    account.deploy(OWNING + "environments: {prod: {}}\n", "--env", "-")
    account.push("cart", "1.0")
    account.deploy(None, "--env", "-")
    assert account.run("deploy", "--yes", "--env", "prod").exit_code == 0
    said = "the stack shop-registry with the images, which is one for all environments. Delete it: "
    result = account.run("destroy", "--yes", "--env", "prod")
    assert result.exit_code == 0, result.stderr
    command = "msaspec destroy --env prod --stack registry"
    assert "Stays: the stack" not in result.stderr
    assert f"Left: {said}{command}\n" in result.stderr
    warned = account.run(*command.split()[1:], "--yes")
    assert warned.exit_code == 0
    told = warned.stderr[warned.stderr.index("warning MSA632:") :]
    assert told.startswith(
        "warning MSA632: Services still pull their images from these repositories: those of shop.\n"
        "   = hint: Destroy those first: msaspec destroy --env -\n"
    )
    result = account.run("destroy", "--env", "-", "--yes")
    assert (result.exit_code, said in result.stderr) == (0, False)


def test_a_repository_is_given_up_by_its_service(account: Account) -> None:
    """The service's name is the word for its repository, whatever the image is called."""
    account.deploy(OWNING.replace("cart:1.0", "'nginx:1.25'"))
    account.push("nginx", "1.25")
    result = account.run("destroy", "--stack", "registry", "--yes", "--delete-data", "cart")
    assert result.exit_code == 0, result.stderr
    assert "services.cart" in result.stderr
    assert account.world.client("ecr").describe_repositories()["repositories"] == []
