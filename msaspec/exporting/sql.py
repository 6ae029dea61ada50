"""What database servers on a developer's machine have in common, whatever their engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from msaspec.exporting.local import Block, Local, Tree, literal
from msaspec.language.part import Entry, Use
from msaspec.template import names

CHECK = {"interval": "2s", "timeout": "5s", "retries": 30}
"""How often a server is asked whether it is up."""


def database_of(use: Use[Any]) -> str:
    """Return the name of the database that a use is of."""
    return use.options.database or names.snake(use.service)


def here(command: str, text: str) -> str:
    """Return the lines of a script that give a text to a command, whatever the text has in it.

    >>> print(here("run", "select 1;"))
    run <<'END'
    select 1;
    END
    """
    lines = text.splitlines()
    end = next(word for word in (f"END{number or ''}" for number in count()) if word not in lines)
    return f"{command} <<'{end}'\n{text.rstrip()}\n{end}"


def local(
    entry: Entry[Any],
    uses: Sequence[Use[Any]],
    passwords: Mapping[str, str],
    master: str,
    script: list[str],
    *,
    image: str,
    environment: Mapping[str, str],
    folder: str,
    check: list[str],
    query: str = "",
    notes: Sequence[str] = (),
) -> Local:
    """Return a server that runs a script of users and databases when it is first started.

    `passwords` are the variables of the env file by service, and `master` is that of the master user. `folder` is where
    the image keeps its data, `check` a command that succeeds when the server is up, and `query` what URLs end with.
    """
    name, server = entry.name, entry.spec.server
    container: Tree = {
        "image": image,
        "environment": {
            **environment,
            **{f"{names.variable(service)}_PASSWORD": f"${{{variable}}}" for service, variable in passwords.items()},
        },
        "configs": [{"source": f"{name}-users", "target": "/docker-entrypoint-initdb.d/users.sh"}],
        "volumes": [f"{name}:{folder}"],
        "healthcheck": {"test": check, **CHECK},
    }
    attributes = {}
    for use in uses:
        user, database, password = names.snake(use.service), database_of(use), f"${{{passwords[use.service]}}}"
        address = f"{name}:{server.port}/{database}"
        attributes[use.service] = {
            "host": name,
            "reader_host": name,
            "port": str(server.port),
            "name": database,
            "username": user,
            "password": password,
            "url": f"{server.scheme}://{user}:{password}@{address}{query}",
        }
        if server.driver:
            attributes[use.service]["jdbc_url"] = f"jdbc:{server.jdbc_scheme or server.scheme}://{address}"
    return Local(
        containers={name: container},
        # The images run it in a shell of their own.
        configs={f"{name}-users": {"content": Block(literal("\n".join(["(", "set -eu", *script, ")"]) + "\n"))}},
        volumes=(name,),
        attributes=attributes,
        after={name: "service_healthy"},
        generated=(master, *passwords.values()),
        notes=(*([f"{name}: URLs ask for no TLS; on AWS they do."] if entry.spec.tls else []), *notes),
    )
