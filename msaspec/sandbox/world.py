"""The sandbox as a whole: its endpoint, its clients, its controls, and the servers behind its databases and brokers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msaspec.sandbox import apart
from msaspec.sandbox.account import Account
from msaspec.sandbox.controls import Ailment, Controls, Ended, Fate, Hold, Verb
from msaspec.sandbox.door import Door

REGION = "us-east-1"
THREAD = "msaspec-sandbox"
"""The name of the threads in which CloudFormation works."""


@dataclass(frozen=True)
class Database:
    """A real server that acts as every database instance of its engine."""

    host: str
    port: int
    ca: Path
    """The certificates that vouch for it, a PEM file."""
    user: str
    password: str


class Postgres(Database):
    """A real PostgreSQL server. It acts as every instance of PostgreSQL."""


class MariaDb(Database):
    """A real MariaDB server. It acts as every instance of MariaDB, and of MySQL as far as both are alike."""


@dataclass(frozen=True)
class RabbitMq:
    """A real RabbitMQ server that acts as every broker of the sandbox."""

    host: str
    api: int
    """The port of its management API, with TLS."""
    ca: Path
    """The certificates that vouch for it, a PEM file."""
    user: str
    password: str


@dataclass(frozen=True)
class Settings:
    """The options of a sandbox."""

    postgres: Postgres | None = None
    pace: float = 0.0
    """How many seconds each resource takes at least."""
    images: tuple[tuple[str, str], ...] = ()
    """Repository and tag of the images that are pushed as soon as there is such a repository."""
    signals: bool = False
    """Whether resources wait for the signals of hosts that their policies name."""
    run_any_code: bool = False
    """Whether Lambda functions run whose source is not msaspec's own."""
    account: Account = field(default_factory=Account)
    """What AWS allows."""
    rabbitmq: RabbitMq | None = None
    mariadb: MariaDb | None = None


@dataclass(frozen=True)
class Runner:
    """What runs the containers of tasks, and knows how they are."""

    up: Callable[[str], bool]
    """Whether a task of a service is up, by its ARN: it runs, and the checks of its containers and of its target groups
    pass. Asked often; `world.controls.wake()` has the sandbox ask."""
    let_go: Callable[[Sequence[str]], object]
    """Ends tasks that are targets and have names no longer, by their ARNs: when what they have begun is done, their
    containers are asked to stop. Returns when they have."""


