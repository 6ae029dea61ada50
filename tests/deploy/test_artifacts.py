"""Where a template goes that is too long to be sent: `msaspec.deploy.aws.artifacts`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from moto import mock_aws

from msaspec.deploy.aws import artifacts
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.target import Aws
from tests.deploy.by_hand import ACCOUNT, REGION, Client, caller, fake, moto, refusal

BUCKET = f"msaspec-templates-{ACCOUNT}-{REGION}"
LONG = "x" * 51_201
SETTINGS = [
    "put_public_access_block",
    "put_bucket_encryption",
    "put_bucket_lifecycle_configuration",
    "put_bucket_policy",
]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An emulated account. moto knows no conditions of bucket policies: here every request has TLS."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    monkeypatch.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
    with mock_aws():
        yield moto()


def storage(**answers: Any) -> Client:
    """An S3 in which the bucket is missing and everything else works."""
    done: dict[str, Any] = {name: {} for name in (*SETTINGS, "create_bucket", "put_object", "delete_bucket")}
    return Client(**{"head_bucket": refusal("404", status=404), **done, **answers})


@pytest.mark.parametrize("text", ["", "x" * 51_200, "é" * 25_600])
def test_a_short_template_is_sent_inline(text: str) -> None:
    """Up to 51,200 bytes nothing is uploaded, and nobody is asked anything."""
    aws = fake(s3=Client(), sts=Client())
    assert artifacts.send(aws, "shop", text) == artifacts.Sent({"TemplateBody": text})


@pytest.mark.parametrize("text", [LONG, "é" * 25_600 + "x"])
def test_a_long_template_goes_to_the_bucket(aws: Aws, text: str) -> None:
    """One byte more, counted in bytes and not in characters, goes to a bucket under the hash of its bytes."""
    sent = artifacts.send(aws, "shop", text)
    key = f"shop/{sha256(text.encode()).hexdigest()}.yaml"
    url = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{key}"
    assert sent == artifacts.Sent({"TemplateURL": url}, f"s3://{BUCKET}/{key}", made=True)
    found = aws.client("s3").get_object(Bucket=BUCKET, Key=key)
    assert (found["Body"].read(), found["ContentType"]) == (text.encode(), "application/yaml")


def test_the_same_template_twice_is_one_object(aws: Aws) -> None:
    """A repeated deployment finds its template again; another template is another object."""
    first, second = artifacts.send(aws, "shop", LONG), artifacts.send(aws, "shop", LONG)
    assert (first.words, first.place) == (second.words, second.place)
    assert (first.made, second.made) == (True, False)
    artifacts.send(aws, "shop", LONG + "x")
    assert len(aws.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]) == 2


def test_the_bucket_is_closed(aws: Aws) -> None:
    """It is private, encrypted and for TLS only, ACLs do not count, and what is in it goes after some time."""
    artifacts.send(aws, "shop", LONG)
    s3 = aws.client("s3")
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    found = rule["Status"], rule["Expiration"], rule["AbortIncompleteMultipartUpload"]
    assert found == ("Enabled", {"Days": artifacts.DAYS}, {"DaysAfterInitiation": 1})
    (rule,) = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert rule["ObjectOwnership"] == "BucketOwnerEnforced"
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]


@pytest.mark.parametrize(
    ("region", "where"),
    [
        ("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
        ("ap-northeast-2", {"CreateBucketConfiguration": {"LocationConstraint": "ap-northeast-2"}}),
        ("us-east-1", {}),
    ],
)
def test_the_bucket_is_made_in_its_region(region: str, where: dict[str, Any]) -> None:
    """S3 wants to be told the Region of a bucket, but for us-east-1, which it refuses to hear."""
    s3 = storage()
    artifacts.send(fake(region, s3=s3), "shop", LONG)
    (words,) = s3.words("create_bucket")
    name = f"msaspec-templates-{ACCOUNT}-{region}"
    assert words == {"Bucket": name, "ObjectOwnership": "BucketOwnerEnforced", **where}


def test_us_east_1_takes_the_request(aws: Aws) -> None:
    """In us-east-1, too, the bucket comes about."""
    assert artifacts.send(moto("us-east-1"), "shop", LONG).made


def test_a_bucket_that_is_there_is_left_as_it_is() -> None:
    """The second time there is only a look and an upload: nobody's settings are made again."""
    s3 = storage(head_bucket={})
    assert not artifacts.send(fake(s3=s3), "shop", LONG).made
    assert s3.names() == ["head_bucket", "put_object"]


