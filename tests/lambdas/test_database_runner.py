"""The runner against real PostgreSQL servers over TLS."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import socket
import ssl
import threading
import time

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import database_runner
from tests.lambdas import postgres
from tests.lambdas.world import MASTER, Context, World, database

TABLE = "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY, name text)"


# What a service gets


def test_owner_is_created_from_nothing_by_a_master_that_is_no_superuser(world: World) -> None:
    """One run makes the role, the database and its groups; the service logs in and does DDL of every kind."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
        session.execute("CREATE SCHEMA reporting")
        session.execute("CREATE TABLE reporting.total (sum int)")
        session.execute("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        session.execute("CREATE TEMPORARY TABLE scratch (id int)")
        session.execute("INSERT INTO item (name) VALUES ('pen')")
        session.execute("ALTER TABLE item ADD price int")
        assert session.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'item'").fetchone() == (
            "cart_database__owner",
        )


def test_owner_may_install_trusted_extensions(world: World) -> None:
    """CREATE EXTENSION works for what PostgreSQL trusts a database's owner with."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        if not session.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'").fetchone():
            pytest.skip("these binaries come without contrib")
        session.execute("CREATE EXTENSION citext")
        session.execute("CREATE TABLE person (mail citext)")


def test_run_beside_a_working_service(world: World) -> None:
    """A session that is open, with a temporary table of its own, neither fails nor is noticed."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute("CREATE TEMPORARY TABLE scratch (id serial)")
        world.run(database("cart_database", "cart"))
        session.execute("INSERT INTO scratch DEFAULT VALUES")


def test_service_roles_have_no_power_over_the_server(world: World) -> None:
    """A service may neither make roles nor databases, and is marked as made by msaspec."""
    world.run(database("cart_database", "cart"))
    assert not world.can("cart", "cart_database", "CREATE ROLE friend")
    assert not world.can("cart", "cart_database", "CREATE DATABASE more")
    with world.superuser() as session:
        row = session.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, shobj_description(oid, 'pg_authid')"
            " FROM pg_roles WHERE rolname = 'cart'"
        ).fetchone()
    assert row == (False, False, False, database_runner.MARK)


def test_services_cannot_reach_each_others_databases(world: World) -> None:
    """Without a declared access not even CONNECT is possible, for services and for any other role."""
    world.run(database("cart_database", "cart"), database("user_database", "user"))
    assert world.can("cart", "cart_database", "SELECT 1")
    assert not world.can("cart", "user_database", "SELECT 1")
    assert not world.can("user", "cart_database", "SELECT 1")
    with world.superuser() as session:
        open_to_public = session.execute(
            "SELECT datname FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))"
            " WHERE grantee = 0 AND datname LIKE '%_database'"
        ).fetchall()
    assert open_to_public == []


def test_second_run_changes_nothing(world: World) -> None:
    """The same declaration twice leaves roles, memberships, settings, databases and all ACLs as they were."""
    declared = (
        database("cart_database", "cart", ["user"], ["product"]),
        database("user_database", "user", [], ["cart"]),
    )
    world.run(*declared)
    with world.service("cart", "cart_database") as session:
        session.execute("CREATE SCHEMA reporting")
        session.execute(TABLE)
    world.run(*declared)
    before = world.state()
    world.run(*declared)
    assert world.state() == before


