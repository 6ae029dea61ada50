"""The services of the example, over HTTP: as deployed into the sandbox, on a real PostgreSQL."""

from __future__ import annotations

import itertools
import re
import signal
import socket
import threading
import time
from typing import Any
from zlib import crc32

import psycopg
import pytest
from psycopg import sql

from tests.lambdas.postgres import HOST
from tests.shop.conftest import REGION, Shop
from tests.shop.programs import PREFIXES, SERVICES, Program, door, made

PNG = b"\x89PNG\r\n\x1a\n and so on"
JPEG = b"\xff\xd8\xff\xe0 and so on"
_NUMBERS = itertools.count(1)


def new_user(shop: Shop) -> int:
    """The number of a user that was not there before."""
    person = {"email": f"someone.{next(_NUMBERS)}@example.com", "name": "Someone"}
    return int(made(shop.http("user-service").post("", json=person))["id"])


def new_product(shop: Shop, name: str = "Kettle") -> int:
    """The number of a product that was not there before."""
    return int(made(shop.http("product-service").post("", json={"name": name, "price": 3900}))["id"])


def healthy_again(program: Program) -> None:
    """Asks until the service is well. It answers each time when it got a connection or waited for one in vain."""
    deadline = time.monotonic() + 30
    while program.http.get("/health_check").status_code != 200:
        assert time.monotonic() < deadline, "".join(program.lines)


def test_all_that_the_services_read_is_what_the_deployment_gives(shop: Shop) -> None:
    """The three are started with the variables of the compiled user data and no others."""
    assert sorted(shop.variables) == sorted(SERVICES)
    assert all(shop.running[name].http.get("/health_check").status_code == 200 for name in SERVICES)
    distribution = shop.variables["user-service"]["cloud.aws.cloud-front.distribution-id"]
    assert shop.world.client("cloudfront", REGION).get_distribution(Id=distribution)
    assert shop.variables["user-service"]["cloud.aws.region.static"] == REGION


def test_a_person_fills_a_cart(shop: Shop) -> None:
    """Register, upload an image, read it through the bucket, offer a product, put it into the cart twice, list it."""
    users, products, carts = (shop.http(name) for name in SERVICES)
    person = made(users.post("", json={"email": " Ada@Example.com ", "name": "Ada'); DROP TABLE users; --"}))
    assert person == {
        "id": person["id"],
        "email": "ada@example.com",
        "name": "Ada'); DROP TABLE users; --",
        "image_url": None,
    }
    assert users.get(f"/{person['id']}").json() == person

    settings = shop.variables["user-service"]
    uploaded = users.put(f"/{person['id']}/image", content=PNG)
    where = f"https://{settings['cloud.aws.cloud-front.domain-name']}/users/{person['id']}/profile"
    assert (uploaded.status_code, uploaded.json()) == (200, {"url": where})
    assert users.get(f"/{person['id']}/image").json() == {"url": where}
    assert users.get(f"/{person['id']}").json()["image_url"] == where
    kept = shop.world.client("s3", REGION).get_object(
        Bucket=settings["cloud.aws.s3.bucket"], Key=f"users/{person['id']}/profile"
    )
    with kept["Body"] as body:
        assert (body.read(), kept["ContentType"]) == (PNG, "image/png")

    kettle, cup = new_product(shop, "Kettle"), new_product(shop, "Cup")
    assert products.get(f"/{kettle}").json() == {"id": kettle, "name": "Kettle", "price": 3900}
    assert products.get(f"/{kettle}/exists").json() == {"exists": True}
    assert products.get(f"/{kettle}/name").json() == {"name": "Kettle"}

    for item in ({"product_id": kettle, "quantity": 2}, {"product_id": cup}, {"product_id": kettle}):
        made(carts.post(f"/{person['id']}/items", json=item))
    assert carts.get(f"/{person['id']}").json() == {
        "user_id": person["id"],
        "items": [
            {"product_id": kettle, "quantity": 3, "name": "Kettle"},
            {"product_id": cup, "quantity": 1, "name": "Cup"},
        ],
    }


