"""Why an operation failed: on the manifest line, with the last words of the service, and what comes next."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions

from msaspec.deploy.aws import tail
from msaspec.deploy.aws.events import ordered, read
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.context import Context
from msaspec.deploy.failure import explained
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.watch import Outcome
from tests import template
from tests.deploy.by_hand import refusal
from tests.deploy.recorded import NOON, STACK, STACK_ID, Heard, Recorded, aws, event, listed

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: }
services:
  cart:
    image: 'cart:1.0'
    port: 8000
  user: {image: user, port: 8001}
"""
COMPILED = template.compiled(MANIFEST)
DOCUMENT = COMPILED.plan.manifest.document
GROUP = "AWS::Logs::LogGroup"
INSTANCE = "AWS::EC2::Instance"
REASON = "Received 1 FAILURE signal(s) out of 1.\nUnable to satisfy 100% MinSuccessfulInstancesPercent requirement"
RESOURCES = listed(
    ("CartLogGroup", GROUP, "CREATE_COMPLETE"),
    ("UserLogGroup", GROUP, "CREATE_COMPLETE"),
    ("CartInstance", INSTANCE, "CREATE_FAILED"),
)


def outcome(status: str, *rows: dict[str, Any], reason: str | None = None) -> Outcome:
    """An end after these events."""
    return Outcome(status, reason, tuple(ordered(read(rows))))


CART = event("CREATE_FAILED", "CartInstance", 3, kind=INSTANCE, reason=REASON)
BUCKET = event("UPDATE_FAILED", "MediaBucket", 3, reason="No.")


def logs(*messages: str, streams: int = 1) -> Recorded:
    """CloudWatch Logs, where every stream has these lines."""
    names = [{"logStreamName": f"i-{number}"} for number in range(streams)]
    events = [{"timestamp": 1, "message": message} for message in messages]
    return Recorded("logs", describe_log_streams={"logStreams": names}, get_log_events={"events": events})


HERE = Invocation("shop.yaml", words=" --region eu-west-1")


def failed(
    ended: Outcome, document: Any = DOCUMENT, resources: Any = RESOURCES, log: Recorded | None = None
) -> tuple[Fault, Recorded]:
    """The failure of an operation that ended so."""
    client = Recorded(list_stack_resources=resources)
    there = aws(cloudformation=client, logs=log or logs())
    entry_of = lambda name: COMPILED.stack.origins.get(name, ())  # noqa: E731
    return explained(Context(there, Heard(), HERE, document), entry_of, STACK, STACK_ID, ended), client


def test_a_failure_on_its_manifest_line() -> None:
    """The resource, its entry, CloudFormation's reason in full on one line, the stack's end, and what comes next."""
    fault, _ = failed(outcome("ROLLBACK_COMPLETE", CART))
    (diagnostic,) = fault.diagnostics
    assert diagnostic.code == "MSA620"
    assert diagnostic.message == (
        "AWS::EC2::Instance `CartInstance` of `services.cart` failed to create: Received 1 FAILURE signal(s) out of 1. "
        "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement. The stack shop is ROLLBACK_COMPLETE."
    )
    assert (str(diagnostic.span), diagnostic.excerpt) == ("msa.yaml:6:3", "  cart:")


def test_a_failure_without_a_manifest() -> None:
    """Whoever only watches has no lines; the entry is named all the same."""
    (diagnostic,) = failed(outcome("ROLLBACK_COMPLETE", CART), document=None)[0].diagnostics
    assert diagnostic.span is None
    assert "`CartInstance` of `services.cart` failed to create" in diagnostic.message