def test_reader_sees_all_tables_and_changes_none(world: World) -> None:
    """Read-only covers tables from before and after it was declared, in every schema, and no more than reading."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
        session.execute("CREATE SCHEMA reporting")
        session.execute("CREATE TABLE reporting.total (sum int)")
        session.execute("CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM item")
    world.run(database("cart_database", "cart", read_only=["audit"]))
    with world.service("cart", "cart_database") as session:
        session.execute("CREATE VIEW names AS SELECT name FROM item")
        session.execute("CREATE SCHEMA later")
        session.execute("CREATE TABLE later.event (id serial)")
    for relation in ("item", "reporting.total", "summary", "names", "later.event", "later.event_id_seq"):
        assert world.can("audit", "cart_database", f"SELECT * FROM {relation}"), relation
    for statement in (
        "INSERT INTO item (name) VALUES ('pen')",
        "UPDATE item SET name = 'pen'",
        "DELETE FROM item",
        "TRUNCATE item",
        "SELECT nextval('later.event_id_seq')",
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (id int)",
        "ALTER TABLE item ADD price int",
        "DROP TABLE item",
        'SET ROLE "cart_database__owner"',
    ):
        assert not world.can("audit", "cart_database", statement), statement


def test_writer_changes_rows_but_not_tables(world: World) -> None:
    """Read-write covers rows and sequences of tables from before and after, but no DDL and no TRUNCATE."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute("CREATE TABLE before (id serial, name text)")
    world.run(database("cart_database", "cart", read_write=["order"]))
    with world.service("cart", "cart_database") as session:
        session.execute("CREATE TABLE after (id serial, name text)")
    for table in ("before", "after"):
        for statement in (
            f"INSERT INTO {table} (name) VALUES ('pen')",
            f"UPDATE {table} SET name = 'ink'",
            f"SELECT * FROM {table}",
            f"SELECT setval('{table}_id_seq', 7)",
            f"DELETE FROM {table}",
            "CREATE TEMPORARY TABLE scratch (id int)",
        ):
            assert world.can("order", "cart_database", statement), statement
        for statement in (f"TRUNCATE {table}", f"ALTER TABLE {table} ADD x int", "CREATE TABLE mine (id int)"):
            assert not world.can("order", "cart_database", statement), statement


# What changes when the declaration does


def test_access_level_follows_the_declaration(world: World) -> None:
    """A service moves between read-only, read-write and owner, up and down, and has exactly the declared level."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
    insert, create = "INSERT INTO item (name) VALUES ('pen')", "CREATE TABLE IF NOT EXISTS mine (id int)"
    for level, writes, creates in (
        ("ReadOnly", False, False),
        ("ReadWrite", True, False),
        ("Owner", True, True),
        ("ReadWrite", True, False),
        ("Owner", True, True),
        ("ReadOnly", False, False),
    ):
        declared = database("cart_database")
        declared[level] = "order" if level == "Owner" else ["order"]
        world.run(declared)
        assert world.can("order", "cart_database", "SELECT * FROM item")
        assert world.can("order", "cart_database", insert) == writes, level
        assert world.can("order", "cart_database", create) == creates, level


def test_service_declared_at_two_levels_has_the_higher(world: World) -> None:
    """An owner that is listed as a reader too still creates what the group owns."""
    world.run(database("cart_database", "cart", ["cart"], ["cart"]))
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
        assert session.execute("SELECT current_user").fetchone() == ("cart_database__owner",)


def test_ownership_moves_to_another_service(world: World) -> None:
    """The new owner alters what the old one made; the old one is out. So a service can be renamed as well."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
    world.run(database("cart_database", "basket"))
    with world.service("basket", "cart_database") as session:
        session.execute("ALTER TABLE item ADD price int")
        session.execute("DROP TABLE item")
    assert not world.can("cart", "cart_database", "SELECT 1")
    with world.superuser() as session:
        assert session.execute(
            "SELECT rolname FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole"
        ).fetchall() == [("basket",)]


def test_removed_service_loses_its_access_but_nothing_is_dropped(world: World) -> None:
    """A role that is not declared any more stays without memberships; so does a database, with all its data."""
    both = (database("cart_database", "cart", read_only=["audit"]), database("user_database", "user"))
    world.run(*both)
    with world.service("user", "user_database") as session:
        session.execute(TABLE)
    world.run(database("cart_database", "cart"))
    assert not world.can("audit", "cart_database", "SELECT 1")
    assert world.can("user", "user_database", "SELECT * FROM item")
    with world.superuser() as session:
        roles = session.execute("SELECT rolname FROM pg_roles WHERE rolname IN ('audit', 'user')").fetchall()
    assert len(roles) == 2


