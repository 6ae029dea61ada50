"""What AWS or the network would not do, in words: the cause, and the next command.

A `Fault` is not the manifest's: it ends a command with 3. What is wrong in the manifest stays `Invalid`, which ends
with 1. Both carry diagnostics, so that either can name a manifest line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from msaspec.deploy.aws import certificates, credentials, refusals
from msaspec.deploy.aws.answers import NotAnAnswer
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.printable import sentence

FORBIDDEN = Code(
    "MSA603",
    "A permission is missing",
    """
    The credentials are valid, but their user or role does not have this permission. The message names the action; ask
    an administrator to grant it. With `--role-arn`, CloudFormation uses the permissions of that role, and the caller
    needs only `cloudformation:*` on the stack and `iam:PassRole` on the role.
    """,
)
UNREACHABLE = Code(
    "MSA604",
    "AWS cannot be reached",
    """
    The connection failed or broke, or something other than AWS answered: no network, a proxy that does not answer or
    that answers itself, a misspelt Region, or a wrong `--endpoint-url`. Operations that CloudFormation has started
    continue without this machine.
    """,
)
THROTTLED = Code(
    "MSA605",
    "AWS throttles requests",
    """
    msaspec retried with growing pauses, and AWS still throttled the requests. Other programs use up the request rate of
    the account. Try again later.
    """,
)
REFUSED = Code(
    "MSA606",
    "AWS refuses a request",
    "The message quotes AWS. The request that it names changed nothing.",
)
UNWELL = Code(
    "MSA635",
    "AWS returns server errors",
    """
    AWS, or a gateway in between, answered every attempt with a server error such as 503. Operations that CloudFormation
    has started continue. Try again later; the AWS Health Dashboard shows problems of a Region.
    """,
)
NO_REGION = Code(
    "MSA607",
    "No Region is set",
    """
    msaspec takes the Region from `--region`, else from the profile named by `--profile`, else from `region` in the
    manifest, else from AWS_REGION, AWS_DEFAULT_REGION or the default profile.
    """,
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
FORBIDDEN_CODES = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
"""Codes of errors by which AWS says that a permission is missing."""
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequestsException",
}
_GATEWAYS = ("500", "502", "503", "504")
"""Statuses with which gateways of AWS itself answer in place of a service, without any word of it."""
_SETTING = re.compile("^Invalid|^Unknown|^Unsupported|Config")
"""Exceptions of botocore about what somebody set, by their names."""
_SETTINGS = (
    "Correct what it names: an option, a variable of the environment that begins with AWS_, or a line in the shared"
    " files of the AWS CLI."
)
_ACTION = re.compile(r"not authorized to perform:? \[?([a-zA-Z0-9-]+:[A-Za-z*]+)")


class Fault(Exception):
    """AWS or the network would not. Carries diagnostics, each with its cause and the next command."""

    def __init__(self, *diagnostics: Diagnostic, details: Iterable[str] = ()) -> None:
        self.diagnostics = diagnostics
        self.details = tuple(details)
        """Lines that belong to it, such as the last ones of a log."""
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))


def new(code: Code, message: str, hint: str | None) -> Fault:
    """Return a fault that no manifest line is to blame for."""
    return Fault(code.at((), message, hint=hint))


def code_of(error: Any) -> str:
    """Return the error code of an answer of AWS, as botocore's ClientError holds it; empty for any other exception."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def message_of(error: Any) -> str:
    """Return what AWS said, in its own words."""
    return str(error.response.get("Error", {}).get("Message", "")) or str(error)


def is_throttling(error: Any) -> bool:
    """Whether AWS only asks to slow down."""
    return code_of(error) in _THROTTLED


