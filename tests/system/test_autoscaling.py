"""The same shop by one line on groups of hosts: two machines of a service behind a real reverse proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest

from tests.lambdas import postgres
from tests.shop.programs import SERVICES
from tests.system.account import Balancer, Database
from tests.system.scenario import idle, walk
from tests.system.shop import EXAMPLE, Shop, deployed


@pytest.fixture(scope="module")
def shop(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example with another runtime, and two hosts of product-service, whose health is asked for more often."""
    text = EXAMPLE.read_text("utf-8").replace("runtime: instance", "runtime: autoscaling")
    text = text.replace("port: 8001\n", "port: 8001\n    scale: {min: 2, max: 3}\n")
    asked = "health: {path: /api/products/health_check, interval: 5 s, timeout: 4 s, unhealthy: 2}"
    text = text.replace("health: /api/products/health_check", asked)
    assert text.count("min: 2") == text.count("runtime: autoscaling") == text.count(asked) == 1
    with deployed(server, tmp_path_factory.mktemp("site"), text) as shop:
        yield shop


def test_the_deployment_waits_for_every_machine(shop: Shop) -> None:
    """A group is complete when each of its hosts has signalled."""
    said = "\n".join(shop.reasons())
    hosts = {service: shop.hosts(service) for service in SERVICES}
    assert {service: len(ids) for service, ids in hosts.items()} == {
        "user-service": 1,
        "product-service": 2,
        "cart-service": 1,
    }
    for id in (id for ids in hosts.values() for id in ids):
        assert f"Received SUCCESS signal with UniqueId {id}" in said


def test_a_person_fills_a_cart(shop: Shop) -> None:
    """Over HTTP through the load balancers."""
    walk(shop)


def test_nothing_but_what_is_declared_is_open(shop: Shop) -> None:
    """Hosts take connections from the load balancers only, the internal one from declared callers of each port, and the
    database from its users."""
    walk(shop)
    site = shop.site
    ports = {"user-service": 8002, "product-service": 8001, "cart-service": 8000}
    sources = {service: site.namespaces[shop.hosts(service)[0]] for service in SERVICES}
    (database,) = [box for box in site.boxes.values() if isinstance(box, Database)]
    balancers = {
        "public" if box.public else "internal": box for box in site.boxes.values() if isinstance(box, Balancer)
    }
    assert sorted(balancers) == ["internal", "public"]
    sources |= {name: site.namespaces[box.name] for name, box in balancers.items()}
    targets = {(service, port): sources[service].address for service, port in ports.items()}
    targets |= {("internal", port): balancers["internal"].address for port in ports.values()}
    targets |= {("main", 5432): database.address}
    inside = balancers["internal"]
    with site.listening(site.namespaces[inside.name], inside.address, [ports["cart-service"]]):
        found = {
            (source, *target)
            for source, namespace in sources.items()
            for target, address in targets.items()
            if source != target[0] and namespace.reaches(address, target[1], 0.3)
        }
    assert found == {
        *((service, "main", 5432) for service in SERVICES),
        *(("public", service, port) for service, port in ports.items()),
        *(("internal", service, ports[service]) for service in ("user-service", "product-service")),
        *(("cart-service", "internal", ports[service]) for service in ("user-service", "product-service")),
    }
    outside = balancers["public"]
    assert site.internet.reaches(outside.public, 80)
    with site.listening(site.namespaces[outside.name], outside.address, (22, 443, 8001)):
        assert not any(site.internet.reaches(outside.public, port, 0.3) for port in (22, 443, 8001))


def test_a_host_may_do_what_it_needs_and_nothing_else(shop: Shop) -> None:
    """No call of a machine was refused; every grant was of use, but for those of Session Manager and large uploads."""
    walk(shop)
    assert idle(shop, *SERVICES) == {
        "user-service": {"s3:AbortMultipartUpload"},
        "product-service": set(),
        "cart-service": set(),
    }


def test_both_machines_are_asked_and_one_is_enough(shop: Shop) -> None:
    """Requests go to both hosts; where one goes down, the load balancer sends all to the other."""
    products, (first, second) = shop.http("product-service"), shop.hosts("product-service")

    def asked(id: str) -> int:
        return shop.site.machines[id].execute("docker", "logs", "--tail", "999", "product-service").count("/424242")

    def both() -> bool:
        assert products.get("/424242").status_code == 404
        return min(asked(first), asked(second)) >= 2

    shop.site.until(both, "requests go to both")
    shop.site.machines[first].stop()
    assert products.get("/424242").status_code in {404, 502, 503, 504}
    shop.site.until(partial(_settled, partial(products.get, "/424242")), "all go to the other")
    shop.site.until(partial(_settled, partial(_asked_by_a_peer, shop)), "the internal one sends all to the other, too")
    walk(shop)
    shop.site.machines[first].reboot()
    shop.site.until(lambda: shop.site.machines[first].booted, "booted again")
    since = asked(first)
    shop.site.until(lambda: both() and asked(first) > since, "requests go to both again")


def _asked_by_a_peer(shop: Shop) -> httpx.Response:
    """What product-service answers on the host of cart-service, by its private name."""
    (host,) = shop.hosts("cart-service")
    (address,) = shop.site.lookup("product-service.shop.internal") or [""]
    with shop.site.namespaces[host].entered():
        return httpx.get(f"http://{address}:8001/api/products/424242", timeout=30, trust_env=False)


def _settled(ask: Callable[[], httpx.Response]) -> bool:
    """Whether it is the service that answers, whichever host is asked; until a load balancer has noticed that one is
    down, it tries that one for some seconds before it gives up."""
    return all(ask().status_code == 404 for _ in range(6))


def test_a_new_tag_replaces_the_machines_of_its_service(shop: Shop) -> None:
    """The update waits for the signals of the new hosts; those of the other services stay."""
    before = {service: shop.hosts(service) for service in SERVICES}
    shop.run("deploy", "--yes", "--tag", "product-service=1.1")
    after = {service: shop.hosts(service) for service in SERVICES}
    assert not set(before.pop("product-service")) & set(after["product-service"])
    assert all(f"SUCCESS signal with UniqueId {id}" in "\n".join(shop.reasons()) for id in after.pop("product-service"))
    assert before == after
    walk(shop)