class World:
    """A running sandbox."""

    def __init__(self, endpoint: str, ca: Path, door: Door, settings: Settings, *, mocked: bool) -> None:
        self.endpoint = endpoint
        """Where it answers, for `--endpoint-url` and AWS_ENDPOINT_URL."""
        self.door = door
        self.key = door.key
        """What requests over HTTP are signed with."""
        self.settings = settings
        self.postgres = settings.postgres
        self.ca = ca
        self.images = settings.images
        self.signals = settings.signals
        self.account = settings.account
        """What the account allows. Another one may be put in its place at any time."""
        self.repeats = True
        """Whether a request that is repeated with its client token succeeds without doing anything. If not, the token
        exists already: AWS does not document which."""
        self.database_calls: list[dict[str, Any]] = []
        """The calls of Lambda functions to a database instance, where no server acts as it."""
        self.rotations: dict[str, str] = {}
        """What the functions said of rotations that failed, by the ARN of the secret."""
        self.broker_calls: list[dict[str, Any]] = []
        """The calls of Lambda functions to a broker, where no RabbitMQ server acts as it."""
        self.controls = Controls(settings.pace)
        self.lock = threading.RLock()
        """Held for as long as it takes to read or to change what CloudFormation keeps of its stacks."""
        self.assumed = self._anyone
        """What the environment of a Lambda function says of AWS, by the ARN of its role. May be replaced, to put a door
        in front of the sandbox that knows roles; the sandbox itself lets everyone do everything."""
        self.ran: Callable[[str], Fate] = self._ended_well
        """How a task ends that a state machine starts, by its ARN; asked when it is there. May be replaced, by what
        runs its containers and waits for them."""
        self.runner: Runner | None = None
        """What runs the containers of the tasks of services. Without one, a task is up as soon as it is there."""
        self._mocked = mocked
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None
        self._making = threading.Lock()
        self._threads: list[threading.Thread] = []

    def _anyone(self, role: str) -> Mapping[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint, **self.key.variables}

    def _ended_well(self, task: str) -> Fate:
        return Fate("Essential container in task exited", exit_code=0)

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client of the sandbox, whatever around is set for the real AWS."""
        from botocore.config import Config

        with self._making:
            if (service, region) not in self._clients:
                where = {} if self._mocked else {"endpoint_url": self.endpoint}
                words = {"read_timeout": 900, "s3": {"addressing_style": "path"}, **apart.SETTINGS}
                config = Config(retries={"total_max_attempts": 1}, **words)
                self._session = self._session or apart.session()
                make: Any = self._session.client  # its stubs, where installed, know each service by a literal name
                self._clients[service, region] = make(
                    service, region_name=region, config=config, **self.key.credentials, **where
                )
            return self._clients[service, region]

    @property
    def regions(self) -> frozenset[str]:
        """The Regions that it emulates: those of the partition `aws` of which the emulator knows the zones."""
        from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

        with self._making:
            self._session = self._session or apart.session()
            known = self._session.get_available_regions("ec2", "aws")
        return frozenset(name for name in known if name in RegionsAndZonesBackend.zones)

    def warm(self, region: str = REGION) -> None:
        """Load what a first deployment would wait for: models of services, and moto's list of machine images."""
        for service in ("cloudformation", "cloudfront", "iam", "lambda", "s3", "secretsmanager", "servicediscovery"):
            self.client(service, region)
        self.client("ec2", region).describe_vpcs()
        self.client("rds", region).describe_db_instances()
        self.client("ssm", region).describe_parameters(MaxResults=1)

    def hold(self, logical_id: str) -> Hold:
        """Stop deployments before they create, change or remove a resource, until the block ends.

            with world.hold("Database") as held:
                client.execute_change_set(...)
                assert held.reached.wait(10)

        The resource is in progress then, and nothing of it is touched.
        """
        return self.controls.hold(logical_id)

    def refuse(self, logical_id: str, reason: str, verb: Verb = "CREATE", times: int = 1) -> None:
        """Fail the next steps of a resource for a reason, as if the service answered so. What makes another resource
        in place of one is part of the `UPDATE`."""
        self.controls.refuse(logical_id, reason, verb, times)

    def accept(self, logical_id: str) -> None:
        """End what `refuse` began, as if the cause had been removed."""
        self.controls.accept(logical_id)

    def move(self, endpoint: str) -> None:
        """Answers somewhere else from now on: for a process that was forked, in which no server runs."""
        with self._making:
            self.endpoint = endpoint
            self._clients.clear()

    def fail_tasks(
        self,
        logical_id: str,
        reason: str = "Essential container in task exited",
        *,
        lasting: bool = False,
        **fate: Any,
    ) -> Ailment:
        """Have the tasks of an ECS service stop for a reason, until the block ends.

            with world.fail_tasks("CartService", "Task failed ELB health checks in (target-group arn:...)"):
                client.execute_change_set(...)

        Only tasks whose definition is registered from now on stop, so that a rollback succeeds. A deployment with a
        circuit breaker fails; one without continues until the block ends or it is cancelled. `lasting` has a circuit
        breaker wait until `give_up` is called. `fate` are further fields of `Fate`.
        """
        return self.controls.fail_tasks(logical_id, Fate(reason, **fate), lasting=lasting)

    def fail_launches(self, logical_id: str, reason: str) -> Ailment:
        """Have a group of hosts launch none, until the block ends. Its activities say the reason."""
        return self.controls.fail_launches(logical_id, reason)

    def launch(self, work: Callable[[], None]) -> threading.Thread:
        """Do something in the background, for as long as the sandbox runs."""

        def run() -> None:
            with suppress(Ended):
                work()

        thread = threading.Thread(target=run, name=THREAD, daemon=True)
        with self.lock:
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
            thread.start()
        return thread

    def end(self) -> None:
        """End whatever runs in the background, and close the connections of its clients."""
        self.controls.end()
        for thread in self._threads:
            thread.join()
        with self._making:
            for client in self._clients.values():
                client.close()


_RUNNING: list[World] = []


def vacant() -> None:
    """Raise a RuntimeError where a sandbox runs in this process: moto's state is the process's, so there is one."""
    if _RUNNING:
        raise RuntimeError("A sandbox runs in this process already.")


def enter(world: World) -> None:
    """Make a sandbox the one of this process."""
    vacant()
    _RUNNING.append(world)


def leave() -> None:
    """End that."""
    _RUNNING.clear()


def current() -> World:
    """Return the sandbox that runs in this process."""
    return _RUNNING[0]