def test_the_cache_is_told_before_the_image_changes(shop: Shop) -> None:
    """Each upload, and the removal, is an invalidation of that path first and a change of the object then."""
    users, settings, user = shop.http("user-service"), shop.variables["user-service"], new_user(shop)
    shop.aws.requests.clear()
    assert users.put(f"/{user}/image", content=PNG).status_code == 200
    assert users.put(f"/{user}/image", content=JPEG).status_code == 200
    assert users.delete(f"/{user}/image").status_code == 204
    distribution = settings["cloud.aws.cloud-front.distribution-id"]
    object = f"/{settings['cloud.aws.s3.bucket']}/users/{user}/profile"
    seen = [re.sub(r"/20\d\d-\d\d-\d\d/", "/", request) for request in shop.aws.requests]
    invalidate = f"POST /distribution/{distribution}/invalidation"
    assert seen == [invalidate, f"PUT {object}", invalidate, f"PUT {object}", invalidate, f"DELETE {object}"]

    cloudfront = shop.world.client("cloudfront", REGION)
    ids = [
        entry["Id"] for entry in cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    ]
    paths = [
        cloudfront.get_invalidation(DistributionId=distribution, Id=id)["Invalidation"]["InvalidationBatch"]["Paths"]
        for id in ids
    ]
    assert paths.count({"Quantity": 1, "Items": [f"/users/{user}/profile"]}) == 3
    assert users.get(f"/{user}/image").status_code == 404
    assert users.get(f"/{user}").json()["image_url"] is None


def test_an_image_that_aws_does_not_take_is_not_remembered(shop: Shop) -> None:
    """502 where AWS is out of reach; nobody is sent to an image that is not there, and the next try succeeds."""
    users, user = shop.http("user-service"), new_user(shop)
    shop.aws.shut()
    try:
        refused = users.put(f"/{user}/image", content=PNG)
    finally:
        shop.aws.open()
    assert (refused.status_code, refused.json()) == (502, {"detail": "The image could not be uploaded."})
    assert users.get(f"/{user}/image").status_code == 404
    assert users.put(f"/{user}/image", content=PNG).status_code == 200


def test_nothing_unknown_gets_into_a_cart(shop: Shop) -> None:
    """404, saying what is unknown, and the cart stays empty."""
    carts, user, product = shop.http("cart-service"), new_user(shop), new_product(shop)
    refused = carts.post(f"/{user}/items", json={"product_id": 987654})
    assert (refused.status_code, refused.json()) == (404, {"detail": "There is no product 987654."})
    refused = carts.post("/987654/items", json={"product_id": product})
    assert (refused.status_code, refused.json()) == (404, {"detail": "There is no user 987654."})
    refused = carts.get("/987654")
    assert (refused.status_code, refused.json()) == (404, {"detail": "There is no user 987654."})
    assert carts.get(f"/{user}").json() == {"user_id": user, "items": []}


def test_a_cart_has_an_end(shop: Shop) -> None:
    """Pieces of a product beyond the limit are refused, and those that are in the cart stay."""
    carts, user, product = shop.http("cart-service"), new_user(shop), new_product(shop)
    made(carts.post(f"/{user}/items", json={"product_id": product, "quantity": 999}))
    assert carts.post(f"/{user}/items", json={"product_id": product, "quantity": 2}).status_code == 409
    made(carts.post(f"/{user}/items", json={"product_id": product, "quantity": 1}))
    assert carts.get(f"/{user}").json()["items"][0]["quantity"] == 1000


def test_a_peer_that_is_down_is_told_and_is_used_again_when_it_is_back(shop: Shop) -> None:
    """502 naming the peer, at once; the carts' own health is not touched. An address without scheme is understood."""
    user, product = new_user(shop), new_product(shop)
    with (
        door(shop.running["product-service"].port) as products,
        shop.program("cart-service", **{"msa.product-service.url": f"127.0.0.1:{products.port}"}) as program,
    ):
        carts = program.serving().http
        made(carts.post(f"/{user}/items", json={"product_id": product}))
        products.shut()
        for answer in (carts.post(f"/{user}/items", json={"product_id": product}), carts.get(f"/{user}")):
            assert (answer.status_code, answer.json()) == (502, {"detail": "product-service does not answer."})
        assert carts.get("/health_check").status_code == 200
        products.open()
        made(carts.post(f"/{user}/items", json={"product_id": product}))


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"],
    ids=["silent", "broken", "odd"],
)
def test_a_peer_that_says_nothing_of_use_is_a_bad_gateway(shop: Shop, answer: bytes) -> None:
    """A peer that accepts and is silent is given up after seconds; one that fails or talks nonsense is so at once."""
    held: list[socket.socket] = []

    def attend(listener: socket.socket) -> None:
        client, _ = listener.accept()
        held.append(client)
        if answer:
            client.recv(65536)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        attendant = threading.Thread(target=attend, args=(listener,), daemon=True)
        attendant.start()
        peer = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with shop.program("cart-service", **{"msa.user-service.url": peer}) as program:
            said = program.serving().http.get("/1")
            attendant.join(10)
            held[0].close()
    assert (said.status_code, said.json()) == (502, {"detail": "user-service does not answer."})


