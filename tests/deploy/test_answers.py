"""What comes back is an answer of AWS, or is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from msaspec.deploy.aws import answers, fault
from msaspec.deploy.aws.answers import NotAnAnswer, checked
from tests.deploy.test_fault import KEYS, Raw

PAGE = b"<!DOCTYPE html><html><body>Sign in to use this network.</body></html>"
WELL_FORMED = b"<html><head><title>Welcome</title></head><body/></html>"
JSON = {"Content-Type": "application/x-amz-json-1.1"}
OK = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
STACKS = f"<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult>{OK}</DescribeStacksResponse>"
EXECUTED = f"<ExecuteChangeSetResponse><ExecuteChangeSetResult/>{OK}</ExecuteChangeSetResponse>"
Call = Callable[[Any], Any]


def stacks(client: Any) -> Any:
    """A read of a query service."""
    return client.describe_stacks()


def execute(client: Any) -> Any:
    """A write of a query service, whose answer has nothing in it."""
    return client.execute_change_set(ChangeSetName="arn:x")


def guard(client: Any) -> Any:
    """A write whose operation gives nothing at all."""
    return client.set_stack_policy(StackName="shop", StackPolicyBody="{}")


def events(client: Any) -> Any:
    """A read of a JSON service."""
    return client.filter_log_events(logGroupName="g")


def forget(client: Any) -> Any:
    """A write of a JSON service that gives nothing."""
    return client.delete_log_group(logGroupName="g")


def buckets(client: Any) -> Any:
    """A list of S3."""
    return client.list_buckets()


def put(client: Any) -> Any:
    """A write of S3 that gives headers alone."""
    return client.put_object(Bucket="b", Key="k", Body=b"")


def versions(client: Any) -> Any:
    """A read of S3."""
    return client.list_object_versions(Bucket="b")


def drop(client: Any) -> Any:
    """A write of S3 that gives nothing."""
    return client.delete_bucket(Bucket="b")


class Stub:
    """A client of a service whose requests are answered so, one after the other; the last stays."""

    def __init__(
        self, service: str, *bodies: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self.asked = 0
        self.bodies, self.status, self.headers = bodies, status, dict(headers or {})
        self.client = checked(
            boto3.client(service, region_name="eu-west-1", config=Config(retries={"mode": "adaptive"}), **KEYS)
        )
        self.client.meta.events.register("before-send", self.answer)

    def answer(self, request: Any, **ignored: Any) -> AWSResponse:
        """The next one."""
        body = self.bodies[min(self.asked, len(self.bodies) - 1)]
        self.asked += 1
        return AWSResponse(request.url, self.status, self.headers, Raw(body))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two attempts."""
    monkeypatch.setattr(answers, "PAUSE", 0.0)


@pytest.mark.parametrize("body", [PAGE, WELL_FORMED, b"\x80garbage{<", b"It works.", b"[1]", b'"text"'])
@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("cloudformation", stacks),
        ("cloudformation", execute),
        ("cloudformation", guard),
        ("logs", events),
        ("logs", forget),
        ("s3", versions),
    ],
)
def test_what_is_no_answer_is_never_believed(service: str, call: Call, body: bytes) -> None:
    """Whatever the service speaks, and whether it would give something or not."""
    with pytest.raises((NotAnAnswer, ClientError)) as raised:  # botocore itself makes a failure of some, for S3
        call(Stub(service, body).client)
    assert fault.is_passing(raised.value)
    found = fault.of(raised.value, "eu-west-1")
    assert found
    assert found.diagnostics[0].code in ("MSA604", "MSA635")


@pytest.mark.parametrize("body", [PAGE, WELL_FORMED])
def test_a_page_for_a_deletion_of_a_bucket(body: bytes) -> None:
    """S3 says nothing there, so a page is seen as what it is."""
    with pytest.raises(NotAnAnswer):
        drop(Stub("s3", body).client)


@pytest.mark.parametrize(
    ("service", "call", "body"),
    [
        ("cloudformation", stacks, b""),
        ("cloudformation", execute, b""),
        ("cloudformation", stacks, b"<DescribeStacksResponse/>"),
        ("cloudformation", stacks, STACKS.replace("<Stacks/>", "").encode()),
        ("logs", events, b""),
        ("logs", events, b"{}"),
        ("s3", buckets, b""),
        ("s3", buckets, b"<ListAllMyBucketsResult/>"),
        ("s3", versions, b""),
    ],
)
def test_an_empty_answer_is_none(service: str, call: Call, body: bytes) -> None:
    """Where the operation gives something, or says at least that it did what was asked."""
    with pytest.raises(NotAnAnswer):
        call(Stub(service, body, headers=JSON if service == "logs" else {}).client)


def test_a_body_that_breaks_off() -> None:
    """Its length says so, although botocore reads it as an empty answer."""
    whole = json.dumps({"events": [], "searchedLogStreams": []}).encode()
    stub = Stub("logs", whole[:-9], headers={**JSON, "Content-Length": str(len(whole))})
    with pytest.raises(NotAnAnswer, match=f"it breaks off after {len(whole) - 9} of {len(whole)} bytes"):
        events(stub.client)


