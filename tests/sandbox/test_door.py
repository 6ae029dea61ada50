"""Who may come into a sandbox over HTTP: whoever has its key, and no web page."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from msaspec import sandbox
from msaspec.sandbox import signature
from msaspec.sandbox.door import Door, Key
from msaspec.sandbox.signature import Message
from msaspec.sandbox.world import World

KEY = Key("SANDBOXKEY", "secret")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A sandbox that is served."""
    with sandbox.serve() as world:
        yield world


def client(world: World, service: str, key: Key | None = None, host: str = "127.0.0.1", **words: Any) -> Any:
    """A client of boto3, with the key of the sandbox or another."""
    chosen = (key or world.key).credentials
    endpoint = world.endpoint.replace("127.0.0.1", host)
    config = Config(retries={"total_max_attempts": 1}, **words)
    return boto3.client(service, endpoint_url=endpoint, region_name="eu-west-1", config=config, **chosen)


# --- Signatures --------------------------------------------------------------------------------------------------

PATHS = st.lists(st.text("aZ09-._~ %ä&=+/:", max_size=6), max_size=4).map("/".join)
QUERIES = st.dictionaries(st.text("aB-.", min_size=1, max_size=3), st.text("aZ09-._~ %ä/:+", max_size=5), max_size=4)


