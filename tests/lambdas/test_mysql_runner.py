"""The runner of MySQL and MariaDB against a real MariaDB server over TLS, with PyMySQL as the services' client."""

from __future__ import annotations

import secrets
import socket
import threading
import types
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import mysql_runner, mysql_verifier
from msaspec.language.mysql import BOOTSTRAP
from tests.lambdas import postgres
from tests.lambdas.world import Context, database

pymysql: Any = pytest.importorskip("pymysql")
from tests.lambdas import mariadb  # noqa: E402

MASTER = "dbadmin"
OF_RDS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES,"
    " CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW,"
    " CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)
"""What RDS gives the master user of MariaDB, and no ALL PRIVILEGES."""
DENIED = 1044, 1045, 1142, 1370, 1049


class World:
    """A server, its master, and the services with their passwords."""

    def __init__(self, server: mariadb.Server) -> None:
        self.server = server
        self.master_password = secrets.token_hex(16)
        self.passwords: dict[str, str] = {}
        with self.superuser() as session:
            do(session, mysql_runner.SETTINGS)
            for (name,) in rows(session, "SHOW DATABASES"):
                if name not in ("information_schema", "mysql", "performance_schema", "sys"):
                    do(session, f"DROP DATABASE {mysql_runner.quote(name, '`')}")
            for (name,) in rows(session, "SELECT user FROM mysql.user WHERE host = '%' AND user <> 'superuser'"):
                do(session, f"DROP USER {mysql_runner.user_of(name)}")
            do(session, f"CREATE USER {MASTER}@'%' IDENTIFIED BY '{self.master_password}'")
            do(session, f"GRANT {OF_RDS} ON *.* TO {MASTER}@'%' WITH GRANT OPTION")

    def superuser(self) -> Any:
        """A session that may do anything, as only the test may."""
        return closing(self.server.connect(self.server.superuser, self.server.password))

    def service(self, user: str, database: str | None = None) -> Any:
        """A session of a service: over verified TLS, with the clear password."""
        return closing(self.server.connect(user, self.passwords[user], database))

    def event(self, *databases: dict[str, Any]) -> dict[str, Any]:
        """The runner's payload for the databases and for every service that they name."""
        named = [user for one in databases for user in (one["Owner"], *one["ReadWrite"], *one["ReadOnly"]) if user]
        for user in named:
            self.passwords.setdefault(user, secrets.token_hex(16))
        return {
            "Host": postgres.HOST,
            "Port": str(self.server.port),
            "username": MASTER,
            "password": self.master_password,
            "ca": self.server.ca.read_text(),
            "Databases": list(databases),
            "logins": {user: mysql_verifier.verifier(self.passwords[user]) for user in dict.fromkeys(named)},
        }

    def run(self, *databases: dict[str, Any]) -> None:
        """Declares the databases and expects success."""
        mysql_runner.handler(self.event(*databases), Context())

    def refusal(self, *databases: dict[str, Any], **changes: Any) -> str:
        """Declares the databases and returns the sentence about the failure."""
        with pytest.raises(mysql_runner.Failure) as failure:
            mysql_runner.handler({**self.event(*databases), **changes}, Context())
        return str(failure.value)

    def can(self, user: str, database: str, statement: str) -> bool:
        """Whether the server lets a service do it; anything but missing permission is an error of the test."""
        try:
            with self.service(user, database) as session:
                do(session, statement)
        except pymysql.err.MySQLError as error:
            if error.args[0] not in DENIED:
                raise
            return False
        return True

    def state(self) -> list[Any]:
        """All that the runner sets."""
        with self.superuser() as session:
            asked = (
                "SELECT grantee, table_schema, privilege_type FROM information_schema.schema_privileges"
                " ORDER BY 1, 2, 3",
                "SELECT user, host, plugin, authentication_string, account_locked FROM mysql.user u"
                " JOIN (SELECT User AS n, Host AS h, JSON_VALUE(Priv, '$.account_locked') AS account_locked"
                " FROM mysql.global_priv) p ON n = user AND h = host ORDER BY 1, 2",
                "SELECT schema_name, default_character_set_name FROM information_schema.schemata ORDER BY 1",
            )
            return [rows(session, sql) for sql in asked]


