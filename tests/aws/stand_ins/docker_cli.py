"""What docker's client makes of the words of `docker run`, as far as msaspec's user data uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SINGLE = "--name", "--restart", "--pull", "--env-file", "--log-driver"
MULTIPLE = "--log-opt", "-p", "-e"
FLAGS = "-d", "--read-only"
JOINED = (
    "--entrypoint",
    "--user",
    "--workdir",
    "--stop-timeout",
    "--tmpfs",
    "--mount",
    "--network",
    "--memory",
    "--cpu-shares",
    "--restart",
)


def parse(words: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """Image, command, options, and the environment of the container, which the client works out."""
    options: dict[str, list[str]] = {name: [] for name in SINGLE + MULTIPLE + JOINED}
    detached = False
    rest = iter(words)
    for word in rest:
        detached |= word == "-d"
        if word in options:
            options[word].append(next(rest))
        elif word.partition("=")[0] in JOINED:
            options[word.partition("=")[0]].append(word.partition("=")[2])
        elif word[:2] in options:
            options[word[:2]].append(word[2:])
        elif word not in FLAGS:
            assert not word.startswith("-"), word
            break
    assert all(len(options[name]) == 1 for name in SINGLE), options
    environment = env_file(Path(options["--env-file"][0]))
    for entry in options["-e"]:
        name, equals, given = entry.partition("=")
        environment[name] = given if equals else environ[name]
    return {"image": word, "command": list(rest), "environment": environment, "options": options, "detached": detached}


def env_file(path: Path) -> dict[str, str]:
    """docker/cli, pkg/kvfile: lines as of Go's bufio.ScanLines, of at most 64 KiB, in UTF-8."""
    environment = {}
    for number, raw in enumerate(path.read_bytes().split(b"\n")):
        assert len(raw) < 64 * 1024, "bufio.Scanner: token too long"
        line = raw.removesuffix(b"\r").decode()
        line = (line.removeprefix("\ufeff") if number == 0 else line).lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, content = line.partition("=")
        assert name, line
        assert equals, line
        assert not set(name) & set(" \t"), line
        environment[name] = content
    return environment
