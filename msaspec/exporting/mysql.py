"""MySQL and MariaDB on a developer's machine, with the users, databases and rights of AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msaspec.exporting.local import Block, Local, Tree, literal
from msaspec.language.part import Entry, Use
from msaspec.template import names

_CLIENTS = {"mysql": ("mysql", "mysqladmin", "MYSQL"), "mariadb": ("mariadb", "mariadb-admin", "MARIADB")}
_RIGHTS = {"owner": "all privileges", "read-write": "select, insert, update, delete", "read-only": "select"}
_CHECK = {"interval": "2s", "timeout": "5s", "retries": 30}


def local(entry: Entry[Any], uses: Sequence[Use[Any]], variables: Mapping[str, str], master: str) -> Local:
    """Return the server. `variables` are those of the passwords by service, `master` is that of root."""
    spec, name, server = entry.spec, entry.name, entry.spec.server
    client, admin, prefix = _CLIENTS[server.name]
    owned = [_database_of(use) for use in uses if use.options.access == "owner"]
    script = [
        "(",
        "set -eu",
        f'run() {{ {client} --user=root --password="${prefix}_ROOT_PASSWORD"; }}',
        # In a text of SQL, a backslash and a quotation mark stand for themselves only twice.
        "quoted() { local said=${1//\\\\/\\\\\\\\}; printf \"'%s'\" \"${said//\\'/\\'\\'}\"; }",
    ]
    script += [f"echo 'create database if not exists `{database}` character set utf8mb4;' | run" for database in owned]
    for use in uses:
        user, database = names.snake(use.service), _database_of(use)
        password = f'$(quoted "${names.variable(use.service)}_PASSWORD")'
        script.append(f"echo \"create user '{user}'@'%' identified by {password};\" | run")
        if database in owned:
            # `_` in the name of a database stands for any letter in a grant.
            on = database.replace("_", "\\_")
            script.append(f"run <<'SQL'\ngrant {_RIGHTS[use.options.access]} on `{on}`.* to '{user}'@'%';\nSQL")
    version = server.major(spec.version or server.version)
    container: Tree = {
        "image": f"docker.io/library/{server.name}:{version}",
        "environment": {
            f"{prefix}_ROOT_PASSWORD": f"${{{master}}}",
            **{f"{names.variable(service)}_PASSWORD": f"${{{variable}}}" for service, variable in variables.items()},
        },
        "configs": [{"source": f"{name}-users", "target": "/docker-entrypoint-initdb.d/users.sh"}],
        "volumes": [f"{name}:/var/lib/mysql"],
        # The server that the scripts talk to does not listen there.
        "healthcheck": {"test": ["CMD", admin, "ping", "-h", "127.0.0.1"], **_CHECK},
    }
    attributes = {}
    for use in uses:
        user, database, password = names.snake(use.service), _database_of(use), f"${{{variables[use.service]}}}"
        address = f"{name}:{server.port}/{database}"
        attributes[use.service] = {
            "host": name,
            "reader_host": name,
            "port": str(server.port),
            "name": database,
            "username": user,
            "password": password,
            "url": f"{server.scheme}://{user}:{password}@{address}",
            "jdbc_url": f"jdbc:{server.jdbc_scheme or server.scheme}://{address}",
        }
    return Local(
        containers={name: container},
        configs={f"{name}-users": {"content": Block(literal("\n".join([*script, ")"]) + "\n"))}},
        volumes=(name,),
        attributes=attributes,
        after={name: "service_healthy"},
        generated=(master, *variables.values()),
        notes=(f"{name}: URLs ask for no TLS; on AWS they do.",),
    )


def _database_of(use: Use[Any]) -> str:
    return use.options.database or names.snake(use.service)