@pytest.mark.parametrize("service", SERVICES)
def test_health_is_that_of_the_database(shop: Shop, service: str) -> None:
    """503 while the database cannot be reached, for other requests too; well again, without a restart, when it can."""
    url = shop.variables[service]["spring.datasource.url"]
    with door(shop.server.port) as database:
        behind = re.sub(r":\d+/", f":{database.port}/", url)
        with shop.program(service, **{"spring.datasource.url": behind}) as program:
            http = program.serving().http
            assert http.get("/health_check").json() == {"status": "up"}
            database.shut()
            for path in ("/health_check", f"/{new_user(shop)}"):
                answer = http.get(path)
                assert (answer.status_code, answer.json()) == (503, {"detail": "The database does not answer."})
            database.open()
            healthy_again(program)
            assert program.process.poll() is None


def fresh_database(shop: Shop, owner: str) -> str:
    """An empty database of its own; returns its name."""
    name = f"fresh_{next(_NUMBERS)}"
    with _superuser(shop, "postgres") as session:
        session.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
    return name


def _superuser(shop: Shop, database: str) -> psycopg.Connection[Any]:
    server = shop.server
    return psycopg.connect(server.dsn(database, server.superuser, server.password), autocommit=True)


@pytest.mark.parametrize("service", SERVICES)
def test_two_copies_start_at_the_same_time(shop: Shop, service: str) -> None:
    """Both come to an empty database at once, both get by, and the tables are there once. A third finds them."""
    name = fresh_database(shop, shop.variables[service]["spring.datasource.username"])
    url = {"spring.datasource.url": f"jdbc:postgresql://{HOST}:{shop.server.port}/{name}?sslmode=require"}
    lock = crc32(service.encode())
    with _superuser(shop, name) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [lock])
        with shop.program(service, **url) as one, shop.program(service, **url) as other:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            deadline = time.monotonic() + 30
            while session.execute(waiting).fetchone() != (2,):
                assert time.monotonic() < deadline, one.lines + other.lines
            session.execute("SELECT pg_advisory_unlock(%s)", [lock])
            for program in (one, other):
                assert program.serving().http.get("/health_check").status_code == 200
        with shop.program(service, **url) as third:
            assert third.serving().http.get("/health_check").status_code == 200
        tables = session.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (1,)


PLAIN = {
    "cloud.aws.s3.bucket": "MEDIA_BUCKET",
    "cloud.aws.region.static": "AWS_REGION",
    "cloud.aws.cloud-front.domain-name": "MEDIA_CDN_DOMAIN",
    "cloud.aws.cloud-front.distribution-id": "MEDIA_CDN_ID",
    "msa.product-service.url": "PRODUCT_SERVICE_URL",
    "msa.user-service.url": "USER_SERVICE_URL",
}


@pytest.mark.parametrize("service", SERVICES)
def test_services_run_with_the_plain_names(shop: Shop, service: str) -> None:
    """With DATABASE_URL and its like instead of dotted names it is the same service, on the same database."""
    spring = shop.variables[service]
    user, password = spring["spring.datasource.username"], spring["spring.datasource.password"]
    url = spring["spring.datasource.url"].removeprefix("jdbc:").replace("//", f"//{user}:{password}@")
    plain = {PLAIN[name]: value for name, value in spring.items() if name in PLAIN}
    aws = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{shop.aws.port}"}
    person, product = new_user(shop), new_product(shop, "Teapot")
    with Program(service, {"DATABASE_URL": url, **plain, **aws}, shop.home) as program:
        http = program.serving().http
        if service == "user-service":
            assert http.put(f"/{person}/image", content=PNG).status_code == 200
        elif service == "product-service":
            assert http.get(f"/{product}/name").json() == {"name": "Teapot"}
        else:
            made(http.post(f"/{person}/items", json={"product_id": product}))
        assert http.get("/health_check").status_code == 200
        assert password not in "".join(program.lines)


