"""Values that pass from one system's stack to another's: outputs of the one, parameters of the other. Pure.

What a system shares has outputs with `Shared` in their names, one of which lists who may use it. A system that uses it
has a parameter for each, which a deployment fills. Who uses something is found by the values: a parameter of a stack
that has the address or the ARN of a shared entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from msaspec.diagnostics.place import Path
from msaspec.template.names import camel

_SHARED, _WITH = "Shared", "With"
_HOST = re.compile(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+\.[a-z]{2,}")


@dataclass(frozen=True)
class Taken:
    """A parameter that holds a value of another system's stack."""

    system: str
    """As the manifest calls it."""
    stack: str
    entry: str
    output: str
    path: Path
    """Where the manifest uses it."""
    reached: bool = False
    """Whether the entry is reached in its network."""
    words: str = ""
    """What the manifest says of the entry, as the output of `words` does; nothing where it says nothing."""


def output(entry: str, what: str) -> str:
    """Return the name of an output: ``LedgerSharedPort``."""
    return f"{camel(entry)}{_SHARED}{what}"


def allowed(entry: str) -> str:
    """Return the name of the output that says who may use an entry."""
    return output(entry, _WITH)


def words(entry: str) -> str:
    """Return the name of the output that says what uses in other systems have to say of an entry."""
    return output(entry, "As")


def parameter(system: str, entry: str, what: str) -> str:
    """Return the name of the parameter that holds a value of an entry of another system: ``LedgerOfPaymentsPort``."""
    return f"{camel(entry)}Of{camel(system)}{what}"


def is_permission(name: str) -> bool:
    """Return whether an output says who may use an entry."""
    return name.endswith(f"{_SHARED}{_WITH}")


def permission(entry: str, systems: tuple[str, ...]) -> str:
    """Return the value of the output that says who may use an entry.

    >>> permission("ledger", ("shop", "admin")), permitted("ledger: admin, shop")
    ('ledger: admin, shop', ('ledger', ('admin', 'shop')))
    """
    return f"{entry}: {', '.join(sorted(systems))}"


def permitted(value: str) -> tuple[str, tuple[str, ...]]:
    """Return the entry and the systems that such an output names."""
    entry, _, systems = value.partition(":")
    return entry.strip(), tuple(name for word in systems.split(",") if (name := word.strip()))


def shares(outputs: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, str]]]:
    """Yield what the outputs of a stack share: the entry, the systems that may use it, and its values by what they
    are."""
    found: dict[str, dict[str, str]] = {name.removesuffix(_WITH): {} for name in sorted(outputs) if is_permission(name)}
    for name, value in outputs.items():
        if fitting := [start for start in found if name.startswith(start)]:
            start = max(fitting, key=len)
            found[start][name.removeprefix(start)] = value
    for values in found.values():
        entry, systems = permitted(values.pop(_WITH))
        yield entry, systems, values


def mark(value: str) -> str | None:
    """Return what tells a shared entry from all others by a value of it: the host of an address, an ARN, the id of a
    VPC; None for a value that others may have too.

    >>> mark("http://ledger.payments.internal:8080"), mark("vpc-1"), mark("8080"), mark("arn:aws:sqs:eu-west-1:1:q")
    ('ledger.payments.internal', 'vpc-1', None, 'arn:aws:sqs:eu-west-1:1:q')
    >>> mark("main.c9ak.eu-west-1.rds.amazonaws.com"), mark("8.1.2")
    ('main.c9ak.eu-west-1.rds.amazonaws.com', None)
    """
    if value.startswith(("arn:", "vpc-")) or _HOST.fullmatch(value):
        return value
    try:
        address = urlsplit(value)
        return address.hostname if address.scheme and address.port else None
    except ValueError:
        return None
