"""Servers that exist: what is there and is not of the system stays as it is, on real servers, by the sources of
templates."""

from __future__ import annotations

import types
from typing import Any

import pytest

from msaspec.aws import bootstrap
from msaspec.engines import engines
from tests.lambdas.test_mysql_runner import World as OfMaria
from tests.lambdas.test_mysql_runner import do, rows
from tests.lambdas.world import Context, World, database

mariadb: Any = pytest.importorskip("tests.lambdas.mariadb")
SHOP, OTHER = "shop of 123456789012 in eu-west-1", "other of 123456789012 in eu-west-1"


def shipped(engine: str, **words: bool) -> Any:
    """The runner's program, as templates carry it for a server that exists."""
    runner = types.ModuleType("runner")
    exec(bootstrap.sources(engines()[engine].bootstrap, guest=True, **words)[1], runner.__dict__)
    return runner


@pytest.fixture(params=["plain", "with everything"])
def postgres(request: pytest.FixtureRequest) -> Any:
    """The program for PostgreSQL."""
    whole = request.param != "plain"
    return shipped("postgres", set_up=whole, turns=whole)


@pytest.fixture(params=["plain", "with everything"])
def mysql(request: pytest.FixtureRequest) -> Any:
    """The program for MySQL and MariaDB."""
    whole = request.param != "plain"
    return shipped("mariadb", set_up=whole, turns=whole)


def refusal(program: Any, event: dict[str, Any], claim: str = SHOP) -> str:
    """What the program says."""
    with pytest.raises(program.Failure) as failure:
        program.handler({**event, "Claim": claim}, Context())
    return str(failure.value)


def test_postgres_of_a_system_of_its_own_is_as_before(world: World, postgres: Any) -> None:
    """Without a claim nothing is marked, and what is there is taken over."""
    postgres.handler(world.event(database("cart", "cart")), Context())
    postgres.handler(world.event(database("cart", "cart")), Context())
    with world.superuser() as session:
        assert session.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'msaspec%'").fetchall() == []


def test_postgres_makes_what_is_new_and_comes_again(world: World, postgres: Any) -> None:
    """A second deployment, also one of a stack that was made anew under its name, changes passwords of its own."""
    event = {**world.event(database("orders", "cart", ["web"])), "Claim": SHOP}
    postgres.handler(event, Context())
    with world.service("cart", "orders") as session:
        session.execute("CREATE TABLE item (id int)")
    postgres.handler(event, Context())
    with world.service("web", "orders") as session:
        assert session.execute("SELECT count(*) FROM item").fetchall() == [(0,)]


@pytest.mark.parametrize("there", ["DATABASE orders", "ROLE cart LOGIN PASSWORD 'hers'", "ROLE orders__read"])
def test_postgres_leaves_what_is_there(world: World, postgres: Any, there: str) -> None:
    """A database or a role of somebody else is refused, before anything changes."""
    with world.superuser() as session:
        session.execute(f"CREATE {there}")  # type: ignore[arg-type]
        before = session.execute("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1").fetchall()
    said = refusal(postgres, world.event(database("orders", "cart")))
    name = there.split()[1]
    assert f'"{name}" is there, and {SHOP} did not make it.' in said
    with world.superuser() as session:
        after = session.execute("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1").fetchall()
        made = {each for each in after if each not in before}
        assert [each for each in before if each not in after] == []
        assert all(password is None for _, password in made), "nobody can log in anew"
        assert session.execute("SELECT count(*) FROM pg_database WHERE datname = 'orders'").fetchone() == (
            int(name == "orders"),
        )


