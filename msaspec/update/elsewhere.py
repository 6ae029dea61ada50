"""Edits that are no update at all: another name or another Region makes another system beside the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity

ANOTHER_SYSTEM = Code(
    "MSA519",
    "Another system",
    """
    msaspec finds stacks by the name of the system and the Region. If either changes, `msaspec deploy` creates a new
    system with empty databases and buckets. The old system keeps running and costing money, and this manifest no longer
    changes it. No data moves from one to the other.
    """,
    Severity.WARNING,
)


@dataclass(frozen=True)
class Where:
    """By what the stacks of a system are found."""

    system: str
    region: str | None = None
    """None where the manifest leaves it to the command, or where it is unknown."""


def found(before: Where | None, after: Where) -> Iterator[Diagnostic]:
    """Yield a warning for each difference that makes another system. `before` is None where that is not known."""
    if before is None:
        return
    rest = "`msaspec deploy` creates a new system with empty databases and buckets, and does not change the other."
    if before.system != after.system:
        message = f"`{after.system}` is another system than `{before.system}`: {rest}"
        hint = f"Keep `name: {before.system}`, or move the data and destroy `{before.system}` with its own manifest."
        yield ANOTHER_SYSTEM.at(("name",), message, hint=hint)
    if before.region and after.region and before.region != after.region:
        message = f"In {after.region} it is another system than in {before.region}: {rest}"
        hint = f"Keep `region: {before.region}`, or move the data and destroy the other: `--region {before.region}`."
        yield ANOTHER_SYSTEM.at(("region",), message, hint=hint)