def do(session: Any, sql: str) -> None:
    """Runs a statement."""
    with session.cursor() as cursor:
        cursor.execute(sql)


def rows(session: Any, sql: str) -> list[tuple[Any, ...]]:
    """Runs a query."""
    with session.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


@pytest.fixture(scope="module")
def server() -> Iterator[mariadb.Server]:
    """A running server; skipped with the reason where Debian's package is not installed."""
    try:
        with mariadb.serve() as running:
            yield running
    except postgres.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def world(server: mariadb.Server) -> World:
    """A server with nothing but a master user like that of RDS."""
    return World(server)


# What a service gets


def test_owner_is_created_from_nothing_by_a_master_like_that_of_rds(world: World) -> None:
    """One run makes the user and the database, and the service does DDL of every kind, triggers and functions too."""
    world.run(database("cart_database", "cart"))
    with world.service("cart", "cart_database") as session:
        do(session, "CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name text)")
        do(session, "CREATE TEMPORARY TABLE scratch (id int)")
        do(session, "CREATE VIEW names AS SELECT name FROM item")
        do(session, "CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1")
        do(session, "CREATE TRIGGER named BEFORE INSERT ON item FOR EACH ROW SET NEW.name = UPPER(NEW.name)")
        do(session, "CREATE PROCEDURE fill() INSERT INTO item (name) VALUES ('\u8868 \U0001f680')")
        do(session, "CALL fill()")
        assert rows(session, "SELECT name, one() FROM names") == [("\u8868 \U0001f680", 1)]
        do(session, "ALTER TABLE item ADD price int")
        do(session, "DROP TABLE item")


def test_users_have_no_power_over_the_server(world: World) -> None:
    """No user, no database, no grant to others, and no look at the tables of the server."""
    world.run(database("cart_database", "cart"))
    for statement in (
        "CREATE DATABASE other",
        "CREATE USER thief",
        "GRANT SELECT ON cart_database.* TO dbadmin@'%'",
        "SELECT * FROM mysql.user",
        "SELECT * FROM msaspec.users",
    ):
        with world.service("cart", "cart_database") as session, pytest.raises(pymysql.err.MySQLError) as refused:
            do(session, statement)
        assert refused.value.args[0] in (*DENIED, 1227)


def test_services_cannot_reach_each_others_databases(world: World) -> None:
    """An underscore in a name stands for itself, so that `cart_db` gives nothing of `cartxdb`."""
    world.run(database("cart_db", "cart"), database("cartxdb", "user"))
    assert world.can("cart", "cart_db", "CREATE TABLE t (id int)")
    assert world.can("user", "cartxdb", "CREATE TABLE t (id int)")
    assert not world.can("cart", "cartxdb", "SELECT 1")
    assert not world.can("user", "cart_db", "SELECT 1")


def test_reader_and_writer(world: World) -> None:
    """A reader reads, a writer also writes rows; neither changes tables, now or later ones."""
    world.run(database("books", "owner", read_write=["writer"], read_only=["reader"]))
    with world.service("owner", "books") as session:
        do(session, "CREATE TABLE item (id int)")
        do(session, "CREATE PROCEDURE wipe() DELETE FROM item")
    for user, may_write in (("reader", False), ("writer", True)):
        assert world.can(user, "books", "SELECT * FROM item")
        for statement in ("INSERT INTO item VALUES (1)", "UPDATE item SET id = 2", "CALL wipe()"):
            assert world.can(user, "books", statement) == may_write
        for statement in ("CREATE TABLE other (id int)", "DROP TABLE item", "ALTER TABLE item ADD x int"):
            assert not world.can(user, "books", statement)


def test_second_run_changes_nothing(world: World) -> None:
    """The desired state is declared, so a repetition is a repetition."""
    declared = database("cart_database", "cart", read_only=["audit"]), database("user_database", "user")
    world.run(*declared)
    before = world.state()
    world.run(*declared)
    assert world.state() == before


