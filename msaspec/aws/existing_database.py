"""A database server that exists: only databases, users and secrets are made on it.

Its address, its security group and the secret of its administrator are parameters of the stack, under names of the
same form as those of a server of the system's own, so that everything else refers to them alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from troposphere import Parameter

from msaspec.aws.database import Database, host, logical_id, master
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.part import Entry, Part

NOT_OURS = Code(
    "MSA336",
    "A field of a database server that exists",
    """
    `existing` names a server that msaspec did not make and does not change: it makes databases, users and secrets on
    it, and rules in its security group. What the server is, such as its size, its backups and its parameters, is said
    where it was made. A migration, a job before deployments or the owner of the server makes extensions.

    Wrong: `databases: {main: {existing: {...}, storage: 50 GiB}}`
    Right: `databases: {main: {existing: {...}}}`
    """,
)
GROUP_ID = "AWS::EC2::SecurityGroup::Id"  # fact: typed-parameters
"""The type of a parameter whose value CloudFormation looks up in the account."""


def build(entry: Entry[Database]) -> Part:
    """Return the parameters."""
    existing = entry.spec.existing
    assert existing is not None
    about = f"of the existing database server {entry.name}"
    return Part(
        parameters=(
            Parameter(host(entry).target, Type="String", Default=existing.host, Description=f"Address {about}."),
            Parameter(
                f"{logical_id(entry)}SecurityGroup",
                Type=GROUP_ID,
                Default=existing.security_group,
                Description=f"Security group {about}, which gets rules for its users.",
            ),
            Parameter(
                master(entry).target,
                Type="String",
                Default=existing.secret,
                Description=f"Secret with the administrator {about}.",
            ),
        )
    )


def check(entry: Entry[Database]) -> Iterable[Diagnostic]:
    """Yield the fields that describe a server."""
    engine = entry.spec.server
    if entry.spec.existing is None:
        return
    if engine.bootstrap.guest is None:
        message = f"`{entry.name}` is {engine.title}, which msaspec does not use on a cluster that exists."
        hint = "Name its URL as a secret: `secrets: {MAIN_URL: ARN#url}` of each service."
        yield NOT_OURS.at((*entry.path, "existing"), message, hint=hint, key=True)
        return
    for field in sorted(entry.spec.model_fields_set & entry.spec.idle):
        message = f"`{entry.name}` exists, so `{field}` is not msaspec's to set."
        hint = "Write `existing: {port: ...}`." if field == "port" else f"Remove `{field}`."
        yield NOT_OURS.at((*entry.path, field), message, hint=hint, key=True)
