"""The shop on machines of its own: how it is deployed, and how it is called from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from msaspec import sandbox
from tests import told
from tests.lambdas import postgres
from tests.shop.programs import PREFIXES, SERVICES, SHOP, Caller
from tests.system.machine import Machine
from tests.system.network import AWS
from tests.system.site import Site, running

REGION = "ap-northeast-2"
EXAMPLE = SHOP.parent / "msa.yaml"
PATIENCE = 600
"""Seconds that a command may take, on a machine that has much else to do."""
TAGS = ("1.0", "1.1", "broken")
REVIEWS = "review-service"
"""A service that some tests add; its image is that of product-service, on another port."""
PUSHED = tuple((f"shop/{name}", tag) for name in (*SERVICES, REVIEWS) for tag in TAGS)
"""The images that are in the repositories."""


def images() -> dict[str, Any]:
    """What the images of the shop are: what their Dockerfiles say, and where AWS's endpoints are."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": f"http://{AWS}",
    }
    found = {
        name: {"entrypoint": [sys.executable, "app.py"], "directory": str(SHOP / name), "environment": environment}
        for name in SERVICES
    }
    found[REVIEWS] = found["product-service"] | {"environment": environment | {"PORT": "8003"}}
    says = "print('There is no table of hats.'); raise SystemExit(3)"
    found["product-service:broken"] = found["product-service"] | {"entrypoint": [sys.executable, "-c", says]}
    return found


class Outside(Caller):
    """A client on the internet."""

    def __init__(self, root: str, site: Site) -> None:
        url = httpx.URL(root)
        self._internet = site.internet
        (address,) = site.lookup(url.host) or [url.host]
        super().__init__(str(url.copy_with(host=address)), limits=httpx.Limits(max_keepalive_connections=0))
        self.headers["Host"] = url.host

    def request(self, method: str, url: httpx.URL | str, **words: Any) -> httpx.Response:
        """Sends a request from there."""
        with self._internet.entered():
            return super().request(method, url, **words)


@dataclass
class Shop:
    """A deployment of the shop, with its machines."""

    world: sandbox.World
    site: Site
    directory: Path
    text: str
    """The manifest that was deployed first."""
    server: postgres.Server | None = None
    """What is behind its databases of PostgreSQL."""
    program: Sequence[str] = ("-m", "msaspec")
    """What of Python is run."""

    def run(self, *words: str, text: str | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs msaspec as a person does, on the manifest that is given."""
        file = self.directory / "msa.yaml"
        file.write_text(self.text if text is None else text)
        keys = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}
        command, *rest = words
        with subprocess.Popen(
            [sys.executable, *self.program, command, *rest, str(file), "--endpoint-url", self.world.endpoint],
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory), **keys},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                err += f"It was killed, for it had not ended after {PATIENCE} seconds."
        assert process.returncode == code, f"{out}\n{err}\n{self.site.told()}"
        if command == "deploy":
            self.site.catch_up()
        return subprocess.CompletedProcess(process.args, code, out, err)

    def client(self, service: str) -> Any:
        """A client of the sandbox."""
        return self.site.client(service)

    def http(self, service: str) -> Outside:
        """A client on the internet, below the public path of a service."""
        outputs = told.outputs(self.run("outputs", "--format", "json").stdout)
        key = service.title().replace("-", "") + "Url"
        assert outputs[key].endswith(PREFIXES.get(service, "")), outputs
        return Outside(outputs[key].removesuffix("/"), self.site)

    def hosts(self, service: str) -> list[str]:
        """The hosts of a service that run, by their names."""
        named = [{"Name": "tag:Name", "Values": [f"shop/{service}"]}]
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        found = self.client("ec2").describe_instances(Filters=named + running)["Reservations"]
        return sorted(instance["InstanceId"] for each in found for instance in each["Instances"])

    def machine(self, service: str) -> Machine:
        """The machine of a service that has one."""
        (id,) = self.hosts(service)
        self.site.until(lambda: id in self.site.machines, f"{service} has a machine")
        return self.site.machines[id]

    def tags(self) -> list[str]:
        """Words of `deploy` that leave every image at the tag that it has."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName="shop")["Stacks"]
        found = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        now = {service: found[service.title().replace("-", "") + "ImageTag"] for service in SERVICES}
        return [word for service, tag in now.items() for word in ("--tag", f"{service}={tag}")]

    def reasons(self, stack: str = "shop") -> list[str]:
        """All that CloudFormation says of a stack's resources, newest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"]]
        return [f"{e['LogicalResourceId']} {e['ResourceStatus']} {e.get('ResourceStatusReason', '')}" for e in events]


@contextmanager
def deployed(
    server: postgres.Server,
    directory: Path,
    text: str,
    pushed: Sequence[tuple[str, str]] = PUSHED,
    known: Mapping[str, Any] | None = None,
    region: str = REGION,
) -> Iterator[Shop]:
    """The shop, or another system with its images, deployed and running for as long as the block lasts."""
    database = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with (
        sandbox.serve(postgres=database, images=pushed, signals=True, anyone=True) as world,
        running(world, region, directory, known or images()) as site,
    ):
        shop = Shop(world, site, directory, text, server)
        shop.run("deploy", "--yes")
        yield shop