def test_access_follows_the_declaration(world: World) -> None:
    """Up and down, and into another database; what is no longer declared is gone."""
    world.run(database("a", "one", read_only=["two"]), database("b", "three"))
    with world.service("one", "a") as session:
        do(session, "CREATE TABLE item (id int)")
    assert not world.can("two", "a", "INSERT INTO item VALUES (1)")
    world.run(database("a", "one", read_write=["two"]), database("b", "three"))
    assert world.can("two", "a", "INSERT INTO item VALUES (1)")
    world.run(database("a", "one"), database("b", "three", read_only=["two"]))
    assert not world.can("two", "a", "SELECT 1")
    assert world.can("two", "b", "SELECT 1")
    world.run(database("a", "two"), database("b", "three", read_only=["one"]))
    assert world.can("two", "a", "DROP TABLE item")
    assert not world.can("one", "a", "SELECT 1")


def test_removed_service_is_locked_out_and_what_it_defined_goes_on(world: World) -> None:
    """A renamed service: the new owner has the tables, and the views and triggers of the former one still work."""
    world.run(database("books", "old"))
    with world.service("old", "books") as session:
        do(session, "CREATE TABLE item (id int)")
        do(session, "CREATE TABLE seen (id int)")
        do(session, "CREATE VIEW everything AS SELECT * FROM item")
        do(session, "CREATE TRIGGER count BEFORE INSERT ON item FOR EACH ROW INSERT INTO seen VALUES (NEW.id)")
    world.run(database("books", "new"))
    with pytest.raises(pymysql.err.OperationalError) as refused:
        world.service("old")
    assert refused.value.args[0] == 4151  # the account is locked
    with world.service("new", "books") as session:
        do(session, "INSERT INTO item VALUES (1)")
        assert rows(session, "SELECT * FROM everything") == rows(session, "SELECT * FROM seen") == [(1,)]
    world.run(database("books", "old"))
    assert world.can("old", "books", "DROP TABLE item")


def test_users_made_by_people_are_left_alone(world: World) -> None:
    """Only users that a deployment made are managed."""
    world.run(database("books", "cart"))
    with world.superuser() as session:
        do(session, "CREATE USER analyst@'%' IDENTIFIED BY 'x'")
        do(session, "GRANT SELECT ON books.* TO analyst@'%'")
    world.passwords["analyst"] = "x"
    world.run(database("books", "cart"))
    assert world.can("analyst", "books", "SELECT 1")


def test_hand_made_user_and_database_are_taken_over(world: World) -> None:
    """Its password and its rights are then those that are declared."""
    with world.superuser() as session:
        do(session, "CREATE DATABASE books")
        do(session, "CREATE TABLE books.item (id int)")
        do(session, "CREATE USER cart@'%' IDENTIFIED BY 'x' ACCOUNT LOCK")
        do(session, "GRANT SELECT, DROP ON other.* TO cart@'%'")
    world.run(database("books", read_only=["cart"]))
    assert world.can("cart", "books", "SELECT * FROM item")
    assert not world.can("cart", "books", "DELETE FROM item")
    with world.superuser() as session:
        held = rows(session, "SELECT DISTINCT table_schema FROM information_schema.schema_privileges"
                    " WHERE grantee = \"'cart'@'%'\"")  # fmt: skip
    assert held == [("books",)]


def test_a_right_that_the_master_cannot_take_away_is_told(world: World) -> None:
    """One that somebody mightier gave is no silent exception to what is declared."""
    with world.superuser() as session:
        do(session, "CREATE USER cart@'%'")
        do(session, "GRANT ALL ON other.* TO cart@'%'")
    assert world.refusal(database("books", "cart")).startswith("The server refused REVOKE DELETE HISTORY ON `other`.*")


def test_a_new_password_replaces_the_old_one(world: World) -> None:
    """As after a secret was made anew."""
    world.run(database("books", "cart"))
    old = world.passwords["cart"]
    world.passwords["cart"] = secrets.token_hex(16)
    world.run(database("books", "cart"))
    assert world.can("cart", "books", "SELECT 1")
    with pytest.raises(pymysql.err.OperationalError):
        world.server.connect("cart", old)


