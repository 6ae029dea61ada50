"""What AWS or the network would not do, in words: the cause, and the next command.

A `Fault` is not the manifest's: it ends a command with 3. What is wrong in the manifest stays `Invalid`, which ends
with 1. Both carry diagnostics, so that either can name a manifest line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msaspec.diagnostic import Code, Diagnostic

NO_CREDENTIALS = Code(
    "MSA601",
    "No AWS credentials",
    """
    boto3 found credentials in none of its places: environment variables, the shared files of the AWS CLI, a login
    session, the role of a container or an instance. `--profile NAME` chooses a profile of the shared files.
    """,
)
BAD_CREDENTIALS = Code(
    "MSA602",
    "AWS does not take the credentials",
    """
    The credentials have expired, were revoked, are misspelt, or belong to an account for which the Region is not
    enabled. Credentials of a session last some hours; log in again. A clock that is wrong by more than a few minutes
    has the same effect.
    """,
)
FORBIDDEN = Code(
    "MSA603",
    "A permission is missing",
    """
    The credentials are good, but what they belong to may not do this. The message names the action; an administrator
    grants it. With `--role-arn` CloudFormation itself acts by the permissions of that role, and the caller needs only
    `cloudformation:*` on the stack and `iam:PassRole` on the role.
    """,
)
UNREACHABLE = Code(
    "MSA604",
    "AWS cannot be reached",
    """
    No connection came about, or it broke, or something else answered than AWS: no network, a proxy that does not answer
    or answers itself, a misspelt Region, or a wrong `--endpoint-url`. What was begun in CloudFormation goes on without
    this machine.
    """,
)
THROTTLED = Code(
    "MSA605",
    "AWS asks to slow down, again and again",
    """
    Requests were repeated with growing pauses and refused all the same. Other programs use up the account's rate; try
    again a little later.
    """,
)
REFUSED = Code(
    "MSA606",
    "AWS refuses a request",
    "The message is what AWS said. Nothing was changed by the request that it names.",
)
NO_REGION = Code(
    "MSA607",
    "No Region is chosen",
    """
    The Region is that of `--region`, else that of a profile named by `--profile`, else `region` of the manifest, else
    AWS_REGION, AWS_DEFAULT_REGION or the default profile's.
    """,
)
NO_PROFILE = Code(
    "MSA608", "An unknown profile", "The shared configuration files of the AWS CLI have no profile of that name."
)

_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequestsException",
}
_ACTION = re.compile(r"not authorized to perform:? \[?([a-zA-Z0-9-]+:[A-Za-z*]+)")


class Fault(Exception):
    """AWS or the network would not. Carries diagnostics, each with its cause and the next command."""

    def __init__(self, *diagnostics: Diagnostic, details: Iterable[str] = ()) -> None:
        self.diagnostics = diagnostics
        self.details = tuple(details)
        """Lines that belong to it, such as the last ones of a log."""
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))


def raised(code: Code, message: str, hint: str | None) -> Fault:
    """A fault that no manifest line is to blame for."""
    return Fault(code.at((), message, hint=hint))


def code_of(error: Any) -> str:
    """The error code of an answer of AWS, as botocore's ClientError holds it."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: Any) -> str:
    """What AWS said, in its own words."""
    return str(error.response.get("Error", {}).get("Message", "")) or str(error)


def is_throttling(error: Any) -> bool:
    """Whether AWS only asks to slow down."""
    return code_of(error) in _THROTTLED


