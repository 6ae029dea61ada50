"""The runner of Amazon DocumentDB against a stand-in whose protocol PyMongo judges.

No server with users that speaks MongoDB's protocol can be installed here. PyMongo is MongoDB's own client: a stand-in
with which it logs in by both mechanisms, reads and writes, speaks as real servers do. What DocumentDB itself answers
could not be tried.
"""

from __future__ import annotations

import secrets
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws import bootstrap
from msaspec.aws.lambdas import documentdb_runner
from msaspec.engines import engines
from tests.lambdas.postgres import HOST, make_authority, make_certificate
from tests.lambdas.world import Context, database

pymongo: Any = pytest.importorskip("pymongo")
bson: Any = pytest.importorskip("bson")
from tests.lambdas import documentdb_stand_in  # noqa: E402
from tests.lambdas.documentdb_stand_in import Server, serve  # noqa: E402

MASTER, PASSWORD = "dbadmin", secrets.token_hex(16)
ENGINE = engines()["documentdb"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A cluster with the master user alone."""
    make_authority(tmp_path, "ca")
    make_certificate(tmp_path, "ca", "server", HOST)
    with serve(Server(tmp_path, HOST)) as running:
        running.add(MASTER, PASSWORD, root=True)
        yield running


def event(server: Server, *databases: dict[str, Any], **passwords: str) -> dict[str, Any]:
    """The runner's payload."""
    return {
        "Host": HOST,
        "Port": str(server.port),
        "username": MASTER,
        "password": PASSWORD,
        "ca": (server.directory / "ca.pem").read_text(),
        "Databases": list(databases),
        "logins": passwords,
    }


def run(server: Server, *databases: dict[str, Any], **passwords: str) -> None:
    """Declares the databases and expects success."""
    documentdb_runner.handler(event(server, *databases, **passwords), Context())


def refusal(server: Server, *databases: dict[str, Any], **changes: Any) -> str:
    """Declares the databases and returns the sentence about the failure."""
    with pytest.raises(documentdb_runner.Failure) as failure:
        documentdb_runner.handler({**event(server, *databases, cart="p" * 32), **changes}, Context())
    return str(failure.value)


def client(server: Server, user: str, password: str, query: str = ENGINE.query, **words: Any) -> Any:
    """A client as services have it: PyMongo with the address of their secret."""
    address = f"mongodb://{user}:{password}@{HOST}:{server.port}/cart?{query}"
    return pymongo.MongoClient(address, **words)


def can(server: Server, user: str, password: str, name: str, do: str) -> bool:
    """Whether a user may do something with a database."""
    with client(server, user, password) as session:
        try:
            if do == "read":
                list(session[name].things.find())
            elif do == "write":
                session[name].things.insert_one({"a": 1})
            else:
                session.drop_database(name)
        except pymongo.errors.OperationFailure as error:
            if error.code != 13:
                raise
            return False
    return True


def test_users_log_in_by_their_address(server: Server) -> None:
    """With the address that the secret has, by SHA-256, and by SHA-1 for drivers that know no other; the runner too.
    The wrong password is refused."""
    run(server, database("cart", "cart"), cart="cart-password")
    assert server.logins == [f"{MASTER}: SCRAM-SHA-256"]
    with client(server, "cart", "cart-password") as session:
        session.cart.orders.insert_one({"_id": 1, "total": 5})
        assert [*session.cart.orders.find()] == [{"_id": 1, "total": 5}]
    with client(server, "cart", "cart-password", authMechanism="SCRAM-SHA-1") as session:
        assert session.cart.orders.find_one({"_id": 1}) == {"_id": 1, "total": 5}
    assert {each.partition(": ")[2] for each in server.logins[1:]} == {"SCRAM-SHA-256", "SCRAM-SHA-1"}
    with client(server, "cart", "another-password") as session, pytest.raises(pymongo.errors.OperationFailure):
        session.cart.orders.find_one()


def test_a_client_verifies_the_server_where_it_is_told_to(server: Server) -> None:
    """With the bundle of RDS in place of `tlsInsecure`."""
    run(server, database("cart", "cart"), cart="cart-password")
    verifying = ENGINE.query.replace("tlsInsecure=true", f"tlsCAFile={server.directory / 'ca.pem'}")
    with client(server, "cart", "cart-password", verifying) as session:
        assert session.cart.orders.find_one() is None
    make_authority(server.directory, "other")
    foreign = f"{verifying.replace('ca.pem', 'other.pem')}&serverSelectionTimeoutMS=500"
    refused = pytest.raises(pymongo.errors.ServerSelectionTimeoutError)
    with client(server, "cart", "cart-password", foreign) as session, refused:
        session.cart.orders.find_one()


def test_writes_are_not_repeated(server: Server) -> None:
    """Without `retryWrites=false` a driver's writes fail."""
    run(server, database("cart", "cart"), cart="cart-password")
    repeating, refused = ENGINE.query.replace("retryWrites=false&", ""), pytest.raises(pymongo.errors.OperationFailure)
    with client(server, "cart", "cart-password", repeating) as session, refused:
        session.cart.orders.insert_one({"_id": 1})


def test_each_user_has_its_database_only(server: Server) -> None:
    """An owner does everything in its own, a writer writes, a reader reads; none touches another's or the users."""
    passwords = {"cart": "cart-password", "shop": "shop-password", "report": "report-password", "user": "user-password"}
    run(server, database("cart", "cart", ["shop"], ["report"]), database("users", "user"), **passwords)
    for user, allowed in (("cart", "read write drop"), ("shop", "read write"), ("report", "read"), ("user", "")):
        for do in ("read", "write", "drop"):
            assert can(server, user, passwords[user], "cart", do) == (do in allowed.split()), (user, do)
        assert can(server, user, passwords[user], "users", "read") == (user == "user")
        assert not can(server, user, passwords[user], "msaspec", "read")
        with client(server, user, passwords[user]) as session, pytest.raises(pymongo.errors.OperationFailure):
            session.admin.command("createUser", "x", pwd="x" * 10, roles=[])


def test_a_second_run_changes_what_is_declared(server: Server) -> None:
    """A level goes up or down, a password changes, and nothing else."""
    run(server, database("cart", "cart", [], ["shop"]), cart="cart-password", shop="shop-password")
    server.documents("cart", "orders").append({"_id": 1})
    run(server, database("cart", "shop", ["cart"]), cart="cart-password", shop="shop-password-2")
    assert not can(server, "cart", "cart-password", "cart", "drop")
    assert can(server, "cart", "cart-password", "cart", "write")
    with client(server, "shop", "shop-password-2") as session:
        assert session.cart.orders.find_one() == {"_id": 1}
    with client(server, "shop", "shop-password") as session, pytest.raises(pymongo.errors.OperationFailure):
        session.cart.orders.find_one()


def test_a_former_user_goes_and_its_data_stays(server: Server) -> None:
    """The user of a service that left is dropped; one that a person made is left alone."""
    run(server, database("cart", "cart"), cart="cart-password")
    server.documents("cart", "orders").append({"_id": 1})
    server.add("person", "person-password")
    for _ in range(2):
        run(server, database("cart", "basket"), basket="basket-password")
        assert sorted(server.users) == ["basket", MASTER, "person"]
    assert can(server, "basket", "basket-password", "cart", "read")
    assert server.data["cart"]["orders"] == [{"_id": 1}]
    assert server.data["msaspec"]["users"] == [{"_id": "basket"}]


def test_a_user_of_a_snapshot_is_taken_over(server: Server) -> None:
    """One that is there already gets the password and the roles that are declared, and is managed from then on."""
    server.add("cart", "old-password")
    run(server, database("cart", "cart"), cart="new-password")
    assert can(server, "cart", "new-password", "cart", "write")
    run(server)
    assert sorted(server.users) == [MASTER]


def test_versions_with_sha_1_alone(tmp_path: Path) -> None:
    """The runner follows a server that has no other."""
    make_authority(tmp_path, "ca")
    make_certificate(tmp_path, "ca", "server", HOST)
    with serve(Server(tmp_path, HOST, mechanisms=("SCRAM-SHA-1",))) as server:
        server.add(MASTER, PASSWORD, root=True)
        run(server, database("cart", "cart"), cart="cart-password")
        assert server.logins == [f"{MASTER}: SCRAM-SHA-1"]
        assert can(server, "cart", "cart-password", "cart", "write")


def test_without_tls_only_where_it_is_said(tmp_path: Path) -> None:
    """`Tls` is off: the runner and clients speak in clear text. Otherwise the runner refuses such a server."""
    make_authority(tmp_path, "ca")
    with serve(Server(tmp_path, HOST, tls=False)) as server, pytest.MonkeyPatch.context() as patch:
        server.add(MASTER, PASSWORD, root=True)
        words = event(server, database("cart", "cart"), cart="cart-password")
        documentdb_runner.handler({**words, "Tls": "false"}, Context())
        with client(server, "cart", "cart-password", str(ENGINE.clear_query)) as session:
            session.cart.orders.insert_one({"_id": 1})
        patch.setattr(documentdb_runner, "PATIENCE", 0.5)
        assert "could not be reached" in refusal(server)
        assert server.logins[0] == f"{MASTER}: SCRAM-SHA-256"


def test_the_server_is_verified(server: Server) -> None:
    """Another authority, another name in the certificate, no proof of the password: none is a server."""
    make_authority(server.directory, "other")
    foreign = refusal(server, ca=(server.directory / "other.pem").read_text())
    assert foreign.startswith(f"The server at {HOST} could not be reached ([SSL: CERTIFICATE_VERIFY_FAILED]")
    assert "IP address mismatch" in refusal(server, Host="127.0.0.1")
    server.honest = False
    assert refusal(server) == "The server could not prove that it knows the master password."
    assert "cart" not in server.users


def test_refusals_are_sentences_without_passwords(server: Server) -> None:
    """A wrong master password, a name of the master user, a command that the server refuses."""
    assert refusal(server, password="wrong") == (
        f'The server refused to let "{MASTER}" in (18: Authentication failed.).'
    )
    taken = refusal(server, logins={MASTER: "p" * 32})
    assert taken == f'The user "{MASTER}" of a service is the master user.'
    short = refusal(server, logins={"cart": "secret"})
    assert short.startswith('The server refused createUser "cart" (2: Password must be')
    assert "secret" not in short


def test_a_restored_cluster_takes_its_new_password_after_a_while(server: Server) -> None:
    """Until then it refuses the master user, and the runner asks again; of any other cluster it does not."""
    server.denials = 1
    assert "Authentication failed" in refusal(server)
    server.denials = 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documentdb_runner.time, "sleep", lambda seconds: None)
        documentdb_runner.handler({**event(server), "Restored": "shop"}, Context())
    assert server.denials == 0