def test_interrupted_run_is_completed_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that stops in the middle leaves nothing that the next one stumbles over."""
    real, done = mysql_runner.run, []

    def broken(server: Any, sql: str, task: str = "") -> list[str]:
        done.append(sql)
        if len(done) == stops[-1]:
            raise mysql_runner.Failure("the end")
        return real(server, sql, task)

    monkeypatch.setattr(mysql_runner, "run", broken)
    stops: list[int] = []
    for stop in range(1, 12):
        stops.append(stop)
        done.clear()
        assert world.refusal(database("books", "cart")) == "the end"
    monkeypatch.setattr(mysql_runner, "run", real)
    world.run(database("books", "cart"))
    assert world.can("cart", "books", "CREATE TABLE t (id int)")


# Secrets and names


def test_clear_passwords_never_reach_the_server(world: World) -> None:
    """Neither a service's nor the master's is in any statement that the server has seen."""
    world.run(database("books", "cart"))
    log = world.server.log()
    assert "IDENTIFIED WITH mysql_native_password" in log
    assert world.passwords["cart"] not in log
    assert "caching_sha2_password" not in log.partition(f"Connect\t{MASTER}")[2]


def test_refused_user_is_told_without_its_verifier(world: World) -> None:
    """Lambda logs what the runner raises, and a syntax error would repeat the statement."""
    with world.superuser() as session:
        do(session, f"REVOKE CREATE USER, INSERT, UPDATE ON *.* FROM {MASTER}@'%'")
        do(session, f"GRANT INSERT ON msaspec.* TO {MASTER}@'%'")
    sentence = world.refusal(database("books", "cart"))
    assert sentence.startswith("The server refused CREATE USER IF NOT EXISTS 'cart'@'%' (1227: ")
    assert "*" not in sentence
    event = world.event(database("books", "cart"))
    event["logins"]["cart"] = "*secret'; 0x"
    with mysql_runner.connect(event) as session, pytest.raises(mysql_runner.Failure) as failure:
        mysql_runner.run(session, "ALTER USER x IDENTIFIED secret", "ALTER USER x")
    assert str(failure.value) == "The server refused ALTER USER x (1064)."


@pytest.mark.parametrize("name", ["a`b", "a'b", 'a"b', "a\\b", "a\\_b", "a%b", "a b", "a;b", "%s", "\u8868", "a_b"])
def test_names_are_data(world: World, name: str) -> None:
    """Whatever a name holds, it names, and gives nothing of what it would match as a pattern."""
    world.run(database(name, f"o{name}"[:20]), database("aXb", "other"))
    assert world.can(f"o{name}"[:20], name, "CREATE TABLE t (id int)")
    assert not world.can(f"o{name}"[:20], "aXb", "SELECT 1")
    before = world.state()
    world.run(database(name, f"o{name}"[:20]), database("aXb", "other"))
    assert world.state() == before


@pytest.mark.parametrize("name", ["", "a" * 65, "a\0b", "a "])
def test_names_that_the_server_would_change_are_refused(world: World, name: str) -> None:
    """With a sentence that says what a name may be."""
    assert "does not have 1 to 64 characters" in world.refusal(database(name, "cart"))


def test_master_cannot_be_a_service(world: World) -> None:
    """Its password would be overwritten."""
    assert world.refusal(database("books", MASTER)) == f'The user "{MASTER}" of a service is the master user.'


# The connection


def test_certificate_of_another_authority_is_refused(world: World) -> None:
    """Without the right authority nothing is sent, and waiting would not help."""
    postgres.make_authority(world.server.directory, "other")
    other = (world.server.directory / "other.pem").read_text()
    sentence = world.refusal(database("books", "cart"), ca=other)
    assert sentence.startswith("The server at localhost could not be reached (")
    assert "CERTIFICATE_VERIFY_FAILED" in sentence
    sentence = world.refusal(database("books", "cart"), Host="127.0.0.1")
    assert "certificate is not valid for '127.0.0.1'" in sentence


def test_wrong_master_password_is_told_at_once(world: World) -> None:
    """The sentence names the user and holds the server's words but no password."""
    sentence = world.refusal(database("books", "cart"), password="not-the-password")
    assert sentence.startswith(f'The server refused to let "{MASTER}" in (1045: Access denied for user')
    assert "not-the-password" not in sentence


def test_an_unknown_plugin_is_told(world: World) -> None:
    """Where the server asks for what the runner cannot, nothing is sent."""
    assert mysql_runner.proof(b"mysql_native_password", b"x", b"n" * 20)
    with pytest.raises(mysql_runner.Failure, match=r"asks for the authentication plugin client_ed25519\.$"):
        mysql_runner.proof(b"client_ed25519", b"x", b"n" * 20)


