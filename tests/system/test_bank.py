"""A bank on Fargate: keys as files, a migration before each deployment, a sidecar that takes the requests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.lambdas import postgres
from tests.system.account import Balancer
from tests.system.bank import BANK, SERVICES, Customer, images
from tests.system.booted import asking, started, tasks
from tests.system.shop import Outside, Shop


@pytest.fixture(scope="module")
def bank(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example as it is."""
    with started(server, tmp_path_factory.mktemp("bank"), BANK, images()) as bank:
        yield bank


@pytest.fixture
def web(bank: Shop) -> Outside:
    """Somebody's connection to the bank."""
    client = bank.http("web")
    bank.site.until(lambda: client.get("/health").status_code == 200, "the bank is open")
    return client


def served(bank: Shop, customer: Customer) -> None:
    """Waits until a customer is served."""
    bank.site.until(lambda: customer.asks().status_code == 200, "the ledger answers")


def test_customers_transfer_money(bank: Shop, web: Outside) -> None:
    """The key that signs and the key that verifies are the same file in two services; without a token nobody is
    served, and nobody gives more than they have."""
    ada, bob = Customer(web, "Ada"), Customer(web, "Bob")
    served(bank, ada)
    assert ada.pays(bob, 30).json() == {"balance": 70}
    assert (ada.balance, bob.balance) == (70, 130)
    assert ada.pays(bob, 71).status_code == 409
    forged = {"Authorization": f"Bearer {bob.account}.{'0' * 64}"}
    assert web.get("/api/balance", headers=forged).status_code == 401
    assert web.get("/api/balance").status_code == 401


def test_only_the_guard_is_reached(bank: Shop, web: Outside) -> None:
    """The ledger listens where only its own task is. Who calls it reaches the load balancer, and that the guard."""
    (one, _) = tasks(bank, "ledger")
    caller, address = bank.site.namespaces[min(tasks(bank, "web"))], bank.site.boxes[one].address
    (inside,) = [box for box in bank.site.boxes.values() if isinstance(box, Balancer) and not box.public]
    assert caller.reaches(inside.address, 8082)
    assert not caller.reaches(address, 8082, 0.5)
    assert bank.site.namespaces[inside.name].reaches(address, 8082)
    assert not bank.site.namespaces[inside.name].reaches(address, 9082, 0.5)


def test_the_migration_ran_first(bank: Shop, web: Outside) -> None:
    """Once, to its end, before there was a ledger; its log is told by its name."""
    assert "3 of 3 steps were missing." in bank.run("logs", "migrate").stdout
    reasons = list(reversed(bank.reasons("bank")))
    gate, ledger = (
        next(n for n, each in enumerate(reasons) if each.startswith(f"{name} CREATE_COMPLETE"))
        for name in ("MigrateGate", "LedgerService")
    )
    assert gate < ledger


@pytest.mark.parametrize(("service", "container"), [(name, name) for name in SERVICES] + [("ledger", "guard")])
def test_a_container_that_ends_is_replaced(bank: Shop, web: Outside, service: str, container: str) -> None:
    """ECS starts its task anew. No customer who asks again notices, for another copy runs."""
    customer = Customer(web, "Eve")
    before = tasks(bank, service)
    victim = min(before)
    with asking(customer.asks, again=True) as somebody:
        bank.site.tasks[victim].crash(container)
        bank.site.until(lambda: len(tasks(bank, service) - {victim}) == len(before), "another task")
        bank.site.until(lambda: healthy_all(bank, service), "it is up")
        bank.site.until(somebody.more(), "customers are served")


def healthy_all(bank: Shop, service: str) -> bool:
    """Whether every copy of a service takes connections."""
    port = {"web": 8080, "accounts": 8081, "ledger": 8082}[service]
    found = [(bank.site.namespaces[id], bank.site.boxes[id].address) for id in tasks(bank, service)]
    return all(namespace.reaches(address, port, 1) for namespace, address in found)


def test_a_failed_migration_keeps_the_version_before(bank: Shop, web: Outside) -> None:
    """The deployment ends with the job's last words, and no task of the ledger was touched."""
    customer, before = Customer(web, "Kay"), tasks(bank, "ledger")
    tags = ["--tag", "migrate=broken", "--tag", "ledger=broken"]
    refused = bank.run("deploy", "--yes", *tags, code=3)
    assert "The ledger has an entry that does not add up." in refused.stdout + refused.stderr
    assert tasks(bank, "ledger") == before
    assert customer.balance == 100


def test_a_new_version_of_everything(bank: Shop, web: Outside) -> None:
    """The migration runs again and finds nothing to do; every service has new tasks, and the money is there. Meanwhile
    each account that is opened and each payment that is made, once, is answered."""
    ada, bob = Customer(web, "Ada"), Customer(web, "Bob")

    def does(number: int) -> httpx.Response:
        return (lambda: ada.pays(bob, 1), lambda: Customer(web, "Kim").asks(), lambda: bob.pays(ada, 1))[number % 3]()

    numbers = itertools.count()
    before = {name: tasks(bank, name) for name in SERVICES}
    tags = [word for name in ("migrate", *SERVICES) for word in ("--tag", f"{name}=1.1")]
    with asking(lambda: does(next(numbers))) as somebody:
        bank.site.until(somebody.more(), "customers are served")
        bank.run("deploy", "--yes", *tags)
        for name in SERVICES:
            assert tasks(bank, name).isdisjoint(before[name]), name
        bank.site.until(somebody.more(), "customers are served")
    assert ada.balance + bob.balance == 200
    assert "0 of 3 steps were missing." in bank.run("logs", "migrate").stdout
    assert bank.site.permissions.denied == []
