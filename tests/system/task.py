"""A task of Fargate, started from what the sandbox has of it: its containers are processes on a host of their own.

As ECS does it: images and secrets by the execution role, which also writes the log; the service itself has the task
role, by the credentials endpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.system.balancer import HASTE
from tests.system.gateway import PULL
from tests.system.network import AWS, Namespace, dying_with_us
from tests.system.permissions import Permissions
from tests.system.stand_ins.mounting import mounted

CREDENTIALS = "/v2/credentials/task"


class Denied(Exception):
    """What the execution role may not do, although the task needs it."""


class Task:
    """A task with its containers, which share its network."""

    def __init__(
        self,
        id: str,
        definition: Mapping[str, Any],
        namespace: Namespace,
        resolv: Path,
        client: Callable[[str], Any],
        permissions: Permissions,
        faults: list[str],
        reach: Callable[[str], None],
    ) -> None:
        self.containers = {each["name"]: each for each in definition["containerDefinitions"]}
        self.container = definition["containerDefinitions"][0]
        """That of the service, or of the job."""
        self.id, self.definition, self.namespace, self._resolv = id, definition, namespace, resolv
        self._client, self._permissions, self._faults = client, permissions, faults
        self._execution = definition["executionRoleArn"].rpartition("/")[2]
        self._running: dict[str, _Container] = {}
        self._volumes = resolv.with_suffix(".volumes")
        self._reach = reach
        """Fails where the mount target of a file system is not reached."""
        self.lines: list[str] = []
        self.begun = time.monotonic()

    def _may(self, action: str, resource: str) -> None:
        if not self._permissions.allows(self._execution, action, resource):
            raise Denied(f"{self._execution} may not {action} on {resource}")

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """The variables of a container: those that are written, and the secrets."""
        written = {entry["name"]: entry["value"] for entry in container.get("environment", [])}
        return written | {entry["name"]: self._secret(entry["valueFrom"]) for entry in container.get("secrets", [])}

    def _mounts(self, container: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Its mounts of the task's volumes, which are empty at first, and of file systems, which are not."""
        found = []
        volumes = {volume["name"]: volume for volume in self.definition.get("volumes", [])}
        for mount in container.get("mountPoints", []):
            volume, source = volumes[mount["sourceVolume"]], self._volumes / mount["sourceVolume"]
            if "efsVolumeConfiguration" in volume:
                source = self._files(volume["efsVolumeConfiguration"], writes=not mount.get("readOnly"))
            source.mkdir(parents=True, exist_ok=True)
            found.append((str(source), mount["containerPath"], "ro" if mount.get("readOnly") else ""))
        return found

    def _files(self, config: Mapping[str, Any], *, writes: bool) -> Path:
        """The folder that an access point leads to, which the role of the task has to be let through."""
        through = config["authorizationConfig"]
        assert (config["transitEncryption"], through["iam"]) == ("ENABLED", "ENABLED")
        (point,) = self._client("efs").describe_access_points(AccessPointId=through["accessPointId"])["AccessPoints"]
        assert point["FileSystemId"] == config["fileSystemId"]
        self._reach(point["FileSystemId"])
        role = self.definition["taskRoleArn"].rpartition("/")[2]
        for action in ("ClientMount", *(["ClientWrite"] if writes else [])):
            if not self._permissions.allows(role, f"elasticfilesystem:{action}", point["AccessPointArn"]):
                raise Denied(f"{role} may not {action} through {point['AccessPointId']}")
        return self._resolv.parent / point["FileSystemId"] / point["RootDirectory"]["Path"].lstrip("/")

    def read(self, path: str) -> bytes:
        """What is in a file as its container sees it."""
        return self.inside(path).read_bytes()

    def inside(self, path: str) -> Path:
        """A path of its container."""
        return Path(f"/proc/{self._running[self.container['name']].inner}/root{path}")

    def _secret(self, place: str) -> str:
        service = place.split(":")[2]
        if service == "ssm":
            self._may("ssm:GetParameters", place)
            name = place.partition(":parameter")[2]
            return str(self._client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        assert service == "secretsmanager", place
        parts = place.split(":")
        arn, key = ":".join(parts[:7]), (parts[7:] or [""])[0]
        self._may("secretsmanager:GetSecretValue", arn)
        text = self._client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
        return str(json.loads(text)[key]) if key else str(text)

    def _pull(self, image: str) -> str:
        """Takes an image; returns what the images of the machine know it by."""
        registry, _, rest = image.partition("/")
        if ".dkr.ecr." not in registry:
            return rest.rpartition("/")[2]  # of a registry outside, to which the way to AWS leads as well
        name, _, tag = rest.rpartition(":")
        account, _, _, region = registry.split(".")[:4]
        self._may("ecr:GetAuthorizationToken", "*")
        for action in PULL:
            self._may(action, f"arn:aws:ecr:{region}:{account}:repository/{name}")
        there = self._client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
        assert there, f"CannotPullContainerError: {rest}"
        return rest.rpartition("/")[2]

    def start(self, images: Mapping[str, Any]) -> None:
        """Starts the containers, each after those that it waits for. What ECS fetches for them goes through the task's
        own network."""
        if not self.namespace.reaches(AWS, 80, 30):
            raise Denied(f"ResourceInitializationError: {self.id} does not reach AWS")
        for name in self.containers:
            self._start(name, images)

    def _start(self, name: str, images: Mapping[str, Any]) -> None:
        if name in self._running:
            return
        container = self.containers[name]
        for dependency in container.get("dependsOn", []):
            other, condition = dependency["containerName"], dependency["condition"]
            self._start(other, images)
            assert condition in ("START", "SUCCESS"), condition
            if condition == "SUCCESS":
                code = self._running[other].exit_code
                assert code == 0, f"{other} exited with {code}: {self.lines}"
        image = self._pull(container["image"])
        program = images.get(image) or images[image.partition(":")[0]]
        words = [*container.get("entryPoint", program.get("entrypoint", []))]
        words += container.get("command", [] if "entryPoint" in container else program.get("command", []))
        variables = {**program["environment"], "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": CREDENTIALS}
        variables |= self.environment(container)
        stream = self._log(container)
        command = self._entered(mounted(self._mounts(container), words) if container.get("mountPoints") else words)
        with self.namespace.entered():
            process = subprocess.Popen(
                command,
                cwd=program["directory"],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        check = container.get("healthCheck")
        self._running[name] = _Container(process, partial(self._write, stream), check)  # with threads outside of it

    def _entered(self, command: list[str]) -> list[str]:
        """A command with processes and names of its own."""
        unshare = dying_with_us(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c"])
        return [*unshare, 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(self._resolv), *command]

    def _log(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Makes the log stream of a container."""
        options = container["logConfiguration"]["options"]
        stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{self.id}"
        where = {"logGroupName": options["awslogs-group"], "logStreamName": stream}
        account = self.definition["taskDefinitionArn"].split(":")[4]
        arn = f"arn:aws:logs:{options['awslogs-region']}:{account}:log-group:{options['awslogs-group']}"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            self._may(action, f"{arn}:log-stream:{stream}")
        self._client("logs").create_log_stream(**where)
        return where

    def _write(self, where: Mapping[str, str], line: str) -> None:
        self.lines.append(line)
        if not line:
            return  # as the log driver does, since an event has a text
        event = {"timestamp": int(time.time() * 1000), "message": line}
        try:
            self._client("logs").put_log_events(**where, logEvents=[event])
        except Exception:
            self._faults.append(traceback.format_exc())

    @property
    def ended(self) -> bool:
        """Whether a container without which the task is nothing has ended by itself."""
        essential = [self._running[name] for name, each in self.containers.items() if each["essential"]]
        return any(each.process.poll() is not None for each in essential)

    @property
    def healthy(self) -> bool:
        """Whether the last check of each container that has one passed."""
        return all(each.healthy for each in self._running.values())

    @property
    def over(self) -> bool:
        """Whether all its containers have ended."""
        return all(each.process.poll() is not None for each in self._running.values())

    def ask_to_end(self) -> None:
        """Sends SIGTERM to its containers."""
        for container in self._running.values():
            container.ask_to_end()

    @property
    def exit_code(self) -> int:
        """How its container ended, as soon as all that it wrote is in the log."""
        return self._running[self.container["name"]].exit_code

    def crash(self, name: str | None = None) -> None:
        """Has a container end as if by itself."""
        self._running[name or self.container["name"]].process.kill()

    def stop(self) -> None:
        """Ends it."""
        for container in self._running.values():
            container.process.kill()
        for container in self._running.values():
            assert container.exit_code is not None
        self._running = {}


class _Container:
    """A container that runs, what is done with each line that it writes, and how it is asked whether it is well."""

    def __init__(
        self, process: subprocess.Popen[str], write: Callable[[str], None], check: Mapping[str, Any] | None
    ) -> None:
        self.process, self.healthy = process, check is None
        self._writer = threading.Thread(target=self._read, args=(write,), daemon=True)
        self._writer.start()
        if check:
            threading.Thread(target=self._ask, args=(check,), daemon=True).start()

    @property
    def inner(self) -> int:
        """Its first process, which what starts it has made."""
        pid = self.process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(child)

    def _ask(self, check: Mapping[str, Any]) -> None:
        """Runs its check again and again, as often as a load balancer asks."""
        kind, *words = check["command"]
        command = {"CMD": words, "CMD-SHELL": ["sh", "-c", *words]}[kind]
        while self._goes_on(check.get("interval", 30) / HASTE):
            with suppress(OSError, ValueError):  # it has ended meanwhile
                enter = [str(shutil.which("nsenter")), f"--target={self.inner}", "--mount", "--pid", "--net"]
                variables = Path(f"/proc/{self.inner}/environ").read_text().split("\0")
                known = dict(each.split("=", 1) for each in variables if each)
                done = subprocess.run([*enter, *command], env=known, capture_output=True, check=False)
                self.healthy = done.returncode == 0

    def _goes_on(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def ask_to_end(self) -> None:
        """Sends SIGTERM to it, which its program may ignore."""
        with suppress(OSError, ValueError):  # it has ended
            os.kill(self.inner, signal.SIGTERM)

    def _read(self, write: Callable[[str], None]) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                write(line.rstrip("\n"))

    @property
    def exit_code(self) -> int:
        """Its exit code, after all that it wrote."""
        code = self.process.wait()
        self._writer.join()
        return code
