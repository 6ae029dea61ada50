"""The example, deployed as a person does it, on machines that boot from what the deployment left."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from textwrap import dedent

import psycopg
import pytest

from tests.lambdas import postgres
from tests.shop.programs import SERVICES, made
from tests.system.account import Database
from tests.system.scenario import healthy, idle, walk
from tests.system.shop import EXAMPLE, REVIEWS, Shop, deployed
from tests.system.site import INTERNET

FORWARD = """
        import socket, threading
        def pass_on(one, other):
          while said := one.recv(65536): other.sendall(said)
          other.shutdown(socket.SHUT_WR)
        door = socket.create_server(("", 8003))
        while True:
          caller, service = door.accept()[0], socket.create_connection(("127.0.0.1", 8004))
          for pair in ((caller, service), (service, caller)):
            threading.Thread(target=pass_on, args=pair).start()
"""
IMAGE = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/shop/product-service:1.0"
ADDED = f"""
  review-service:
    image: review-service:1.0
    framework: plain
    port: 8003
    health: /api/products/health_check
    uses:
      main: {{database: reviews}}
    files:
      /srv/settings/app.conf: {{text: "names = ${{main.name}} $HOME\\n", mode: "0440", owner: 7}}
      /srv/settings/keys/password: {{secret: main, key: password}}
    env: {{PORT: "8004"}}
    front: forward
    sidecars:
      forward:
        image: {IMAGE}
        entrypoint: [sh, -c]
        command: ['exec python3 -c "$PROGRAM"']
        env: {{PROGRAM: {json.dumps(dedent(FORWARD))}}}
        health: {{command: [bash, -c, "exec 3<>/dev/tcp/127.0.0.1/8003"]}}
      seed:
        image: {IMAGE}
        starts: first
        before: [forward]
        entrypoint: [sh, -c]
        command: ['echo "$SEED" >>/var/log/seeded']
        env: {{SEED: "${{main.name}}"}}
"""


@pytest.fixture(scope="module")
def shop(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The unchanged example."""
    with deployed(server, tmp_path_factory.mktemp("site"), EXAMPLE.read_text("utf-8")) as shop:
        yield shop


def test_the_deployment_waits_for_the_machines(shop: Shop) -> None:
    """Each of the three signals success with its own credentials when its service is healthy, and then it is done."""
    said = "\n".join(shop.reasons())
    for service in SERVICES:
        (id,) = shop.hosts(service)
        assert f"Received SUCCESS signal with UniqueId {id}" in said
        assert shop.site.machines[id].booted
    assert said.splitlines()[0] == "shop CREATE_COMPLETE "


def test_a_person_fills_a_cart(shop: Shop) -> None:
    """Over HTTP from outside, through user data, variables, secrets, names, databases, bucket and distribution."""
    walk(shop)


def test_nothing_but_what_is_declared_is_open(shop: Shop) -> None:
    """Every pair of machines and every port that anything listens on: open by a declared edge only."""
    site = shop.site
    names = {shop.hosts(service)[0]: service for service in (*SERVICES, "bastion")}
    (database,) = [name for name in site.boxes if name not in names]
    names[database] = "main"
    ports = {"user-service": [80, 8002], "product-service": [80, 8001], "cart-service": [80, 8000], "main": [5432]}
    found = {
        (names[source], names[target], port)
        for source in names
        for target in names
        for port in ports.get(names[target], [])
        if source not in (target, database) and site.namespaces[source].reaches(site.boxes[target].address, port, 0.3)
    }
    assert {edge for edge in found if edge[2] != 80} == {
        ("user-service", "main", 5432),
        ("product-service", "main", 5432),
        ("cart-service", "main", 5432),
        ("bastion", "main", 5432),
        ("cart-service", "user-service", 8002),
        ("cart-service", "product-service", 8001),
    }
    # The public port is open to the world, and so to everyone.
    assert {(source, target) for source, target, port in found if port == 80} == {
        (source, target) for source in (*SERVICES, "bastion") for target in SERVICES if source != target
    }


def test_peers_have_names(shop: Shop) -> None:
    """On a host and in its container: as the variables spell them, in short by the DHCP options, and no others."""
    machine = shop.machine("cart-service")
    peer = shop.site.boxes[shop.hosts("product-service")[0]]
    asked = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
    for name in ("product-service.shop.internal", "product-service"):
        assert machine.execute("python3", "-c", asked, name).strip() == peer.address
        within = (str(shutil.which("nsenter")), "--net=/run/netns/cart-service", "python3", "-c", asked, name)
        assert machine.execute(*within).strip() == peer.address
    unknown = "cart-service.shop.internal"  # nobody uses it, so it has no name
    assert "Name or service not known" in machine.execute("bash", "-c", f"python3 -c '{asked}' {unknown} 2>&1 || true")