def test_roles_made_by_people_are_left_alone(world: World) -> None:
    """A person's membership in a group outlives every run; only roles with msaspec's mark are managed."""
    world.run(database("cart_database", "cart"))
    with world.master() as session:
        session.execute("CREATE ROLE analyst LOGIN PASSWORD 'x'")
        session.execute("COMMENT ON ROLE analyst IS 'Kim, asks for reports'")
        session.execute('GRANT "cart_database__read" TO analyst')
    before = world.state()
    world.run(database("cart_database", "cart"))
    assert world.state() == before


def test_membership_that_cannot_be_revoked_is_told(world: World) -> None:
    """PostgreSQL 16 keeps a superuser's grant with a mere warning; a run must not call that success."""
    world.run(database("cart_database", "cart", read_only=["audit"]))
    with world.superuser() as session:
        session.execute('GRANT "cart_database__read" TO audit')
    if world.server.installation.version == "15":
        world.run(database("cart_database", "cart"))  # there, a membership exists once, whoever granted it
    else:
        assert world.refusal(database("cart_database", "cart")) == (
            'The role "audit" is still in "cart_database__read", by a grant not made here.'
        )


def test_interrupted_run_is_completed_by_the_next(world: World) -> None:
    """A run that fails at its second database leaves nothing that would keep a later run from success."""
    long = "d" * 60
    sentence = world.refusal(database("cart_database", "cart"), database(long, "user"))
    assert sentence == f'The name "{long}__read" does not have 1 to 63 bytes, none of them NUL.'
    world.run(database("cart_database", "cart"), database("user_database", "user"))
    assert world.can("user", "user_database", TABLE)


def test_database_without_services_is_made_and_closed(world: World) -> None:
    """A database may be declared before anything uses it."""
    world.run(database("archive"), roles=["cart"])
    assert not world.can("cart", "archive", "SELECT 1")


# What people made before


def test_hand_made_database_is_taken_over(world: World) -> None:
    """The master's own database gets the groups; its tables stay as they are, and other roles are locked out."""
    with world.master() as session:
        session.execute("CREATE DATABASE cart_database")
    with world.master("cart_database") as session:
        session.execute("CREATE TABLE old (id int)")
        session.execute("CREATE SCHEMA private")
    world.run(database("cart_database", "cart"), roles=["user"])
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
        assert session.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'old'").fetchone() == (MASTER,)
    assert not world.can("user", "cart_database", "SELECT 1")


def test_database_of_another_role_of_the_master_is_taken_over(world: World) -> None:
    """A role that the master made may own the database; the master is not left as a member of that role."""
    with world.master() as session:
        session.execute("CREATE ROLE old_owner")
        session.execute("GRANT old_owner TO CURRENT_USER")
        session.execute("CREATE DATABASE cart_database OWNER old_owner")
        session.execute("REVOKE old_owner FROM CURRENT_USER")
    world.run(database("cart_database", "cart"))
    assert world.can("cart", "cart_database", TABLE)
    with world.superuser() as session:
        assert session.execute(f"SELECT pg_has_role('{MASTER}', 'old_owner', 'USAGE')").fetchone() == (False,)


def test_database_of_a_superuser_is_refused_with_a_sentence(world: World) -> None:
    """What the master has no right to take over fails with the database's name and the server's reason."""
    with world.superuser() as session:
        session.execute("CREATE DATABASE cart_database")
    sentence = world.refusal(database("cart_database", "cart"))
    assert sentence.startswith("PostgreSQL refused")
    assert '"cart_database"' in sentence
    assert "(42501: " in sentence


def test_hand_made_role_of_a_service_is_taken_over(world: World) -> None:
    """A role with the service's name gets the secret's password and loses the rights to make roles and databases."""
    with world.master() as session:
        session.execute("CREATE ROLE cart NOLOGIN NOINHERIT CREATEDB PASSWORD 'old'")
    world.run(database("cart_database", "cart"))
    assert world.can("cart", "cart_database", TABLE)
    assert not world.can("cart", "cart_database", "CREATE DATABASE more")


