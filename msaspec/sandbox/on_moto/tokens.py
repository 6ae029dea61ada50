"""Client tokens: a request that is repeated with the same token does its work once.

AWS documents the tokens for retries, and an error for a token that exists. It does not document which of the two a
repeated request meets, so the sandbox does either: `World.repeats` says whether a repetition succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError, ValidationError

from msaspec.sandbox.on_moto.stacks import Stack

PATTERN = "[a-zA-Z0-9][-a-zA-Z0-9]*"
LONGEST = 128
EXISTS = "A client request token already exists."


class TokenAlreadyExists(CloudFormationError):  # type: ignore[misc]
    """The stack has seen this token with another request."""

    code = "TokenAlreadyExistsException"


def token_of(api: Any, key: str = "ClientRequestToken") -> str | None:
    """Return the token of a request, None without one. Raises a ValidationError where it is malformed."""
    token: str | None = api._get_param(key)
    if token is None:
        return None
    constraint = ""
    if not re.fullmatch(PATTERN, token):
        constraint = f"satisfy regular expression pattern: {PATTERN}"
    elif len(token) > LONGEST:
        constraint = f"have length less than or equal to {LONGEST}"
    if constraint:
        where = f"Value '{token}' at '{key[0].lower()}{key[1:]}'"
        said = f"1 validation error detected: {where} failed to satisfy constraint: Member must {constraint}"
        raise ValidationError(message=said)
    return token


@contextmanager
def once(stack: Stack, token: str | None, request: str) -> Iterator[bool]:
    """Hold the sandbox's lock, and yield whether a request is still to be carried out.

    `request` names the operation and what it is about. It is noted under its token when the block ends well. Raises
    TokenAlreadyExists where the token belongs to another request, or where repetitions are refused.
    """
    with stack.world.lock:
        before = stack.tokens.get(token) if token else None
        if before is None:
            yield True
            if token:
                stack.tokens[token] = request
            return
        if before != request or not stack.world.repeats:
            raise TokenAlreadyExists(EXISTS)
        yield False
