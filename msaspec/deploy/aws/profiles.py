"""The shared files of the AWS CLI: which profiles there are, and which command gives one new credentials."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from msaspec.diagnostics.spelling import nearest

SHARED_FILES = "the shared files of the AWS CLI"
LOGIN_PART = "botocore[crt]"
"""What botocore needs for the sessions of `aws login`; it is no part of botocore itself."""
SHOWN = 8
"""How many names of profiles a hint lists."""
_SSO = ("sso_session", "sso_start_url")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


def everything() -> Mapping[str, Mapping[str, Any]]:
    """Return the profiles of the shared files by name; none where the files cannot be read."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found: Mapping[str, Mapping[str, Any]] = Session().full_config.get("profiles", {})
    except BotoCoreError:
        return {}
    return found


def around() -> str | None:
    """Return the profile that the environment names."""
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")


def source(profile: str) -> str:
    """Return the profile whose credentials a profile begins with: the end of its chain of `source_profile`."""
    known, seen = everything(), {profile}
    while (named := known.get(profile, {}).get("source_profile")) and named not in seen:
        profile = str(named)
        seen.add(profile)
    return profile


def option(profile: str | None) -> str:
    """Return the option of the AWS CLI that names a profile, with a blank before."""
    return f" --profile {shlex.quote(profile)}" if profile and profile != "default" else ""


def renewal(profile: str | None) -> str:
    """Return the hint that gives new credentials for those that have expired. `profile` is the one that the user
    named."""
    if not profile and os.environ.get(_KEYS[0]):
        renewed = [name for name in _KEYS if os.environ.get(name)]
        return f"Renew {', '.join(renewed)}, or unset them and name a profile with --profile."
    chosen = source(profile or around() or "default")
    said = everything().get(chosen, {})
    if any(key in said for key in _SSO):
        return f"Log in again: aws sso login{option(chosen)}"
    if "login_session" in said:
        return f"Log in again: aws login{option(chosen)}"
    if "credential_process" in said:
        return f"Log in again to what `credential_process` of the profile `{chosen}` asks."
    if "aws_access_key_id" in said:
        return f"Renew the keys of the profile `{chosen}`: aws configure{option(chosen)}"
    return "Log in again, or choose other credentials with --profile."


def ways(profile: str | None) -> str:
    """Return the hint that gives credentials to who has none."""
    chosen = profile or around()
    known = everything()
    if chosen:
        begin = source(chosen)
        if "sso_session" in known.get(begin, {}):
            return f"Log in: aws sso login{option(begin)}"
        return f"{_begun(begin)} {_named(set(known) - {chosen}, 'Or name another profile')}".rstrip()
    usable = {name for name, said in known.items() if said}
    if usable - {"default"}:
        return f"{_named(usable, 'Name a profile')} {_begun(None)}"
    return _begun(None)


def _begun(profile: str | None) -> str:
    """Return the commands that write credentials into the shared files. `aws login` is named where botocore can use
    it."""
    login = f"`aws login{option(profile)}`, " if find_spec("awscrt") else ""
    ways = f"{login}`aws configure sso{option(profile)}` or `aws configure{option(profile)}`"
    return f"Set credentials up with {ways}."


def _named(names: set[str], begin: str) -> str:
    if not names:
        return ""
    shown = ", ".join(sorted(names)[:SHOWN])
    return f"{begin} with --profile: {shown}{f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''}."


def unknown(profile: str) -> str:
    """Return the hint for a profile that is not there: the one that was meant, or those that there are."""
    known = everything()
    if near := nearest(profile, known):
        return f"Did you mean `{near}`? `aws configure list-profiles` lists those that there are."
    if known:
        return f"{_named(set(known), 'Choose one')} `aws configure sso --profile {shlex.quote(profile)}` makes it."
    return f"{elsewhere()}`aws configure sso --profile {shlex.quote(profile)}` makes it.".strip()


def elsewhere() -> str:
    """Return which variable names a shared file that is none, with a blank behind; nothing where each is well."""
    for variable in _FILES:
        if (path := os.environ.get(variable)) and not os.path.isfile(os.path.expanduser(path)):
            return f"{variable} names {path}, which is not a file: correct it, or unset it. "
    return ""


def taken_over(profile: str | None) -> str:
    """Return the words that give a shell the credentials that the AWS CLI has."""
    return f'take over what the AWS CLI has: eval "$(aws configure export-credentials{option(profile)} --format env)"'


def installed(profile: str | None) -> str:
    """Return the hint for who logged in with `aws login`, and has no part of botocore that reads its sessions."""
    install = shlex.join([sys.executable, "-m", "pip", "install", LOGIN_PART])
    return f"Install it with `{install}`, or {taken_over(profile)}"


def clock() -> str:
    """Return the hint for a clock that is wrong."""
    commands = {"linux": "sudo timedatectl set-ntp true", "darwin": "sudo sntp -sS time.apple.com"}
    command = commands.get(sys.platform, "w32tm /resync")
    return f"Correct the clock of this machine, such as with `{command}`, and run the same command again."