def is_passing(error: Exception) -> bool:
    """Whether the same request may well do in a while: no connection, too many requests, or AWS itself is not well."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError) or _is_strange(error):
        return is_connection(error)
    return is_throttling(error) or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500


def of(error: Exception, region: str | None) -> Fault | None:
    """An exception of botocore as a fault; None for any other exception."""
    from botocore import exceptions as raised_by

    where = f" in {region}" if region else ""
    if isinstance(error, raised_by.ClientError) and not is_connection(error):
        return _answered(error, where)
    if isinstance(error, raised_by.NoCredentialsError | raised_by.PartialCredentialsError):
        hint = "Log in with `aws login` or `aws sso login`, set AWS_PROFILE, or name a profile with --profile."
        half = isinstance(error, raised_by.PartialCredentialsError)
        message = (
            f"The AWS credentials are incomplete: {_sentence(error)}" if half else "There are no AWS credentials here."
        )
        return raised(NO_CREDENTIALS, message, hint)
    expired = (
        raised_by.CredentialRetrievalError,
        raised_by.NoAuthTokenError,
        raised_by.SSOError,
        raised_by.TokenRetrievalError,
        *filter(None, [getattr(raised_by, "LoginError", None)]),  # of `aws login`, which is younger than the others
    )
    if isinstance(error, expired):
        hint = "Log in again: `aws login` or `aws sso login`."
        return raised(BAD_CREDENTIALS, f"The AWS credentials cannot be had: {_sentence(error)}", hint)
    if isinstance(error, raised_by.ProfileNotFound):
        hint = "`aws configure list-profiles` lists those that there are."
        return raised(NO_PROFILE, _sentence(error), hint)
    if isinstance(error, raised_by.NoRegionError):
        return raised(NO_REGION, "No AWS Region is chosen.", "Name one with --region, or as `region:` in the manifest.")
    if is_connection(error):
        named = f" {region}" if region else ""
        hint = f"Check the network, and that the Region{named} and any --endpoint-url are spelt right."
        strange = "what answers is not AWS, but perhaps a proxy or another web server." if _is_strange(error) else None
        return raised(UNREACHABLE, f"AWS cannot be reached: {strange or _sentence(error)}", hint)
    if isinstance(error, raised_by.BotoCoreError):
        return raised(REFUSED, f"The AWS library gave up: {_sentence(error)}", None)
    return None


def of_client(error: OSError | ValueError, service: str) -> Fault:
    """What a client of a service could not be made for, as a fault: settings that botocore stumbles over, and a program
    for credentials that cannot be run."""
    if found := of(error, None):  # some of botocore's own are errors of the system, or of values
        return found
    if isinstance(error, OSError):
        what = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        hint = (
            "Correct `credential_process` in the shared files of the AWS CLI, or choose another profile with --profile."
        )
        return raised(BAD_CREDENTIALS, f"The AWS credentials cannot be had: {_sentence(what)}", hint)
    hint = "Correct the variables of the environment that begin with AWS_, and the shared files of the AWS CLI."
    return raised(REFUSED, f"The AWS library makes no client of {service}: {_sentence(error)}", hint)


def is_connection(error: Exception) -> bool:
    """Whether only the way to AWS is broken."""
    from botocore import exceptions as raised_by

    broken = (raised_by.ConnectionError, raised_by.HTTPClientError, raised_by.IncompleteReadError)
    return isinstance(error, broken) or _is_strange(error)


def _is_strange(error: Exception) -> bool:
    """Whether what came back is no answer of AWS, such as a page of a proxy: botocore can make nothing of it."""
    from botocore.exceptions import ClientError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        return not code_of(error)  # AWS says what it refuses for.
    if isinstance(error, ResponseParserError):
        return True
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    # Well-formed HTML is read, and stumbled over where the result should be.
    within = trace.tb_frame.f_globals["__name__"] if trace else ""
    return isinstance(error, KeyError) and within == "botocore.parsers"


def _answered(error: Any, where: str) -> Fault:
    code, said, operation = code_of(error), message_of(error), error.operation_name
    if code in _CREDENTIALS:
        hint = "Log in again, or choose others with --profile. Is the Region enabled for this account?"
        return raised(BAD_CREDENTIALS, f"AWS does not take the credentials{where} ({code}): {_sentence(said)}", hint)
    action = _ACTION.search(said)
    if action or code in _FORBIDDEN:
        needed = action[1] if action else operation
        hint = f"Have `{needed}` granted, or use other credentials with --profile."
        return raised(FORBIDDEN, f"The permission `{needed}` is missing{where}: {_sentence(said)}", hint)
    if is_throttling(error):
        hint = "Wait a minute, and run the same command again."
        return raised(THROTTLED, f"AWS asks to slow down, again and again, at {operation}{where}.", hint)
    return raised(REFUSED, f"AWS refuses {operation}{where} ({code}): {_sentence(said)}", None)


def _sentence(said: object) -> str:
    text = " ".join(str(said).split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
