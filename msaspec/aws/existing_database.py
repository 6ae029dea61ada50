"""A database server that exists: only databases, users and secrets are made on it.

Its address, its security group and the secret of its administrator are parameters of the stack, under names of the
same form as those of a server of the system's own, so that everything else refers to them alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from troposphere import Parameter

from msaspec.aws.database import Database, Existing, door, host, logical_id, master
from msaspec.aws.database_use import DatabaseElsewhere, DatabaseUse
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.base import Model
from msaspec.language.part import Entry, Part, Use
from msaspec.language.value import Token

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


ELSEWHERE = Code(
    "MSA551",
    "A database server that cannot be shared",
    """
    Another system makes databases and users of its own on a server that is shared, and leaves alone what others have
    there. msaspec does so on PostgreSQL, MySQL, MariaDB and Aurora. Name the URL of another server as a secret. A
    server that exists outside of both systems is named by both, with `existing`.

    Wrong: `uses: {payments/main: {database: {engine: documentdb}}}`
    Right: `uses: {payments/main: {database: {engine: postgres}}}`
    """,
)


def of_another(options: Model) -> dict[str, Any]:
    """Return the fields of a server of another system, as far as a use of it says them. Its address, its group and its
    secret are parameters that a deployment fills."""
    assert isinstance(options, DatabaseElsewhere)
    there = Existing.model_construct(host="", port=options.port, security_group="", secret="", kms_key=())
    return {"engine": options.engine, "existing": there}


def guided(entry: Entry[Database]) -> dict[str, Token]:
    """Return what the stack of another system needs to make a database on a server, by what it is called."""
    return {
        "DatabaseHost": host(entry),
        "DatabaseMasterSecret": master(entry),
        "DatabaseSecurityGroup": door(entry).group,
    }


def kept_back(entry: Entry[Database]) -> tuple[str, str] | None:
    """Return why a server cannot be shared, and what to do."""
    if entry.spec.server.bootstrap.guest is None:
        return f"is {entry.spec.server.title}, on which another system cannot make databases", "Remove the line."
    if entry.spec.existing:
        return (
            "exists outside of this system",
            "Name it in the other manifest, too: `databases: {main: {existing: ...}}`.",
        )
    return None


def build(entry: Entry[Database]) -> Part:
    """Return the parameters. Those of a server of another system are with all that comes from there."""
    existing = entry.spec.existing
    assert existing is not None
    if entry.called:
        return Part()
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


def check(entry: Entry[Database], uses: Sequence[Use[DatabaseUse]]) -> Iterable[Diagnostic]:
    """Yield the fields that describe a server."""
    engine = entry.spec.server
    if entry.spec.existing is None:
        return
    if entry.called:
        for use in uses if engine.bootstrap.guest is None else ():
            message = f"`{use.service}` cannot have a database on `{entry.title}`, which is {engine.title}."
            hint = "Name its URL as a secret: `secrets: {MAIN_URL: ARN#url}`."
            yield ELSEWHERE.at((*use.path, "engine"), message, hint=hint)
        return
    if engine.bootstrap.guest is None:
        message = f"`{entry.name}` is {engine.title}, which msaspec does not use on a cluster that exists."
        hint = "Name its URL as a secret: `secrets: {MAIN_URL: ARN#url}` of each service."
        yield NOT_OURS.at((*entry.path, "existing"), message, hint=hint, key=True)
        return
    for field in sorted(entry.spec.model_fields_set & entry.spec.foreign):
        message = f"`{entry.name}` exists, so `{field}` is not msaspec's to set."
        hint = "Write `existing: {port: ...}`." if field == "port" else f"Remove `{field}`."
        yield NOT_OURS.at((*entry.path, field), message, hint=hint, key=True)