def test_server_that_is_never_there_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends with a sentence that names the host."""
    monkeypatch.setattr(mysql_runner, "PATIENCE", 0.1)
    sentence = world.refusal(database("books", "cart"), Port=postgres.free_port())
    assert sentence == "The server at localhost could not be reached ([Errno 111] Connection refused)."


def test_silent_server_is_given_up_before_lambda_kills_the_function(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that accepts connections and says nothing does not use up the time for the answer."""
    assert 2 * mysql_runner.PATIENCE + 20 < bootstrap.RUNNER_SECONDS
    monkeypatch.setattr(mysql_runner, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sentence = world.refusal(database("books", "cart"), Port=silent.getsockname()[1])
    assert sentence == "The server at localhost could not be reached (timed out)."


def test_connection_that_breaks_is_told(world: World) -> None:
    """A server that goes away in the middle is a sentence with what it was asked."""
    with mysql_runner.connect(world.event()) as session:
        (number,) = mysql_runner.run(session, "SELECT CONNECTION_ID()")
        with world.superuser() as killer:
            do(killer, f"KILL {number}")
        with pytest.raises(mysql_runner.Failure, match=r"^The server (refused|did not answer) SELECT 8 \("):
            mysql_runner.run(session, "SELECT 8")


def test_two_runs_wait_for_each_other(world: World) -> None:
    """While another run holds the lock, nothing is changed; then this one goes on."""
    with world.superuser() as session:
        do(session, "SELECT GET_LOCK('msaspec', 1)")
        waiting = threading.Thread(target=lambda: world.run(database("books", "cart")))
        waiting.start()
        asked = "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'"
        while waiting.is_alive() and not rows(session, asked):
            pass
        assert not rows(session, "SELECT 1 FROM mysql.user WHERE user = 'cart'")
    waiting.join(20)
    assert world.can("cart", "books", "SELECT 1")


def test_long_answers_are_read_whole(world: World) -> None:
    """Texts of every length that the protocol writes in another form."""
    with mysql_runner.connect(world.event()) as session:
        for length in (0, 1, 250, 251, 252, 254, 255, 65535, 65536, 100000):
            assert mysql_runner.run(session, f"SELECT REPEAT('a', {length})") == ["a" * length]


# The handler's part


def test_the_handler_of_the_engine_is_that_of_postgresql_with_another_verifier() -> None:
    """What runs on Lambda: one program, with one function in another's place."""
    whole = types.ModuleType("whole")
    exec(bootstrap.sources(BOOTSTRAP)[0], whole.__dict__)  # as Lambda imports it
    native, sha2 = whole.verifier("secret").split()
    assert native == "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"
    assert bytes.fromhex(sha2[2:]).startswith(b"$A$005$")
    assert len(bytes.fromhex(sha2[2:])) == 70
    assert "SCRAM" not in bootstrap.sources(BOOTSTRAP)[0]


@pytest.mark.parametrize(
    ("password", "kept"),
    [
        (
            "root",
            "24412430303524542E705C456F693A4E034D541F791E5E3264236E6E61724A71316A6654594667564661444F4777506862534A7A6653342E"
            "307677446A6E526F55656F685A36",
        ),
        (
            "password",
            "244124303035242522434C16580334755221766C29210D2C415E033550367655494F314864686775414E735A742E6F474857504B62317252"
            "5066574D524F30506B7A79646F30",
        ),
        (
            "sha_test",
            "24412430303524255B03496C662C1055127B3B654A2F04207D01485276703644704B76303247474564416A516662346C5868646D32764C6B"
            "514F43585A473779565947514F34",
        ),
        (
            "foobar",
            "24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A424679354856336868686F52485A736E4A733368"
            "786E427575516C73446469496537",
        ),
    ],
)
def test_hashes_are_those_of_real_servers(password: str, kept: str) -> None:
    """What MySQL servers kept for these passwords, as people have published it (Percona Server 8.0, MySQL 8, TiDB)."""
    text = bytes.fromhex(kept)
    assert mysql_verifier.stretched(password.encode(), text[7:27]).encode() == text[27:]


def test_hashes_are_salted() -> None:
    """The same password is kept as something else each time."""
    assert mysql_verifier.verifier("x") != mysql_verifier.verifier("x")
