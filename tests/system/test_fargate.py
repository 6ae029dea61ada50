"""The same shop by one line on Fargate: its tasks started from what ECS has, behind a real reverse proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lambdas import postgres
from tests.shop.programs import SERVICES
from tests.system.account import Balancer, Database
from tests.system.scenario import healthy, walk
from tests.system.shop import EXAMPLE, Shop, deployed

FILES = """
    files:
      /srv/settings/app.conf: {text: "names = ${main.name} $HOME\\n", mode: "0440", owner: 7}
      /srv/settings/keys/password: {secret: main, key: password}
"""
"""What is put into the containers of one service."""
KEPT = "volumes: {kept: {}}\n\nservices:\n"
"""Files of the same service that outlive its tasks."""


@pytest.fixture(scope="module")
def shop(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example with another runtime."""
    text = EXAMPLE.read_text("utf-8")
    assert "runtime: instance" in text
    directory = tmp_path_factory.mktemp("site")
    text = text.replace("runtime: instance", "runtime: fargate")
    text = text.replace("    image: user-service:1.0\n", f"{FILES}    image: user-service:1.0\n", 1)
    start = text.index("  user-service:\n")
    own = text[start:].replace("    uses:\n", "    uses:\n      kept: {mount: /srv/kept, user: 7}\n", 1)
    text = text[:start].replace("services:\n", KEPT, 1) + own
    with deployed(server, directory, text) as shop:
        yield shop


def tasks(shop: Shop) -> dict[str, str]:
    """The name of the task of each service."""
    return {task.container["name"]: id for id, task in list(shop.site.tasks.items())}


def test_a_person_fills_a_cart(shop: Shop) -> None:
    """Over HTTP through the load balancer; cart-service asks its peers by the names that their tasks have."""
    walk(shop)


def test_a_task_has_its_files(shop: Shop) -> None:
    """What writes them ran before the service, with secrets that the execution role may read, and put in the text and
    the secret that the service has as a variable too."""
    task = shop.site.tasks[tasks(shop)["user-service"]]
    assert task.read("/srv/settings/app.conf") == b"names = user_database $HOME\n"
    password = task.environment(task.container)["spring.datasource.password"]
    assert password
    assert task.read("/srv/settings/keys/password") == password.encode()


def test_nothing_but_what_is_declared_is_open(shop: Shop) -> None:
    """Tasks take connections from the load balancer, and from each other and to the database by declared edges."""
    walk(shop)
    site, names = shop.site, tasks(shop)
    assert sorted(names) == sorted(SERVICES)
    boxes = {name: site.boxes[id] for name, id in names.items()}
    (database,) = [box for box in site.boxes.values() if isinstance(box, Database)]
    (balancer,) = [box for box in site.boxes.values() if isinstance(box, Balancer)]
    ports = {"user-service": 8002, "product-service": 8001, "cart-service": 8000}
    targets = {"main": (database, 5432), **{name: (boxes[name], port) for name, port in ports.items()}}
    found = {
        (source, target)
        for source, box in boxes.items()
        for target, (there, port) in targets.items()
        if source != target and site.namespaces[box.name].reaches(there.address, port, 0.3)
    }
    peers = {("cart-service", "user-service"), ("cart-service", "product-service")}
    assert found == {*((service, "main") for service in SERVICES), *peers}
    assert site.internet.reaches(balancer.public, 80)
    closed = (22, 443, *ports.values())
    with site.listening(site.namespaces[balancer.name], balancer.address, closed):
        assert not any(site.internet.reaches(balancer.public, port, 0.3) for port in closed)


def test_a_path_that_is_nobodys_is_not_found(shop: Shop) -> None:
    """The load balancer answers 404 itself, in JSON."""
    users = shop.http("user-service")
    users.root = users.root.removesuffix("/api/users")
    for path in ("/", "/api", "/api/usersandmore", "/API/users"):
        answer = users.get(path)
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_each_role_may_do_what_it_needs_and_nothing_else(shop: Shop) -> None:
    """Execution roles read what starts a task, task roles what the service does; no grant was idle but for that of
    large uploads."""
    walk(shop)
    permissions = shop.site.permissions
    assert permissions.denied == []
    names = [role["RoleName"] for role in shop.client("iam").list_roles()["Roles"]]
    idle = {
        name.split("-")[1]: {action for action, _ in permissions.granted(name) - permissions.used[name]}
        for name in names
        if "ExecutionRole" in name or "TaskRole" in name
    }
    assert len(idle) == 6
    assert {name: actions for name, actions in idle.items() if actions} == {
        "UserServiceTaskRole": {"s3:AbortMultipartUpload"}
    }


def test_a_task_that_ends_is_replaced(shop: Shop) -> None:
    """ECS starts another one, which load balancer and peers find; nobody has to do anything."""
    before = tasks(shop)
    shop.site.tasks[before["product-service"]].crash()
    shop.site.until(lambda: tasks(shop).keys() == before.keys() and tasks(shop) != before, "another task")
    after = tasks(shop)
    assert {service for service in before if before[service] != after[service]} == {"product-service"}
    shop.site.until(lambda: healthy(shop.http("product-service")), "it answers")
    walk(shop)


def test_a_new_tag_starts_new_tasks_of_its_service(shop: Shop) -> None:
    """The new task takes over; no other task is touched."""
    before = tasks(shop)
    shop.run("deploy", "--yes", "--tag", "cart-service=1.1")
    shop.site.until(lambda: tasks(shop).keys() == before.keys() and tasks(shop) != before, "another task")
    after = tasks(shop)
    assert {service for service in before if before[service] != after[service]} == {"cart-service"}
    walk(shop)


def test_a_volume_outlives_its_task(shop: Shop) -> None:
    """What one task wrote is there for the next, which the role lets through the access point of its service."""
    walk(shop)
    before = tasks(shop)["user-service"]
    shop.site.tasks[before].inside("/srv/kept/note").write_text("kept")
    shop.run("deploy", "--yes", "--tag", "user-service=1.1")
    shop.site.until(lambda: tasks(shop).get("user-service", before) != before, "another task")
    assert shop.site.tasks[tasks(shop)["user-service"]].read("/srv/kept/note") == b"kept"
    walk(shop)
