"""MySQL and MariaDB on a developer's machine, with the users, databases and rights of AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msaspec.exporting import sql
from msaspec.exporting.local import Local
from msaspec.exporting.sql import database_of
from msaspec.language.part import Entry, Use
from msaspec.template import names

_CLIENTS = {"mysql": ("mysql", "mysqladmin", "MYSQL"), "mariadb": ("mariadb", "mariadb-admin", "MARIADB")}
_RIGHTS = {"owner": "all privileges", "read-write": "select, insert, update, delete", "read-only": "select"}


def local(entry: Entry[Any], uses: Sequence[Use[Any]], variables: Mapping[str, str], master: str) -> Local:
    """Return the server. `variables` are those of the passwords by service, `master` is that of root."""
    server = entry.spec.server
    client, admin, prefix = _CLIENTS[server.name]
    owned = [database_of(use) for use in uses if use.options.access == "owner"]
    script = [
        f'run() {{ {client} --user=root --password="${prefix}_ROOT_PASSWORD"; }}',
        # In a text of SQL, a backslash and a quotation mark stand for themselves only twice.
        "quoted() { local said=${1//\\\\/\\\\\\\\}; printf \"'%s'\" \"${said//\\'/\\'\\'}\"; }",
    ]
    script += [f"echo 'create database if not exists `{database}` character set utf8mb4;' | run" for database in owned]
    for use in uses:
        user, database = names.snake(use.service), database_of(use)
        password = f'$(quoted "${names.variable(use.service)}_PASSWORD")'
        script.append(f"echo \"create user '{user}'@'%' identified by {password};\" | run")
        if database in owned:
            # `_` in the name of a database stands for any letter in a grant.
            on = database.replace("_", "\\_")
            script.append(sql.here("run", f"grant {_RIGHTS[use.options.access]} on `{on}`.* to '{user}'@'%';"))
    for use in uses:
        if text := use.texts.get("init"):
            script.append(sql.here("run", f"use `{database_of(use)}`;\n{text}"))
    return sql.local(
        entry,
        uses,
        variables,
        master,
        script,
        image=f"docker.io/library/{server.name}:{server.major(entry.spec.version or server.version)}",
        environment={f"{prefix}_ROOT_PASSWORD": f"${{{master}}}"},
        folder="/var/lib/mysql",
        # The server that the scripts talk to does not listen there.
        check=["CMD", admin, "ping", "-h", "127.0.0.1"],
    )
