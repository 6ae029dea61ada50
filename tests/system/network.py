"""A network of its own: every host is a network namespace of the kernel, with an address, behind one router.

Nothing of it touches the network of the machine that the tests run on. A thread of the tests may enter a namespace for
a moment; the sockets that it makes there stay there, so that this process can answer and ask in any of them.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROUTER = "169.254.1.1"
"""The router's address on every link."""
AWS = "198.18.0.1"
"""Where AWS's endpoints answer, outside of every network of the system."""


class Refused(Exception):
    """What a command of the network said when it failed."""


_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNET = 0x40000000


def lacking() -> str | None:
    """Why there can be no such network here."""
    missing = [tool for tool in ("ip", "nft", "nsenter", "setpriv", "unshare") if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)}"
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    _clear_away()
    probe = f"msaspec-probe-{os.getpid()}"
    try:
        _do("ip", "netns", "add", probe)
        _do("ip", "netns", "exec", probe, "nft", "add table ip probe")
    except Refused as fault:
        return f"no network namespaces with nftables here ({fault})"
    finally:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
    return None


def _clear_away() -> None:
    """Removes what a process of the tests left that was killed."""
    for name in os.listdir("/run/netns") if Path("/run/netns").exists() else ():
        kind, _, rest = name.partition("-")
        pid = rest.partition("-")[0]
        if kind == "msaspec" and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def dying_with_us(command: Sequence[str]) -> list[str]:
    """A command whose process is killed when the thread that starts it ends, so that nothing outlives a test which is
    cut short."""
    return [str(shutil.which("setpriv")), "--pdeathsig", "KILL", *command]


def _do(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout


@dataclass(frozen=True)
class Namespace:
    """A host of the network."""

    name: str
    """Its file under /run/netns."""
    address: str

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is in the namespace until the block ends, and what it starts stays there."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def listen(self, address: str, port: int) -> socket.socket:
        """A socket that listens in the namespace."""
        with self.entered():
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
            made.listen(128)
        return made

    def datagrams(self, address: str, port: int) -> socket.socket:
        """A UDP socket in the namespace."""
        with self.entered():
            made = socket.socket(type=socket.SOCK_DGRAM)
            made.bind((address, port))
        return made

    def reaches(self, address: str, port: int, seconds: float = 10) -> bool:
        """Whether a connection to somewhere comes about."""
        with self.entered(), suppress(OSError), socket.create_connection((address, port), seconds):
            return True
        return False

    def filter(self, rules: str) -> None:
        """Loads a set of nftables' rules."""
        with self.entered():
            _do("nft", "-f", "-", text=rules)

    def own(self, address: str) -> None:
        """Gives it an address that only itself can reach."""
        _do("ip", "-n", self.name, "address", "add", f"{address}/32", "dev", "lo")

    def strip(self) -> None:
        """Removes the interfaces that were made in it, as a reboot does."""
        for link in json.loads(_do("ip", "-n", self.name, "-json", "link")):
            if link["ifname"] not in ("lo", "eth0"):
                # What leads to a namespace that is gone goes by itself, at a moment of the kernel's choice.
                with suppress(Refused):
                    _do("ip", "-n", self.name, "link", "del", link["ifname"])


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Network:
    """The hosts, and the router between them."""

    _NUMBERS = itertools.count(1)

    def __init__(self) -> None:
        self._number = itertools.count(1)
        self._links: dict[str, str] = {}
        """The router's interface for each host."""
        self._prefix = f"msaspec-{os.getpid()}-{next(self._NUMBERS)}"
        self._there: list[str] = []
        self.router = self._made("router", ROUTER)
        with self.router.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def _made(self, name: str, address: str) -> Namespace:
        namespace = Namespace(f"{self._prefix}-{name}", address)
        _do("ip", "netns", "add", namespace.name)
        self._there.append(namespace.name)
        _do("ip", "-n", namespace.name, "link", "set", "lo", "up")
        return namespace

    def connect(self, name: str, address: str, routes: Sequence[str] = ()) -> Namespace:
        """Makes a host with an address, which reaches some networks through the router."""
        host = self._made(name, address)
        link = self._links[host.name] = f"link{next(self._number)}"
        at, router = ("-n", host.name), ("-n", self.router.name)
        _do("ip", "link", "add", "eth0", "netns", host.name, "type", "veth", "peer", link, "netns", self.router.name)
        _do("ip", *router, "address", "add", f"{ROUTER}/32", "dev", link)
        _do("ip", *router, "link", "set", link, "up")
        _do("ip", *router, "route", "add", f"{address}/32", "dev", link)
        _do("ip", *at, "address", "add", f"{address}/32", "dev", "eth0")
        _do("ip", *at, "link", "set", "eth0", "up")
        self.lead(host, routes)
        return host

    def lead(self, host: Namespace, routes: Sequence[str]) -> None:
        """Has a host reach some networks through the router, and no others."""
        _do("ip", "-n", host.name, "route", "flush", "dev", "eth0", "via", ROUTER)
        for route in routes:
            _do("ip", "-n", host.name, "route", "add", route, "via", ROUTER, "dev", "eth0", "onlink")

    def disconnect(self, host: Namespace) -> None:
        """Removes a host. Its link goes first, for the kernel takes its time with a namespace, and the next host may
        have the same address."""
        self._there.remove(host.name)
        _do("ip", "-n", self.router.name, "link", "del", self._links.pop(host.name))
        _do("ip", "netns", "del", host.name)

    def end(self) -> None:
        """Removes all of it."""
        with ExitStack() as stack:
            for name in self._there:
                stack.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True, check=False)
        self._there = []


@contextmanager
def network() -> Iterator[Network]:
    """A network for as long as the block lasts."""
    made = Network()
    try:
        yield made
    finally:
        made.end()
