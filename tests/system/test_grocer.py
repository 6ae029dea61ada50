"""A grocer on Fargate: gRPC between nine small services, Redis by its short name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.lambdas import postgres
from tests.sampling import WHOLE
from tests.system.booted import EXAMPLES, asking, program, started, tasks
from tests.system.shop import Outside, Shop

FOLDER = EXAMPLES / "grocer"
SERVICES = (
    *("ads", "cart", "catalog", "checkout", "currency"),
    *("front", "mail", "payment", "recommendation", "redis", "shipping"),
)
ASKING = """
import sys, grpc
with grpc.insecure_channel(sys.argv[1]) as channel:
    sys.stdout.write(channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=20).hex())
"""
REDIS = Path(__file__).parent / "stand_ins"


@pytest.fixture(scope="module")
def grocer(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example as it is, with a stand-in for the one image of others."""
    images = {"app": program(FOLDER / "app", "front.py"), "redis:8": program(REDIS, "redis_server.py")}
    with started(server, tmp_path_factory.mktemp("grocer"), FOLDER, images) as grocer:
        yield grocer


@pytest.fixture
def front(grocer: Shop) -> Outside:
    """Somebody's connection to the page, when all services answer."""
    client = grocer.http("front")
    grocer.site.until(lambda: client.get("/health").status_code == 200, "the front answers")
    grocer.site.until(lambda: client.get("/nobody").status_code == 200, "what it calls answers")
    return client


def bought(front: Outside, customer: str, **products: int) -> httpx.Response:
    """A customer fills a cart and orders it."""
    for product, quantity in products.items():
        put = front.post(f"/{customer}/cart", json={"product": product, "quantity": quantity})
        assert put.status_code == 200, put.text
    return front.post(f"/{customer}/order", json={"card": "0000 0000 0000 4242", "currency": "KRW"})


def test_an_order_passes_through_all_services(grocer: Shop, front: Outside) -> None:
    """Each is called by its short name, over gRPC; the cart keeps its content in Redis, and is empty afterwards."""
    front.post("/ada/cart", json={"product": "bread", "quantity": 2})
    page = front.get("/ada").json()
    assert (page["cart"], page["recommended"]) == ({"bread": 2}, ["apple", "milk", "rice"])
    assert page["advertisement"] == "Fresh bread each morning."
    order = bought(front, "ada", milk=1).json()
    total = (2 * 320 + 150 + 300 + 20 * 3) * 16
    assert (order["items"], order["total"], order["payment"]) == ({"bread": 2, "milk": 1}, total, f"4242-{total}")
    assert front.get("/ada").json()["cart"] == {}
    lines = [line for id in tasks(grocer, "mail") for line in grocer.site.tasks[id].lines]
    assert f"An order of {total} for ada is confirmed." in lines
    assert grocer.site.permissions.denied == []


def test_the_health_of_a_grpc_service_is_asked_in_its_own_protocol(grocer: Shop, front: Outside) -> None:
    """From a task that may call it, by its name; from one that may not, it is not reached at all."""
    (address,) = grocer.site.lookup("cart.grocer.internal") or []
    with grocer.site.namespaces[min(tasks(grocer, "checkout"))].entered():
        asked = subprocess.run(
            [sys.executable, "-c", ASKING, f"{address}:7002"], capture_output=True, text=True, timeout=60, check=False
        )
    assert asked.stdout == "0801", asked.stderr
    assert not grocer.site.namespaces[min(tasks(grocer, "mail"))].reaches(address, 7002, 0.5)


def test_every_container_may_end(grocer: Shop, front: Outside) -> None:
    """ECS starts each again, and the shop goes on. What was in the memory of Redis is gone."""
    before = {service: tasks(grocer, service) for service in SERVICES}
    for service, ids in before.items():
        assert ids, service
        for id in ids:
            grocer.site.tasks[id].crash()

    def anew() -> bool:
        now = {service: tasks(grocer, service) for service in SERVICES}
        return all(len(now[each]) == len(before[each]) and now[each].isdisjoint(before[each]) for each in SERVICES)

    grocer.site.until(anew, "tasks of all services")
    grocer.site.until(lambda: front.get("/bob").status_code == 200, "the page")
    assert bought(front, "bob", rice=1).json()["items"] == {"rice": 1}


@pytest.mark.parametrize("service", ["front", "catalog"])
def test_a_copy_of_two_that_ends_is_missed_by_nobody(grocer: Shop, front: Outside, service: str) -> None:
    """Who asks again is served by the other one: of the page itself, and of the catalog, which it calls over gRPC."""
    victim = min(tasks(grocer, service))
    with asking(lambda: front.get("/dan"), again=True) as somebody:
        grocer.site.tasks[victim].crash()
        grocer.site.until(lambda: len(tasks(grocer, service) - {victim}) == 2, "another task")
        grocer.site.until(somebody.more(), "the page")


def test_a_new_version_of_what_the_page_asks(grocer: Shop, front: Outside) -> None:
    """One deployment replaces the tasks of several services of one image, with MSASPEC_WHOLE=1 of all; the cart is in
    Redis, which stays. No request for the page fails, which asks all the others."""
    front.post("/cleo/cart", json={"product": "apple", "quantity": 3})
    before = {service: tasks(grocer, service) for service in SERVICES}
    own = [name for name in SERVICES if name != "redis"] if WHOLE else ["cart", "catalog", "front"]
    with asking(lambda: front.get("/cleo")) as somebody:
        grocer.site.until(somebody.more(), "the page")
        grocer.run("deploy", "--yes", *(word for name in own for word in ("--tag", f"{name}=1.1")))
        assert all(tasks(grocer, name) and tasks(grocer, name).isdisjoint(before[name]) for name in own)
        grocer.site.until(somebody.more(), "the page")
    assert all(tasks(grocer, name) == before[name] for name in SERVICES if name not in own)
    assert json.dumps(front.get("/cleo").json()["cart"]) == '{"apple": 3}'
