"""Stands in for the docker daemon of a host: a container is a process in a network namespace of its own.

Behind the bridge `docker0`, with published ports and masquerading, as docker has it; restarted by its policy; its
output is kept, and sent to CloudWatch Logs with the host's own credentials. Images are programs that lie on the machine
already: what a registry is asked for is only whether it lets this host have them.
"""

from __future__ import annotations

import json
import os
import threading
from base64 import b64encode
from collections import deque
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, run
from time import monotonic, sleep, time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mounting import mounted

SOCKET = "/run/docker.sock"
STATE = Path("/var/lib/docker.json")
STORE = Path("/var/lib/images.json")
"""What images are: command, directory and environment, by the last part of their names, with or without the tag."""
TABLE = "docker"


class Fault(Exception):
    """What the daemon refuses to do, and why."""


def do(*command: str, text: str | None = None) -> None:
    """Runs a command of the host."""
    done = run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Fault(f"{' '.join(command)}: {done.stderr.strip()}")


class Stream:
    """A log stream of CloudWatch; lines go there in batches."""

    def __init__(self, options: dict[str, str]) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        self._where = {"logGroupName": options["awslogs-group"], "logStreamName": options["awslogs-stream"]}
        self._client: Any = boto3.client("logs", region_name=options["awslogs-region"])
        self._faults = (BotoCoreError, ClientError)
        self._waiting: list[dict[str, Any]] = []
        try:
            self._client.create_log_stream(**self._where)
        except self._client.exceptions.ResourceAlreadyExistsException:
            pass
        except self._faults as fault:
            said = "failed to initialize logging driver: failed to create Cloudwatch log stream"
            raise Fault(f"{said}: {fault}") from None
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, line: str) -> None:
        """Adds a line to the next batch."""
        self._waiting.append({"timestamp": int(time() * 1000), "message": line})

    def _run(self) -> None:
        while True:
            batch, self._waiting = self._waiting, []
            if batch:
                try:
                    self._client.put_log_events(**self._where, logEvents=batch)
                except self._faults as fault:
                    print(fault, flush=True)  # noqa: T201 - the daemon's own log
            sleep(0.5)


