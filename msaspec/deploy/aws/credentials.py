"""Why there are no credentials, in words: which setting of the shared files or the environment is to blame, and what
mends it.

botocore says it by exceptions that know neither the profile nor the setting, and where it reads a file or runs a
program by those of Python. Which part of it asked is told by the trace.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any

from msaspec.deploy.aws import profiles
from msaspec.deploy.aws.profiles import SHARED_FILES
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.printable import sentence

NO_CREDENTIALS = Code(
    "MSA601",
    "No AWS credentials",
    """
    boto3 found no credentials in any of its sources: environment variables, the shared files of the AWS CLI, a login
    session, the role of a container or an instance. `--profile NAME` selects a profile of the shared files.
    """,
)
BAD_CREDENTIALS = Code(
    "MSA602",
    "AWS rejects the credentials",
    """
    The credentials have expired, were revoked, are misspelt, or belong to an account that has not enabled the Region.
    Or their source failed: a login session, a program, a role, or a file with a token. Credentials of a session last
    some hours; log in again. A clock that is wrong by more than a few minutes has the same effect.
    """,
)
NO_PROFILE = Code(
    "MSA608", "An unknown profile", "The shared configuration files of the AWS CLI have no profile of that name."
)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
LENDING = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetRoleCredentials"})
"""Operations by which botocore comes to credentials."""
_CLOCK = re.compile(r"Signature (expired|not yet current)", re.IGNORECASE)
_PATHS = ("_web_identity_token_path", "_web_identity_token_loader")
"""Where a part of botocore holds the path of a token, or another part that does."""


def told(error: Exception, profile: str | None) -> Diagnostic | None:
    """Return what an exception says of credentials; None for one that says nothing of them.

    `profile` is the one that the user named; without one it is that of the environment.
    """
    from botocore import exceptions as raised_by

    chosen = profile or profiles.around()
    if isinstance(error, raised_by.NoCredentialsError):
        where = f"in the profile `{chosen}`" if chosen else "here"
        hint = f"{profiles.elsewhere()}{profiles.ways(profile)}"
        return NO_CREDENTIALS.at((), f"There are no AWS credentials {where}.", hint=hint)
    if isinstance(error, raised_by.PartialCredentialsError):
        return NO_CREDENTIALS.at(
            (), f"The AWS credentials are incomplete: {sentence(error)}", hint=_whole(error, chosen)
        )
    if isinstance(error, raised_by.ProfileNotFound):
        return NO_PROFILE.at((), sentence(error), hint=profiles.unknown(str(error.kwargs.get("profile"))))
    if isinstance(error, raised_by.MissingDependencyException) and "login" in str(error):
        what = f"{_of(chosen)} come from `aws login`, for which {profiles.LOGIN_PART} is not installed"
        return _bad(what, profiles.installed(chosen))
    if isinstance(error, raised_by.ConfigParseError):
        return _bad(_parse(error), f"Correct that file. {_check(chosen)}")
    if isinstance(error, raised_by.InvalidConfigError | raised_by.UnknownCredentialError):
        return _bad(str(error), f"Correct it in {SHARED_FILES}. {_check(chosen)}")
    if isinstance(error, raised_by.LoginError):
        return _bad(str(error), f"Log in again: aws login{profiles.option(_source(chosen))}")
    if isinstance(error, raised_by.SSOError | raised_by.NoAuthTokenError | raised_by.TokenRetrievalError):
        return _bad(str(error), f"Log in again: aws sso login{profiles.option(_source(chosen))}")
    if isinstance(error, raised_by.CredentialRetrievalError):
        return _bad(str(error), _provider_hint(error, chosen))
    return _unread(error, chosen)


def refused(code: str, said: str, profile: str | None) -> str:
    """Return the hint for credentials that AWS does not take: its code, what it said, and the profile that the user
    named."""
    if code == "RequestTimeTooSkewed" or _CLOCK.search(said):
        return profiles.clock()
    if code in _EXPIRED:
        return profiles.renewal(profile)
    if code == "RequestExpired":  # EC2 says it of a session that is over, too.
        return f"{profiles.renewal(profile)} If they are fresh: {profiles.clock()}"
    return "Log in again, or choose others with --profile. Is the Region enabled for this account?"


def not_lent(operation: str, code: str, said: str, profile: str | None) -> Diagnostic:
    """Return what is said where AWS gives no credentials for the ones that ask: a role, or an account of SSO."""
    hint = "Correct the role's trust policy, its identity provider, or the profile."
    return _bad(f"AWS refuses {operation} ({code}): {said}", f"{hint} {_check(profile)}")


def _bad(what: str, hint: str) -> Diagnostic:
    return BAD_CREDENTIALS.at((), f"The AWS credentials cannot be had: {sentence(what)}", hint=hint)


def _of(profile: str | None) -> str:
    return f"those of the profile `{profile}`" if profile else "those of the default profile"


def _source(profile: str | None) -> str | None:
    return profiles.source(profile) if profile else None


def _check(profile: str | None) -> str:
    return f"Then check: aws sts get-caller-identity{profiles.option(profile)}"


def _whole(error: Any, profile: str | None) -> str:
    """Return what completes credentials of which a part is missing."""
    if error.kwargs.get("provider") == "env":
        return "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together."
    missing = error.kwargs.get("cred_var")
    return f"Write `{missing}` into the profile `{profile or 'default'}` of {SHARED_FILES}. {_check(profile)}"


def _parse(error: Any) -> str:
    """Where a shared file is malformed. The line itself is not shown: it may hold a secret."""
    reason = error.kwargs.get("error")
    line = getattr(reason, "lineno", None) or next((number for number, _ in getattr(reason, "errors", ())), None)
    if isinstance(reason, UnicodeError):
        return f"the file {error.kwargs.get('path')} is not UTF-8"
    where = f"line {line} of {error.kwargs.get('path')}" if line else f"the file {error.kwargs.get('path')}"
    return f"{where} has not the form of {SHARED_FILES}"


def unasked(prompt: str, profile: str | None) -> Diagnostic:
    """Return what is said where a code of an MFA device is needed and there is no terminal to ask for it."""
    device = prompt.removeprefix("Enter MFA code for ").rstrip(": ")
    what = f"{_of(profile)} need a code of the MFA device {device}, and there is no terminal to ask for it"
    return _bad(what, f"In a terminal {profiles.taken_over(profile)}. Then run the command again.")


_PROGRAM = f"Correct `credential_process` in {SHARED_FILES}, or choose another profile with --profile."
_CONTAINER = (
    "Correct AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, which ECS and EKS set in"
    " their containers, or unset them elsewhere."
)


def _provider_hint(error: Any, profile: str | None) -> str:
    provider = str(error.kwargs.get("provider"))
    known = {"custom-process": _PROGRAM, "container-role": _CONTAINER}
    return known.get(provider, f"Correct the profile in {SHARED_FILES}. {_check(profile)}")


def _unread(error: Exception, profile: str | None) -> Diagnostic | None:
    """Return what a file or a program is to blame for, that botocore read or ran for credentials; None where it did
    not."""
    from botocore.exceptions import ParamValidationError

    if isinstance(error, RuntimeError) and "still expired" in str(error):  # botocore has no exception of its own for it
        return _bad("what gives them gives expired ones", f"{profiles.renewal(profile)} Otherwise: {profiles.clock()}")
    if not isinstance(error, OSError | ValueError | ParamValidationError):
        return None
    parts = _parts(error)
    if path := next((found for part in parts.values() if (found := _path(part))), None):
        if isinstance(error, ParamValidationError) and "WebIdentityToken" not in str(error):
            return None
        setting = _setting(path, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")
        what = f"the file {path} with the web identity token, which {setting} names, {_fault_of(error)}"
        return _bad(what, f"Have the token written there, as a CI system or EKS does, or correct {setting}.")
    if isinstance(error, ParamValidationError):
        return None
    if "ContainerProvider" in parts:
        variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
        if isinstance(error, OSError) and error.filename == os.environ.get(variable):
            what = f"the file {error.filename} with the container's token, which {variable} names, {_fault_of(error)}"
            return _bad(what, f"Correct {variable}, which EKS sets in its containers, or unset it elsewhere.")
        return _bad(str(error), _CONTAINER)
    if "ProcessProvider" in parts:
        if isinstance(error, OSError):
            return _bad(f"`credential_process` cannot be run: {_file(error)}", _PROGRAM)
        if isinstance(error, JSONDecodeError):
            return _bad("what `credential_process` prints is not the JSON that it should be", _PROGRAM)
        return _bad(f"`credential_process` cannot be run: {error}", _PROGRAM)
    if "botocore.credentials" in parts or "botocore.tokens" in parts:
        what = f"the AWS library cannot use {_file(error)}" if isinstance(error, OSError) else str(error)
        hint = f"See to that file, and to {SHARED_FILES}. {_check(profile)}"
        return _bad(what, hint)
    return None


def _parts(error: BaseException) -> Mapping[str, Any]:
    """Return the parts of botocore that an exception came through: modules, and objects by the names of their
    classes."""
    found: dict[str, Any] = {}
    trace = error.__traceback__
    while trace is not None:
        scope = trace.tb_frame
        module = str(scope.f_globals.get("__name__"))
        if module.startswith("botocore."):
            found.setdefault(module, None)
            if (owner := scope.f_locals.get("self")) is not None:
                found[type(owner).__name__] = owner
        trace = trace.tb_next
    return found


def _path(part: Any) -> str | None:
    """Return the path of the token that a part of botocore reads."""
    for name in _PATHS:
        held = getattr(part, name, None)
        if isinstance(held, str):
            return held
        if held is not None:
            return _path(held)
    return None


def _setting(path: str, variable: str, key: str) -> str:
    """Where a path is written: a variable of the environment, or a key of a profile."""
    if os.environ.get(variable) == path:
        return variable
    named = next((name for name, said in sorted(profiles.everything().items()) if said.get(key) == path), None)
    return f"`{key}` of the profile `{named}`" if named else f"`{key}`"


def _fault_of(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return "is not text" if isinstance(error, UnicodeError) else "holds no token"


def _file(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
