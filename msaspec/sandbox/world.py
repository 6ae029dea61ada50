"""The sandbox as a whole: its endpoint, its clients, and the PostgreSQL server that plays its databases."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def __init__(self, endpoint: str, mocked: bool, postgres: Postgres | None, ca: Path) -> None:
        self.endpoint = endpoint
        """Where it answers, for `--endpoint-url` and AWS_ENDPOINT_URL."""
        self.postgres = postgres
        self.ca = ca
        self.database_calls: list[dict[str, Any]] = []
        """What Lambda functions wanted to tell a database instance where no PostgreSQL stands for it."""
        self._mocked = mocked
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the sandbox."""
        import boto3
        from botocore.config import Config

        with self._lock:
            if (service, region) not in self._clients:
                where = {} if self._mocked else {"endpoint_url": self.endpoint}
                config = Config(retries={"total_max_attempts": 1}, read_timeout=900, s3={"addressing_style": "path"})
                make: Any = boto3.client  # its stubs, where installed, know each service by a literal name
                self._clients[service, region] = make(service, region_name=region, config=config, **KEYS, **where)
            return self._clients[service, region]


_RUNNING: list[World] = []


def enter(world: World) -> None:
    """Makes a sandbox the one of this process; moto's state is the process's, so there is one at a time."""
    if _RUNNING:
        raise RuntimeError("A sandbox runs in this process already.")
    _RUNNING.append(world)


def leave() -> None:
    """Ends that."""
    _RUNNING.clear()


def current() -> World:
    """The sandbox that runs in this process."""
    return _RUNNING[0]
