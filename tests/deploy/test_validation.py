"""What CloudFormation's checks before a deployment found, on manifest lines."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions

from msaspec.deploy import validation
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.options import DeployContext
from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.place import Span
from tests import template
from tests.deploy.by_hand import refusal
from tests.deploy.recorded import NOON, STACK, STACK_ID, Heard, Recorded, aws, paged
from tests.deploy.test_changeset import ID

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
buckets:
  files:
  media:
services:
  cart:
    image: 'cart:1.0'
    port: 8000
    runtime: {type: instance, instance_type: t4g.small}
patches:
  - {op: add, path: /Resources/MediaBucket/Properties/BucketName, value: shop-media}
"""
COMPILED = template.compiled(MANIFEST)
DOCUMENT = COMPILED.plan.manifest.document


def context(client: Recorded) -> DeployContext:
    """The surroundings, with a CloudFormation that answers so."""
    return DeployContext(aws(cloudformation=client), Heard(), Invocation(), document=DOCUMENT)


def event(name: str | None = "CartInstance", path: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of DescribeEvents about a check that failed."""
    about = {"LogicalResourceId": name, "ValidationPath": path}
    return {
        "EventId": "1",
        "StackId": STACK_ID,
        "OperationId": "2",
        "OperationType": "CREATE_CHANGESET",
        "EventType": "VALIDATION_ERROR",
        "ValidationFailureMode": "FAIL",
        "ValidationName": "NAME_CONFLICT_VALIDATION",
        "ValidationStatus": "FAILED",
        "ValidationStatusReason": "Resource of type 'AWS::S3::Bucket'\n already exists",
        "Timestamp": NOON,
        **{key: value for key, value in about.items() if value is not None},
        **more,
    }


def found(*events: dict[str, Any], size: int = 100) -> list[Diagnostic]:
    """What is told of these events."""
    client = Recorded(describe_events=paged("OperationEvents", events, size))
    told = validation.findings(context(client), ID, COMPILED.stack)
    assert client.words("describe_events")[0] == {"ChangeSetName": ID}
    return told


def where(diagnostic: Diagnostic) -> tuple[str, int]:
    """The text and the number of the line that a diagnostic points at."""
    assert diagnostic.span
    return (diagnostic.excerpt or "").strip(), diagnostic.span.line


def test_an_error_on_its_line() -> None:
    """The name of the check, the place in the template, AWS's reason on one line, and the manifest entry."""
    (told,) = found(event("CartInstance", "/Resources/CartInstance/Properties/LaunchTemplate"))
    assert (told.code, told.severity, told.hint) == ("MSA611", Severity.ERROR, None)
    assert told.message == (
        "NAME_CONFLICT_VALIDATION at `Resources/CartInstance/Properties/LaunchTemplate` of the template: "
        "Resource of type 'AWS::S3::Bucket' already exists"
    )
    assert (told.path, where(told)) == (("services", "cart"), ("cart:", 8))


def test_the_field_whose_value_is_complained_about() -> None:
    """Where the template holds a value of one field of the entry, that field is pointed at."""
    (told,) = found(event("CartLaunchTemplate", "/Properties/LaunchTemplateData/InstanceType"))
    assert told.path == ("services", "cart", "runtime", "instance_type")
    assert where(told) == ("runtime: {type: instance, instance_type: t4g.small}", 11)


def test_a_patch_that_wrote_it() -> None:
    """What a patch wrote is the patch's."""
    (told,) = found(event("MediaBucket", "/Resources/MediaBucket/Properties/BucketName"))
    assert told.path == ("patches", 0, "value")
    assert told.span
    assert told.span.line == 13


def test_a_warning_keeps_nothing() -> None:
    """A check that only warns is told as a warning."""
    (told,) = found(event("FilesBucket", ValidationFailureMode="WARN"))
    assert (told.severity, where(told)) == (Severity.WARNING, ("files:", 5))


def test_what_was_not_checked_is_left_out() -> None:
    """As is every event that is not about a check."""
    assert (
        found(event(ValidationStatus="SKIPPED"), event(EventType="STACK_EVENT"), event(EventType="PROVISIONING_ERROR"))
        == []
    )


def test_many_findings() -> None:
    """Over pages, in the order of the manifest, each once."""
    events = [event("CartInstance"), event("FilesBucket"), event("Vpc"), event("CartInstance")]
    told = found(*events, size=2)
    assert [each.path for each in told] == [("network",), ("buckets", "files"), ("services", "cart")]


def test_an_event_that_says_little() -> None:
    """Without a name, a reason, a place: still told, about the manifest as a whole."""
    bare = event(None)
    for key in ("ValidationName", "ValidationStatusReason", "ValidationFailureMode"):
        del bare[key]
    (told,) = found(bare)
    assert (told.severity, told.message, told.path) == (Severity.ERROR, "A check: It gives no reason.", ())
    assert told.span == Span("msa.yaml", 1, 1, 10)


@pytest.mark.parametrize(
    ("written", "rest"),
    [
        (None, ()),
        ("", ()),
        ("/", ()),
        ("/Properties", ("Properties",)),
        ("/Properties/BucketName", ("Properties", "BucketName")),
        ("Properties/BucketName", ("Properties", "BucketName")),
        ("/BucketName", ("Properties", "BucketName")),
        ("#/BucketName", ("Properties", "BucketName")),
        ("/Tags/0/Key", ("Properties", "Tags", 0, "Key")),
        ("/Resources/MediaBucket", ()),
        ("/Resources/MediaBucket/Properties/Tags/0", ("Properties", "Tags", 0)),
        ("#/Resources/MediaBucket/Properties/Tags/0", ("Properties", "Tags", 0)),
        ("/MediaBucket", ()),
        ("/MediaBucket/Properties/BucketName", ("Properties", "BucketName")),
        ("/MediaBucket/BucketName", ("Properties", "BucketName")),
        ("/DeletionPolicy", ("DeletionPolicy",)),
        ("/Properties/Tags/a~1b~0c", ("Properties", "Tags", "a/b~c")),
    ],
)
def test_the_spellings_of_a_path(written: str | None, rest: tuple[str | int, ...]) -> None:
    """From the root of the template, from the resource, from its properties; with and without what begins a pointer."""
    assert validation.path(event("MediaBucket", written)) == ("Resources", "MediaBucket", *rest)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, ()),
        ("/Resources/MediaBucket/Properties", ("Resources", "MediaBucket", "Properties")),
        ("/Parameters/CartImageTag", ("Parameters", "CartImageTag")),
    ],
)
def test_a_path_without_a_resource(written: str | None, expected: tuple[str, ...]) -> None:
    """Where no resource is named, the path is one from the root."""
    assert validation.path(event(None, written)) == expected