class Container:
    """A container."""

    def __init__(self, number: int, made: dict[str, Any], program: dict[str, Any]) -> None:
        self.made, self.program = made, program
        self.name = made["options"]["--name"][0]
        self.address = f"172.17.0.{number}"
        self.status, self.exit_code, self.restarts = "created", 0, 0
        self.lines: deque[str] = deque(maxlen=1000)
        self._removed = threading.Event()
        self.ended = threading.Event()
        self._process: Popen[str] | None = None
        options = dict(option.split("=", 1) for option in made["options"]["--log-opt"])
        self._stream = Stream(options)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def of_host(self) -> bool:
        """Whether it has the network of the host."""
        return bool(self.made["options"]["--network"] == ["host"])

    def start(self) -> None:
        """Gives it its network, and starts it."""
        if self.of_host:
            self._thread.start()
            return
        link = f"veth{self.address.rpartition('.')[2]}"
        do("ip", "netns", "add", self.name)
        do("ip", "link", "add", link, "type", "veth", "peer", "eth0", "netns", self.name)
        do("ip", "link", "set", link, "master", "docker0", "up")
        do("ip", "-n", self.name, "link", "set", "lo", "up")
        do("ip", "-n", self.name, "address", "add", f"{self.address}/16", "dev", "eth0")
        do("ip", "-n", self.name, "link", "set", "eth0", "up")
        do("ip", "-n", self.name, "route", "add", "default", "via", "172.17.0.1")
        self._thread.start()

    def _run(self) -> None:
        pause = 0.1
        while not self._removed.is_set():
            begun = monotonic()
            command = [*(self.made["options"]["--entrypoint"] or self.program["entrypoint"]), *self.made["command"]]
            network = [] if self.of_host else ["nsenter", f"--net=/run/netns/{self.name}"]
            self._process = Popen(
                [*network, *(mounted(mounts, command) if (mounts := self._mounts()) else command)],
                cwd=self.program["directory"],
                env={**self.program["environment"], **self.made["environment"]},
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                text=True,
                errors="replace",
            )
            if self._removed.is_set():  # in the moment of its start
                self._process.kill()
            self.status = "running"
            assert self._process.stdout
            for line in self._process.stdout:
                self.lines.append(line.rstrip("\n"))
                self._stream.write(line.rstrip("\n"))
            code = self._process.wait()
            self.exit_code = code if code >= 0 else 128 - code
            if self.made["options"]["--restart"] == ["no"]:
                self.status = "exited"
                self.ended.set()
                return
            pause = 0.1 if monotonic() - begun > 10 else min(pause * 2, 60)
            self.status = "restarting"
            if not self._removed.wait(pause):
                self.restarts += 1

    def _mounts(self) -> list[tuple[str, str, str]]:
        """What `--mount` says. A file that is missing is refused, as docker refuses it."""
        found = []
        for option in self.made["options"]["--mount"]:
            words = dict(word.partition("=")[::2] for word in option.split(","))
            if not Path(words["src"]).exists():
                raise Fault(f'invalid mount config for type "bind": bind source path does not exist: {words["src"]}')
            found.append((words["src"], words["dst"], "ro" if "readonly" in words else ""))
        return found

    def remove(self) -> None:
        """Ends it for good."""
        self._removed.set()
        if self._process:
            self._process.kill()
        self._thread.join()
        if not self.of_host:
            do("ip", "netns", "del", self.name)

    def inspect(self) -> dict[str, str]:
        """What `docker inspect` has of it."""
        return {
            "{{.State.Status}}": self.status,
            "{{.State.ExitCode}}": str(0 if self.status == "running" else self.exit_code),
            "{{.State.Pid}}": str(self._process.pid if self._process else 0),
            "{{.RestartCount}}": str(self.restarts),
        }

    def ports(self) -> list[tuple[str, str]]:
        """Pairs of the host's port and the address that it leads to."""
        published = [option.split(":") for option in self.made["options"]["-p"]]
        assert not (published and self.of_host)
        return [(host, f"{self.address}:{inner}") for host, inner in published]


