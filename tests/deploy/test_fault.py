"""What AWS and the network refuse, in words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from msaspec.deploy.aws import certificates, fault, profiles, target
from msaspec.deploy.aws.answers import checked
from msaspec.deploy.aws.fault import Fault
from msaspec.diagnostics.diagnostic import Invalid
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


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """No profile and no keys of who runs the tests."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setattr(profiles, "elsewhere", lambda: "")


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
    assert hint == (
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together."
        if isinstance(error, exceptions.PartialCredentialsError)
        else "Set credentials up with `aws configure sso` or `aws configure`."
    )
    assert message.endswith(".")


def test_a_half_of_the_credentials_is_named() -> None:
    """What is missing of credentials is told: they are there, but not whole."""
    _, message, _ = told(exceptions.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"))
    assert (
        message
        == "The AWS credentials are incomplete: Partial credentials found in env, missing: aws_secret_access_key."
    )


@pytest.mark.parametrize(
    ("error", "next_command"),
    [
        (exceptions.SSOTokenLoadError(error_msg="Token for shop does not exist"), "Log in again: aws sso login"),
        (exceptions.UnauthorizedSSOTokenError(), "Log in again: aws sso login"),
        (
            exceptions.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
            "Log in again: aws sso login",
        ),
        (
            exceptions.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
            "Correct `credential_process` in the shared files of the AWS CLI, or choose another profile with"
            " --profile.",
        ),
        (exceptions.LoginRefreshRequired(), "Log in again: aws login"),
        (exceptions.LoginTokenLoadError(error_msg="not there"), "Log in again: aws login"),
        (exceptions.NoAuthTokenError(), "Log in again: aws sso login"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_login_that_is_over(error: Exception, next_command: str) -> None:
    """A session of SSO or of `aws login` that has expired is told as that, with the reason and what begins another."""
    code, message, hint = told(error)
    assert (code, hint) == ("MSA602", next_command)
    assert message == f"The AWS credentials cannot be had: {str(error).rstrip('. ')}."


CLOCK = "Correct the clock of this machine, such as with `"
KEYS = "Log in again, or choose others with --profile. Is the Region enabled for this account?"
RENEWED = "Log in again, or choose other credentials with --profile."


@pytest.mark.parametrize(
    ("code", "said", "hint"),
    [
        ("ExpiredToken", "It has expired", RENEWED),
        ("ExpiredTokenException", "It has expired", RENEWED),
        ("TokenRefreshRequired", "It has expired", RENEWED),
        ("RequestExpired", "Request has expired", f"{RENEWED} If they are fresh: {CLOCK}"),
        ("InvalidClientTokenId", "The security token is invalid", KEYS),
        ("UnrecognizedClientException", "The security token is invalid", KEYS),
        ("SignatureDoesNotMatch", "The signature does not match", KEYS),
        ("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2", CLOCK),
        ("InvalidSignatureException", "Signature not yet current: 2 is still later than 1", CLOCK),
        ("RequestTimeTooSkewed", "The difference is too large", CLOCK),
        ("AuthFailure", "No", KEYS),
        ("InvalidToken", "No", KEYS),
    ],
)
def test_credentials_that_are_not_taken(code: str, said: str, hint: str) -> None:
    """The code, AWS's words, the Region; and whether to log in, to correct the clock, or to look at the keys."""
    found, message, told_hint = told(answer(code, said))
    assert (found, message) == ("MSA602", f"AWS rejects the credentials in eu-west-1 ({code}): {said}.")
    assert told_hint is not None
    assert told_hint.startswith(hint) if CLOCK in hint else told_hint == hint


def test_an_unknown_profile() -> None:
    """A profile that is not in the shared files is named."""
    assert told(exceptions.ProfileNotFound(profile="shop")) == (
        "MSA608",
        "The config profile (shop) could not be found.",
        "`aws configure sso --profile shop` makes it.",
    )


def test_no_region() -> None:
    """Without a Region the two ways to name one are told."""
    assert told(exceptions.NoRegionError(), None) == (
        "MSA607",
        "No AWS Region is set.",
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
    others = {
        "ProxyConnectionError": "Check the proxy that HTTPS_PROXY or HTTP_PROXY names; NO_PROXY names hosts to reach"
        " without it.",
        "SSLError": certificates.HINT,
    }
    usual = "Check the network, and that the Region eu-west-1 and any --endpoint-url are spelt right."
    assert hint == others.get(type(error).__name__, usual)
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
]


STATUSES = [501, 505, 511]
"""Errors of servers that AWS never answers a read with: a plain web server takes no POST, a captive portal wants a
login."""


@pytest.mark.parametrize("page", ["", "<!DOCTYPE HTML><html></html>", "<html></html>"])
@pytest.mark.parametrize("status", STATUSES)
def test_a_server_that_is_not_of_aws_fails(status: int, page: str) -> None:
    """What fails in a way in which AWS does not fail is not AWS, so the address is to be checked."""
    with pytest.raises(ClientError) as raised:
        read(page.encode(), status)
    assert told(raised.value)[:2] == (
        "MSA604",
        "AWS cannot be reached: what answers is not AWS, but perhaps a proxy or another web server.",
    )
    assert fault.is_passing(raised.value)


@pytest.mark.parametrize("page", ["", "<!DOCTYPE HTML><html></html>", "<html></html>"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateway_fails(status: int, page: str) -> None:
    """What AWS's own gateways answer with has no words of AWS, either: it may be over in a minute."""
    with pytest.raises(ClientError) as raised:
        read(page.encode(), status)
    assert told(raised.value)[0] == "MSA635"
    assert fault.is_passing(raised.value)


@pytest.mark.parametrize(("status", "page"), PAGES)
def test_somebody_else_answers(status: int, page: str) -> None:
    """A page of a proxy or of a web server is no answer of AWS; what botocore makes of it, no user has to read."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        read(page.encode(), status)
    error: Any = raised.value
    code, message, hint = told(error)
    assert code == "MSA604"
    assert message.startswith(
        "AWS cannot be reached: what answers is not AWS, but perhaps a proxy or another web server (DescribeStacks: it "
    )
    others = {
        "ProxyConnectionError": "Check the proxy that HTTPS_PROXY or HTTP_PROXY names; NO_PROXY names hosts to reach"
        " without it.",
        "SSLError": certificates.HINT,
    }
    usual = "Check the network, and that the Region eu-west-1 and any --endpoint-url are spelt right."
    assert hint == others.get(type(error).__name__, usual)
    assert fault.is_passing(error)


KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
ONCE = Config(retries={"total_max_attempts": 1})


def read(body: bytes, status: int) -> None:
    """What botocore makes of an answer to DescribeStacks."""
    made = checked(boto3.client("cloudformation", region_name="eu-west-1", config=ONCE, **KEYS))
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
        f"Ask to have `{CREATE}` granted, or use other credentials with --profile.",
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
    assert (found, hint) == ("MSA603", f"Ask to have `{action}` granted, or use other credentials with --profile.")


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown"])
def test_throttling(code: str) -> None:
    """Who is too fast may try again in a minute."""
    error = answer(code, "Rate exceeded")
    assert fault.is_throttling(error)
    assert told(error) == (
        "MSA605",
        "AWS throttles requests, at CreateChangeSet in eu-west-1.",
        "Wait a minute, and run the command again.",
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
        "Correct the cause, and run the command again.",
    )
    assert told(error, None)[1].startswith("AWS refuses CreateChangeSet (ValidationError)")


def test_an_answer_without_words() -> None:
    """An answer that has no message, as those to HEAD, is told by what botocore makes of it."""
    error = ClientError({"Error": {"Code": "404"}}, "HeadBucket")
    assert told(error)[1].startswith("AWS refuses HeadBucket in eu-west-1 (404): An error occurred (404)")


@pytest.mark.parametrize(
    "error",
    [
        exceptions.InvalidRegionError(region_name="eu west"),
        exceptions.InvalidSTSRegionalEndpointsConfigError(sts_regional_endpoints_config="x"),
    ],
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
    error = fault.new(fault.REFUSED, "No.", None)
    with pytest.raises(Fault) as raised, target.translated(None):
        raise error
    assert raised.value is error
    assert str(error) == "No."