def is_passing(error: Exception) -> bool:
    """Whether the same request may well do in a while: no connection, too many requests, or AWS itself is not well."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError) or _is_strange(error):
        return is_connection(error)
    return is_throttling(error) or _status(error) >= 500


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def tolerated() -> Iterator[None]:
    """Leave the block, and go on after it, where AWS refuses something in it or does not answer."""
    try:
        yield
    except Exception as error:
        if of(error, None) is None:
            raise


def of(error: Exception, region: str | None, profile: str | None = None) -> Fault | None:
    """Return an exception of botocore as a fault; None for any other exception. `profile` is the one that the user
    named."""
    from botocore import exceptions as raised_by

    where = f" in {region}" if region else ""
    if isinstance(error, raised_by.ClientError) and not is_connection(error):
        return _answered(error, where, profile)
    if about_credentials := credentials.told(error, profile):
        return Fault(about_credentials)
    if isinstance(error, raised_by.NoRegionError):
        return new(NO_REGION, "No AWS Region is set.", "Name one with --region, or as `region:` in the manifest.")
    if is_connection(error):
        named = f" {region}" if region else ""
        hint = f"Check the network, and that the Region{named} and any --endpoint-url are spelt right."
        if isinstance(error, raised_by.ProxyConnectionError):
            hint = "Check the proxy that HTTPS_PROXY or HTTP_PROXY names; NO_PROXY names hosts to reach without it."
        if isinstance(error, raised_by.SSLError):
            hint = certificates.HINT
        said = sentence(error)
        if _is_strange(error):
            reason = f" ({error})" if isinstance(error, NotAnAnswer) else ""
            said = f"what answers is not AWS, but perhaps a proxy or another web server{reason}."
        return new(UNREACHABLE, f"AWS cannot be reached: {said}", hint)
    if isinstance(error, raised_by.BotoCoreError):
        hint = _SETTINGS if _SETTING.search(type(error).__name__) else "Run the command again."
        return new(REFUSED, f"The AWS library gave up: {sentence(error)}", hint)
    return None


def of_client(error: OSError | ValueError, service: str, profile: str | None = None) -> Fault:
    """Return what a client of a service could not be made for, as a fault: settings that botocore stumbles over, and
    files and programs for credentials that cannot be used."""
    if found := of(error, None, profile):  # some of botocore's own are errors of the system, or of values
        return found
    return new(REFUSED, f"The AWS library cannot create a client for {service}: {sentence(error)}", _SETTINGS)


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
        code = code_of(error)  # AWS says what it refuses for; where it does not, botocore writes the status here.
        return not code or (code.startswith("5") and code.isdigit() and code not in _GATEWAYS)
    return isinstance(error, NotAnAnswer | ResponseParserError)


def _answered(error: Any, where: str, profile: str | None) -> Fault:
    code, said, operation = code_of(error), message_of(error), error.operation_name
    if code in _CREDENTIALS:
        message = f"AWS rejects the credentials{where} ({code}): {sentence(said)}"
        return new(credentials.BAD_CREDENTIALS, message, credentials.refused(code, said, profile))
    action = _ACTION.search(said)
    if action or code in FORBIDDEN_CODES:
        needed = action[1] if action else operation
        granted = (
            "granted, and allowed by the trust policy of the role" if operation in credentials.LENDING else "granted"
        )
        hint = refusals.hint(said, f"Ask to have `{needed}` {granted}, or use other credentials with --profile.")
        return new(FORBIDDEN, f"The permission `{needed}` is missing{where}: {sentence(said)}", hint)
    if is_throttling(error):
        hint = "Wait a minute, and run the command again."
        return new(THROTTLED, f"AWS throttles requests, at {operation}{where}.", hint)
    if _status(error) >= 500:
        hint = "Wait a minute, and run the command again. If it stays so, check the network and any proxy."
        return new(UNWELL, f"AWS fails at {operation}{where} ({code}): {sentence(said)}", hint)
    if operation in credentials.LENDING:
        return Fault(credentials.not_lent(operation, code, said, profile))
    hint = refusals.hint(f"{code}: {said}", "Correct the cause, and run the command again.")
    return new(REFUSED, f"AWS refuses {operation}{where} ({code}): {sentence(said)}", hint)