def test_master_cannot_be_a_service(world: World) -> None:
    """Its password must not be replaced by a service's."""
    assert world.refusal(database("cart_database", MASTER)) == f'The role "{MASTER}" of a service is the master user.'


# Secrets


def test_clear_passwords_never_reach_the_server(world: World) -> None:
    """The log of all statements holds verifiers only; a changed secret is in force after the next run."""
    world.run(database("cart_database", "cart"))
    assert world.can("cart", "cart_database", "SELECT 1")
    first = world.passwords.pop("cart")
    world.run(database("cart_database", "cart"))
    assert world.can("cart", "cart_database", "SELECT 1")
    log = world.server.log()
    assert "SCRAM-SHA-256$4096:" in log
    for password in (first, world.passwords["cart"], world.master_password):
        assert password not in log
    world.passwords["cart"] = first
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        world.can("cart", "cart_database", "SELECT 1")


# Names


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=13).filter(
        lambda name: not name.startswith("pg_") and name not in ("public", "none", "postgres")
    )
)
@example(name='a"b')
@example(name="a'b\\'; DROP DATABASE postgres; --")
@example(name="%s %I $1 {x} ${y}")
@example(name="장바구니 서비스")
@example(name="'); DROP ROLE x")
@example(name="E'\\n")
def test_names_are_data(world: World, name: str) -> None:
    """Whatever a database and a role are called, they are made under exactly that name and work."""
    declared = database(name, name + "_o", read_only=[name + "_r"])
    world.run(declared)
    world.run(declared)
    with world.service(name + "_o", name) as session:
        session.execute('CREATE SCHEMA "s\\""\'x"')
        session.execute('CREATE TABLE "s\\""\'x"."t %""" (id int)')
    world.run(declared)
    assert world.can(name + "_r", name, 'SELECT * FROM "s\\""\'x"."t %"""')
    world.run(database(name))
    assert not world.can(name + "_r", name, "SELECT 1")


@pytest.mark.parametrize("name", ["", "nul\0", "x" * 64, "é" * 32, "y" * 57])
def test_names_that_postgresql_would_change_are_refused(world: World, name: str) -> None:
    """Too long a name would be cut, and two groups would become one; NUL would end the message."""
    assert "63 bytes" in (sentence := world.refusal(database(name, "cart"))) or "NUL" in sentence


def test_quoting_doubles_quotes(world: World) -> None:
    """Names and values cannot leave their quotes; NUL is in no name, and the server refuses it in any statement."""
    assert database_runner.ident('a"b') == '"a""b"'
    assert database_runner.quote("a'b\\") == "'a''b\\'"
    with pytest.raises(database_runner.Failure, match="NUL"):
        database_runner.ident("a\0")
    with (
        database_runner.connect(world.event(), "postgres") as session,
        pytest.raises(database_runner.Failure, match=r"\(08P01: "),
    ):
        database_runner.run(session, f"SELECT {database_runner.quote(chr(0))}")


