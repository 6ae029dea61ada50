"""The sandbox as a whole: its endpoint, its clients, its controls, and the PostgreSQL that plays its databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msaspec.sandbox import apart
from msaspec.sandbox.controls import Controls, Ended, Hold, Verb

REGION = "us-east-1"
KEYS = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}


@dataclass(frozen=True)
class Postgres:
    """A real PostgreSQL server that stands for every database instance of the sandbox."""

    host: str
    port: int
    ca: Path
    """The certificates that vouch for it, a PEM file."""
    user: str
    password: str


class World:
    """A running sandbox."""

    def __init__(
        self,
        endpoint: str,
        mocked: bool,
        postgres: Postgres | None,
        ca: Path,
        pace: float = 0.0,
        images: Iterable[tuple[str, str]] = (),
        signals: bool = False,
    ) -> None:
        self.endpoint = endpoint
        """Where it answers, for `--endpoint-url` and AWS_ENDPOINT_URL."""
        self.postgres = postgres
        self.ca = ca
        self.images = tuple(images)
        """Repository and tag of the images that are pushed as soon as there is such a repository."""
        self.signals = signals
        """Whether resources wait for the signals of hosts that their policies name."""
        self.database_calls: list[dict[str, Any]] = []
        """What Lambda functions wanted to tell a database instance where no PostgreSQL stands for it."""
        self.controls = Controls(pace)
        self.lock = threading.RLock()
        """Held for as long as it takes to read or to change what CloudFormation keeps of its stacks."""
        self.assumed = self._anyone
        """What the environment of a Lambda function says of AWS, by the ARN of its role. May be replaced, to put a door
        in front of the sandbox that knows roles; the sandbox itself lets everyone do everything."""
        self._mocked = mocked
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None
        self._making = threading.Lock()
        self._threads: list[threading.Thread] = []

    def _anyone(self, role: str) -> Mapping[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint, **{name.upper(): value for name, value in KEYS.items()}}

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the sandbox, whatever around is set for the real AWS."""
        from botocore.config import Config

        with self._making:
            if (service, region) not in self._clients:
                where = {} if self._mocked else {"endpoint_url": self.endpoint}
                words = {"read_timeout": 900, "s3": {"addressing_style": "path"}, **apart.SETTINGS}
                config = Config(retries={"total_max_attempts": 1}, **words)
                self._session = self._session or apart.session()
                make: Any = self._session.client  # its stubs, where installed, know each service by a literal name
                self._clients[service, region] = make(service, region_name=region, config=config, **KEYS, **where)
            return self._clients[service, region]

    @property
    def regions(self) -> frozenset[str]:
        """The Regions that it plays: those of the partition `aws` of which the emulator knows the zones."""
        from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

        with self._making:
            self._session = self._session or apart.session()
            known = self._session.get_available_regions("ec2", "aws")
        return frozenset(name for name in known if name in RegionsAndZonesBackend.zones)

    def warm(self, region: str = REGION) -> None:
        """Loads what a first deployment would wait for: models of services, and moto's list of machine images."""
        for service in ("cloudformation", "cloudfront", "iam", "lambda", "s3", "secretsmanager", "servicediscovery"):
            self.client(service, region)
        self.client("ec2", region).describe_vpcs()
        self.client("rds", region).describe_db_instances()
        self.client("ssm", region).describe_parameters(MaxResults=1)

    def hold(self, logical_id: str) -> Hold:
        """Has deployments stop before they create, change or remove a resource, until the block ends.

            with world.hold("Database") as held:
                client.execute_change_set(...)
                assert held.reached.wait(10)

        The resource is in progress then, and nothing of it is touched.
        """
        return self.controls.hold(logical_id)

    def refuse(self, logical_id: str, reason: str, verb: Verb = "CREATE", times: int = 1) -> None:
        """Has the next steps of a resource fail for a reason, as if the service said so. What makes another resource
        in place of one is part of the `UPDATE`."""
        self.controls.refuse(logical_id, reason, verb, times)

    def launch(self, work: Callable[[], None]) -> threading.Thread:
        """Does something in the background, for as long as the sandbox runs."""

        def run() -> None:
            with suppress(Ended):
                work()

        thread = threading.Thread(target=run, name="msaspec-sandbox", daemon=True)
        with self.lock:
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
            thread.start()
        return thread

    def end(self) -> None:
        """Ends whatever runs in the background."""
        self.controls.end()
        for thread in self._threads:
            thread.join()


_RUNNING: list[World] = []


def vacant() -> None:
    """Raises a RuntimeError where a sandbox runs in this process: moto's state is the process's, so there is one."""
    if _RUNNING:
        raise RuntimeError("A sandbox runs in this process already.")


def enter(world: World) -> None:
    """Makes a sandbox the one of this process."""
    vacant()
    _RUNNING.append(world)


def leave() -> None:
    """Ends that."""
    _RUNNING.clear()


def current() -> World:
    """The sandbox that runs in this process."""
    return _RUNNING[0]
