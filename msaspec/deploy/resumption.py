"""A first creation that failed and was kept: what there is of it, and what a deployment that goes on from there may do.

A first creation is executed with rollback disabled, so that CloudFormation keeps what was made. The next change set
goes on from there, and has to disable rollback again. Until one ends well, CloudFormation replaces nothing.
fact: kept-creation
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy.aws.state import Resource
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import render
from msaspec.update.changes import Action, Change

REPLACES = Code(
    "MSA636",
    "A failed first creation cannot continue with a replacement",
    """
    The first deployment failed, and CloudFormation kept what was created. The next deployment continues from there, but
    CloudFormation replaces no resource until the stack has been complete once. The manifest now has a change that would
    replace an existing resource. Undo the change, or delete what was kept and start over: `msaspec deploy --rollback`
    does both if no data is in it; otherwise use `msaspec destroy`, which lists the data first.
    """,
)
_NESTED = "AWS::CloudFormation::Stack"


def can_be_kept(template: Mapping[str, Any]) -> bool:
    """Return whether a failed creation of a template can be kept.

    AWS does not say what becomes of nested stacks, so with one of these CloudFormation rolls back.
    """
    parts = template.get("Resources", {}).values()
    return not any(isinstance(part, Mapping) and part.get("Type") == _NESTED for part in parts)


def present(template: Mapping[str, Any], resources: Iterable[Resource]) -> Mapping[str, Any]:
    """Return a template with only those of its resources that were made, and without its outputs."""
    made = {resource.logical_id for resource in resources if resource.made}
    parts = {name: part for name, part in template.get("Resources", {}).items() if name in made}
    return {key: value for key, value in template.items() if key != "Outputs"} | {"Resources": parts}


def as_added(rows: Iterable[Mapping[str, Any]], resources: Iterable[Resource]) -> tuple[Mapping[str, Any], ...]:
    """Return rows of a change set in which what failed to be made is added, however CloudFormation calls that."""
    failed = {resource.logical_id for resource in resources if not resource.made}
    return tuple(
        {**row, "Action": "Add"} if row["LogicalResourceId"] in failed and row["Action"] == "Modify" else row
        for row in rows
    )


def refused(changes: Sequence[Change], resources: Iterable[Resource], hint: str) -> Iterator[Diagnostic]:
    """Yield what CloudFormation refuses to do before the stack is complete: every replacement of what was made."""
    made = {resource.logical_id for resource in resources if resource.made}
    for change in changes:
        if change.action is Action.REPLACE and change.logical_id in made:
            kind = aws_types.of(change.type)
            where = f" of `{render(change.entry)}`" if change.entry else ""
            message = (
                f"The {kind} `{change.logical_id}`{where} would be replaced before the stack has been complete once."
            )
            yield REPLACES.at(change.entry, message, hint=hint, key=True)