def test_a_failure_without_a_reason() -> None:
    """It is said that there is none."""
    (diagnostic,) = failed(outcome("UPDATE_ROLLBACK_COMPLETE", {**BUCKET, "ResourceStatusReason": ""}))[0].diagnostics
    assert diagnostic.message == (
        "AWS::S3::Bucket `MediaBucket` of `buckets.media` failed to update: CloudFormation gives no reason. "
        "The stack shop is UPDATE_ROLLBACK_COMPLETE."
    )


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (
            outcome("ROLLBACK_COMPLETE", event("ROLLBACK_IN_PROGRESS", reason="Rollback requested by user")),
            "The stack shop is ROLLBACK_COMPLETE: Rollback requested by user.",
        ),
        (outcome("UPDATE_FAILED", reason="Export is in use."), "The stack shop is UPDATE_FAILED: Export is in use."),
        (outcome("UPDATE_FAILED"), "The stack shop is UPDATE_FAILED: CloudFormation gives no reason."),
    ],
)
def test_a_stack_that_failed_by_itself(ended: Outcome, message: str) -> None:
    """Where no resource is to blame, the stack's own words have to do, and no line is pointed at."""
    fault, client = failed(ended)
    (diagnostic,) = fault.diagnostics
    assert (diagnostic.message, diagnostic.span, fault.details, client.calls) == (message, None, (), [])


REST = "--region eu-west-1 shop.yaml"
KEPT = (
    f"Everything created so far is kept. Correct the cause, then continue from there: msaspec deploy {REST}. "
    f"Or delete it: msaspec destroy {REST}"
)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", f"The system is as it was before. Correct the cause, then: msaspec deploy {REST}"),
        (
            "ROLLBACK_COMPLETE",
            f"Correct the cause, then: msaspec deploy {REST}, which offers to delete what is left.",
        ),
        ("CREATE_FAILED", KEPT),
        (
            "ROLLBACK_FAILED",
            f"The rollback failed. See what is left: msaspec status {REST}. Delete it: msaspec destroy {REST}",
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            f"The rollback failed, too. Remove the cause, then: msaspec continue-rollback {REST}",
        ),
        ("DELETE_FAILED", f"Remove the cause, then run again: msaspec destroy {REST}"),
        ("UPDATE_FAILED", KEPT),
    ],
)
def test_what_comes_next(status: str, hint: str) -> None:
    """Each end has its next command, whether a resource or the stack itself failed."""
    for rows in ((CART,), ()):
        (diagnostic,) = failed(outcome(status, *rows))[0].diagnostics
        assert diagnostic.hint == hint


def test_the_last_words_of_a_service() -> None:
    """The log of the service that failed, and of no other; what would steer the terminal is made visible."""
    log = logs("started\n", "\x1b[31mOut of memory\x1b[0m\r\n", "a\tb\x07")
    fault, client = failed(outcome("ROLLBACK_COMPLETE", CART), log=log)
    assert fault.details == (
        "Log group shop-cartloggroup, stream i-0:",
        "  started",
        "  \ufffd[31mOut of memory\ufffd[0m",
        "  a\tb\ufffd",
    )
    assert client.words("list_stack_resources") == [{"StackName": STACK_ID}]
    assert [words["logGroupName"] for words in log.words("describe_log_streams")] == ["shop-cartloggroup"]


def test_the_last_words_of_a_service_whose_edge_failed() -> None:
    """What lies between a service and what it uses is of the service; the line is that of the edge."""
    entry = ("services", "cart", "uses", "media")
    row = event("CREATE_FAILED", "CartToMediaPolicy", reason="No.")
    there = aws(cloudformation=Recorded(list_stack_resources=RESOURCES), logs=logs("a line"))
    origins = {**COMPILED.stack.origins, "CartToMediaPolicy": entry, "CartLogGroup": ("services", "cart", "logs")}
    context = Context(there, Heard(), HERE, DOCUMENT)
    fault = explained(context, lambda name: origins[name], STACK, STACK_ID, outcome("ROLLBACK_COMPLETE", row))
    assert fault.details == ("Log group shop-cartloggroup, stream i-0:", "  a line")