class Daemon:
    """All containers of the host."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.containers: dict[str, Container] = {}
        kept = json.loads(STATE.read_text()) if STATE.exists() else {"pulled": [], "containers": []}
        self.pulled: list[str] = kept["pulled"]
        self._bridge()
        for made in kept["containers"]:
            if made["options"]["--restart"] != ["no"]:
                self._start(made)

    def _bridge(self) -> None:
        for setting in ("ip_forward", "conf/all/route_localnet"):
            Path(f"/proc/sys/net/ipv4/{setting}").write_text("1")
        do("ip", "link", "add", "docker0", "type", "bridge")
        do("ip", "address", "add", "172.17.0.1/16", "dev", "docker0")
        do("ip", "link", "set", "docker0", "up")

    def _translate(self) -> None:
        """The address translation of all published ports."""
        ports = [port for container in self.containers.values() for port in container.ports()]
        inward = [f'iifname "eth0" tcp dport {host} dnat to {inner}' for host, inner in ports]
        local = [f"ip daddr 127.0.0.1 tcp dport {host} dnat to {inner}" for host, inner in ports]
        rules = [
            f"table ip {TABLE}",
            f"delete table ip {TABLE}",
            f"table ip {TABLE} {{",
            "chain inward { type nat hook prerouting priority dstnat;",
            *inward,
            "}",
            "chain local { type nat hook output priority -100;",
            *local,
            "}",
            "chain outward { type nat hook postrouting priority srcnat;",
            'ip saddr 172.17.0.0/16 oifname != "docker0" masquerade',
            'ip saddr 127.0.0.1 oifname "docker0" masquerade',
            "}",
            "}",
            "",
        ]
        do("nft", "-f", "-", text="\n".join(rules))

    def _keep(self) -> None:
        made = [container.made for container in self.containers.values()]
        STATE.write_text(json.dumps({"pulled": self.pulled, "containers": made}))

    def _start(self, made: dict[str, Any]) -> None:
        image = made["image"].rpartition("/")[2]
        store = json.loads(STORE.read_text())
        program = store.get(image) or store[image.partition(":")[0]]
        taken = {container.address for container in self.containers.values()}
        number = next(number for number in range(2, 255) if f"172.17.0.{number}" not in taken)
        container = Container(number, made, program)
        self.containers[container.name] = container
        container.start()
        self._translate()

    # ---- what the client asks for ----

    def login(self, registry: str, user: str, password: str) -> str:
        """Tries a password, and gives what a client keeps of it."""
        secret = b64encode(f"{user}:{password}".encode()).decode()
        self._ask(registry, "/v2/", secret)
        return secret

    def pull(self, image: str, secret: str) -> str:
        """Takes an image from its registry."""
        registry, _, rest = image.partition("/")
        name, _, tag = rest.rpartition(":")
        self._ask(registry, f"/v2/{name}/manifests/{tag}", secret)
        with self.lock:
            self.pulled = sorted({*self.pulled, image})
            self._keep()
        return image

    def image(self, image: str, form: str) -> str:
        """Fills in a form about an image that is there."""
        if image not in self.pulled:
            raise Fault(f"No such image: {image}")
        return form

    def _ask(self, registry: str, path: str, secret: str) -> None:
        headers = {"Authorization": f"Basic {secret}"} if secret else {}
        try:
            with urlopen(Request(f"http://{registry}{path}", headers=headers), timeout=10):
                pass
        except HTTPError as fault:
            raise Fault(fault.read().decode()) from None
        except OSError as fault:
            raise Fault(str(fault)) from None

    def run(self, made: dict[str, Any]) -> str:
        """Makes a container and starts it."""
        with self.lock:
            name = made["options"]["--name"][0]
            assert made["options"]["--restart"][0] in ("unless-stopped", "no")
            assert made["options"]["--log-driver"] == ["awslogs"]
            if made["image"] not in self.pulled:
                raise Fault(f"No such image: {made['image']}")
            if name in self.containers:
                raise Fault(f'Conflict. The container name "/{name}" is already in use')
            self._start(made)
            self._keep()
            container = self.containers[name]
        if made["detached"]:
            return name
        container.ended.wait()
        if container.exit_code:
            raise Fault(f"exit {container.exit_code}")
        return "\n".join(container.lines)

    def remove(self, name: str) -> str:
        """Removes a container by force."""
        with self.lock:
            self._there(name).remove()
            del self.containers[name]
            self._keep()
            self._translate()
            return name

    def _there(self, name: str) -> Container:
        if name not in self.containers:
            raise Fault(f"No such container: {name}")
        return self.containers[name]

    def inspect(self, name: str, form: str) -> str:
        """Fills in a form."""
        for field, value in self._there(name).inspect().items():
            form = form.replace(field, value)
        return form

    def execute(self, name: str, words: list[str]) -> tuple[int, str]:
        """Runs a command in a container; returns its exit code and what it printed."""
        inside = self._there(name)
        enter = 'mount -t proc proc /proc && exec nsenter --target "$0" --mount --net "$@"'
        done = run(
            ["unshare", "--mount", "bash", "-c", enter, inside.inspect()["{{.State.Pid}}"], *words],
            env={**inside.program["environment"], **inside.made["environment"]},
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def logs(self, name: str, tail: int) -> str:
        """The last lines of output."""
        return "\n".join(list(self._there(name).lines)[-tail:])


def answer(daemon: Daemon, connection: Connection) -> None:
    """Answers one request."""
    with connection:
        operation, arguments = connection.recv()
        try:
            connection.send((True, getattr(daemon, operation)(*arguments)))
        except Fault as fault:
            connection.send((False, str(fault)))


def main() -> None:
    """Serves until the host goes down."""
    daemon = Daemon()
    Path(SOCKET).unlink(missing_ok=True)
    with Listener(SOCKET + ".new", "AF_UNIX") as listener:
        os.rename(SOCKET + ".new", SOCKET)  # it is there when it answers
        while True:
            threading.Thread(target=answer, args=(daemon, listener.accept()), daemon=True).start()


if __name__ == "__main__":
    main()