def test_two_systems_on_one_postgres(world: World, postgres: Any) -> None:
    """Each has its own, and neither gets that of the other, in whatever order they are deployed."""
    postgres.handler({**world.event(database("orders", "cart")), "Claim": SHOP}, Context())
    mine = dict(world.passwords)
    postgres.handler({**world.event(database("users", "user")), "Claim": OTHER}, Context())
    assert "did not make it" in refusal(postgres, world.event(database("users", "cart")), OTHER)
    assert "did not make it" in refusal(postgres, world.event(database("orders", "user")), OTHER)
    postgres.handler({**world.event(database("orders", "cart")), "Claim": SHOP}, Context())
    assert world.passwords["cart"] == mine["cart"]
    with world.service("cart", "orders"), world.service("user", "users"):
        pass


def test_a_guest_beside_the_owner_of_a_postgres(world: World, postgres: Any) -> None:
    """A system whose server is shared deploys before and after its guest, with the program that it has: both keep what
    is theirs, and neither comes into a database of the other."""
    owner = types.ModuleType("owner")
    exec(bootstrap.sources(engines()["postgres"].bootstrap)[1], owner.__dict__)
    owners, guests = database("ledger", "ledger"), database("shop_prod_web", "shop_prod_web", [], ["shop_prod_report"])
    owner.handler(world.event(owners), Context())
    postgres.handler({**world.event(guests), "Claim": SHOP}, Context())
    with world.service("shop_prod_web", "shop_prod_web") as session:
        session.execute("CREATE TABLE item (id int)")
    owner.handler(world.event(owners), Context())
    with world.service("shop_prod_report", "shop_prod_web") as session:
        assert session.execute("SELECT count(*) FROM item").fetchall() == [(0,)]
    for user, other in (("shop_prod_web", "ledger"), ("shop_prod_report", "ledger"), ("ledger", "shop_prod_web")):
        with pytest.raises(Exception, match="permission denied"), world.service(user, other):
            pass


def test_mariadb_makes_what_is_new_and_comes_again(maria: OfMaria, mysql: Any) -> None:
    """A second deployment changes what is its own, and locks only whom it made itself."""
    mysql.handler({**maria.event(database("orders", "cart", ["web"])), "Claim": SHOP}, Context())
    mysql.handler({**maria.event(database("users", "user")), "Claim": OTHER}, Context())
    mysql.handler({**maria.event(database("orders", "cart")), "Claim": SHOP}, Context())
    with maria.service("cart", "orders") as session:
        do(session, "CREATE TABLE item (id int)")
    with maria.service("user", "users") as session:
        do(session, "CREATE TABLE item (id int)")
    with pytest.raises(Exception, match="locked"), maria.service("web"):
        pass


@pytest.mark.parametrize("there", ["DATABASE orders", "USER cart@'%' IDENTIFIED BY 'hers'", "USER cart@localhost"])
def test_mariadb_leaves_what_is_there(maria: OfMaria, mysql: Any, there: str) -> None:
    """A database or a user of somebody else is refused, before anything changes."""
    users = "SELECT user, host, authentication_string FROM mysql.user ORDER BY 1, 2"
    with maria.superuser() as session:
        do(session, f"CREATE {there}")
        before = rows(session, users)
    try:
        said = refusal(mysql, maria.event(database("orders", "cart")))
        name = there.split()[1].partition("@")[0]
        assert f'"{name}" is there, and {SHOP} did not make it.' in said
        with maria.superuser() as session:
            assert rows(session, users) == before
            made = [each for (each,) in rows(session, "SHOW DATABASES")]
            assert ("orders" in made) == (name == "orders")
    finally:
        with maria.superuser() as session:
            do(session, "DROP USER IF EXISTS cart@localhost")


def test_mariadb_two_systems_with_one_name(maria: OfMaria, mysql: Any) -> None:
    """The second is refused, and the first goes on."""
    mysql.handler({**maria.event(database("orders", "cart")), "Claim": SHOP}, Context())
    assert "did not make it" in refusal(mysql, maria.event(database("other", "cart")), OTHER)
    assert "did not make it" in refusal(mysql, maria.event(database("orders", "user")), OTHER)
    with maria.service("cart", "orders"):
        pass
    mysql.handler({**maria.event(database("orders", "cart")), "Claim": SHOP}, Context())