def test_a_resource_that_the_template_does_not_have() -> None:
    """Such as the stack itself: told about the manifest as a whole."""
    (told,) = found(event(STACK))
    assert told.path == ()


def unreadable(error: Exception) -> list[Diagnostic]:
    """What is told where the checks cannot be read."""
    client = Recorded(describe_events=error)
    return validation.findings(context(client), ID, COMPILED.stack)


def test_a_missing_permission_is_a_warning() -> None:
    """The deployment goes on without the checks, and the permission is named."""
    said = "User: a is not authorized to perform: cloudformation:DescribeEvents on resource: b"
    (told,) = unreadable(refusal("AccessDenied", said, 403, "DescribeEvents"))
    assert (told.code, told.severity) == ("MSA603", Severity.WARNING)
    assert told.message.startswith("The permission `cloudformation:DescribeEvents` is missing in eu-west-1: ")


def test_a_region_without_the_checks_is_a_warning() -> None:
    """CloudFormation there does not know the operation."""
    (told,) = unreadable(
        refusal("InvalidAction", "Could not find operation DescribeEvents", operation="DescribeEvents")
    )
    assert (told.code, told.severity) == ("MSA606", Severity.WARNING)


def test_a_lost_connection_is_none() -> None:
    """What would meet the next request, too, is raised."""
    with pytest.raises(exceptions.EndpointConnectionError):
        unreadable(exceptions.EndpointConnectionError(endpoint_url="https://x"))
