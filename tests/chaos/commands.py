"""Commands of msaspec as processes that take a tenth of a second to start, so that thousands of them can be run.

A launcher is a process that has everything imported and forks one process per command. Such a process is what a shell
would start: it has its own arguments, environment, folder and streams, it gets signals, and it ends as Python does.

    with Launcher(folder) as launcher, launcher.run(("deploy", "--yes"), folder, environment) as command:
        command.signal(signal.SIGINT)
        done = command.ended(timeout=60)
"""

from __future__ import annotations

import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

TIMEOUT = -1000
"""The exit code of a command that did not end in time."""
KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "PYTHONHASHSEED", "TMPDIR", "VIRTUAL_ENV")
"""Variables of the environment that every command has."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    words: tuple[str, ...]
    code: int
    """The exit code; of a signal that ended it, the number below zero; `TIMEOUT` if it had to be stopped."""
    stdout: str
    stderr: str
    seconds: float


class Command:
    """A command that runs."""

    def __init__(self, connection: socket.socket, words: tuple[str, ...], outputs: tuple[Path, Path]) -> None:
        self.words = words
        self._outputs = outputs
        self._connection = connection
        self._began = time.monotonic()
        self.pid = int(_line(connection))

    def __enter__(self) -> Command:
        """Ends it with the block."""
        return self

    def __exit__(self, *ignored: object) -> None:
        """End it, if it still runs."""
        if self._connection.fileno() >= 0:
            self.ended(0)

    def signal(self, number: int) -> None:
        """Send it a signal; one that has ended by itself does not mind."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not select.select([self._connection], [], [], 0)[0]

    def ended(self, timeout: float, hopeless: threading.Event | None = None) -> Done:
        """Wait for its end, in seconds; after them, or as soon as it is hopeless, it is killed."""
        until, status = time.monotonic() + timeout, ""
        while not status:
            if time.monotonic() > until or (hopeless and hopeless.is_set()):
                self.signal(signal.SIGKILL)
                break
            if select.select([self._connection], [], [], 0.05)[0]:
                status = _line(self._connection) or str(TIMEOUT)
        said = [path.read_text("utf-8", "replace") for path in self._outputs]
        self._connection.close()
        return Done(self.words, int(status or TIMEOUT), said[0], said[1], time.monotonic() - self._began)


def _line(connection: socket.socket) -> str:
    """A line, of which no more is read: the next one is waited for by `select`."""
    text = b""
    while not text.endswith(b"\n") and (letter := connection.recv(1)):
        text += letter
    return text.decode().strip()


class Launcher:
    """Starts commands."""

    def __init__(self, folder: Path) -> None:
        self.address = folder / "launcher"
        self._process = self._started()
        self._number = 0

    def __enter__(self) -> Launcher:
        """Ends it with the block; what it started goes on."""
        return self

    def __exit__(self, *ignored: object) -> None:
        """End it."""
        self._end()

    def _end(self) -> None:
        with self._process:  # which closes its pipe, and waits
            self._process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        with socket.socket(socket.AF_UNIX) as listener:
            self.address.unlink(missing_ok=True)
            listener.bind(str(self.address))
            listener.listen(16)
            number = listener.fileno()
            words = [sys.executable, "-m", "tests.chaos.commands", str(number)]
            return subprocess.Popen(words, pass_fds=[number], stdin=subprocess.PIPE)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def revived(self) -> bool:
        """Start another one where it has ended, at the same address, and say whether that was so.

        Only whoever started it can: a process that was forked since speaks to the address.
        """
        if self._process.poll() is None:
            return False
        self._end()
        self._process = self._started()
        return True

    def run(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Command:
        """Start a command in a folder, with nothing on its standard input."""
        self._number += 1
        outputs = tuple(folder / f".{os.getpid()}-{self._number}.{name}" for name in ("out", "err"))
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        request = {
            "words": list(words),
            "folder": str(folder),
            "environment": {**inherited, **environment},
            "outputs": [str(path) for path in outputs],
        }
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.address))
            connection.sendall(json.dumps(request).encode() + b"\n")
            return Command(connection, tuple(words), (outputs[0], outputs[1]))
        except BaseException:
            connection.close()
            raise


def _launch(listener: socket.socket) -> NoReturn:
    """The launcher: forks, for each request, who starts the command and waits for it. It ends with whoever has the
    other end of its standard input."""
    _import()
    gc.freeze()  # so that what is forked shares its memory
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _attend(connection)
        connection.close()


def _import() -> None:
    """Loads what every command would load by itself."""
    from importlib import import_module
    from pkgutil import iter_modules

    import boto3
    from botocore.loaders import JSONFileLoader

    import msaspec.deploy
    from msaspec.cli import commands

    # What botocore reads of its files is kept for all commands.
    JSONFileLoader.load_file = _once(JSONFileLoader.load_file)
    for service in ("cloudformation", "ec2", "ecr", "logs", "rds", "s3", "sts"):
        boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    for package in (commands, msaspec.deploy):
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    import_module("msaspec.linting.verdicts")


def _once(load: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    known: dict[str, Any] = {}

    def load_file(self: Any, path: str) -> Any:
        if path not in known:
            known[path] = load(self, path)
        return known[path]

    return load_file


def _attend(connection: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(connection.makefile("r").readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(request)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # nobody waits any more
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: Mapping[str, Any]) -> NoReturn:
    """Be the command."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptors = [os.open(os.devnull, os.O_RDONLY), *(os.open(path, flags, 0o600) for path in request["outputs"])]
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 64)
    # As Python itself has them, which keeps each twice and closes none.
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]
    raw = os.fdopen(2, "wb", closefd=False)
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)  # type: ignore[misc]
    # Whoever is started in the background of a shell inherits that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["msaspec", *request["words"]]
    _hasten(float(request["environment"].get("MSASPEC_PACE", "1")))
    from msaspec.__main__ import run

    run()
    sys.exit(0)


def _hasten(pace: float) -> None:
    """Scales the pauses of botocore between two attempts as MSASPEC_PACE does msaspec's: they have no setting."""
    from botocore import endpoint

    endpoint.time = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(seconds * pace))


if __name__ == "__main__":
    _launch(socket.socket(fileno=int(sys.argv[1])))