def test_from_outside_only_the_public_ports_are_open(shop: Shop) -> None:
    """Port 80 of each service; neither the port for peers, nor the database, nor the bastion."""
    site = shop.site
    assert site.internet.address == INTERNET
    for service in SERVICES:
        box = site.boxes[shop.hosts(service)[0]]
        assert site.internet.reaches(box.public, 80)
        with site.listening(site.namespaces[box.name], box.address, (22, 443, 8080)):
            closed = (22, 443, 8000, 8001, 8002, 8080)
            assert not any(site.internet.reaches(box.public, port, 0.3) for port in closed)
    bastion = site.boxes[shop.hosts("bastion")[0]]
    with site.listening(site.namespaces[bastion.name], bastion.address, (22, 80, 5432)):
        assert not any(site.internet.reaches(bastion.public, port, 0.3) for port in (22, 80, 5432))
    (database,) = [box for box in site.boxes.values() if isinstance(box, Database)]
    assert not site.internet.reaches(database.address, 5432, 0.3)
    with site.listening(site.internet, site.internet.address, [80]):
        assert site.namespaces[bastion.name].reaches(site.internet.address, 80)
        assert not site.namespaces[database.name].reaches(site.internet.address, 80, 0.3)


def test_a_service_opens_its_own_database_only(shop: Shop) -> None:
    """The password that a container has opens one of the three databases, as a role that is no superuser."""
    walk(shop)
    container = json.loads((shop.machine("product-service").root / "lib/docker.json").read_text())["containers"][0]
    user, password = (container["environment"][f"spring.datasource.{key}"] for key in ("username", "password"))
    (database,) = [box for box in shop.site.boxes.values() if isinstance(box, Database)]

    def opened(name: str) -> psycopg.Connection[tuple[object, ...]]:
        words = {"host": database.address, "dbname": name, "user": user, "password": password, "sslmode": "require"}
        with shop.site.namespaces[shop.hosts("product-service")[0]].entered():
            return psycopg.connect(connect_timeout=5, **words)

    with opened("product_database") as session:
        assert session.execute("SELECT count(*) > 0 FROM products").fetchone() == (True,)
        assert session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    for other in ("user_database", "cart_database"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            opened(other)
    # Whoever has a role may connect to PostgreSQL's own database, and do nothing there.
    with opened("postgres") as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("CREATE TABLE here (id int)")


def test_a_host_may_do_what_it_needs_and_nothing_else(shop: Shop) -> None:
    """No call of a machine was refused; every grant was of use, but for those of Session Manager and of large uploads;
    and a machine cannot read the secret of another service."""
    walk(shop)
    assert idle(shop, *SERVICES, "bastion") == {
        "user-service": {"s3:AbortMultipartUpload"},
        "product-service": set(),
        "cart-service": set(),
        "bastion": set(),
    }
    secrets = shop.client("secretsmanager").list_secrets()["SecretList"]
    foreign = next(secret["ARN"] for secret in secrets if "UserServiceToMain" in secret["Name"])
    command = f"aws secretsmanager get-secret-value --region ap-northeast-2 --secret-id {foreign} 2>&1 || true"
    assert "AccessDeniedException" in shop.machine("product-service").execute("bash", "-c", command)
    shop.site.permissions.denied.clear()


def test_the_bootstrap_may_do_what_it_needs_and_nothing_else(shop: Shop) -> None:
    """The functions that prepare the databases ran with their roles; what they did not use is what Lambda itself does
    in their name: their logs and their network interfaces."""
    permissions = shop.site.permissions
    names = [role["RoleName"] for role in shop.client("iam").list_roles()["Roles"]]
    unused = {
        name.split("-")[1]: {action for action, _ in permissions.granted(name) - permissions.used[name]}
        for name in names
        if "Bootstrap" in name
    }
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert unused["DatabaseBootstrapHandlerRole"] == logs
    assert {action.partition(":")[0] for action in unused["DatabaseBootstrapRunnerRole"] - logs} == {"ec2"}


def test_what_a_service_writes_is_in_its_log(shop: Shop) -> None:
    """`msaspec logs` shows what the container wrote, which the host's own role brought there."""
    shop.http("user-service").get("/424242")
    lines = []

    def arrived() -> bool:
        lines[:] = shop.run("logs", "user-service").stdout.splitlines()
        return any("/api/users/424242" in line for line in lines)

    shop.site.until(arrived, "the request is in the log")
    # No secret is in any log.
    secrets = shop.client("secretsmanager").list_secrets()["SecretList"]
    for secret in secrets:
        text = shop.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
        assert json.loads(text)["password"] not in "\n".join(lines) + shop.site.told()


def test_a_killed_container_comes_back(shop: Shop) -> None:
    """docker restarts it; nobody has to do anything."""
    machine, carts = shop.machine("cart-service"), shop.http("cart-service")
    first = machine.execute("docker", "inspect", "cart-service", "-f", "{{.State.Pid}}")
    machine.execute("bash", "-c", f"kill -9 {first}")

    def anew() -> bool:
        form = "{{.State.Status}} {{.State.Pid}}"
        status, pid = machine.execute("docker", "inspect", "cart-service", "-f", form).split()
        return status == "running" and pid != first.strip()

    shop.site.until(anew, "another process")
    shop.site.until(lambda: healthy(carts), "it answers")


def test_a_rebooted_host_serves_again(shop: Shop) -> None:
    """Its script runs at every boot, reads the secrets anew, and signals nobody a second time."""
    machine, products = shop.machine("product-service"), shop.http("product-service")
    product = made(products.post("", json={"name": "Lamp", "price": 100}))
    signalled = shop.reasons()
    machine.reboot()
    shop.site.until(lambda: machine.booted, "booted")
    assert products.get(f"/{product['id']}").json()["name"] == "Lamp"
    assert (machine.root / "log/msaspec.log").read_text().count("-- health") == 2
    assert shop.reasons() == signalled


def test_a_new_tag_rolls_only_its_service(shop: Shop) -> None:
    """Another image replaces the host of its service, which answers until the new one does; no other host, container
    or row is touched."""
    before = {service: shop.hosts(service) for service in (*SERVICES, "bastion")}
    ran = {service: _started(shop, service) for service in ("user-service", "cart-service")}
    products, answers, over = shop.http("product-service"), [], threading.Event()

    def ask() -> None:
        while not over.wait(0.1):
            answers.append(healthy(products))

    asking = threading.Thread(target=ask)
    asking.start()
    shop.run("deploy", "--yes", "--tag", "product-service=1.1")
    over.set()
    asking.join()
    assert answers.count(True) > 20
    assert answers.count(False) <= 3, "the address moves to the new host in a moment"
    after = {service: shop.hosts(service) for service in before}
    assert {service for service in before if before[service] != after[service]} == {"product-service"}
    assert ran == {service: _started(shop, service) for service in ran}
    assert shop.machine("product-service").execute("docker", "inspect", "product-service", "-f", "{{.State.Status}}")
    (container,) = json.loads((shop.machine("product-service").root / "lib/docker.json").read_text())["containers"]
    assert container["image"].endswith("/shop/product-service:1.1")
    walk(shop)


def _started(shop: Shop, service: str) -> str:
    return shop.machine(service).execute("docker", "inspect", service, "-f", "{{.State.Pid}} {{.RestartCount}}")


def test_a_fourth_service_comes_beside_the_others(shop: Shop) -> None:
    """A deployment with one service more touches none of the others; the new one, with the plain names of variables,
    has a database of its own."""
    before = {service: (shop.hosts(service), _started(shop, service)) for service in SERVICES}
    shop.run("deploy", "--yes", *shop.tags(), text=shop.text + ADDED)
    assert {service: (shop.hosts(service), _started(shop, service)) for service in SERVICES} == before
    machine = shop.machine(REVIEWS)
    asked = "curl -s http://127.0.0.1:8003/api/products/health_check"
    assert machine.execute("bash", "-c", asked) == '{"status":"up"}'
    assert (machine.root / "log/seeded").read_text() == "reviews\n"
    made = json.loads((machine.root / "lib/docker.json").read_text())["containers"]
    assert [each["options"]["--name"][0] for each in made] == ["seed", "forward", REVIEWS]
    container = made[-1]
    assert not [name for name in container["environment"] if name.startswith("spring.")]
    inside = "/srv/settings"
    assert machine.execute("docker", "exec", REVIEWS, "cat", f"{inside}/app.conf") == "names = reviews $HOME\n"
    password = machine.execute("docker", "exec", REVIEWS, "cat", f"{inside}/keys/password")
    assert password == container["environment"]["MAIN_PASSWORD"] != ""
    stat = machine.execute("docker", "exec", REVIEWS, "stat", "-c%a %u %g", f"{inside}/app.conf")
    assert stat.strip() == "440 7 7"
    write = f"echo >{inside}/app.conf && echo written || true"
    assert "written" not in machine.execute("docker", "exec", REVIEWS, "bash", "-c", write)
    dsn = shop.server.dsn("reviews", shop.server.superuser, shop.server.password)
    with psycopg.connect(dsn) as session:
        assert session.execute("SELECT count(*) FROM products").fetchone() == (0,)


def test_a_service_that_does_not_start_is_told_with_its_last_words(shop: Shop) -> None:
    """The host signals failure, the deployment goes back and says why; the service before answers all the while."""
    text = (shop.text + ADDED).replace(
        "health: /api/products/health_check", "health: {path: /api/products/health_check, grace: 4 s}", 1
    )
    done = shop.run("deploy", "--yes", "--tag", "product-service=broken", text=text, code=3)
    told = done.stdout + done.stderr
    assert "FAILURE signal" in told
    assert "There is no table of hats." in told
    shop.site.until(lambda: healthy(shop.http("product-service")), "the service before answers")
    walk(shop)
