"""The proxy: every fault is what it says it is, as botocore sees it, in each protocol of AWS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError

from tests.chaos import operations
from tests.chaos.faults import FAULTS, Answer
from tests.chaos.plans import Kill, Moment, Plan, Rule, faulty
from tests.chaos.proxy import Proxy, proxied

STACKS = (
    b"<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>a</StackName></member></Stacks>"
    b"</DescribeStacksResult></DescribeStacksResponse>"
)
ANSWERS = {
    "cloudformation": STACKS,
    "sts": b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>"
    b"</GetCallerIdentityResponse>",
    "ecr": b'{"repositories": [{"repositoryName": "a"}]}',
    "logs": b'{"events": []}',
    "s3": b"<ListVersionsResult><Name>a</Name></ListVersionsResult>",
    "ec2": b"<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>",
    "lambda": b'{"Functions": []}',
}
"""What each service answers where nothing is wrong."""


class Upstream:
    """An AWS that answers everything, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.endpoint = ""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """One for all tests."""
    found = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            found.count += 1
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = ANSWERS[self.headers["Authorization"].split("/")[3]]
            self.send_response_only(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    found.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "cloudformation": ("describe_stacks", {}, "DescribeStacks"),
    "ecr": ("describe_repositories", {}, "DescribeRepositories"),
    "logs": ("filter_log_events", {"logGroupName": "a"}, "FilterLogEvents"),
    "s3": ("list_object_versions", {"Bucket": "a"}, "ListObjectVersions"),
    "ec2": ("describe_vpcs", {}, "DescribeVpcs"),
    "lambda": ("list_functions", {}, "ListFunctions"),
}
"""A call of a service of each protocol."""


def client(service: str, endpoint: str) -> Any:
    """A client that asks once."""
    words = {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}}
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=endpoint, config=Config(**words), **keys)


def called(service: str, endpoint: str) -> Any:
    """What a call of a service gives or raises."""
    method, words, _ = CALLS[service]
    try:
        return getattr(client(service, endpoint), method)(**words)
    except Exception as error:
        return error


@contextmanager
def faulted(upstream: Upstream, service: str, fault: str) -> Iterator[Proxy]:
    """A proxy in which each call of a service goes wrong."""
    with proxied(upstream.endpoint, faulty([Rule(CALLS[service][2], 1, fault, "ever")])) as proxy:
        yield proxy


