"""Extensions, and SQL with which a database begins, on real servers; the sources are those of templates."""

from __future__ import annotations

import ast
import types
from typing import Any

import psycopg
import pytest

from msaspec.aws import bootstrap
from msaspec.engines import engines
from tests import goldens
from tests.lambdas.test_mysql_runner import World as OfMaria
from tests.lambdas.test_mysql_runner import rows
from tests.lambdas.world import Context, World, database

mariadb: Any = pytest.importorskip("tests.lambdas.mariadb")
SCHEMA = """-- The first table.
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item VALUES (1, 'pen; ink');
CREATE VIEW names AS SELECT name FROM item -- no semicolon, and a comment at the end"""


def shipped(engine: str) -> Any:
    """The runner's program, as templates carry it where something is set up."""
    runner = types.ModuleType("runner")
    exec(bootstrap.sources(engines()[engine].bootstrap, set_up=True)[1], runner.__dict__)
    return runner


def begun(init: str, **declared: Any) -> dict[str, Any]:
    """The database of `cart` with the SQL with which it begins."""
    return {**database("cart_database", "cart", **declared), "Init": init}


@pytest.mark.parametrize("engine", sorted(engines()))
def test_what_a_template_carries_stands_alone(engine: str) -> None:
    """In a template, a program imports nothing of msaspec, and one without anything to set up does not grow."""
    programs = engines()[engine].bootstrap
    plain, more = (bootstrap.sources(programs, set_up=set_up)[1] for set_up in (False, True))
    assert more.startswith(plain)
    imported = [node.module for node in ast.walk(ast.parse(more)) if isinstance(node, ast.ImportFrom)]
    assert imported
    assert not [module for module in imported if module and module.startswith("msaspec")]


# PostgreSQL


@pytest.fixture(scope="session")
def postgres() -> Any:
    """The program for PostgreSQL."""
    return shipped("postgres")


def test_postgres_makes_the_tables_of_the_owner(world: World, postgres: Any) -> None:
    """Tables belong to the group that owns the database, and readers of the database read them."""
    postgres.handler(world.event(begun(SCHEMA, read_only=["audit"])), Context())
    with world.service("audit", "cart_database") as session:
        assert session.execute("SELECT * FROM names").fetchall() == [("pen; ink",)]
        owner = session.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'item'").fetchone()
    assert owner == ("cart_database__owner",)
    assert world.can("cart", "cart_database", "DROP VIEW names")


def test_postgres_runs_it_once(world: World, postgres: Any) -> None:
    """A second deployment, also with another file, runs nothing and changes nothing."""
    postgres.handler(world.event(begun(SCHEMA)), Context())
    before = world.state()
    postgres.handler(world.event(begun("DROP TABLE item CASCADE")), Context())
    assert world.state() == before


def test_postgres_undoes_what_fails(world: World, postgres: Any) -> None:
    """A fault leaves nothing behind, is told as it is, and the mended file runs with the next deployment."""
    with pytest.raises(postgres.Failure) as failure:
        postgres.handler(world.event(begun(SCHEMA + "\n;CREAT TABLE more ()")), Context())
    expected = 'PostgreSQL refused the `init` of database "cart_database" (42601: syntax error at or near "CREAT").'
    assert str(failure.value) == expected
    with world.service("cart", "cart_database") as session, pytest.raises(psycopg.errors.UndefinedTable):
        session.execute("SELECT * FROM item")
    postgres.handler(world.event(begun(SCHEMA)), Context())
    assert world.can("cart", "cart_database", "SELECT * FROM item")


def test_postgres_makes_extensions_as_the_master(world: World, postgres: Any) -> None:
    """They are in `public` of every database before the first SQL runs, belong to the master, and a second run keeps
    them."""
    with world.superuser() as session:
        if not session.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'").fetchone():
            pytest.skip("these binaries come without contrib")
    event = world.event(begun("CREATE TABLE person (mail citext)"), database("user_database", "user"))
    event["Extensions"] = ["citext", "pg_trgm"]
    for _ in range(2):
        postgres.handler(event, Context())
    sql = "SELECT extname, nspname, pg_get_userbyid(extowner) FROM pg_extension JOIN pg_namespace n ON n.oid ="
    for role, name in ("cart", "cart_database"), ("user", "user_database"):
        with world.service(role, name) as session:
            found = session.execute(f"{sql} extnamespace WHERE extname <> 'plpgsql' ORDER BY 1").fetchall()
        assert found == [("citext", "public", "master"), ("pg_trgm", "public", "master")]


