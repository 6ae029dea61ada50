"""haproxy on the host of a load balancer. Targets come and go while it runs, so that no connection is ever cut."""

from __future__ import annotations

import csv
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.system.balancer import ALL, Configuration
from tests.system.network import Namespace, dying_with_us

_HEAD = """\
global
  nbthread 1
  hard-stop-after 20s
  stats socket {} level admin expose-fd listeners
"""
Target = tuple[str, str]
"""A target group and the name of a target."""


class Proxy:
    """haproxy, until it ends. A change of listeners and rules starts another one, which takes over the sockets that
    listen; the one before answers what it has begun."""

    def __init__(self, namespace: Namespace, file: Path) -> None:
        self.up: frozenset[Target] = frozenset()
        """The targets that are healthy."""
        self._namespace, self._file = namespace, file
        self._sockets = Path(tempfile.mkdtemp(prefix="haproxy-"))  # a socket's path has at most 107 characters
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._before: list[subprocess.Popen[bytes]] = []
        """Those that only answer what they have begun."""
        self._plan: object = Configuration().plan
        self._targets: set[Target] = set()
        self._leaving: set[Target] = set()
        """Those that get no connections any more."""
        self._busy: set[Target] = set()

    @property
    def _socket(self) -> Path:
        return self._sockets / f"{self._number}"

    def follow(self, wanted: Configuration) -> bool:
        """Has it work by a configuration, and looks how the targets are. Whether it works by all of it."""
        self._before = [process for process in self._before if process.poll() is None]
        if not wanted.front:  # of which haproxy says that there is nothing to do, and ends
            self._stop()
            self._plan = wanted.plan
            return True
        if self._process and not self._answers():
            return False  # it has just been started
        if wanted.plan != self._plan:
            self._start(wanted)
            self._plan = wanted.plan
            return False
        self._lead(wanted)
        self._look()
        return True

    def _answers(self) -> bool:
        try:
            return bool(self._tell("show version"))
        except OSError:
            return False

    def _start(self, wanted: Configuration) -> None:
        before = self._socket
        self._number += 1
        self._targets = {(name, target) for name, group in wanted.groups.items() for target in group.targets}
        self._targets &= self.up
        self._leaving = set()
        self._file.write_text(_HEAD.format(self._socket) + wanted.text(self._targets))
        command = dying_with_us(["haproxy", "-db", "-f", str(self._file)])
        if self._process:
            command += ["-x", str(before), "-sf", str(self._process.pid)]
            self._before.append(self._process)
        with self._namespace.entered(), self._file.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _lead(self, wanted: Configuration) -> None:
        """Adds the targets that are new, and takes those away that are gone as soon as they have no connections."""
        targets = {
            (name, target): address for name, g in wanted.groups.items() for target, address in g.targets.items()
        }
        for name, target in self._targets - targets.keys():
            self._tell(*(f"set server {each}/{target} state maint" for each in (name, f"{name}{ALL}")))
        self._leaving |= self._targets - targets.keys()
        self._targets &= targets.keys()
        for name, target in list(self._leaving):
            said = self._tell(*(f"del server {each}/{target}" for each in (name, f"{name}{ALL}")))
            if "Server still has" not in said:
                self._leaving.remove((name, target))
        for name, target in targets.keys() - self._targets - self._leaving:
            server, address = f"{name}/{target}", targets[name, target]
            said = self._tell(
                f"add server {server} {address} {wanted.groups[name].check}",
                f"enable health {server}",
                f"set server {server} state drain",  # without this it would be up until the first check
                f"set server {server} health down",
                f"set server {server} state ready",
                f"add server {name}{ALL}/{target} {address}",
                f"enable server {name}{ALL}/{target}",
            )
            assert said.count("New server registered") == 2, said
            self._targets.add((name, target))

    def _look(self) -> None:
        rows = csv.DictReader(self._tell("show stat -1 4 -1").removeprefix("# ").splitlines())
        found = [(row["pxname"], row["svname"], row) for row in rows]
        self.up = frozenset((name, target) for name, target, row in found if row["status"].startswith("UP"))
        self._busy = {(name.removesuffix(ALL), target) for name, target, row in found if int(row["scur"])}

    def _tell(self, *commands: str) -> str:
        """Tells it something; returns what it says."""
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(30)
            there.connect(str(self._socket))
            there.sendall(f"{';'.join(commands)}\n".encode())
            there.shutdown(socket.SHUT_WR)
            with there.makefile() as answers:
                return answers.read()

    def is_idle(self, target: str) -> bool:
        """Whether it has no connections to a target."""
        return not self._before and all(name != target for _, name in self._busy)

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself, which it never should."""
        return self._process is not None and self._process.poll() is not None

    def told(self) -> str:
        """What haproxy has to say."""
        log = self._file.with_suffix(".log")
        return log.read_text(errors="replace") if log.exists() else ""

    def _stop(self) -> None:
        for process in (*self._before, self._process):
            if process:
                process.kill()
                process.wait()
        self._process, self._before, self.up, self._targets, self._leaving = None, [], frozenset(), set(), set()

    def end(self) -> None:
        """Ends it."""
        self._stop()
        shutil.rmtree(self._sockets)