def test_settings_of_a_database_cannot_trick_the_master(world: World) -> None:
    """An owner who puts operators of its own first, or makes its database read-only, does not get at the master."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        session.execute(TABLE)
        session.execute('CREATE TABLE "\u8868" (id int)')
        for function in ("trap(name, name)", "trap(text, text)", "pg_has_role(oid, text)"):
            session.execute(
                f"CREATE FUNCTION {function} RETURNS boolean LANGUAGE plpgsql AS"
                " $$BEGIN RESET ROLE; ALTER ROLE cart CREATEDB; RETURN true; END$$"
            )
        session.execute("CREATE OPERATOR = (LEFTARG = name, RIGHTARG = name, FUNCTION = trap)")
        session.execute("CREATE OPERATOR ~ (LEFTARG = text, RIGHTARG = text, FUNCTION = trap)")
        session.execute("ALTER DATABASE cart_database SET search_path = public, pg_catalog")
        session.execute("ALTER DATABASE cart_database SET standard_conforming_strings = off")
        session.execute("ALTER DATABASE cart_database SET default_transaction_read_only = on")
        session.execute("ALTER DATABASE cart_database SET client_encoding = 'GBK'")
    world.run(database("cart_database", "cart", read_only=["audit"]))
    assert world.can("audit", "cart_database", "SELECT * FROM public.item")
    with world.superuser() as session:
        session.execute("ALTER DATABASE cart_database RESET ALL")
    assert world.can("audit", "cart_database", 'SELECT * FROM "\u8868"')
    with world.superuser() as session:
        assert session.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'cart'").fetchone() == (False,)


def test_backslashes_mean_nothing_whatever_the_server_is_set_to(world: World) -> None:
    """A server may still read them as escapes, for old programs."""
    with world.superuser() as session:
        session.execute(f"ALTER ROLE {MASTER} SET standard_conforming_strings = off")
    for _ in range(2):
        world.run(database("a\\", "o\\"))
    assert world.can("o\\", "a\\", "SELECT 1")


# The connection


def test_certificate_of_another_authority_is_refused(world: World) -> None:
    """Without the right authority nothing is sent, and waiting would not help."""
    postgres.make_authority(world.server.directory, "other")
    other = (world.server.directory / "other.pem").read_text()
    started = time.monotonic()
    sentence = world.refusal(database("cart_database", "cart"), ca=other)
    assert sentence.startswith("PostgreSQL at localhost could not be reached (")
    assert "CERTIFICATE_VERIFY_FAILED" in sentence
    assert time.monotonic() - started < 10, "it is not tried again"


def test_certificate_for_another_host_is_refused(world: World) -> None:
    """The right authority is not enough."""
    sentence = world.refusal(database("cart_database", "cart"), Host="127.0.0.1")
    assert sentence.startswith("PostgreSQL at 127.0.0.1 could not be reached (")
    assert "certificate is not valid for '127.0.0.1'" in sentence


def test_server_without_tls_is_refused(world: World) -> None:
    """There is no way to a connection in clear text."""
    if world.server.plain_port != world.server.port:
        assert world.refusal(database("cart"), Port=world.server.plain_port) == "PostgreSQL offers no TLS."
        return
    with postgres.serve(world.server.installation, settings={"ssl": "off"}) as plain:
        assert world.refusal(database("cart"), Port=plain.port) == "PostgreSQL offers no TLS."


def test_wrong_master_password_is_told_at_once(world: World) -> None:
    """The sentence names the user and the database, and holds the server's words but no password."""
    sentence = world.refusal(database("cart_database", "cart"), password="not-the-password")
    assert sentence == (
        f'PostgreSQL refused to let "{MASTER}" use database "postgres"'
        f' (28P01: password authentication failed for user "{MASTER}").'
    )


def test_master_without_rights_is_told(world: World) -> None:
    """An error of the server says what failed, for which database, and with which code."""
    with world.superuser() as session:
        session.execute(f"ALTER ROLE {MASTER} NOCREATEDB")
    sentence = world.refusal(database("cart_database", "cart"))
    assert sentence == (
        'PostgreSQL refused CREATE DATABASE "cart_database" (42501: permission denied to create database).'
    )


def test_refused_role_is_told_without_its_verifier(world: World) -> None:
    """Lambda logs what the runner raises, so that a statement with a verifier is told without it."""
    with world.superuser() as session:
        session.execute(f"ALTER ROLE {MASTER} NOCREATEROLE")
    sentence = world.refusal(database("cart_database", "cart"))
    assert sentence == 'PostgreSQL refused CREATE ROLE "cart" (42501: permission denied to create role).'


@pytest.mark.parametrize("method", ["trust", "password", "md5"])
def test_no_method_but_scram_is_answered(world: World, method: str) -> None:
    """The password is not sent, not even inside TLS, and MD5 is never used."""
    hba = world.server.directory / "data" / "pg_hba.conf"
    before = hba.read_text()
    try:
        hba.write_text(f"host all {MASTER} all {method}\n{before}")
        with world.superuser() as session:
            session.execute("SET password_encryption = 'md5'")
            session.execute(f"ALTER ROLE {MASTER} PASSWORD '{world.master_password}'")
        _reload(world)
        number = {"trust": 0, "password": 3, "md5": 5}[method]
        assert world.refusal(database("cart_database", "cart")) == (
            f"PostgreSQL asks for authentication method {number} instead of SCRAM."
        )
    finally:
        hba.write_text(before)
        _reload(world)


