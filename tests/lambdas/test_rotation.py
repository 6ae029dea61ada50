"""Rotation of passwords on real servers: the sources are those of templates, between stand-ins of AWS's clients."""

from __future__ import annotations

import ast
import io
import json
import types
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError

from msaspec.aws import bootstrap
from msaspec.engines import engines
from msaspec.language.engine import Bootstrap
from tests.lambdas import postgres as postgresql
from tests.lambdas.conftest import VERSIONS
from tests.lambdas.postgres import HOST
from tests.lambdas.test_mysql_runner import World as OfMaria
from tests.lambdas.test_mysql_runner import rows
from tests.lambdas.world import Context, World, database

mariadb: Any = pytest.importorskip("tests.lambdas.mariadb")
pymysql: Any = pytest.importorskip("pymysql")
STEPS = "createSecret", "setSecret", "testSecret", "finishSecret"
MASTER, BUNDLE = "arn:master", "CA_BUNDLE_URL"
START = ["ecs", "update_service", {"cluster": "shop", "service": "cart", "forceNewDeployment": True}]


@dataclass
class Secret:
    """A secret of Secrets Manager: the values of its versions, and where each label is."""

    values: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def at(self, label: str) -> dict[str, Any]:
        """The value at a label."""
        found = json.loads(self.values[self.labels[label]])
        assert isinstance(found, dict)
        return found


def missing() -> ClientError:
    """What Secrets Manager says of a version that is not there."""
    return ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, "GetSecretValue")


