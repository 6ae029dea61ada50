"""What people set of the secrets of a system: parameters of Systems Manager, which are there or not.

Their values are written, and never read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msaspec.compile.plan import Plan
from msaspec.deploy.preconditions.secrets import NO_SECRET
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Aws
    from msaspec.deploy.context import Context

# fact: parameter-limits
LONGEST = 4096
"""Bytes of a standard parameter."""
_AT_ONCE = 10
"""Parameters that one request asks for (Systems Manager API, GetParameters)."""


@dataclass(frozen=True)
class Settable:
    """One key that people set."""

    name: str
    key: str
    parameter: str
    path: Path
    users: tuple[str, ...]
    """The services that read it."""


@dataclass(frozen=True)
class Kept:
    """A key that somebody set, of an entry that a stack has or had. It is no part of the stack."""

    name: str
    parameter: str

    def __str__(self) -> str:
        """Return what is said of it."""
        return f"parameter {self.parameter}, which somebody set with `msaspec secret set`"


def of(plan: Plan) -> Iterator[Settable]:
    """Yield all that people set in a system, in the order of its entries."""
    for kind, entries in plan.entries:
        for entry, uses in entries:
            users = tuple(sorted(use.service for use in uses))
            for number, (key, parameter) in enumerate(kind.settable(entry, plan.site).items()):
                yield Settable(entry.name, key, parameter, (*entry.path, "keys", number), users)


def since(aws: Aws, wanted: Sequence[Settable]) -> Mapping[str, datetime]:
    """Return when each parameter was set, by its name; without those that are not there."""
    found: dict[str, datetime] = {}
    names = [each.parameter for each in wanted]
    for first in range(0, len(names), _AT_ONCE):
        answer = aws.client("ssm").get_parameters(Names=names[first : first + _AT_ONCE], WithDecryption=False)
        found |= {each["Name"]: each["LastModifiedDate"].astimezone(UTC) for each in answer["Parameters"]}
    return found


def kept(aws: Aws, stack: str) -> tuple[Kept, ...]:
    """Return what somebody set for a stack, also of entries that it has no more."""
    root = f"/msaspec/{stack}/"
    pages = aws.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True)
    names = sorted(each["Name"] for page in pages for each in page["Parameters"])
    return tuple(Kept(name.removeprefix(root).partition("/")[0], name) for name in names)


def remove(aws: Aws, each: Kept) -> bool:
    """Delete a key that somebody set, for good. Return whether it was there."""
    answer = aws.client("ssm").delete_parameters(Names=[each.parameter])
    return bool(answer["DeletedParameters"])


def empty(context: Context, plan: Plan) -> list[Diagnostic]:
    """Return what services read and nobody has set, each on its line."""
    wanted = [each for each in of(plan) if each.users]
    there = since(context.aws, wanted) if wanted else {}
    found = []
    for each in wanted:
        if each.parameter not in there:
            message = (
                f"Nobody has set `{each.key}` of the secret `{each.name}`, which {listed(each.users)} at the start."
            )
            hint = f"Set it: {context.command('secret', 'set', each.name, each.key)}"
            found.append(context.placed(NO_SECRET.at(each.path, message, hint=hint)))
    return found


def put(aws: Aws, settable: Settable, value: str) -> None:
    """Set a key, or set it anew."""
    aws.client("ssm").put_parameter(Name=settable.parameter, Value=value, Type="SecureString", Overwrite=True)


def listed(services: Sequence[str]) -> str:
    """Return who reads, as the beginning of a sentence about it.

    >>> listed(["web"]), listed(["api", "web"]), listed([])
    ('web reads', 'api and web read', 'No service reads')
    """
    if not services:
        return "No service reads"
    *most, last = services
    return f"{', '.join(most)} and {last} read" if most else f"{last} reads"
