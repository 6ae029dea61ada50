"""Data that was given up by name is removed, and nothing else: `msaspec.deploy.erasure`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from msaspec.deploy import erasure
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.inventory import Item
from msaspec.language.aws_type import Deletion
from tests.deploy.by_hand import ACCOUNT, Client, fake, moto, refusal

BEGAN = datetime(2026, 7, 1, 12, 0, 0, 900_000, tzinfo=UTC)
"""When the deletion of the stack began."""
DELETION = Deletion("shop", BEGAN)
DATABASE, BUCKET, REPOSITORY = "AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::ECR::Repository"


def item(kind: str, id: str | None, policy: str = "Retain") -> Item:
    """A resource with data."""
    return Item(Resource("A", kind, "DELETE_SKIPPED", id), ("databases", "a"), policy, stateful=True)


@pytest.fixture
def aws() -> Iterator[Aws]:
    """An emulated account."""
    with mock_aws():
        yield moto()


def bucket(aws: Aws, objects: int = 2) -> Any:
    """A bucket with versions, delete markers, and an upload that was never finished."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
    for number in range(objects):  # Without requests, of which these are many.
        s3_backends[ACCOUNT]["aws"].put_object("media", f"{number}", b"one")
    s3.put_object(Bucket="media", Key="0", Body=b"two")
    s3.delete_object(Bucket="media", Key="1")
    s3.create_multipart_upload(Bucket="media", Key="never")
    return s3


def test_a_bucket_is_emptied(aws: Aws) -> None:
    """Versions, delete markers and unfinished uploads go; the bucket itself stays for CloudFormation."""
    s3 = bucket(aws)
    erasure.empty(aws, item(BUCKET, "media"))
    left = s3.list_object_versions(Bucket="media")
    assert [key for key in ("Versions", "DeleteMarkers") if left.get(key)] == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="media")


def test_a_full_bucket_is_erased(aws: Aws) -> None:
    """More objects than S3 lists or deletes at once are no hindrance, and the message names the bucket."""
    s3 = bucket(aws, objects=1005)
    assert erasure.erase(aws, item(BUCKET, "media"), DELETION) == ["the bucket media with all that was in it"]
    assert s3.list_buckets()["Buckets"] == []


def test_no_request_deletes_more_than_s3_takes() -> None:
    """A page with more than 1,000 versions and markers is several requests."""
    rows = [{"Key": str(number), "VersionId": "1"} for number in range(1500)]
    s3 = Client(
        list_object_versions=[{"Versions": rows[:1000], "DeleteMarkers": rows[1000:]}, {}],
        list_multipart_uploads={},
        delete_objects={},
    )
    erasure.empty(fake(s3=s3), item(BUCKET, "media"))
    sent = [words["Delete"]["Objects"] for words in s3.words("delete_objects")]
    assert [len(each) for each in sent] == [1000, 500]
    assert [row for each in sent for row in each] == rows


def test_an_object_that_will_not_go_is_told() -> None:
    """S3 tells of each object by itself; the first that it keeps ends the emptying with its reason."""
    errors = [{"Key": "a", "VersionId": "1", "Code": "AccessDenied", "Message": "Object Lock forbids it."}]
    s3 = Client(list_object_versions={"Versions": [{"Key": "a", "VersionId": "1"}]}, delete_objects={"Errors": errors})
    with pytest.raises(Fault, match="The object a of the bucket media will not go: Object Lock forbids it"):
        erasure.empty(fake(s3=s3), item(BUCKET, "media"))


def pushed(aws: Aws, *tags: str) -> Any:
    """A repository with images."""
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="shop/cart")
    for tag in tags:
        digest = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": digest}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
        body = json.dumps({**manifest, "config": config, "layers": []})
        ecr.put_image(repositoryName="shop/cart", imageManifest=body, imageTag=tag)
    return ecr


def test_a_repository_is_emptied(aws: Aws) -> None:
    """All images go, the repository stays; an empty one is no error."""
    ecr = pushed(aws, "1", "2")
    for _ in range(2):
        erasure.empty(aws, item(REPOSITORY, "shop/cart"))
        assert ecr.list_images(repositoryName="shop/cart")["imageIds"] == []


def test_a_repository_is_erased_with_its_images(aws: Aws) -> None:
    """It goes although it is not empty."""
    ecr = pushed(aws, "1")
    told = erasure.erase(aws, item(REPOSITORY, "shop/cart"), DELETION)
    assert (told, ecr.describe_repositories()["repositories"]) == (
        ["the image repository shop/cart with its images"],
        [],
    )


