"""What AWS and the network refuse, in words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from msaspec.deploy import fault, target
from msaspec.deploy.fault import Fault
from msaspec.diagnostic import Invalid
from tests.deploy.by_hand import refusal

URL = "https://cloudformation.eu-west-1.amazonaws.com/"
CREATE = "cloudformation:CreateChangeSet"


def told(error: Exception, region: str | None = "eu-west-1") -> tuple[str, str, str | None]:
    """Code, message and hint of an exception's fault."""
    found = fault.of(error, region)
    assert found is not None
    (diagnostic,) = found.diagnostics
    return diagnostic.code, diagnostic.message, diagnostic.hint


def answer(code: str, message: str = "No", operation: str = "CreateChangeSet", status: int = 400) -> ClientError:
    """A refusal by an operation."""
    return refusal(code, message, status, operation)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.NoCredentialsError(),
        exceptions.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"),
    ],
    ids=["none", "a half"],
)
def test_no_credentials(error: Exception) -> None:
    """Who has no credentials, or half of them, is told how to get some."""
    code, message, hint = told(error)
    assert code == "MSA601"
    assert hint == "Log in with `aws login` or `aws sso login`, set AWS_PROFILE, or name a profile with --profile."
    assert message.endswith(".")


def test_a_half_of_the_credentials_is_named() -> None:
    """What is missing of credentials is told: they are there, but not whole."""
    _, message, _ = told(exceptions.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"))
    assert (
        message
        == "The AWS credentials are incomplete: Partial credentials found in env, missing: aws_secret_access_key."
    )


@pytest.mark.parametrize(
    "error",
    [
        exceptions.SSOTokenLoadError(error_msg="Token for shop does not exist"),
        exceptions.UnauthorizedSSOTokenError(),
        exceptions.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
        exceptions.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
        exceptions.LoginRefreshRequired(),
        exceptions.LoginTokenLoadError(error_msg="not there"),
        exceptions.NoAuthTokenError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_login_that_is_over(error: Exception) -> None:
    """A session of SSO or of `aws login` that has expired is told as that, with the reason."""
    code, message, hint = told(error)
    assert (code, hint) == ("MSA602", "Log in again: `aws login` or `aws sso login`.")
    assert message == f"The AWS credentials cannot be had: {str(error).rstrip('. ')}."


@pytest.mark.parametrize(
    "code",
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "InvalidToken",
        "RequestTimeTooSkewed",
    ],
)
def test_credentials_that_are_not_taken(code: str) -> None:
    """Expired or unknown credentials: the code, AWS's words, the Region, and the thought that it is not enabled."""
    found = told(answer(code, "The security token included in the request is invalid"))
    assert found == (
        "MSA602",
        f"AWS does not take the credentials in eu-west-1 ({code}): "
        "The security token included in the request is invalid.",
        "Log in again, or choose others with --profile. Is the Region enabled for this account?",
    )


def test_an_unknown_profile() -> None:
    """A profile that is not in the shared files is named."""
    assert told(exceptions.ProfileNotFound(profile="shop")) == (
        "MSA608",
        "The config profile (shop) could not be found.",
        "`aws configure list-profiles` lists those that there are.",
    )


def test_no_region() -> None:
    """Without a Region the two ways to name one are told."""
    assert told(exceptions.NoRegionError(), None) == (
        "MSA607",
        "No AWS Region is chosen.",
        "Name one with --region, or as `region:` in the manifest.",
    )


CONNECTION: list[Exception] = [
    exceptions.EndpointConnectionError(endpoint_url=URL, error="no such host"),
    exceptions.ConnectTimeoutError(endpoint_url=URL),
    exceptions.ReadTimeoutError(endpoint_url=URL),
    exceptions.ConnectionClosedError(endpoint_url=URL),
    exceptions.ProxyConnectionError(proxy_url="http://proxy:3128", error="refused"),
    exceptions.SSLError(endpoint_url=URL, error="certificate verify failed"),
    exceptions.HTTPClientError(error="something broke"),
    exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
]


@pytest.mark.parametrize("error", CONNECTION, ids=lambda error: type(error).__name__)
def test_aws_is_not_reached(error: Exception) -> None:
    """However the way to AWS is broken, it is told as that."""
    code, message, hint = told(error)
    assert code == "MSA604"
    assert message == f"AWS cannot be reached: {str(error).rstrip('.')}."
    assert hint == "Check the network, and that the Region eu-west-1 and any --endpoint-url are spelt right."
    assert fault.is_connection(error)


def test_the_hint_of_a_broken_way_without_a_region() -> None:
    """No Region is named where none is known."""
    assert (
        told(CONNECTION[0], None)[2] == "Check the network, and that the Region and any --endpoint-url are spelt right."
    )


PAGES = [
    (200, "<!DOCTYPE html><html><head><meta charset=utf-8></head><body>It works.</body></html>"),
    (200, "<!DOCTYPE html><html><body>It works.</body></html>"),
    (200, "It works."),
    (200, ""),
    (404, "<!DOCTYPE html><html><head><meta charset=utf-8></head></html>"),
    (404, "<html><body>Not found.</body></html>"),
    (502, "<!DOCTYPE html><html><head><meta charset=utf-8></head><body>Bad gateway</body></html>"),
]


@pytest.mark.parametrize(("status", "page"), PAGES)
def test_somebody_else_answers(status: int, page: str) -> None:
    """A page of a proxy or of a web server is no answer of AWS; what botocore makes of it, no user has to read."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        read(page.encode(), status)
    error: Any = raised.value
    code, message, hint = told(error)
    assert code == "MSA604"
    assert message == "AWS cannot be reached: what answers is not AWS, but perhaps a proxy or another web server."
    assert hint == "Check the network, and that the Region eu-west-1 and any --endpoint-url are spelt right."
    assert fault.is_passing(error)


def read(body: bytes, status: int) -> None:
    """What botocore makes of an answer to DescribeStacks."""
    made = boto3.client("cloudformation", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    made.meta.events.register("before-send", lambda request, **_: AWSResponse(request.url, status, {}, Raw(body)))
    made.describe_stacks()


class Raw(io.BytesIO):
    """The body of an answer, as urllib3 has it."""

    def stream(self, **ignored: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def test_a_missing_permission_is_named() -> None:
    """IAM says which action is missing; it is what has to be granted."""
    said = (
        "User: arn:aws:iam::123456789012:user/dev is not authorized to perform: cloudformation:CreateChangeSet on "
        "resource: arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/* because no identity-based policy allows "
        "the cloudformation:CreateChangeSet action"
    )
    assert told(answer("AccessDenied", said, status=403)) == (
        "MSA603",
        f"The permission `{CREATE}` is missing in eu-west-1: {said}.",
        f"Have `{CREATE}` granted, or use other credentials with --profile.",
    )


@pytest.mark.parametrize(
    ("code", "said", "action"),
    [
        (
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. Encoded failure: xyz",
            "RunInstances",
        ),
        (
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. User: a is not authorized to perform: ec2:RunInstances",
            "ec2:RunInstances",
        ),
        ("403", "Forbidden", "RunInstances"),
        ("AccessDeniedException", "No", "RunInstances"),
        ("AuthorizationError", "User: a is not authorized to perform: SNS:Publish on", "SNS:Publish"),
        ("ValidationError", "User: a is not authorized to perform: iam:PassRole on resource: b", "iam:PassRole"),
    ],
)
def test_a_permission_that_is_not_named(code: str, said: str, action: str) -> None:
    """Where the words of AWS name no action, the operation stands for it; where they do, the code does not matter."""
    found, _, hint = told(answer(code, said, "RunInstances", 403))
    assert (found, hint) == ("MSA603", f"Have `{action}` granted, or use other credentials with --profile.")


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown"])
def test_throttling(code: str) -> None:
    """Who is too fast may try again in a minute."""
    error = answer(code, "Rate exceeded")
    assert fault.is_throttling(error)
    assert told(error) == (
        "MSA605",
        "AWS asks to slow down, again and again, at CreateChangeSet in eu-west-1.",
        "Wait a minute, and run the same command again.",
    )


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (answer("Throttling"), True),
        (answer("InternalFailure", status=500), True),
        (answer("ServiceUnavailable", status=503), True),
        (answer("ValidationError", status=400), False),
        (answer("AccessDenied", status=499), False),
        (ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks"), False),
        (CONNECTION[0], True),
        (exceptions.NoCredentialsError(), False),
        (ValueError("x"), False),
    ],
    ids=["slow", "internal", "unavailable", "invalid", "forbidden", "bare", "lost", "nobody", "bug"],
)
def test_what_passes(error: Exception, passing: bool) -> None:
    """Too many requests, no connection and AWS's own faults may be over in a while; nothing else."""
    assert fault.is_passing(error) is passing


def test_anything_else_is_told_in_the_words_of_aws() -> None:
    """Every other refusal names the operation, the code, and what AWS said, on one line."""
    error = answer("ValidationError", "1 validation error\n  detected")
    assert told(error) == (
        "MSA606",
        "AWS refuses CreateChangeSet in eu-west-1 (ValidationError): 1 validation error detected.",
        None,
    )
    assert told(error, None)[1].startswith("AWS refuses CreateChangeSet (ValidationError)")


def test_an_answer_without_words() -> None:
    """An answer that has no message, as those to HEAD, is told by what botocore makes of it."""
    error = ClientError({"Error": {"Code": "404"}}, "HeadBucket")
    assert told(error)[1].startswith("AWS refuses HeadBucket in eu-west-1 (404): An error occurred (404)")


@pytest.mark.parametrize(
    "error",
    [exceptions.InvalidRegionError(region_name="eu west"), exceptions.ConfigParseError(path="/home/me/.aws/config")],
    ids=lambda error: type(error).__name__,
)
def test_the_library_gives_up(error: Exception) -> None:
    """What botocore cannot do by itself is a fault, too."""
    assert told(error)[:2] == ("MSA606", f"The AWS library gave up: {str(error).rstrip('.')}.")


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("Stacks"), OSError("disk full"), Invalid([])])
def test_other_exceptions_are_left_alone(error: Exception) -> None:
    """A bug of msaspec is not taken for a fault of AWS."""
    assert fault.of(error, None) is None
    with pytest.raises(type(error)) as raised, target.translated(None):
        raise error
    assert raised.value is error


def test_what_botocore_raises_is_translated() -> None:
    """The block of `translated` raises faults, and remembers what was behind them."""
    error: Any = exceptions.NoCredentialsError()
    with pytest.raises(Fault) as raised, target.translated("eu-west-1"):
        raise error
    assert raised.value.__cause__ is error
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["MSA601"]


def test_a_fault_passes() -> None:
    """A fault is not translated again."""
    error = fault.raised(fault.REFUSED, "No.", None)
    with pytest.raises(Fault) as raised, target.translated(None):
        raise error
    assert raised.value is error
    assert str(error) == "No."