REFUSALS = {
    "throttled": ("Throttling", "ThrottlingException", "SlowDown", "RequestLimitExceeded", "TooManyRequestsException"),
    "denied": ("AccessDenied", "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "AccessDenied"),
    "expired": ("ExpiredToken", "ExpiredTokenException", "ExpiredToken", "RequestExpired", "ExpiredTokenException"),
    "skewed": (
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "RequestTimeTooSkewed",
        "RequestExpired",
        "InvalidSignatureException",
    ),
    "500": ("InternalFailure", "InternalFailure", "InternalError", "InternalError", "ServiceException"),
}


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.parametrize(
    ("service", "index"), [("cloudformation", 0), ("ecr", 1), ("logs", 1), ("s3", 2), ("ec2", 3), ("lambda", 4)]
)
def test_a_refusal_has_the_shape_of_its_protocol(upstream: Upstream, service: str, index: int, fault: str) -> None:
    """botocore reads code and message out of it, and the request did not reach AWS."""
    before = upstream.count
    with faulted(upstream, service, fault) as proxy:
        error = called(service, proxy.endpoint)
    assert isinstance(error, exceptions.ClientError), error
    assert error.response["Error"]["Code"].startswith(REFUSALS[fault][index])
    assert error.response["Error"]["Message"]
    assert (upstream.count, proxy.hits) == (before, 1)


BROKEN = (exceptions.ConnectionClosedError, exceptions.EndpointConnectionError)


@pytest.mark.parametrize("fault", ["closed", "closed-after", "reset", "reset-after"])
def test_a_connection_that_ends(upstream: Upstream, fault: str) -> None:
    """botocore takes it for a connection that was lost; the request arrived, or did not."""
    before = upstream.count
    with faulted(upstream, "cloudformation", fault) as proxy:
        assert isinstance(called("cloudformation", proxy.endpoint), BROKEN)
    assert upstream.count - before == FAULTS[fault].reaches


@pytest.mark.parametrize("fault", ["page-200", "garbage", "empty", "cut", "page-200-after", "garbage-after"])
def test_what_is_no_answer(upstream: Upstream, fault: str) -> None:
    """A query service is not understood. Of a service that speaks JSON, botocore makes an empty answer of it, and
    bytes that are no text make it stumble."""
    with faulted(upstream, "cloudformation", fault) as proxy:
        found = called("cloudformation", proxy.endpoint)
    assert isinstance(found, ResponseParserError | KeyError | exceptions.IncompleteReadError) or "Stacks" not in found
    with faulted(upstream, "ecr", fault) as proxy:
        found = called("ecr", proxy.endpoint)
    assert isinstance(found, UnicodeDecodeError) if "garbage" in fault else "repositories" not in found


@pytest.mark.parametrize("service", CALLS)
def test_an_answer_without_a_result(upstream: Upstream, service: str) -> None:
    """It is well-formed, and there is nothing in it."""
    with faulted(upstream, service, "no-result") as proxy:
        found = called(service, proxy.endpoint)
    assert isinstance(found, dict), found
    assert set(found) <= {"ResponseMetadata", "RequestCharged"}


@pytest.mark.parametrize("fault", ["502", "503", "504", "page-403"])
def test_an_answer_that_is_an_error_of_something_else(upstream: Upstream, fault: str) -> None:
    """An error with the status of the page."""
    with faulted(upstream, "cloudformation", fault) as proxy:
        error = called("cloudformation", proxy.endpoint)
    assert isinstance(error, exceptions.ClientError)
    assert str(error.response["ResponseMetadata"]["HTTPStatusCode"]) in fault


def test_a_rule_counts_the_calls_of_its_operation(upstream: Upstream) -> None:
    """Others pass, and so do the calls before and after; what was seen is kept in its order."""
    with proxied(upstream.endpoint, faulty([Rule("DescribeStacks", 2, "500")])) as proxy:
        stacks, sts = client("cloudformation", proxy.endpoint), client("sts", proxy.endpoint)
        assert stacks.describe_stacks()["Stacks"][0]["StackName"] == "a"
        assert sts.get_caller_identity()["Account"] == "1"
        with pytest.raises(exceptions.ClientError, match="InternalFailure"):
            stacks.describe_stacks()
        assert stacks.describe_stacks()["Stacks"]
    assert [call.fault for call in proxy.calls] == [None, None, "500", None]
    assert [call.status for call in proxy.calls] == [200, 200, None, 200]
    assert proxy.names() == ["DescribeStacks", "GetCallerIdentity", "DescribeStacks", "DescribeStacks"]


def test_an_earlier_answer_comes_again(upstream: Upstream) -> None:
    """Where there is none yet the request passes, and nothing went wrong."""
    before = upstream.count
    with proxied(upstream.endpoint, faulty([Rule("DescribeStacks", 1, "stale", "ever")])) as proxy:
        asking = client("cloudformation", proxy.endpoint)
        assert asking.describe_stacks()["Stacks"] == asking.describe_stacks()["Stacks"]
    assert (proxy.hits, upstream.count - before) == (1, 1)


@pytest.mark.parametrize(("moment", "arrives"), [("before", 0), ("after", 1), ("answered", 1)])
def test_a_signal_comes_at_a_call(upstream: Upstream, moment: str, arrives: int) -> None:
    """Whoever asked for it is told the number of the signal; the request arrives before it, or does not."""
    struck: list[int] = []
    before = upstream.count
    plan = Plan(kill=Kill("DescribeStacks", 2, "SIGINT", Moment(moment)))
    with proxied(upstream.endpoint, plan, struck.append) as proxy:
        asking = client("cloudformation", proxy.endpoint)
        asking.describe_stacks()
        if moment == "answered":
            assert asking.describe_stacks()["Stacks"]
        else:
            with pytest.raises(BROKEN):
                asking.describe_stacks()
    assert (struck, upstream.count - before, proxy.hits) == ([2], 1 + arrives, 1)


def test_it_is_known_at_which_stack_something_began() -> None:
    """By its name or id; that of a change set since it was made."""
    made = "<Id>arn:changeSet/a/1</Id><StackId>arn:aws:cloudformation:us-east-1:1:stack/shop/2</StackId>"
    proxy = Proxy("http://127.0.0.1:1", Plan(), lambda number: None)
    asked = {name: operations.Operation("cloudformation", name, "query") for name in ("CreateChangeSet", "DeleteStack")}
    assert proxy._subject(asked["CreateChangeSet"], Answer(200, made.encode(), {}), b"StackName=shop") == ""
    execute = operations.Operation("cloudformation", "ExecuteChangeSet", "query")
    assert proxy._subject(execute, None, b"ChangeSetName=arn%3AchangeSet%2Fa%2F1") == "shop"
    for name in (b"shop", b"arn%3Aaws%3Acloudformation%3Aus-east-1%3A1%3Astack%2Fshop%2F2"):
        assert proxy._subject(asked["DeleteStack"], None, b"StackName=" + name) == "shop"


S3 = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host"}


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/b?versions", "ListObjectVersions"),
        ("GET", "/b?uploads", "ListMultipartUploads"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("DELETE", "/b", "DeleteBucket"),
        ("HEAD", "/b", "HeadBucket"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b?encryption", "PutBucketEncryption"),
        ("PUT", "/b/some/key.yaml", "PutObject"),
        ("DELETE", "/b/key?uploadId=1", "AbortMultipartUpload"),
    ],
)
def test_operations_of_s3_are_known_by_their_paths(method: str, target: str, name: str) -> None:
    """The most exact pattern of botocore's model is the operation."""
    assert operations.of(method, target, S3, b"").name == name


def test_what_is_not_signed_is_unknown() -> None:
    """It passes, and has no name."""
    assert operations.of("GET", "/", {}, b"") == operations.UNKNOWN
