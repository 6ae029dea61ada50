# ruff: noqa: T201 - a command prints
"""Stands in for the docker client: ``client.py ARGUMENTS...``, as far as msaspec's user data uses it."""

from __future__ import annotations

import json
import os
import sys
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

sys.path[0:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent / "aws" / "stand_ins")]
import docker_cli  # noqa: E402 - beside this file
from daemon import SOCKET  # noqa: E402

LOGINS = Path("/var/lib/docker-logins.json")
assert os.environ["HOME"] == "/root", "that is where the real client keeps them"


def ask(operation: str, *arguments: Any) -> Any:
    """Has the daemon do something."""
    try:
        with Client(SOCKET, "AF_UNIX") as connection:
            connection.send((operation, arguments))
            succeeded, told = connection.recv()
    except (OSError, EOFError) as fault:
        sys.exit(f"Cannot connect to the Docker daemon at unix://{SOCKET}. Is the docker daemon running? ({fault})")
    if not succeeded:
        sys.exit(f"Error response from daemon: {told}")
    return told


logins: dict[str, str] = json.loads(LOGINS.read_text()) if LOGINS.exists() else {}
match sys.argv[1:]:
    case ["login", "-u", user, "--password-stdin", registry]:
        logins[registry] = ask("login", registry, user, sys.stdin.read().removesuffix("\n"))
        LOGINS.write_text(json.dumps(logins))
        print("Login Succeeded")
    case ["pull", "-q", image]:
        print(ask("pull", image, logins.get(image.partition("/")[0], "")))
    case ["rm", "-f", name]:
        print(ask("remove", name))
    case ["run", *words]:
        print(ask("run", docker_cli.parse(words, os.environ)))
    case ["image", "inspect", "-f", form, image]:
        print(ask("image", image, form))
    case ["inspect", name, "-f", form]:
        print(ask("inspect", name, form))
    case ["exec", name, *words]:
        code, said = ask("execute", name, words)
        print(said, end="")
        sys.exit(code)
    case ["logs", "--tail", number, name]:
        print(ask("logs", name, int(number)))
    case other:
        sys.exit(f"docker: not known here: {other}")