def test_every_request_is_for_a_bucket_of_this_account() -> None:
    """A bucket that somebody else made first is never written to, whoever makes it when."""
    s3 = storage()
    artifacts.send(fake(s3=s3), "shop", LONG)
    assert s3.names() == ["head_bucket", "create_bucket", *SETTINGS, "put_object"]
    others = [words["ExpectedBucketOwner"] for name, words in s3.calls if name != "create_bucket"]
    assert set(others) == {ACCOUNT}


def test_the_bucket_of_another_account_is_told() -> None:
    """A bucket that refuses these credentials is MSA609, and nothing is uploaded."""
    s3 = storage(head_bucket=refusal("403", status=403))
    with pytest.raises(Fault) as caught:
        artifacts.send(fake(s3=s3), "shop", LONG)
    (said,) = caught.value.diagnostics
    assert (said.code, BUCKET in said.message, s3.names()) == ("MSA609", True, ["head_bucket"])


def test_other_refusals_pass_through() -> None:
    """What is no question of whose the bucket is stays what AWS said."""
    error = refusal("SlowDown", status=503)
    with pytest.raises(type(error)) as caught:
        artifacts.send(fake(s3=storage(head_bucket=error)), "shop", LONG)
    assert caught.value is error


def test_two_deployments_may_make_the_bucket_at_once() -> None:
    """Whoever comes second finds that the bucket was made between the look and the request, and goes on."""
    s3 = storage(create_bucket=refusal("BucketAlreadyOwnedByYou", status=409))
    sent = artifacts.send(fake(s3=s3), "shop", LONG)
    assert (sent.made, s3.names()[-1]) == (False, "put_object")


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_bucket_that_cannot_be_closed_does_not_stay(setting: str) -> None:
    """Where a setting is refused the empty bucket goes again, so that the next run does not take it for finished."""
    error = refusal("AccessDenied", status=403)
    s3 = storage(**{setting: error})
    with pytest.raises(type(error)) as caught:
        artifacts.send(fake(s3=s3), "shop", LONG)
    assert caught.value is error
    assert s3.words("delete_bucket") == [{"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}]
    assert "put_object" not in s3.names()


def test_the_first_cause_is_told_where_the_bucket_stays() -> None:
    """If the bucket cannot be deleted either, it is still the refused setting that is told."""
    error = refusal("AccessDenied", "the setting")
    s3 = storage(put_bucket_policy=error, delete_bucket=refusal("AccessDenied", "the deletion"))
    with pytest.raises(type(error)) as caught:
        artifacts.send(fake(s3=s3), "shop", LONG)
    assert caught.value is error


@pytest.mark.parametrize(
    ("partition", "region", "suffix"),
    [
        ("aws", "eu-west-1", "amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
        ("aws-eusc", "eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_partitions_have_their_own_names(partition: str, region: str, suffix: str) -> None:
    """In China and in Europe's sovereign cloud hosts end otherwise; ARNs name the partition."""
    s3 = storage()
    sent = artifacts.send(fake(region, s3=s3, sts=caller(partition)), "shop", LONG)
    assert sent.words["TemplateURL"].startswith(f"https://msaspec-templates-{ACCOUNT}-{region}.s3.{region}.{suffix}/")
    (words,) = s3.words("put_bucket_policy")
    assert f"arn:{partition}:s3:::" in words["Policy"]
