"""What stayed in the account is named when an entry of its name comes again, and can be taken over."""

from __future__ import annotations

import re

from tests.deploy.account import SMALL, STORING, Account
from tests.deploy.by_hand import refusal

NO_BUCKET = SMALL.replace("buckets: {media: }\n", "").replace(", uses: [media]", "")


def emptied(account: Account) -> str:
    """A system whose bucket left the manifest and stayed, with an object in it; its name."""
    account.deploy(SMALL)
    bucket = account.ids()["MediaBucket"]
    account.world.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    assert account.deploy(NO_BUCKET, "--allow-replace", "media").exit_code == 0
    return bucket


def named(bucket: str) -> str:
    """The manifest with the patch that the warning asks for."""
    return f"{SMALL}patches: [{{op: add, path: /Resources/MediaBucket/Properties/BucketName, value: {bucket}}}]\n"


def test_a_bucket_that_comes_again_is_new_and_the_other_is_named(account: Account) -> None:
    """The warning stands on the line of the entry, with what to write and what to remove; a bucket that is in a stack,
    or somebody else's, is not named."""
    bucket = emptied(account)
    account.world.client("s3").create_bucket(Bucket="shop-mediabucket-of-mine")
    result = account.deploy(SMALL)
    assert result.exit_code == 0, result.stderr
    assert "msa.yaml:5:" in result.stderr
    assert f"warning MSA524: The bucket {bucket} of an earlier `buckets.media` exists in the account" in result.stderr
    assert f"[{{op: add, path: /Resources/MediaBucket/Properties/BucketName, value: {bucket}}}]" in result.stderr
    assert f"aws s3 rb s3://{bucket} --force" in result.stderr
    assert "of-mine" not in result.stderr
    assert account.ids()["MediaBucket"] != bucket
    again = account.deploy(SMALL.replace("nginx:1", "nginx:2"))
    assert "MSA524" not in again.stderr


def test_it_is_taken_over(account: Account) -> None:
    """With its name and `--import` it is the stack's again, with all that is in it; later deployments leave it."""
    bucket = emptied(account)
    result = account.deploy(named(bucket), "--import", "MediaBucket")
    assert result.exit_code == 0, result.stderr
    assert "MSA524" not in result.stderr
    assert account.ids()["MediaBucket"] == bucket
    assert account.world.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    assert "has no changes" in account.deploy().stderr
    assert account.ids()["MediaBucket"] == bucket


def test_a_first_deployment_takes_over_what_destroy_left(account: Account) -> None:
    """The name of the entry is enough."""
    account.deploy(SMALL)
    bucket = account.ids()["MediaBucket"]
    account.run("destroy", "--yes")
    warned = account.run("deploy", "--dry-run")
    assert f"The bucket {bucket} of an earlier" in warned.stderr
    result = account.deploy(named(bucket), "--import", "media")
    assert result.exit_code == 0, result.stderr
    assert account.ids()["MediaBucket"] == bucket


def test_nothing_is_taken_over_unasked(account: Account) -> None:
    """What exists under a name is taken over only where it was named, and a name that takes nothing over is an error:
    nothing is executed."""
    bucket = emptied(account)
    account.world.client("s3").create_bucket(Bucket="somebody-elses")
    two = (
        named(bucket)
        .replace("{media: }", "{media: , other: }")
        .replace("]\n", ", {op: add, path: /Resources/OtherBucket/Properties/BucketName, value: somebody-elses}]\n")
    )
    result = account.deploy(two, "--import", "media")
    assert (result.exit_code, "MediaBucket" in account.ids()) == (1, False)
    assert "error MSA525: `OtherBucket` of `buckets.other` already exists, and would be imported." in result.stderr
    result = account.deploy(SMALL, "--import", "media")
    assert (result.exit_code, "MediaBucket" in account.ids()) == (1, False)
    assert "error MSA525: `--import media` imports nothing" in result.stderr
    assert account.change_sets() == []