BAD = {
    "no JSON": ("user-service", "", b"{", 422),
    "a field missing": ("user-service", "", b'{"name": "Ada"}', 422),
    "a field too many": ("user-service", "", b'{"name": "Ada", "email": "a@b.co", "admin": true}', 422),
    "no address": ("user-service", "", b'{"name": "Ada", "email": "secretive"}', 422),
    "a NUL, which PostgreSQL cannot keep": ("user-service", "", rb'{"name": "A\u0000", "email": "a@b.co"}', 422),
    "half a character": ("user-service", "", rb'{"name": "\ud800", "email": "a@b.co"}', 422),
    "spaces for a name": ("product-service", "", b'{"name": "  ", "price": 1}', 422),
    "a negative price": ("product-service", "", b'{"name": "Cup", "price": -1}', 422),
    "a price as text": ("product-service", "", b'{"name": "Cup", "price": "1"}', 422),
    "a price beyond any": ("product-service", "", b'{"name": "Cup", "price": 1' + b"0" * 40 + b"}", 422),
    "more than any body": ("product-service", "", b'{"name": "' + b"x" * 20_000 + b'", "price": 1}', 413),
    "no quantity": ("cart-service", "/1/items", b'{"product_id": 1, "quantity": 0}', 422),
    "a product that is no number": ("cart-service", "/1/items", b'{"product_id": "1"}', 422),
    "a user that is no number": ("cart-service", "/x/items", b'{"product_id": 1}', 422),
    "a user beyond any number": ("cart-service", f"/{2**63}/items", b'{"product_id": 1}', 422),
}


@pytest.mark.parametrize(("service", "path", "body", "code"), BAD.values(), ids=BAD)
def test_what_is_not_well_formed_is_refused(shop: Shop, service: str, path: str, body: bytes, code: int) -> None:
    """4xx with a reason that does not repeat what was sent."""
    answer = shop.http(service).post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == code, answer.text
    assert "secretive" not in answer.text


def test_only_images_of_people_who_are_there_are_kept(shop: Shop) -> None:
    """415 for other bytes, 413 for too many, 404 for nobody, 409 for an address that is registered."""
    users, user = shop.http("user-service"), new_user(shop)
    shop.aws.requests.clear()
    assert users.put(f"/{user}/image", content=b"<script>", headers={"Content-Type": "image/png"}).status_code == 415
    assert users.put(f"/{user}/image", content=PNG + bytes(5 * 1024 * 1024)).status_code == 413
    assert users.put("/987654/image", content=PNG).status_code == 404
    assert users.get("/987654").status_code == 404
    assert shop.aws.requests == []
    again = users.get(f"/{user}").json()["email"].upper()
    assert users.post("", json={"email": again, "name": "Again"}).status_code == 409


def test_what_was_begun_is_finished_after_the_signal_to_stop(shop: Shop) -> None:
    """A request whose body was still under way when SIGTERM came is answered, and then the program ends."""
    with shop.program("product-service") as program:
        program.serving()
        body = b'{"name": "Late", "price": 1}'
        head = (
            f"POST {PREFIXES['product-service']} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", program.port), timeout=20) as client:
            client.sendall(head.encode())
            assert b" 100 " in client.recv(65536)
            program.process.send_signal(signal.SIGTERM)
            program.says("Shutting down")
            client.sendall(body)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert program.ended() in (0, -signal.SIGTERM)
        assert {"method": "POST", "status": 201} in [
            {key: line.get(key) for key in ("method", "status")} for line in program.told()
        ]


HOPELESS = {
    "a variable is missing": ({"spring.datasource.username": ""}, "spring.datasource.username is missing"),
    "the URL is none": ({"spring.datasource.url": "", "DATABASE_URL": "postgres://u:hush%zz@h/d"}, "cannot be read"),
    "the password is wrong": ({"spring.datasource.password": "hush-hush"}, "could not be prepared"),
    "nobody listens": ({"spring.datasource.url": "jdbc:postgresql://127.0.0.1:1/d"}, "could not be prepared"),
}


@pytest.mark.parametrize(("changes", "reason"), HOPELESS.values(), ids=HOPELESS)
def test_a_service_that_cannot_work_ends_and_says_why(shop: Shop, changes: dict[str, str], reason: str) -> None:
    """Exit code 1, one line with the reason and without the password: the container runtime starts it again."""
    with shop.program("product-service", **changes) as program:
        assert program.ended() == 1
        (line,) = program.told()
    assert line["level"] == "CRITICAL"
    assert reason in line["message"]
    assert "hush" not in line["message"]


def test_a_line_for_each_request_but_not_for_health(shop: Shop) -> None:
    """Method, path without its query, and status; the checks of every few seconds leave no line while all is well."""
    with shop.program("product-service") as program:
        http = program.serving().http
        assert http.get("/health_check").status_code == 200
        assert http.get("/987654", params={"token": "hush"}).status_code == 404
        program.says("987654")
        lines = [line for line in program.told() if "method" in line]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [("GET", "/api/products/987654", 404)]
