"""Whether passwords can rotate: a second user for each service, and a database at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from msaspec.aws import database_use
from msaspec.aws.database import Database
from msaspec.aws.database_use import DatabaseUse
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.language.part import Use

NO_SECOND_USER = Code(
    "MSA483",
    "A name that is too long for a second user",
    """
    Where passwords rotate, each service has two users on a database, which take turns. The second has the name of the
    service with `__b` behind it, and MySQL allows users of 32 characters. Give the service a shorter name, or remove
    `rotation`.
    """,
)
NOTHING_ROTATES = Code(
    "MSA484",
    "Nothing rotates",
    """
    `audit.rotation` changes the passwords of services on databases of PostgreSQL, MySQL and MariaDB, and no service
    uses one. Other secrets stay as they are: what a generated secret signed or encrypted can be read only with it, and
    `msaspec secret rotate` changes it when you say so.
    """,
    Severity.WARNING,
)
SECOND = "__b"
"""What the name of the second user ends with, as the Lambda functions have it."""


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Look at the users of all databases."""
    if not plan.site.rotates:
        return
    used = False
    for _, entries in plan.made:
        for entry, uses in entries:
            if not isinstance(entry.spec, Database) or not entry.spec.server.bootstrap.turns:
                continue
            used = used or bool(uses)
            longest = entry.spec.server.longest_user
            for use in cast("tuple[Use[DatabaseUse], ...]", uses):
                role = database_use.role_of(use)
                if len(role) <= longest < len(role + SECOND):
                    message = (
                        f"The second user of `{use.service}` on `{entry.title}`, `{role}{SECOND}`, would have"
                        f" {len(role + SECOND)} characters, and {entry.spec.server.title} allows {longest}."
                    )
                    most = longest - len(SECOND) - (len(role) - len(use.service))
                    hint = (
                        f"Give the service a name of at most {most} characters." if most > 0 else "Remove `rotation`."
                    )
                    yield NO_SECOND_USER.at(use.path[:2], message, hint=hint, key=True)
    if not used:
        message = "`rotation` changes passwords on databases, and no service uses one."
        yield NOTHING_ROTATES.at(("audit", "rotation"), message, hint="Remove it.", key=True)