def test_a_snapshot_is_named_with_the_way_to_restore_it(account: Account) -> None:
    """A database leaves a last snapshot; the newest of them is named, with the patches that restore it."""
    account.deploy(STORING)
    account.run("destroy", "--yes")
    rds = account.world.client("rds")
    (snapshot,) = [
        each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    ]
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier=snapshot, TargetDBSnapshotIdentifier="my-copy")
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert f"The snapshot {snapshot} of an earlier `databases.main` exists in the account" in result.stderr
    assert f"/Resources/MainDatabase/Properties/DBSnapshotIdentifier, value: {snapshot}}}" in result.stderr
    assert f"aws rds delete-db-snapshot --db-snapshot-identifier {snapshot} --region us-east-1" in result.stderr
    assert "my-copy" not in result.stderr


NO_DATABASE = STORING.replace("databases: {main: }\n", "").replace(", uses: [main]", "")


def end(account: Account, database: str) -> None:
    """What the commands of the hint do."""
    rds = account.world.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier=database, DeletionProtection=False)
    rds.delete_db_instance(DBInstanceIdentifier=database, FinalDBSnapshotIdentifier=f"{database}-last")


def restored(name: str, snapshot: str) -> str:
    """The patches that make a database of a snapshot."""
    place = f"/Resources/{name}/Properties"
    which = f"{{op: add, path: {place}/DBSnapshotIdentifier, value: {snapshot}}}"
    return f"patches: [{which}, {{op: remove, path: {place}/MasterUsername}}]"


def test_the_last_database_comes_again(account: Account) -> None:
    """A protected database that left the manifest keeps its subnet, whose addresses no other subnet can have. That is
    an error before anything is changed, with the commands that end it; after them its data can be restored."""
    account.deploy(STORING)
    database = account.ids()["MainDatabase"]
    assert account.deploy(NO_DATABASE, "--allow-replace", "main").exit_code == 0
    account.calls.clear()
    refused = account.deploy(STORING)
    assert (refused.exit_code, account.status()) == (1, "UPDATE_COMPLETE")
    assert "ExecuteChangeSet" not in account.calls
    assert account.change_sets() == []
    subnets = re.findall(r"aws ec2 delete-subnet --subnet-id (subnet-\w+) --region us-east-1", refused.stderr)
    assert subnets
    for subnet in subnets:
        assert (
            f"error MSA530: The subnet {subnet} of an earlier `network` exists in "
            f"the account, outside any stack, and takes the"
            " place of `IsolatedSubnet" in refused.stderr
        )
    assert f"warning MSA524: The database instance {database} of an earlier `databases.main`" in refused.stderr
    assert "To start empty, only delete it: aws rds modify-db-instance" in refused.stderr
    end(account, database)
    for subnet in subnets:
        account.world.client("ec2").delete_subnet(SubnetId=subnet)
    patches = restored("MainDatabase", f"{database}-last")
    assert f"which leaves the snapshot {database}-last, and write `{patches}`" in refused.stderr
    result = account.deploy(f"{STORING}{patches}\n")
    assert result.exit_code == 0, result.stderr
    assert "MSA530" not in result.stderr
    assert "has no changes" in account.deploy().stderr


def test_a_database_that_stayed_beside_another(account: Account) -> None:
    """Where another database keeps the subnets, nothing is in the way, and the same commands restore the data."""
    both = STORING.replace("databases: {main: }", "databases: {main: , other: }")
    account.deploy(both)
    database = account.ids()["OtherDatabase"]
    assert account.deploy(STORING, "--allow-replace", "other").exit_code == 0
    account.write(both)
    told = account.run("deploy", "--dry-run").stderr
    assert "MSA530" not in told
    patches = restored("OtherDatabase", f"{database}-last")
    assert f"and write `{patches}`" in told
    assert "To start empty, continue, and delete the other: aws rds modify-db-instance" in told
    end(account, database)
    result = account.deploy(f"{both}{patches}\n")
    assert result.exit_code == 0, result.stderr


def test_a_first_deployment_asks_for_no_subnets(account: Account) -> None:
    """In a network that is new nothing can be in the way."""
    account.deploy(STORING)
    assert account.calls["DescribeSubnets"] == 0


def test_who_may_not_look_deploys_all_the_same(account: Account) -> None:
    """The look is a help and no condition: without the permission nothing is said."""
    emptied(account)

    def denied() -> None:
        raise refusal("AccessDenied", "You may not.", status=403)

    account.at("ListBuckets", denied)
    result = account.deploy(SMALL)
    assert result.exit_code == 0, result.stderr
    assert "MSA524" not in result.stderr
