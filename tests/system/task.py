"""A task of Fargate, started from what the sandbox has of it: its container is a process on a host of its own.

As ECS does it: the image and the secrets by the execution role, which also writes the log; the service itself has the
task role, by the credentials endpoint.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.system.gateway import PULL
from tests.system.network import AWS, Namespace, dying_with_us
from tests.system.permissions import Permissions
from tests.system.stand_ins.mounting import mounted

CREDENTIALS = "/v2/credentials/task"


class Denied(Exception):
    """What the execution role may not do, although the task needs it."""


class Task:
    """A task with its container."""

    def __init__(
        self,
        id: str,
        definition: Mapping[str, Any],
        namespace: Namespace,
        resolv: Path,
        client: Callable[[str], Any],
        permissions: Permissions,
        faults: list[str],
    ) -> None:
        (self.container,) = (each for each in definition["containerDefinitions"] if each["essential"])
        self.id, self.definition, self.namespace, self._resolv = id, definition, namespace, resolv
        self._client, self._permissions, self._faults = client, permissions, faults
        self._execution = definition["executionRoleArn"].rpartition("/")[2]
        self._process: subprocess.Popen[str] | None = None
        self._volumes = resolv.with_suffix(".volumes")
        self.lines: list[str] = []

    def _may(self, action: str, resource: str) -> None:
        if not self._permissions.allows(self._execution, action, resource):
            raise Denied(f"{self._execution} may not {action} on {resource}")

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """The variables of a container: those that are written, and the secrets."""
        written = {entry["name"]: entry["value"] for entry in container.get("environment", [])}
        return written | {entry["name"]: self._secret(entry["valueFrom"]) for entry in container.get("secrets", [])}

    def _mounts(self, container: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Its mounts of the task's volumes, which are empty at first."""
        found = []
        for mount in container.get("mountPoints", []):
            source = self._volumes / mount["sourceVolume"]
            assert source.name in {volume["name"] for volume in self.definition["volumes"]}
            source.mkdir(parents=True, exist_ok=True)
            found.append((str(source), mount["containerPath"], "ro" if mount.get("readOnly") else ""))
        return found

    def _first(self, container: Mapping[str, Any]) -> None:
        """Runs what a container waits for to its end. Without success there, ECS stops the task."""
        for dependency in container.get("dependsOn", []):
            (other,) = (
                each for each in self.definition["containerDefinitions"] if each["name"] == dependency["containerName"]
            )
            assert dependency["condition"] == "SUCCESS"
            command = mounted(self._mounts(other), [*other["entryPoint"], *other["command"]])
            done = subprocess.run(
                command, env={"PATH": os.environ["PATH"], **self.environment(other)}, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{other['name']} exited with {done.returncode}: {done.stderr}"

    def read(self, path: str) -> bytes:
        """What is in a file as its container sees it."""
        assert self._process
        (child,) = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return Path(f"/proc/{child}/root{path}").read_bytes()

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

    def _pull(self) -> str:
        """Takes the image; returns what the images of the machine know it by."""
        registry, _, rest = self.container["image"].partition("/")
        name, _, tag = rest.rpartition(":")
        account, _, _, region = registry.split(".")[:4]
        self._may("ecr:GetAuthorizationToken", "*")
        for action in PULL:
            self._may(action, f"arn:aws:ecr:{region}:{account}:repository/{name}")
        there = self._client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
        assert there, f"CannotPullContainerError: {rest}"
        return rest.rpartition("/")[2]

    def start(self, images: Mapping[str, Any]) -> None:
        """Starts the container. What ECS fetches for it goes through the task's own network."""
        if not self.namespace.reaches(AWS, 80, 30):
            raise Denied(f"ResourceInitializationError: {self.id} does not reach AWS")
        image = self._pull()
        program = images.get(image) or images[image.partition(":")[0]]
        environment = self.environment(self.container)
        self._log()
        self._first(self.container)
        unshare = dying_with_us(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c"])
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        command = [*program["entrypoint"], *self.container.get("command", [])]
        if mounts := self._mounts(self.container):
            command = mounted(mounts, command)
        with self.namespace.entered():
            self._process = subprocess.Popen(
                [*unshare, mount, str(self._resolv), *command],
                cwd=program["directory"],
                env={
                    **program["environment"],
                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": CREDENTIALS,
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._writer = threading.Thread(target=self._write, args=(self._process,), daemon=True)
        self._writer.start()

    def _log(self) -> None:
        """Makes its log stream."""
        options = self.container["logConfiguration"]["options"]
        stream = f"{options['awslogs-stream-prefix']}/{self.container['name']}/{self.id}"
        self._where = {"logGroupName": options["awslogs-group"], "logStreamName": stream}
        account = self.definition["taskDefinitionArn"].split(":")[4]
        arn = f"arn:aws:logs:{options['awslogs-region']}:{account}:log-group:{options['awslogs-group']}"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            self._may(action, f"{arn}:log-stream:{stream}")
        self._client("logs").create_log_stream(**self._where)

    def _write(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))
                event = {"timestamp": int(time.time() * 1000), "message": line.rstrip("\n")}
                try:
                    self._client("logs").put_log_events(**self._where, logEvents=[event])
                except Exception:
                    self._faults.append(traceback.format_exc())

    @property
    def ended(self) -> bool:
        """Whether its container has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def crash(self) -> None:
        """Has the container end as if by itself."""
        assert self._process
        self._process.kill()

    def stop(self) -> None:
        """Ends it."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._writer.join()
            self._process = None