def signed(auth: Any, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Message:
    """A request as botocore signs and sends it."""
    from urllib.parse import quote

    words = "&".join(f"{quote(name, safe='-_.~')}={quote(text, safe='-_.~')}" for name, text in query.items())
    url = f"http://127.0.0.1:4566/{quote(path, safe='/~')}{'?' if words else ''}{words}"
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    auth.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    sent = {name.lower(): str(text) for name, text in prepared.headers.items()}
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return Message(method, target, {"host": parts.netloc, **sent}, body)


@given(PATHS, QUERIES, st.binary(max_size=20), st.sampled_from(["sqs", "lambda", "execute-api"]), st.booleans())
def test_what_botocore_signs_fits(
    path: str, query: dict[str, str], body: bytes, service: str, in_address: bool
) -> None:
    """Of any path, query, header and body; and nothing of it can be changed, nor another secret be used."""
    kind, body = (SigV4QueryAuth, b"") if in_address else (SigV4Auth, body)
    auth = kind(Credentials(KEY.id, KEY.secret), service, "eu-west-1")
    headers = {"X-Amz-Target": "A.B", "X-Odd": "  two   spaces "}
    message = signed(auth, "POST", path, query, body, headers)
    found = signature.of(message)
    assert found is not None
    assert (found.key, found.service) == (KEY.id, service)
    assert signature.fits(message, found, KEY.secret)
    assert not signature.fits(message, found, "another")
    for changed in (
        Message("PUT", message.target, message.headers, body),
        Message("POST", message.target.replace("?", "x?", 1) + "x", message.headers, body),
        Message("POST", message.target, {**message.headers, "x-amz-target": "A.C"}, body),
        Message("POST", message.target, message.headers, body + b"x"),
    ):
        again = signature.of(changed)
        assert again is None or not signature.fits(changed, again, KEY.secret)


@pytest.mark.parametrize("service", ["cloudformation", "ec2", "lambda", "route53", "s3", "ssm", "cloudfront"])
def test_another_key_is_refused_in_the_words_of_each_protocol(service: str, world: World) -> None:
    """The client reads the code and the sentence, whichever form it reads."""
    call = {"cloudformation": "list_stacks", "ec2": "describe_vpcs", "lambda": "list_functions", "s3": "list_buckets"}
    call |= {"route53": "list_hosted_zones", "ssm": "describe_parameters", "cloudfront": "list_distributions"}
    getattr(client(world, service), call[service])()
    for key, code in (
        (Key("SANDBOX", world.key.secret), "UnrecognizedClientException"),
        (Key(world.key.id, "another"), "SignatureDoesNotMatch"),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(client(world, service, key), call[service])()
        assert caught.value.response["Error"]["Code"] == code
        assert "sandbox" in caught.value.response["Error"]["Message"] or code == "SignatureDoesNotMatch"


def test_objects_of_odd_names_go_in_and_out(world: World) -> None:
    """What S3 signs in its own ways: names, streams, checksums, metadata, addresses that are signed beforehand."""
    for host in ("127.0.0.1", "localhost"):
        s3 = client(world, "s3", host=host, s3={"addressing_style": "path"})
        s3.create_bucket(Bucket="odd", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        key = "a b/ä+%&=?.txt"
        s3.put_object(Bucket="odd", Key=key, Body=b"x" * 100_000, Metadata={"under_score": "1", "two": "a  b"})
        assert s3.get_object(Bucket="odd", Key=key)["Body"].read() == b"x" * 100_000
        for version in ("s3v4", "s3"):
            url = client(world, "s3", signature_version=version).generate_presigned_url(
                "get_object", Params={"Bucket": "odd", "Key": key}
            )
            assert get(world, url.partition(world.endpoint)[2])[0] == 200
            assert get(world, url.partition(world.endpoint)[2].replace("Signature=", "Signature=0"))[0] == 403
        s3.delete_object(Bucket="odd", Key=key)
        s3.delete_bucket(Bucket="odd")


def test_keys_that_are_made_in_the_sandbox_open_it(world: World) -> None:
    """Those of a role's session, and of an IAM user."""
    session = client(world, "sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="session")
    role = Key(session["Credentials"]["AccessKeyId"], session["Credentials"]["SecretAccessKey"])
    assert client(world, "ec2", role).describe_vpcs()
    iam = client(world, "iam")
    iam.create_user(UserName="somebody")
    made = iam.create_access_key(UserName="somebody")["AccessKey"]
    assert client(world, "ec2", Key(made["AccessKeyId"], made["SecretAccessKey"])).describe_vpcs()
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(world, "ec2", Key(made["AccessKeyId"], "x")).describe_vpcs()


# --- Requests of others ------------------------------------------------------------------------------------------


def get(world: World, target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a plain request."""
    connection = HTTPConnection("127.0.0.1", int(world.endpoint.rpartition(":")[2]), timeout=20)
    try:
        connection.request(method, target, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "target",
    ["/", "/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/latest/meta-data/", "/bucket/key", "/favicon.ico"],
)
def test_nothing_is_answered_without_the_key(target: str, world: World) -> None:
    """Not moto's own pages, not the metadata of instances, not an object."""
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert get(world, target, method)[0] == 403


def addressed(world: World, host: str = "") -> str:
    """Path and query of a request that is signed in its address."""
    where = f"http://{host}" if host else world.endpoint
    sts = boto3.client("sts", endpoint_url=where, region_name="eu-west-1", **world.key.credentials)
    url: str = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    return url.removeprefix(where)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:4566"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "same-origin"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:4566"},
        {"Host": "localhost.evil.example"},
        {"Host": "evilamazonaws.com"},
        {"Host": ""},
    ],
    ids=str,
)
def test_a_page_is_refused_even_with_the_key(headers: dict[str, str], world: World) -> None:
    """Whatever a browser sends along, and whichever name leads here; and no answer allows another origin anything."""
    target = addressed(world)
    status, answered, _ = get(world, target)
    assert status == 200
    assert not [name for name in answered if name.startswith("access-control-")]
    before = len(world.door.refused)
    status, answered, body = get(world, target, **headers)
    assert (status, b"sandbox" in body) == (403, True)
    assert not [name for name in answered if name.startswith("access-control-")]
    assert len(world.door.refused) == before + 1


def test_own_names_are_answered(world: World) -> None:
    """127.0.0.1 and localhost with any port, such as that of a proxy, subdomains of localhost, and AWS's own names."""
    port = world.endpoint.rpartition(":")[2]
    for host in (f"localhost:{port}", "127.0.0.1:1", "bucket.localhost", "[::1]:4566", "s3.eu-west-1.amazonaws.com"):
        assert get(world, addressed(world, host), Host=host)[0] != 403, host


def test_a_malformed_request_is_refused() -> None:
    """Not a fault of the server."""
    door = Door(None, KEY, lambda id: None)
    for authorization in (
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b",
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=////,x",
    ):
        statuses: list[str] = []
        environ = {
            "HTTP_HOST": "localhost",
            "REQUEST_METHOD": "GET",
            "REQUEST_URI": "/",
            "msaspec.headers": [("Authorization", authorization)],
        }
        door(environ, lambda status, headers, found=statuses: found.append(status))
        assert statuses == ["403 Forbidden"]


def test_a_compressed_body_is_signed_as_it_is_sent(world: World) -> None:
    """Whatever a service compresses."""
    logs = client(world, "logs")
    logs.create_log_group(logGroupName="/a")
    logs.create_log_stream(logGroupName="/a", logStreamName="b")
    events = [{"timestamp": 1_900_000_000_000, "message": gzip.compress(b"x").hex() * 3000}]
    logs.put_log_events(logGroupName="/a", logStreamName="b", logEvents=events)