class Cloud:
    """Secrets Manager, the runner beside the databases, and what starts copies anew."""

    def __init__(self, runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runner = runner
        self.secrets: dict[str, Secret] = {}
        self.started: list[dict[str, Any]] = []
        self.refused = 0  # of the next calls that start copies
        self.asked: list[dict[str, Any]] = []
        monkeypatch.setattr(boto3, "client", lambda name, config=None: self)

    def keep(self, arn: str, **value: Any) -> None:
        """A secret as it is made."""
        self.secrets[arn] = Secret({"first": json.dumps(value)}, {"AWSCURRENT": "first"})

    def get_secret_value(self, *, SecretId: str, VersionId: str = "", VersionStage: str = "AWSCURRENT") -> Any:
        secret = self.secrets[SecretId]
        id = secret.labels.get(VersionStage, "")
        if id not in secret.values or VersionId not in ("", id):
            raise missing()
        return {"SecretString": secret.values[id]}

    def put_secret_value(
        self, *, SecretId: str, SecretString: str, ClientRequestToken: str = "", VersionStages: Any = ("AWSCURRENT",)
    ) -> None:
        secret, id = self.secrets[SecretId], ClientRequestToken or str(uuid.uuid4())
        assert id not in secret.values, "a version never changes"
        secret.values[id] = SecretString
        for stage in VersionStages:
            self._move(secret, stage, id)

    def describe_secret(self, *, SecretId: str) -> Any:
        secret = self.secrets[SecretId]
        stages: dict[str, list[str]] = {}
        for label, id in secret.labels.items():
            stages.setdefault(id, []).append(label)
        return {"ARN": SecretId, "VersionIdsToStages": stages}

    def update_secret_version_stage(
        self, *, SecretId: str, VersionStage: str, MoveToVersionId: str, RemoveFromVersionId: str | None = None
    ) -> None:
        secret = self.secrets[SecretId]
        assert secret.labels.get(VersionStage) == RemoveFromVersionId
        self._move(secret, VersionStage, MoveToVersionId)

    def _move(self, secret: Secret, stage: str, id: str) -> None:
        if stage == "AWSCURRENT" and stage in secret.labels:
            secret.labels["AWSPREVIOUS"] = secret.labels[stage]
        secret.labels[stage] = id

    def invoke(self, *, FunctionName: str, Payload: str) -> Any:
        assert FunctionName == "the-runner"
        self.asked.append(json.loads(Payload))
        try:
            answer, error = self.runner.handler(json.loads(Payload), Context()), {}
        except Exception as raised:  # as Lambda does
            answer, error = {"errorMessage": str(raised)}, {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **error}

    def update_service(self, **words: Any) -> None:
        if self.refused:
            self.refused -= 1
            raise ClientError({"Error": {"Code": "ServerException", "Message": "try later"}}, "UpdateService")
        self.started.append(words)


class Shop:
    """A database server with the services of a stack, whose passwords are in secrets."""

    def __init__(self, programs: Bootstrap, world: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.cloud = world, cloud
        self.rotation = types.ModuleType("rotation")
        self.handler = types.ModuleType("handler")
        exec(bootstrap.rotation(programs), self.rotation.__dict__)
        exec(bootstrap.sources(programs, turns=True)[0], self.handler.__dict__)
        monkeypatch.setenv(BUNDLE, world.server.ca.as_uri())
        monkeypatch.setenv("RUNNER", "the-runner")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")

    def declare(self, *databases: dict[str, Any]) -> None:
        """A deployment: the custom resource with its databases and their services."""
        event = self.world.event(*databases)
        self.cloud.secrets.setdefault(MASTER, Secret()).labels["AWSCURRENT"] = "first"
        self.cloud.secrets[MASTER].values["first"] = json.dumps({k: event[k] for k in ("username", "password")})
        of = {user: each["Name"] for each in databases for user in users(each)}
        for name in of:
            if f"arn:{name}" not in self.cloud.secrets:
                password, port = self.world.passwords[name], int(event["Port"])
                words = {"host": HOST, "port": port, "name": of[name], "username": name, "password": password}
                self.cloud.keep(f"arn:{name}", **words)
        table = {f"arn:{name}": {"master": MASTER, "start": [START], "texts": []} for name in of}
        vars(self.rotation)["TABLE"] = table
        wanted = {
            **{key: event[key] for key in ("Host", "Port", "Databases")},
            "MasterSecretArn": MASTER,
            "Roles": [
                {"Name": name, "SecretArn": f"arn:{name}", "Url": [f"db://{name}:", f"@{HOST}/{of[name]}"]}
                for name in of
            ],
        }
        hidden: list[str] = []
        said = [*self.handler.steps(wanted, Context(), hidden)]
        assert said[-1] == ""

    def rotate(self, name: str, steps: tuple[str, ...] = STEPS, token: str = "") -> str:
        """A rotation, or some of its steps. Returns the id of the version."""
        token = token or str(uuid.uuid4())
        secret = self.cloud.secrets[f"arn:{name}"]
        secret.labels["AWSPENDING"] = token
        for step in steps:
            event = {"Step": step, "SecretId": f"arn:{name}", "ClientRequestToken": token}
            self.rotation.handler(event, Context(240))
        return token

    def login(self, name: str, label: str = "AWSCURRENT") -> tuple[str, str]:
        """The user and the password that a copy of a service has which started while they were at a label."""
        found = self.cloud.secrets[f"arn:{name}"].at(label)
        return found["username"], found["password"]

    def session(self, login: tuple[str, str], database: str) -> AbstractContextManager[Any]:
        """A connection of a copy."""
        user, self.world.passwords[user] = login[0], login[1]
        found: AbstractContextManager[Any] = self.world.service(user, database)
        return found

    def can(self, login: tuple[str, str], database: str, statement: str) -> bool:
        """Whether a copy may do it."""
        self.world.passwords[login[0]] = login[1]
        return bool(self.world.can(login[0], database, statement))


def users(declared: dict[str, Any]) -> list[str]:
    """The services of a database."""
    return [name for name in (declared["Owner"], *declared["ReadWrite"], *declared["ReadOnly"]) if name]


def shipped(programs: Bootstrap) -> Any:
    """The runner, as a template carries it where users take turns."""
    runner = types.ModuleType("runner")
    exec(bootstrap.sources(programs, turns=True, set_up=True)[1], runner.__dict__)
    return runner


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], Any]]:
    """Running servers, by `mariadb` or a version of PostgreSQL; skipped with the reason where one is not there."""
    with ExitStack() as stack:

        @cache
        def server(name: str) -> Any:
            try:
                maria = name == "mariadb"
                found = mariadb.serve() if maria else postgresql.serve(postgresql.installation(name))
                return stack.enter_context(found)
            except postgresql.Unavailable as reason:
                return pytest.skip(str(reason))

        yield server


