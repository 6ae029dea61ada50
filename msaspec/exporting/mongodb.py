"""MongoDB on a developer's machine in place of DocumentDB, with its users and their roles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msaspec.exporting import sql
from msaspec.exporting.local import Local
from msaspec.exporting.sql import database_of
from msaspec.language.part import Entry, Use
from msaspec.template import names

_ROLES = {"owner": "dbOwner", "read-write": "readWrite", "read-only": "read"}


def local(entry: Entry[Any], uses: Sequence[Use[Any]], variables: Mapping[str, str], master: str) -> Local:
    """Return the server. `variables` are those of the passwords by service, `master` is that of root."""
    server = entry.spec.server
    script = []
    for use in uses:
        user, password = names.snake(use.service), f"{names.variable(use.service)}_PASSWORD"
        role = json.dumps([{"role": _ROLES[use.options.access], "db": database_of(use)}])
        script.append(f"db.createUser({{user: {json.dumps(user)}, pwd: process.env.{password}, roles: {role}}});")
    return sql.local(
        entry,
        uses,
        variables,
        master,
        [sql.here("mongosh --quiet admin", "\n".join(script))] if script else [],
        image=f"docker.io/library/mongo:{server.major(entry.spec.version or server.version)}",
        environment={"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": f"${{{master}}}"},
        folder="/data/db",
        # The server that the script talks to listens at 127.0.0.1 only.
        check=["CMD", "mongosh", "--quiet", "--host", entry.name, "--eval", "quit(db.hello().ok ? 0 : 1)"],
        query="?authSource=admin",
        notes=(f"{entry.name}: MongoDB, which has more than DocumentDB, and alone, so without transactions.",),
    )