@pytest.mark.parametrize(
    ("service", "call", "bad", "good"),
    [
        ("cloudformation", stacks, PAGE, STACKS.encode()),
        ("logs", events, b"{}", b'{"events": []}'),
        ("logs", events, PAGE, b'{"events": []}'),
    ],
)
def test_a_read_is_asked_again(service: str, call: Call, bad: bytes, good: bytes) -> None:
    """Twice; whoever answers the third time is believed or not."""
    stub = Stub(service, bad, bad, good)
    assert call(stub.client)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert stub.asked == 3
    stub = Stub(service, bad)
    with pytest.raises(NotAnAnswer):
        call(stub.client)
    assert stub.asked == 3


def test_a_write_is_not_asked_again() -> None:
    """It may have arrived."""
    stub = Stub("cloudformation", PAGE)
    with pytest.raises(NotAnAnswer):
        execute(stub.client)
    assert stub.asked == 1


@pytest.mark.parametrize(
    ("service", "call", "body", "headers"),
    [
        ("cloudformation", stacks, STACKS.encode(), {}),
        ("cloudformation", stacks, STACKS.replace("Response>", 'Response xmlns="http://x/">', 1).encode(), {}),
        ("cloudformation", execute, EXECUTED.encode(), {}),
        ("cloudformation", guard, f"<SetStackPolicyResponse>{OK}</SetStackPolicyResponse>".encode(), {}),
        ("logs", events, b'{"events": []}', JSON),
        ("logs", forget, b"", JSON),
        ("logs", forget, b"{}", JSON),
        ("s3", versions, b"<ListVersionsResult><Name>b</Name></ListVersionsResult>", {}),
        ("s3", drop, b"", {}),
        ("s3", put, b"", {}),
        ("s3", buckets, b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>", {}),
    ],
)
def test_an_answer_of_aws_is_believed(service: str, call: Call, body: bytes, headers: Mapping[str, str]) -> None:
    """Also where there is nothing in it, because there is nothing."""
    stub = Stub(service, body, headers={**headers, "Content-Length": str(len(body))})
    assert call(stub.client)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert stub.asked == 1


@pytest.mark.parametrize("asked", ["shop", "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1"])
def test_an_answer_about_another_stack_is_not_believed(asked: str) -> None:
    """As a cache would give it: of a write, which may not have arrived, and of reads."""

    def stub(operation: str, inner: str) -> Any:
        body = f"<{operation}Response><{operation}Result>{inner}</{operation}Result>{OK}</{operation}Response>"
        return Stub("cloudformation", body.encode()).client

    def member(list: str, name: str) -> str:
        return f"<{list}><member><StackId>{named(name)}</StackId><StackName>{name}</StackName></member></{list}>"

    def named(name: str) -> str:
        return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"

    def all_of(name: str) -> None:
        protected = stub("UpdateTerminationProtection", f"<StackId>{named(name)}</StackId>")
        protected.update_termination_protection(StackName=asked, EnableTerminationProtection=True)
        assert stub("DescribeStacks", member("Stacks", name)).describe_stacks(StackName=asked)["Stacks"]
        found = stub("DescribeStackEvents", member("StackEvents", name)).describe_stack_events(StackName=asked)
        assert found["StackEvents"]

    all_of("shop")
    with pytest.raises(NotAnAnswer, match="another stack"):
        all_of("shop-registry")
    for operation, list, method in (
        ("DescribeStacks", "Stacks", "describe_stacks"),
        ("DescribeStackEvents", "StackEvents", "describe_stack_events"),
    ):
        with pytest.raises(NotAnAnswer, match="another stack"):
            getattr(stub(operation, member(list, "other")), method)(StackName=asked)
    assert stub("DescribeStacks", member("Stacks", "other")).describe_stacks()["Stacks"], "where none is named"


def test_a_policy_that_was_never_set() -> None:
    """Of this one operation an answer without anything is one."""
    body = f"<GetStackPolicyResponse><GetStackPolicyResult/>{OK}</GetStackPolicyResponse>".encode()
    assert "StackPolicyBody" not in Stub("cloudformation", body).client.get_stack_policy(StackName="shop")


def test_a_refusal_stays_one() -> None:
    """In each protocol."""
    xml = b"<ErrorResponse><Error><Code>ValidationError</Code><Message>No.</Message></Error></ErrorResponse>"
    for service, call, body in (("cloudformation", stacks, xml), ("logs", events, b'{"__type": "ValidationError"}')):
        with pytest.raises(ClientError) as raised:
            call(Stub(service, body, status=400).client)
        assert fault.code_of(raised.value) == "ValidationError"


@pytest.mark.parametrize("body", [PAGE, WELL_FORMED, b"Bad Gateway", b""])
def test_a_page_of_a_gateway_is_asked_again_as_any_failure(body: bytes) -> None:
    """botocore does that, if it does not stumble over the page."""
    stub = Stub("cloudformation", body, status=502)
    stub.client.meta.events.register("needs-retry", lambda attempts, **_: None)
    with pytest.raises(ClientError) as raised:
        stacks(stub.client)
    assert stub.asked > 1
    found = fault.of(raised.value, "eu-west-1")
    assert found
    assert (found.diagnostics[0].code, "Wait a minute" in (found.diagnostics[0].hint or "")) == ("MSA635", True)