def test_images_of_an_index_go_after_it() -> None:
    """ECR keeps an image while an index names it, so what it kept is asked for again; 100 at a time."""
    ids = [{"imageDigest": f"sha256:{number}"} for number in range(150)]
    referenced = {"imageId": ids[0], "failureCode": "ImageReferencedByManifestList", "failureReason": "Named."}
    ecr = Client(
        list_images=[{"pages": [{"imageIds": ids[:100]}, {"imageIds": ids[100:]}]}, {"imageIds": ids[:1]}],
        batch_delete_image=[{"failures": [referenced]}, {"failures": []}],
    )
    erasure.empty(fake(ecr=ecr), item(REPOSITORY, "shop/cart"))
    assert [len(words["imageIds"]) for words in ecr.words("batch_delete_image")] == [100, 50, 1]


def test_images_that_will_not_go_are_told() -> None:
    """Where no image goes any more the reason is told, instead of asking for ever."""
    ids = [{"imageDigest": "sha256:1"}]
    failure = {"imageId": ids[0], "failureCode": "ImageReferencedByManifestList", "failureReason": "It is named."}
    ecr = Client(list_images={"imageIds": ids}, batch_delete_image={"failures": [failure]})
    with pytest.raises(Fault, match=r"The images of shop/cart will not go: It is named\."):
        erasure.empty(fake(ecr=ecr), item(REPOSITORY, "shop/cart"))


def test_objects_that_come_again_end_the_emptying() -> None:
    """Where S3 lists what it said that it deleted, nobody deletes it for ever."""
    page = {"Versions": [{"Key": "a", "VersionId": "1"}]}
    s3 = Client(list_object_versions=page, delete_objects={})
    with pytest.raises(Fault, match="will not go, although S3 says that it deleted them"):
        erasure.empty(fake(s3=s3), item(BUCKET, "media"))
    assert len(s3.words("delete_objects")) == 1


@pytest.mark.parametrize("kind", [BUCKET, REPOSITORY])
def test_what_is_gone_is_empty(aws: Aws, kind: str) -> None:
    """A bucket or a repository that somebody deleted by hand has nothing inside."""
    erasure.empty(aws, item(kind, "gone"))
    erasure.empty(aws, item(kind, None))


def test_nothing_is_inside_of_other_types() -> None:
    """Only buckets and repositories are emptied; nobody is asked about a database."""
    erasure.empty(fake(), item(DATABASE, "shop-main"))


def test_a_log_group_is_erased(aws: Aws) -> None:
    """The log of a service goes."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/shop/cart")
    assert erasure.erase(aws, item("AWS::Logs::LogGroup", "/shop/cart"), DELETION) == ["the log group /shop/cart"]
    assert logs.describe_log_groups()["logGroups"] == []


def test_a_secret_can_be_restored(aws: Aws) -> None:
    """A secret goes after seven days; a second run finds that it is going, and says nothing."""
    secrets = aws.client("secretsmanager")
    arn = secrets.create_secret(Name="shop", SecretString="x")["ARN"]
    told = [f"the secret {arn}, which can be restored for 7 days"]
    assert erasure.erase(aws, item("AWS::SecretsManager::Secret", arn), DELETION) == told
    assert "DeletedDate" in secrets.describe_secret(SecretId=arn)
    assert erasure.erase(aws, item("AWS::SecretsManager::Secret", arn), DELETION) == []


def test_a_secret_that_cannot_go_is_an_error() -> None:
    """A secret with replicas, say, is not taken for one that is gone."""
    error = refusal("InvalidRequestException", "You must remove the replicas first.")
    secrets = Client(delete_secret=error)
    with pytest.raises(type(error)) as caught:
        erasure.erase(fake(secretsmanager=secrets), item("AWS::SecretsManager::Secret", "x"), DELETION)
    assert caught.value is error


@pytest.mark.parametrize(
    ("kind", "id"),
    [
        (BUCKET, "gone"),
        (REPOSITORY, "gone"),
        ("AWS::Logs::LogGroup", "gone"),
        ("AWS::SecretsManager::Secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone-abcdef"),
    ],
)
def test_what_is_gone_already_is_no_error(aws: Aws, kind: str, id: str) -> None:
    """An interrupted run can be repeated: what it removed is told no more."""
    assert erasure.erase(aws, item(kind, id), DELETION) == []


def test_other_refusals_pass_through() -> None:
    """Who may not delete is told so."""
    error = refusal("AccessDeniedException")
    with pytest.raises(type(error)) as caught:
        erasure.erase(fake(ecr=Client(delete_repository=error)), item(REPOSITORY, "shop/cart"), DELETION)
    assert caught.value is error


def test_nothing_is_known_of_other_types() -> None:
    """A type that nobody has learnt to erase, and a resource without an id, are left alone."""
    assert erasure.erase(fake(), item("AWS::Lambda::Function", "f"), DELETION) == []
    assert erasure.erase(fake(), item(BUCKET, None), DELETION) == []
