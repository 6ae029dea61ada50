"""Accounts in which something was deployed already, made once and copied by forking: a case begins in milliseconds.

A worker is a process that runs cases. For each base it forks a process that prepares it, and that process forks one for
each case: whatever the case does to its account is gone with it.

    with Worker() as worker:
        verdict = worker.run(case)
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NoReturn

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests.chaos.account import SETTLED, Account, wanted_template
from tests.chaos.commands import Launcher
from tests.chaos.scenarios import DEPLOY, IMAGES, MOVED, OWNING, REASON, SCENARIOS, SYSTEM


def _empty(account: Account) -> None:
    pass


def _system(account: Account) -> None:
    account.write(SYSTEM)
    _deploy(account)
    account.fill("shop")


def _owning(account: Account) -> None:
    account.world.images = IMAGES[:1]
    account.write(OWNING)
    _deploy(account)
    account.fill("shop")


def _stuck(account: Account) -> None:
    """A system whose update failed, and so did the way back from it, for a cause that is gone."""
    _system(account)
    account.world.refuse("CartInstance", REASON, "UPDATE")
    held = account.hold("CartInstance")
    account.write(MOVED.replace("port: 8001", "port: 8001, logs: 7 days"))
    with account.begun(DEPLOY) as (command, proxy):
        assert held.reached.wait(SETTLED)
        account.world.refuse("CartLogGroup", "The group is locked.", "UPDATE")
        account.release()
        account.finished(command, proxy)
    assert account.status("shop") == "UPDATE_ROLLBACK_FAILED", account.statuses()


def _deploy(account: Account) -> None:
    run = account.run(DEPLOY)
    assert run.done.code == 0, run.done.stderr


BASES: Mapping[str, Callable[[Account], None]] = {
    "empty": _empty,
    "system": _system,
    "owning": _owning,
    "stuck": _stuck,
}
"""Accounts by their names: what is done to an empty one."""


@contextmanager
def answering(world: World, listener: socket.socket, *, to_the_end: bool = False) -> Iterator[None]:
    """The sandbox answers on a socket until the block ends, or the process: of those that have it, in one at a time."""
    from werkzeug.serving import make_server

    from msaspec.sandbox.on_moto.handler import Handler

    number = listener.fileno()
    server = make_server("127.0.0.1", 0, world.door, threaded=True, request_handler=Handler, fd=number)
    thread = threading.Thread(target=server.serve_forever, args=(60 if to_the_end else 0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        if not to_the_end:
            server.shutdown()
            thread.join()


class Work(ABC):
    """What a case is, for a worker: something to be done with an account of its own."""

    @property
    @abstractmethod
    def base(self) -> str:
        """The account that it begins with, a name in `BASES`."""

    @abstractmethod
    def __call__(self, account: Account) -> Any:
        """Do it; what comes back has to be picklable."""


class Crashed(Exception):
    """The harness failed, not the product."""


PROGRAM = "import sys; from tests.chaos import worlds; worlds.main(*sys.argv[1:])"


class Worker:
    """A process that runs one case after the other, and another one where it dies.

    `verdicts` is where cfn-lint's are kept.
    """

    def __init__(self, verdicts: Path | None = None, program: str = PROGRAM) -> None:
        self._verdicts, self._program = verdicts, program
        self._connection, self._process = self._started()

    def _started(self) -> tuple[Connection[Any, Any], subprocess.Popen[bytes]]:
        ours, theirs = Pipe()
        with theirs:
            words = [sys.executable, "-c", self._program, str(theirs.fileno()), str(self._verdicts or "")]
            return ours, subprocess.Popen(words, pass_fds=[theirs.fileno()])

    def __enter__(self) -> Worker:
        """Ends it with the block."""
        return self

    def __exit__(self, *ignored: object) -> None:
        """End it."""
        with suppress(OSError):
            self._connection.send(None)
        self._end()

    def _end(self) -> None:
        self._connection.close()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()

    def run(self, work: Work) -> Any:
        """Do something in a copy of an account. Raises Crashed where the harness fails, twice if the process died."""
        for _ in range(2):
            try:
                self._connection.send(work)
                found = self._connection.recv()
            except (EOFError, OSError):
                self._end()
                self._connection, self._process = self._started()
                continue
            if isinstance(found, Crashed):
                raise found
            return found
        raise Crashed(f"{work} ends the worker")


class Bases:
    """Processes that have an account with a base, each started when a case begins with it."""

    def __init__(self, connection: Connection[Any, Any], verdicts: Path, folder: Path, launcher: Launcher) -> None:
        self._connection = connection
        self._surroundings = verdicts, folder, launcher
        self._running: dict[str, tuple[Connection[Any, Any], int]] = {}

    def run(self, work: Work) -> Any:
        """Have something done by the process that has its base; Crashed where that is gone."""
        if work.base not in self._running:
            ours, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                # So that each end is closed where the process ends that has it.
                for each in (ours, self._connection, *(pipe for pipe, _ in self._running.values())):
                    each.close()
                _leave(partial(_prepare, work.base, theirs, *self._surroundings))
            theirs.close()
            self._running[work.base] = ours, pid
        pipe, _ = self._running[work.base]
        try:
            pipe.send(work)
            return pipe.recv()
        except (EOFError, OSError):
            self._end(work.base)
            return Crashed(f"the base {work.base} is gone")

    def end(self) -> None:
        """End all of them."""
        for base in list(self._running):
            self._end(base)

    def _end(self, base: str) -> None:
        pipe, pid = self._running.pop(base)
        with suppress(OSError):
            pipe.send(None)
        pipe.close()
        os.waitpid(pid, 0)


def _work(connection: Connection[Any, Any], verdicts: Path, folder: Path) -> None:
    """A worker: has each case done by the process that has its base, and once more where a process of the harness was
    gone by then."""
    with Launcher(folder) as launcher:
        bases = Bases(connection, verdicts, folder, launcher)
        try:
            while (work := _next(connection)) is not None:
                launcher.revived()
                found = bases.run(work)
                if isinstance(found, Crashed) and launcher.revived():
                    found = bases.run(work)
                connection.send(found)
        finally:
            bases.end()


def _next(connection: Connection[Any, Any]) -> Work | None:
    """What is to be done next; None at the end, also where nobody is there any more who could say so."""
    try:
        work: Work | None = connection.recv()
    except EOFError:
        return None
    return work


def _prepare(base: str, connection: Connection[Any, Any], verdicts: Path, folder: Path, launcher: Launcher) -> None:
    """An account with a base, from which each case has a copy."""
    with sandbox.serve() as world, socket.create_server(("127.0.0.1", 0)) as listener:
        # Not where it serves by itself: a process that is forked has no thread that serves there.
        world.move(f"http://127.0.0.1:{listener.getsockname()[1]}")
        own = Path(tempfile.mkdtemp(dir=folder))
        account = Account(world, own, launcher, verdicts)
        with answering(world, listener):
            world.warm()
            BASES[base](account)
            account.settled()
        for scenario in SCENARIOS.values():
            if scenario.base == base:  # so that no case has to compile it again
                for stack in scenario.stacks:
                    wanted_template(scenario.manifest, stack)
        gc.collect()
        gc.freeze()  # so that what was forked shares its memory
        while (work := _next(connection)) is not None:
            pid = os.fork()
            if pid == 0:
                _leave(partial(_copy, work, account, listener, connection))
            _, status = os.waitpid(pid, 0)
            if status:
                connection.send(Crashed(f"{work} ended with {os.waitstatus_to_exitcode(status)}"))


def _copy(work: Work, account: Account, listener: socket.socket, connection: Connection[Any, Any]) -> None:
    place = tempfile.TemporaryDirectory(dir=account.folder)
    with answering(account.world, listener, to_the_end=True), place as folder:
        own = Account(account.world, Path(folder), account.launcher, account.verdicts)
        try:
            found = work(own)
        except Exception:
            found = Crashed(f"{work}\n{traceback.format_exc()}")
        connection.send(found)


def _leave(act: Callable[[], None]) -> NoReturn:
    """Do something in a process that was forked, and end it without what the one that it came from would do."""
    code = 1
    try:
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(number: str, verdicts: str) -> None:
    """Be a worker that is spoken to through a descriptor."""
    with tempfile.TemporaryDirectory(prefix="msaspec-chaos-") as place:
        _work(Connection(int(number)), Path(verdicts or Path(place) / "verdicts"), Path(place))