def _reload(world: World) -> None:
    """Has the server read its configuration again, and waits until new sessions have it."""
    asked = "SELECT pg_conf_load_time()"
    with world.superuser() as session:
        before = session.execute(asked).fetchone()
        session.execute("SELECT pg_reload_conf()")
    for _ in range(600):
        time.sleep(0.05)
        with world.superuser() as session:
            if session.execute(asked).fetchone() != before:
                return
    raise AssertionError("The server did not read its configuration again.")


def serve_impostor(world: World, listener: socket.socket, password: str, foreign: bool) -> None:
    """A server with a valid certificate that asks for SCRAM with a password and, if foreign, a nonce of its own."""
    directory = world.server.directory
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    client, _ = listener.accept()
    client.recv(8)
    client.sendall(b"S")

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4, "big") + body

    with context.wrap_socket(client, server_side=True) as inside, contextlib.suppress(OSError):
        inside.recv(4096)
        inside.sendall(message(b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0"))
        first = inside.recv(4096).partition(b"n,,")[2]
        challenge = b"r=" + (b"foreign" if foreign else first.partition(b"r=")[2] + b"x") + b",s=c2FsdA==,i=4096"
        inside.sendall(message(b"R", b"\0\0\0\x0b" + challenge))
        final = inside.recv(4096)[5:].rpartition(b",p=")[0]
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 4096)
        key = hmac.digest(salted, b"Server Key", "sha256")
        signature = base64.b64encode(hmac.digest(key, b",".join((first, challenge, final)), "sha256"))
        inside.sendall(message(b"R", b"\0\0\0\x0cv=" + signature) + message(b"R", bytes(4)) + message(b"Z", b"I"))


@pytest.mark.parametrize(
    ("knows", "foreign", "refused"),
    [(True, False, False), (False, False, True), (True, True, True)],
    ids=["honest", "ignorant", "replaying"],
)
def test_server_proves_that_it_knows_the_password(world: World, knows: bool, foreign: bool, refused: bool) -> None:
    """SCRAM proves both sides: a wrong signature, or a nonce that is not ours, ends the connection."""
    password = world.master_password if knows else "guess"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        impostor = threading.Thread(target=serve_impostor, args=(world, listener, password, foreign))
        impostor.start()
        sentence = world.refusal(database("cart_database", "cart"), Port=listener.getsockname()[1])
        impostor.join(10)
    assert (sentence == "PostgreSQL could not prove that it knows the master password.") == refused


def test_refused_connection_is_tried_again_until_the_server_is_up(world: World) -> None:
    """A new RDS endpoint may need a moment before it answers."""
    port = postgres.free_port()
    event = world.event(database("cart_database", "cart")) | {"Port": port}
    sentences: list[str] = []

    def deploy() -> None:
        with pytest.raises(database_runner.Failure) as failure:
            database_runner.handler(event, Context())
        sentences.append(str(failure.value))

    waiting = threading.Thread(target=deploy)
    waiting.start()
    time.sleep(0.3)
    with postgres.serve(world.server.installation, port=port) as late:
        with psycopg.connect(late.dsn("postgres", late.superuser, late.password), autocommit=True) as session:
            session.execute(f"CREATE ROLE {MASTER} LOGIN CREATEDB CREATEROLE".encode())
        waiting.join(20)
    # Its authority is another one than the event's, so that the answer shows that it was reached.
    assert len(sentences) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in sentences[0]


def test_server_that_is_never_there_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends with a sentence that names the host."""
    monkeypatch.setattr(database_runner, "PATIENCE", 0.1)
    sentence = world.refusal(database("cart_database", "cart"), Port=postgres.free_port())
    assert sentence == "PostgreSQL at localhost could not be reached ([Errno 111] Connection refused)."
    sentence = world.refusal(database("cart_database", "cart"), Host="nowhere.invalid")
    assert sentence.startswith("PostgreSQL at nowhere.invalid could not be reached (")


def test_silent_server_is_given_up_before_lambda_kills_the_function(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that accepts connections and says nothing does not use up the time for the answer."""
    assert database_runner.PATIENCE > 30
    assert 2 * database_runner.PATIENCE + 20 < bootstrap.RUNNER_SECONDS
    monkeypatch.setattr(database_runner, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        sentence = world.refusal(database("cart_database", "cart"), Port=silent.getsockname()[1])
    assert sentence == "PostgreSQL at localhost could not be reached (timed out)."
    assert time.monotonic() - started < 3


def test_starting_server_is_waited_for(world: World) -> None:
    """57P03 is what PostgreSQL says until it is up: no refusal, but another try."""
    replies = [b"SFATAL\0C57P03\0Mthe database system is starting up\0\0", b"SFATAL\0C3D000\0Mno such database\0\0"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.server.directory / "server.pem", world.server.directory / "server.key")

    def start() -> None:
        for reply in replies:
            client, _ = listener.accept()
            client.recv(8)
            client.sendall(b"S")
            with context.wrap_socket(client, server_side=True) as inside:
                inside.recv(4096)
                inside.sendall(b"E" + (len(reply) + 4).to_bytes(4, "big") + reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        starting = threading.Thread(target=start)
        starting.start()
        sentence = world.refusal(database("cart_database", "cart"), Port=listener.getsockname()[1])
        starting.join(10)
    assert sentence == f'PostgreSQL refused to let "{MASTER}" use database "postgres" (3D000: no such database).'


def test_connection_that_breaks_is_told(world: World) -> None:
    """A server that goes away in the middle is a sentence with what it was asked."""
    with database_runner.connect(world.event(), "postgres") as session:
        assert database_runner.run(session, "SELECT 7") == ["7"]
        with world.superuser() as killer:
            killer.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [MASTER])
        with pytest.raises(database_runner.Failure, match=r"^PostgreSQL (refused|did not answer) SELECT 8 \("):
            database_runner.run(session, "SELECT 8")


def test_two_runs_wait_for_each_other(world: World) -> None:
    """While another run holds the lock, nothing is changed; then this one goes on."""
    with world.master() as session:
        session.execute("SELECT pg_advisory_lock(hashtext('msaspec'))")
        waiting = threading.Thread(target=lambda: world.run(database("cart_database", "cart")))
        waiting.start()
        with world.superuser() as look:
            while (
                waiting.is_alive()
                and not look.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall()
            ):
                time.sleep(0.01)
            assert not look.execute("SELECT 1 FROM pg_roles WHERE rolname = 'cart'").fetchall()
    waiting.join(20)
    assert world.can("cart", "cart_database", "SELECT 1")


def test_lock_that_stays_taken_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that never ends makes the next one fail with a sentence, not hang."""
    monkeypatch.setitem(database_runner.SETTINGS, "lock_timeout", "100ms")
    with world.master() as session:
        session.execute("SELECT pg_advisory_lock(hashtext('msaspec'))")
        assert world.refusal(database("cart_database", "cart")) == (
            "PostgreSQL refused to wait for another deployment (55P03: canceling statement due to lock timeout)."
        )


def test_sessions_do_not_outlive_the_run(world: World) -> None:
    """Neither success nor failure leaves a connection, and so no lock, to Lambda's frozen process."""
    world.run(database("cart_database", "cart"))
    world.refusal(database("x" * 64))
    world.refusal(database("cart_database", "cart"), password="not-the-password")
    with world.superuser() as session:
        for _ in range(50):
            left = session.execute("SELECT 1 FROM pg_stat_activity WHERE usename = %s", [MASTER]).fetchall()
            if not left:
                break
            time.sleep(0.1)
    assert left == []