def test_only_services_have_last_words() -> None:
    """A bucket has no log, and a log group that failed has nothing in it."""
    for row in (BUCKET, event("CREATE_FAILED", "CartLogGroup", kind=GROUP, reason="No.")):
        fault, client = failed(outcome("ROLLBACK_COMPLETE", row), log=logs("a line"))
        assert (fault.details, client.calls) == ((), [])


@pytest.mark.parametrize("name", ["UserLogGroup", "CartLogGroup"])
def test_no_log_group(name: str) -> None:
    """A service without a log group, or with one that was never made, has no last words."""
    resources = listed((name, GROUP, "CREATE_FAILED"))
    resources["StackResourceSummaries"][0]["PhysicalResourceId"] = ""
    assert failed(outcome("ROLLBACK_COMPLETE", CART), resources=resources, log=logs("a line"))[0].details == ()


BROKEN = [
    refusal("ResourceNotFoundException", "The specified log group does not exist."),
    refusal("AccessDeniedException", "No."),
    refusal("ThrottlingException", "Rate exceeded"),
    exceptions.EndpointConnectionError(endpoint_url="https://x"),
]


@pytest.mark.parametrize("error", BROKEN, ids=["missing", "forbidden", "throttled", "lost"])
def test_a_log_that_cannot_be_read(error: Exception) -> None:
    """What failed is told all the same: a second fault does not hide the first."""
    for words in ({"log": Recorded("logs", describe_log_streams=error)}, {"resources": error}):
        fault, _ = failed(outcome("ROLLBACK_COMPLETE", CART), **words)  # type: ignore[arg-type]
        assert (fault.diagnostics[0].code, fault.details) == ("MSA620", ())


def test_the_streams_that_spoke_last() -> None:
    """Two streams, fifteen lines each, the last ones; a stream without lines is not named."""
    log = logs("a line", streams=2)
    assert tail.last_lines(aws(logs=log), "/shop/cart") == [
        "Log group /shop/cart, stream i-0:",
        "  a line",
        "Log group /shop/cart, stream i-1:",
        "  a line",
    ]
    (asked,) = log.words("describe_log_streams")
    assert asked == {"logGroupName": "/shop/cart", "orderBy": "LastEventTime", "descending": True, "limit": 2}
    assert log.words("get_log_events")[0] == {
        "logGroupName": "/shop/cart",
        "logStreamName": "i-0",
        "limit": 15,
        "startFromHead": False,
    }
    assert tail.last_lines(aws(logs=logs(streams=2)), "/shop/cart") == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain", "plain"),
        ("plain\r\n", "plain"),
        ("tab\there", "tab\there"),
        ("\x1b]0;title\x07", "\ufffd]0;title\ufffd"),
        ("over\rwritten", "over\ufffdwritten"),
        ("\u202eright to left", "\ufffdright to left"),
        ("żółć 🦆", "żółć 🦆"),
        ("", ""),
    ],
)
def test_what_would_steer_the_terminal(written: str, shown: str) -> None:
    """Control characters are made visible, letters are left."""
    assert tail.readable(written) == shown


def test_events_have_times() -> None:
    """The stand-in is of AWS's kind: its times know their zone."""
    assert NOON.tzinfo is not None


def test_a_hook_says_why_it_refuses() -> None:
    """In its own words, before what CloudFormation says."""
    hooked = event("CREATE_IN_PROGRESS", "MediaBucket", 2) | {
        "HookType": "Org::S3::Encryption",
        "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": "Bucket keys are required",
    }
    said = "The following hook(s) failed: [Org::S3::Encryption]"
    fault, _ = failed(outcome("ROLLBACK_COMPLETE", hooked, event("CREATE_FAILED", "MediaBucket", 3, reason=said)))
    assert [each.code for each in fault.diagnostics] == ["MSA667", "MSA620"]
    assert "Org::S3::Encryption: Bucket keys are required." in fault.diagnostics[0].message