def test_a_server_that_does_not_write_yet_is_waited_for(server: Server) -> None:
    """While another instance takes over, the address leads to one that only reads."""
    server.writes = False
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        server.writes = len(waited) > 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documentdb_runner.time, "sleep", sleep)
        run(server, database("cart", "cart"), cart="cart-password")
    assert len(waited) == 2


def test_bson_is_that_of_the_official_library() -> None:
    """What the runner writes, the library reads as it was; what the library writes, the runner reads."""
    thing = {
        "text": "é",
        "bytes": b"\0\1",
        "number": -5,
        "truth": True,
        "list": [1, "a", {"b": []}],
        "inside": {"c": 2},
    }
    assert documentdb_runner.encode(thing) == bson.encode(thing)
    assert documentdb_runner.decode(bson.encode(thing)) == thing
    wide = {"double": 1.5, "long": bson.Int64(2**40), "after": "end"}
    assert documentdb_runner.decode(bson.encode(wide)) == wide
    others = {"id": bson.ObjectId(), "date": bson.datetime.datetime(2026, 1, 1), "stamp": bson.Timestamp(1, 2)}
    others |= {"nothing": None, "decimal": bson.Decimal128("1.5"), "after": "end"}
    assert documentdb_runner.decode(bson.encode(others))["after"] == "end"
    with pytest.raises(documentdb_runner.Failure):
        documentdb_runner.decode(bson.encode({"code": bson.Regex("x")}))


def test_the_program_of_the_template_is_the_tested_one(server: Server) -> None:
    """What a template carries, squeezed, makes the same users."""
    module = types.ModuleType("index")
    exec(bootstrap.sources(ENGINE.bootstrap)[1], vars(module))
    module.handler(event(server, database("cart", "cart"), cart="cart-password"), Context())
    assert can(server, "cart", "cart-password", "cart", "write")
    assert documentdb_stand_in.ROLES.keys() >= set(documentdb_runner.ROLES.values())