# MariaDB


@pytest.fixture(scope="session")
def mysql() -> Any:
    """The program for MySQL and MariaDB."""
    return shipped("mariadb")


PROCEDURE = """
CREATE PROCEDURE fill() BEGIN INSERT INTO item VALUES (2, 'ink'); INSERT INTO item VALUES (3, 'nib'); END;
CALL fill();
SELECT * FROM item;
CREATE TRIGGER before_item BEFORE INSERT ON item FOR EACH ROW SET NEW.name = UPPER(NEW.name);
"""


def test_mariadb_runs_it_as_the_owner(maria: OfMaria, mysql: Any) -> None:
    """The server splits the statements, bodies of procedures too; all of it is defined by the owner, whose password
    stays what it was and is in no log."""
    mysql.handler(maria.event(begun(f"{SCHEMA}\n;{PROCEDURE}", read_only=["audit"])), Context())
    with maria.service("audit", "cart_database") as session:
        assert [name for (name,) in rows(session, "SELECT name FROM names")] == ["pen; ink", "ink", "nib"]
    with maria.superuser() as session:
        definers = "SELECT DISTINCT definer FROM information_schema.{} WHERE {}_schema = 'cart_database'"
        for kind, column in ("views", "table"), ("routines", "routine"), ("triggers", "trigger"):
            assert rows(session, definers.format(kind, column)) == [("cart@%",)], kind
    with maria.service("cart", "cart_database") as session:
        assert rows(session, "SELECT COUNT(*) FROM item") == [(3,)]
    assert maria.passwords["cart"] not in maria.server.log()


def test_mariadb_runs_it_once(maria: OfMaria, mysql: Any) -> None:
    """A second deployment, also with another file, runs nothing."""
    mysql.handler(maria.event(begun(SCHEMA)), Context())
    mysql.handler(maria.event(begun("DROP TABLE item")), Context())
    with maria.service("cart", "cart_database") as session:
        assert rows(session, "SELECT COUNT(*) FROM item") == [(1,)]


def test_mariadb_says_which_statement_failed(maria: OfMaria, mysql: Any) -> None:
    """What failed is told by its number. The owner has its own password again, and the mended file runs."""
    with pytest.raises(mysql.Failure) as failure:
        mysql.handler(maria.event(begun(f"{SCHEMA}\n;INSERT INTO missing VALUES (1)")), Context())
    expected = (
        'The server refused statement 4 of the `init` of database "cart_database" (1146: Table'
        " 'cart_database.missing' doesn't exist)."
    )
    assert str(failure.value) == expected
    with maria.service("cart", "cart_database") as session:
        assert rows(session, "SELECT COUNT(*) FROM item") == [(1,)]
    mysql.handler(maria.event(begun("CREATE TABLE IF NOT EXISTS item (id int)")), Context())
    mysql.handler(maria.event(begun("DROP TABLE item")), Context())
    with maria.service("cart", "cart_database") as session:
        assert rows(session, "SELECT COUNT(*) FROM item") == [(1,)]


def test_the_tables_of_the_sock_shop(maria: OfMaria, mysql: Any) -> None:
    """The example's SQL makes what its catalogue reads: every sock has a tag."""
    init = (goldens.SYSTEMS / "sock-shop" / "socks.sql").read_text("utf-8")
    mysql.handler(maria.event({**database("catalogue", "catalogue"), "Init": init}), Context())
    asked = (
        "SELECT sock.sock_id, GROUP_CONCAT(tag.name) FROM sock JOIN sock_tag ON sock.sock_id = sock_tag.sock_id"
        " JOIN tag ON sock_tag.tag_id = tag.tag_id GROUP BY sock.sock_id"
    )
    with maria.service("catalogue", "catalogue") as session:
        assert len(rows(session, asked)) == rows(session, "SELECT COUNT(*) FROM sock")[0][0] == 5