def made(name: str, server: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop on a server with nothing but a master like that of RDS."""
    programs = engines()["mariadb" if name == "mariadb" else "postgres"].bootstrap
    world = OfMaria(server) if name == "mariadb" else World(server)
    if isinstance(world, World):
        world.clear()
    return Shop(programs, world, Cloud(shipped(programs), monkeypatch), monkeypatch)


@pytest.fixture(params=VERSIONS)
def postgres(request: pytest.FixtureRequest, servers: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop on PostgreSQL."""
    return made(request.param, servers(request.param), monkeypatch)


@pytest.fixture
def maria(servers: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop on MariaDB."""
    return made("mariadb", servers("mariadb"), monkeypatch)


@pytest.fixture(params=[*VERSIONS, "mariadb"])
def shop(request: pytest.FixtureRequest, servers: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop on each engine."""
    return made(request.param, servers(request.param), monkeypatch)


CART = database("cart_database", "cart", read_only=["audit"])


@pytest.mark.parametrize("engine", sorted(name for name, each in engines().items() if each.bootstrap.turns))
def test_what_a_template_carries_stands_alone(engine: str) -> None:
    """Each program imports nothing of msaspec, and none grows where nothing rotates."""
    programs = engines()[engine].bootstrap
    plain, turning = (bootstrap.sources(programs, turns=turns) for turns in (False, True))
    for before, after in zip(plain, turning, strict=True):
        assert after.startswith(before)
        assert after != before
    for source in (*turning, bootstrap.rotation(programs)):
        imported = [node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
        assert not [module for module in imported if module and module.startswith("msaspec")]


def test_old_and_new_password_work_after_a_rotation(shop: Shop) -> None:
    """A copy that runs keeps its password, a new one gets that of the other user, and all copies are started anew."""
    shop.declare(CART)
    old = shop.login("cart")
    with shop.session(old, "cart_database"):
        shop.rotate("cart")
    new = shop.login("cart")
    assert (old[0], new[0]) == ("cart", "cart__b")
    assert old[1] != new[1]
    for login in old, new:
        assert shop.can(login, "cart_database", "SELECT 1")
    assert shop.cloud.started == [START[2]]
    secret = shop.cloud.secrets["arn:cart"].at("AWSCURRENT")
    assert secret["url"] == f"db://cart__b:{new[1]}@{HOST}/cart_database"


def test_the_password_before_the_last_is_gone(shop: Shop) -> None:
    """The second rotation changes the first user's password: what was known of it opens nothing any more."""
    shop.declare(CART)
    first = shop.login("cart")
    shop.rotate("cart")
    second = shop.login("cart")
    shop.rotate("cart")
    third = shop.login("cart")
    assert third[0] == "cart"
    for login in second, third:
        assert shop.can(login, "cart_database", "SELECT 1")
    with pytest.raises((psycopg.OperationalError, pymysql.err.OperationalError)), shop.session(first, "cart_database"):
        pass


def test_both_users_do_the_same_and_readers_only_read(shop: Shop) -> None:
    """What one user of a service makes, the other changes; a reader's second user reads and writes nothing."""
    shop.declare(CART)
    assert shop.can(shop.login("cart"), "cart_database", "CREATE TABLE item (id int)")
    for name in "cart", "audit":
        shop.rotate(name)
    cart, audit = shop.login("cart"), shop.login("audit")
    assert audit[0] == "audit__b"
    assert shop.can(cart, "cart_database", "ALTER TABLE item ADD name varchar(9)")
    assert shop.can(cart, "cart_database", "CREATE TABLE more (id int)")
    for table in "item", "more":
        assert shop.can(audit, "cart_database", f"SELECT * FROM {table}")
        assert not shop.can(audit, "cart_database", f"INSERT INTO {table} (id) VALUES (1)")
    assert not shop.can(audit, "cart_database", "CREATE TABLE mine (id int)")
    old = shop.login("cart", "AWSPREVIOUS")
    assert shop.can(old, "cart_database", "DROP TABLE more")


def test_tables_keep_one_owner(postgres: Shop) -> None:
    """Whoever of the two makes a table, the group of the database owns it; settings of the first user hold for both."""
    postgres.declare(CART)
    with postgres.world.master() as session:
        session.execute('ALTER ROLE cart SET search_path TO "$user", public, "odd, one"')
        session.execute("ALTER ROLE cart IN DATABASE cart_database SET work_mem TO '5MB'")
    assert postgres.can(postgres.login("cart"), "cart_database", "CREATE TABLE a (id int)")
    postgres.rotate("cart")
    assert postgres.can(postgres.login("cart"), "cart_database", "CREATE TABLE b (id int)")
    with postgres.session(postgres.login("cart"), "cart_database") as session:
        owners = session.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("cart_database__owner",)]
        kept = [session.execute(f"SHOW {name}".encode()).fetchone() for name in ("search_path", "work_mem")]
        assert kept == [('"$user", public, "odd, one"',), ("5MB",)]


def test_a_deployment_changes_no_password(shop: Shop) -> None:
    """After any number of rotations a deployment leaves both passwords, and gives both users what is declared now."""
    shop.declare(CART)
    for times in range(3):
        for _ in range(times):
            shop.rotate("cart")
        before = shop.login("cart"), shop.login("audit")
        shop.declare(database("cart_database", "audit", read_only=["cart"]))
        shop.declare(CART)
        assert (shop.login("cart"), shop.login("audit")) == before
        for label in ("AWSCURRENT", "AWSPREVIOUS") if times else ("AWSCURRENT",):
            assert shop.can(shop.login("cart", label), "cart_database", f"CREATE TABLE t{times}{label} (id int)")


def test_another_access_holds_for_both_users(shop: Shop) -> None:
    """Where a deployment makes an owner a reader, its second user becomes one too."""
    shop.declare(CART)
    assert shop.can(shop.login("cart"), "cart_database", "CREATE TABLE item (id int)")
    shop.rotate("cart")
    shop.declare(database("cart_database", "audit", read_only=["cart"]))
    for label in "AWSCURRENT", "AWSPREVIOUS":
        assert shop.can(shop.login("cart", label), "cart_database", "SELECT * FROM item")
        assert not shop.can(shop.login("cart", label), "cart_database", "INSERT INTO item VALUES (1)")


def test_a_copy_that_still_runs_with_the_other_user_stops_the_rotation(shop: Shop) -> None:
    """As long as anybody is logged in as the user whose turn it is, no password changes, and the reason is told."""
    shop.declare(CART)
    old = shop.login("cart")
    with shop.session(old, "cart_database"):
        shop.rotate("cart")
        before = shop.login("cart")
        with pytest.raises(RuntimeError, match='The user "cart" still has 1 sessions'):
            shop.rotate("cart")
    assert shop.login("cart") == before
    assert shop.can(old, "cart_database", "SELECT 1")
    shop.rotate("cart", token=shop.cloud.secrets["arn:cart"].labels["AWSPENDING"])
    assert shop.login("cart")[0] == "cart"


def test_a_rotation_that_is_repeated_goes_on(postgres: Shop) -> None:
    """Secrets Manager repeats all steps of a rotation that failed. What was done is not done again."""
    postgres.declare(CART)
    token = postgres.rotate("cart", STEPS[:2])
    pending = postgres.cloud.secrets["arn:cart"].values[token]
    postgres.cloud.refused = 1
    with pytest.raises(ClientError, match="try later"):
        postgres.rotate("cart", token=token)
    assert postgres.cloud.started == []
    postgres.rotate("cart", token=token)
    assert postgres.cloud.secrets["arn:cart"].values[token] == pending
    assert len(postgres.cloud.started) == 1
    assert [call for call in postgres.cloud.asked if "Login" in call][2:] == []


def test_copies_that_could_not_be_started_are_started_before_the_next_rotation(postgres: Shop) -> None:
    """The password that copies may still have does not change before they had the chance to read the new one."""
    postgres.declare(CART)
    postgres.cloud.refused = 1
    with pytest.raises(ClientError):
        postgres.rotate("cart")
    before = postgres.login("cart")
    with pytest.raises(RuntimeError, match="They are started now"):
        postgres.rotate("cart")
    assert postgres.login("cart") == before
    assert len(postgres.cloud.started) == 1
    postgres.rotate("cart")
    assert postgres.login("cart")[0] == "cart"


def test_the_schedule_is_tried_with_the_password_that_there_is(shop: Shop) -> None:
    """Secrets Manager tries testSecret alone, with a version that may have no value; nothing changes."""
    shop.declare(CART)
    before = shop.login("cart")
    shop.rotate("cart", ("testSecret",))
    assert shop.login("cart") == before
    assert shop.cloud.started == []


def test_a_password_that_does_not_work_never_becomes_current(shop: Shop) -> None:
    """Where the new password opens nothing, the test fails, without the password in the message."""
    shop.declare(CART)
    before = shop.login("cart")
    token = shop.rotate("cart", ("createSecret",))
    with pytest.raises(RuntimeError) as failure:
        shop.rotate("cart", ("testSecret", "finishSecret"), token)
    assert shop.login("cart") == before
    assert json.loads(shop.cloud.secrets["arn:cart"].values[token])["password"] not in str(failure.value)


def test_the_users_of_a_service_that_is_gone_are_locked(maria: Shop) -> None:
    """On MariaDB, whose users have rights of their own, both of a former service are locked."""
    maria.declare(CART)
    maria.rotate("audit")
    logins = [maria.login("audit", label) for label in ("AWSCURRENT", "AWSPREVIOUS")]
    maria.declare(database("cart_database", "cart"))
    for login in logins:
        with pytest.raises(pymysql.err.OperationalError), maria.session(login, "cart_database"):
            pass
    with maria.world.superuser() as session:
        assert rows(session, "SELECT name FROM msaspec.users ORDER BY 1") == [(b"audit",), (b"cart",)]


def test_turning_it_off_keeps_copies_that_run(shop: Shop) -> None:
    """A deployment without rotation gives the password of the secret to the first user; the second keeps working."""
    shop.declare(CART)
    shop.rotate("cart")
    user, password = shop.login("cart")
    exec(bootstrap.sources(programs_of(shop))[0], shop.handler.__dict__)
    shop.cloud.runner = types.ModuleType("plain")
    exec(bootstrap.sources(programs_of(shop))[1], shop.cloud.runner.__dict__)
    shop.declare(CART)
    for login in (user, password), ("cart", password):
        assert shop.can(login, "cart_database", "SELECT 1")
    assert shop.cloud.secrets["arn:cart"].at("AWSCURRENT")["url"].startswith("db://cart:")


def programs_of(shop: Shop) -> Bootstrap:
    """The programs of a shop's engine."""
    return engines()["mariadb" if isinstance(shop.world, OfMaria) else "postgres"].bootstrap
