"""The program that builds, tags and pushes images: docker, or another that takes its words."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

from msaspec.deploy.aws import fault
from msaspec.diagnostics.diagnostic import Code

NO_DOCKER = Code(
    "MSA624",
    "No program that builds images can be started",
    """
    `msaspec push` and `msaspec deploy` build and push images by docker, podman or finch: the first of them that is on
    the PATH, or the program that the variable MSASPEC_BUILDER names. It must take the words of docker.
    """,
)
PROGRAMS = ("docker", "podman", "finch")
VARIABLE = "MSASPEC_BUILDER"
LINES = 40
"""Of the end of what a program said that failed."""

Run = Callable[[Sequence[str], str | None], int]
"""Runs a command with an input, and gives its exit code."""


def program() -> str:
    """Return the program's name."""
    return os.environ.get(VARIABLE) or next(filter(shutil.which, PROGRAMS), PROGRAMS[0])


def run(command: Sequence[str], given: str | None) -> int:
    """Run a command on this machine, and show what it says. Raises Fault if there is no such program."""
    # What docker says is no result: standard output is for those who read results.
    return _run(command, given, 2).returncode


class Quiet:
    """Runs commands on this machine and keeps what the last one said."""

    def __init__(self) -> None:
        self.said: tuple[str, ...] = ()

    def __call__(self, command: Sequence[str], given: str | None) -> int:
        """Run a command. Raises Fault if there is no such program."""
        done = _run(command, given, subprocess.PIPE)
        self.said = tuple(done.stdout.splitlines()[-LINES:])
        return done.returncode


def _run(command: Sequence[str], given: str | None, output: int) -> subprocess.CompletedProcess[str]:
    error = subprocess.STDOUT if output == subprocess.PIPE else None
    try:
        return subprocess.run(
            command, input=given, text=True, errors="replace", check=False, stdout=output, stderr=error
        )
    except OSError as refused:
        message = f"`{command[0]}` cannot be started: {refused.strerror}."
        hint = f"Install docker, podman or finch, or name another program by the variable {VARIABLE}."
        raise fault.new(NO_DOCKER, message, hint) from None
