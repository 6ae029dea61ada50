"""Snapshots of another Region, from which RDS restores nothing."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.aws.database_snapshots import OTHER_SNAPSHOT
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Diagnostic


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Find snapshots that are not in the Region of the manifest."""
    own = plan.root.region
    for kind, entries in plan.entries:
        for entry, _ in entries if own else ():
            for field, arn in kind.begins_with(entry).items():
                there = arn.split(":")[3]
                if there != own:
                    message = f"`{entry.name}` begins with a snapshot in {there}, and its Region is {own}."
                    copy = "copy-db-cluster-snapshot" if ":cluster-snapshot:" in arn else "copy-db-snapshot"
                    hint = f"Copy it with `aws rds {copy} --region {own}`, and name the copy."
                    yield OTHER_SNAPSHOT.at((*entry.path, field), message, hint=hint)
