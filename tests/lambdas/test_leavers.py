"""The last users of a store that no service uses any more: they are locked out, on real servers, by the sources of
templates."""

from __future__ import annotations

import types
from typing import Any

import psycopg
import pytest

from msaspec.aws import bootstrap
from msaspec.engines import engines
from tests.lambdas.world import Context, World, database

SHOP, OTHER = "shop of 123456789012 in eu-west-1", "other of 123456789012 in eu-west-1"


def shipped(engine: str = "postgres", **words: bool) -> Any:
    """The runner's program, as a template carries it where no service uses one of its servers."""
    runner = types.ModuleType("runner")
    exec(bootstrap.sources(engines()[engine].bootstrap, left=True, **words)[1], runner.__dict__)
    return runner


@pytest.fixture(params=["plain", "with everything"])
def postgres(request: pytest.FixtureRequest) -> Any:
    """The program for PostgreSQL."""
    whole = request.param != "plain"
    return shipped(set_up=whole, turns=whole, guest=whole)


def logs_in(world: World, role: str, name: str = "postgres") -> bool:
    """Whether a role may begin a session; any other refusal is an error of the test."""
    try:
        with world.service(role, name):
            return True
    except psycopg.OperationalError as error:
        if "is not permitted to log in" not in str(error):
            raise
        return False


def test_the_last_users_of_a_postgres_cannot_log_in(world: World, postgres: Any) -> None:
    """Whatever they had there. Nothing is dropped, and one that comes back has all that it had."""
    postgres.handler(world.event(database("orders", "cart", ["web"], ["audit"])), Context())
    with world.service("cart", "orders") as session:
        session.execute("CREATE TABLE item (id int)")
    for _ in range(2):
        postgres.handler(world.event(), Context())
        assert not any(logs_in(world, role) for role in ("cart", "web", "audit"))
    postgres.handler(world.event(database("orders", "cart")), Context())
    assert world.can("cart", "orders", "DROP TABLE item")
    assert not logs_in(world, "web")


def test_users_of_people_keep_their_logins(world: World, postgres: Any) -> None:
    """Those without msaspec's comment, and the master user."""
    postgres.handler(world.event(database("orders", "cart")), Context())
    world.passwords["kim"] = "of-kim"
    with world.master() as session:
        session.execute("CREATE ROLE kim LOGIN PASSWORD 'of-kim'")
    postgres.handler(world.event(), Context())
    assert logs_in(world, "kim")
    with world.master():
        pass


def test_a_server_that_is_still_used_locks_nobody(world: World, postgres: Any) -> None:
    """One of several in a template: what it does on a server with users is what the plain program does."""
    both = database("orders", "cart"), database("users", "user")
    postgres.handler(world.event(*both), Context())
    postgres.handler(world.event(both[0]), Context())
    assert logs_in(world, "user", "users")


def test_users_of_other_systems_keep_their_logins(world: World) -> None:
    """The owner of a shared server locks its own; a guest that leaves locks those that it made, and no others."""
    program = shipped(guest=True, set_up=True)
    program.handler(world.event(database("ledger", "ledger")), Context())
    program.handler({**world.event(database("web", "web")), "Claim": SHOP}, Context())
    program.handler({**world.event(database("mail", "mail")), "Claim": OTHER}, Context())
    program.handler(world.event(), Context())
    assert [logs_in(world, *each) for each in (("ledger",), ("web", "web"), ("mail", "mail"))] == [False, True, True]
    program.handler({**world.event(), "Claim": SHOP}, Context())
    assert [logs_in(world, *each) for each in (("web", "web"), ("mail", "mail"))] == [False, True]
    program.handler({**world.event(database("web", "web")), "Claim": SHOP}, Context())
    assert logs_in(world, "web", "web")


def test_both_of_two_users_that_take_turns_are_locked(world: World) -> None:
    """The second has a comment only after a deployment declared it."""
    program = shipped(turns=True)
    event = world.event(database("orders", "cart"))
    program.handler(event, Context())
    world.passwords["cart__b"] = world.passwords["cart"]
    assert program.handler({**event, "Login": ["cart__b", event["logins"]["cart"]]}, Context()) == 0
    assert logs_in(world, "cart__b", "orders")
    program.handler(world.event(), Context())
    assert not any(logs_in(world, role) for role in ("cart", "cart__b"))


def test_the_last_users_of_a_mariadb_cannot_log_in(maria: Any) -> None:
    """Its runner locks whoever is not declared, also where that is everybody."""
    program = shipped("mariadb")
    program.handler(maria.event(database("orders", "cart", ["web"])), Context())
    program.handler(maria.event(), Context())
    for user in ("cart", "web"):
        with pytest.raises(Exception, match="locked"), maria.service(user):
            pass
    program.handler(maria.event(database("orders", "cart")), Context())
    with maria.service("cart", "orders"):
        pass
