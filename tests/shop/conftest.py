"""The example, deployed into the sandbox on a real PostgreSQL, and its three services, running."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests.lambdas import postgres
from tests.sandbox.deploying import Deployer, example
from tests.shop.programs import Caller, Door, Program, door, environments

REGION = "ap-northeast-2"


@dataclass
class Shop:
    """Where everything is that the services need, and the running services."""

    server: postgres.Server
    world: World
    aws: Door
    """Between the services and the sandbox."""
    variables: dict[str, dict[str, str]]
    """Of each service, as the deployment left them, with reachable addresses."""
    home: Path
    running: dict[str, Program] = field(default_factory=dict)

    def program(self, service: str, **changes: str) -> Program:
        """Starts another copy of a service; `changes` are variables that it gets besides or instead."""
        aws = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.aws.port}"}
        return Program(service, {**aws, **self.variables[service], **changes}, self.home)

    def http(self, service: str) -> Caller:
        """A client of a running service, below its public path."""
        return self.running[service].http


@pytest.fixture(scope="module")
def shop(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The unchanged example as it runs; only addresses that no machine here has are replaced by those of stand-ins."""
    stands_in = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with sandbox.serve(postgres=stands_in, anyone=True) as world, ExitStack() as stack:
        deployer = Deployer(world.client("cloudformation", REGION))
        assert deployer.deploy(example()) == "CREATE_COMPLETE", deployer.events()
        variables = environments(world, REGION)
        for service in variables.values():
            url = service["spring.datasource.url"]
            assert re.fullmatch(r"jdbc:postgresql://[^/]+\.rds\.amazonaws\.com:5432/\w+\?sslmode=require", url)
            service["spring.datasource.url"] = re.sub(r"//[^/]+/", f"//{postgres.HOST}:{server.port}/", url)
        aws = stack.enter_context(door(int(world.endpoint.rpartition(":")[2])))
        shop = Shop(server, world, aws, variables, tmp_path_factory.mktemp("home"))
        first = [stack.enter_context(shop.program(name)) for name in ("user-service", "product-service")]
        for peer in first:
            shop.running[peer.service] = peer.serving()
            name = f"msa.{peer.service}.url"
            assert variables["cart-service"][name] == f"http://{peer.service}.shop.internal:{PORTS[peer.service]}"
            variables["cart-service"][name] = peer.url
        shop.running["cart-service"] = stack.enter_context(shop.program("cart-service")).serving()
        yield shop


PORTS = {"user-service": 8002, "product-service": 8001}
