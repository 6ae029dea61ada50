"""`msaspec import compose`: what becomes of compose files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msaspec.cli import main
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.importers import compose
from msaspec.importing.imported import Imported, Options, refused
from msaspec.importing.ledger import Verdict, to_messages
from msaspec.importing.tree import leaves, parse, read
from tests import told


def imported(folder: Path, files: dict[str, str], *paths: str, options: Options | None = None) -> Imported:
    """What becomes of files in a folder, which is the working directory."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return compose.load(paths, options or Options())


def manifest(made: Imported) -> dict[str, Any]:
    """The manifest as data; it is right."""
    assert refused(made.text) == []
    data: dict[str, Any] = yaml.safe_load(made.text)
    return data


def verdict(made: Imported, key: str) -> tuple[str, str]:
    """What became of a key."""
    (found,) = {(row.verdict.value, row.what) for row in made.rows if row.key == key}
    return found


SHOP = """
name: shop
services:
  web:
    build: {context: ./web, target: prod, dockerfile: ./Dockerfile}
    ports: ["8080:3000", "9229:9229", "53:53/udp"]
    environment:
      API: http://api:8000/v1
      LOG: ${LEVEL:-info}
      STRIPE_KEY: ${STRIPE}
      PRICE: "$$5"
    depends_on: [api]
    restart: always
    volumes: [./web:/src, /var/run/docker.sock:/var/run/docker.sock]
  api:
    image: acme/api:1.2
    command: serve --port 8000
    environment:
      - DATABASE_URL=postgres://app:hunter22@db:5432/orders
      - DB_USER=app
      - DB_PASSWORD=hunter22
      - CACHE=redis://cache:6379
      - JWT_SECRET=abcdefghijkl
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 900M}}}
    depends_on: {db: {condition: service_healthy}, worker: {condition: service_started}}
  worker:
    image: acme/worker:1.2
    profiles: [jobs]
  cache: {image: "redis:7"}
  db:
    image: postgres:16-alpine
    environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: orders}
    volumes: [data:/var/lib/postgresql/data]
volumes: {data: }
"""


def test_a_shop(tmp_path: Path) -> None:
    """Services, a database, edges, references, the front door, sizes: all of it from what compose says."""
    made = imported(tmp_path, {"compose.yaml": SHOP, ".env": "LEVEL=debug\n"})
    data = manifest(made)
    assert data["name"] == "shop"
    assert data["databases"] == {"db": {"version": "16"}}
    web, api = (data["services"][name] for name in ("web", "api"))
    assert "image" not in web, "its tag follows from the content"
    assert web["build"] == {"context": "./web", "target": "prod"}
    assert web["port"] == 3000
    assert web["paths"] == ["/"]
    assert web["env"] == {"API": "${api.url}/v1", "LOG": "debug", "PRICE": "$$5"}
    assert web["secrets"] == {"STRIPE_KEY": "/shop/web/stripe-key"}
    assert web["uses"] == {"api": {}}
    assert api["image"] == "docker.io/acme/api:1.2"
    assert api["command"] == ["serve", "--port", "8000"]
    assert api["env"]["DATABASE_URL"] == "${db.url}"
    assert api["env"]["DB_USER"] == "${db.username}"
    assert api["env"]["DB_PASSWORD"] == "${db.password}"
    assert api["env"]["CACHE"] == "${cache.url}"
    assert api["secrets"] == {"JWT_SECRET": "/shop/api/jwt-secret"}
    assert api["uses"] == {"cache": {}, "db": {"database": "orders"}}
    assert api["scale"] == 2
    assert api["runtime"] == {"type": "fargate", "cpu": "0.5 vCPU", "memory": "1 GiB"}
    assert data["caches"] == {"cache": {}}
    assert "worker" not in data["services"]


CACHES = """
name: fast
services:
  web:
    image: acme/web:1
    ports: ["80:8000"]
    environment:
      REDIS_URL: "redis://:pw12345678@redis:6379/0?timeout=5"
      CELERY: redis://redis/1
      SESSION_HOST: sessions
      SESSION_PASSWORD: hunter22hunter
      CACHE: objects:11211
      BOTH: "redis://locks:6379,redis://redis:6379"
    depends_on: [redis, sessions, hidden, locks]
  redis: {image: "redis:7-alpine", command: redis-server --requirepass pw12345678 --appendonly yes}
  sessions: {image: "bitnami/redis:7.2", environment: {REDIS_PASSWORD: hunter22hunter}}
  hidden: {image: "valkey/valkey:8"}
  locks: {image: redis}
  objects: {image: memcached}
  search: {image: redis/redis-stack:7}
"""


def test_caches(tmp_path: Path) -> None:
    """Redis, Valkey and Memcached are caches of ElastiCache, with TLS and users where clients take a URL. Others know
    no user: they get a cache without TLS, and no password. A program that has the name in its code reaches it there."""
    made = imported(tmp_path, {"compose.yaml": CACHES})
    data = manifest(made)
    assert data["caches"] == {
        "redis": {},
        "sessions": {"tls": False},
        "hidden": {"tls": False, "short_name": True},
        "locks": {},
        "objects": {"engine": "memcached"},
    }
    web = data["services"]["web"]
    assert web["env"] == {
        "REDIS_URL": "${redis.url}/0?timeout=5",
        "CELERY": "${redis.url}/1",
        "SESSION_HOST": "${sessions.host}",
        "CACHE": "${objects.host}:11211",
        "BOTH": "redis://${locks.host}:6379,redis://${redis.host}:6379",
    }
    assert "secrets" not in web
    assert web["uses"] == {name: {} for name in ("hidden", "locks", "objects", "redis", "sessions")}
    assert data["services"]["search"]["image"] == "docker.io/redis/redis-stack:7", "it has modules"
    assert "pw12345678" not in made.text
    assert verdict(made, "services.web.environment.SESSION_PASSWORD")[0] == "replaced"
    assert "backups: 7 days" in made.text
    kept = manifest(imported(tmp_path, {"compose.yaml": CACHES}, options=Options(managed=False)))
    assert kept["services"]["redis"]["image"] == "docker.io/library/redis:7-alpine"
    assert "caches" not in kept


def test_the_report_says_why(tmp_path: Path) -> None:
    """Each loss has its reason, and a replacement says by what."""
    made = imported(tmp_path, {"compose.yaml": SHOP})
    assert verdict(made, "services.web.environment.API") == ("carried", "services.web.env.API")
    assert verdict(made, "services.api.environment.JWT_SECRET")[0] == "replaced"
    assert verdict(made, "services.web.build.target") == ("carried", "services.web.build.target")
    assert "Docker of its host" in verdict(made, "services.web.volumes[1]")[1]
    assert "--profile jobs" in verdict(made, "services.worker.image")[1]
    assert verdict(made, "services.db.image") == ("replaced", "the database `databases.db` (RDS PostgreSQL)")
    assert verdict(made, "services.web.ports[2]")[0] == "lost"


VOLUMES = """
name: kept
services:
  db:
    image: neo4j:5
    volumes: [data:/data, /anonymous, "conf:/etc"]
  backup:
    image: acme/backup:1
    volumes: [{type: volume, source: data, target: /in, read_only: true}, ./here:/there]
  web:
    build: .
    ports: ["80:80"]
    deploy: {replicas: 2}
    volumes: ["up_loads:/srv/up"]
volumes: {data: , up_loads: , unused: {external: true}}
"""


def test_volumes(tmp_path: Path) -> None:
    """Named volumes last, and are shared where several copies write them; what belongs to a machine is lost."""
    made = imported(tmp_path, {"compose.yaml": VOLUMES})
    data = manifest(made)
    assert data["volumes"] == {"data": {}, "up-loads": {"shared": True}}
    assert data["services"]["db"]["uses"] == {"data": {"mount": "/data"}}
    assert data["services"]["backup"]["uses"] == {"data": {"mount": "/in", "access": "read"}}
    assert data["services"]["web"]["uses"]["up-loads"] == {"mount": "/srv/up"}
    assert verdict(made, "services.db.volumes[0]") == ("replaced", "the volume `volumes.data`, on EFS")
    assert "without a name" in verdict(made, "services.db.volumes[1]")[1]
    assert verdict(made, "services.db.volumes[2]") == ("lost", "a volume is not mounted at /etc")
    assert "your machine" in verdict(made, "services.backup.volumes[1]")[1]
    assert verdict(made, "volumes.unused.external")[0] == "lost"


BUILDS = """
name: builds
services:
  whole:
    build:
      context: ../services
      dockerfile: whole/prod.Dockerfile
      target: ${STAGE:-prod}
      args: [NODE_VERSION=24, NPM_TOKEN=npm_0123456789abcdefghijABCDEFGHIJ012345, FROM_SHELL]
      secrets: [npmrc, {source: token, target: tok}, gone]
      ssh: [default]
      cache_from: [acme/cache]
  map: {build: {args: {A: "1", B: "${B}", URL: "a$$b"}}}
secrets:
  npmrc: {file: ./.npmrc}
  token: {environment: TOKEN}
  other: {file: ./other}
"""


def test_how_images_are_built(tmp_path: Path) -> None:
    """Folder, Dockerfile, stage, arguments and secrets; a credential among the arguments becomes a secret, and what
    stays with the machine is named."""
    made = imported(tmp_path, {"compose.yaml": BUILDS})
    services = manifest(made)["services"]
    assert services["whole"]["build"] == {
        "context": "../services",
        "file": "whole/prod.Dockerfile",
        "target": "prod",
        "args": {"NODE_VERSION": "24"},
        "secrets": {
            "NPM_TOKEN": {"env": "NPM_TOKEN"},
            "npmrc": "./.npmrc",
            "tok": {"env": "TOKEN"},
        },
    }
    assert services["map"]["build"] == {"context": ".", "args": {"A": "1", "URL": "a$b"}}
    assert "npm_0123" not in made.text
    assert "FROM_SHELL" in made.text
    assert verdict(made, "secrets.npmrc.file") == ("carried", "services.whole.build.secrets.npmrc")
    assert verdict(made, "secrets.other.file")[0] == "lost"
    assert verdict(made, "services.whole.build.secrets[2]")[0] == "lost"
    assert verdict(made, "services.whole.build.ssh[0]")[0] == "lost"
    assert accounted(tmp_path, made)


@pytest.mark.parametrize("secret", ["hunter22", "abcdefghijkl"])
def test_a_password_is_nowhere(tmp_path: Path, secret: str) -> None:
    """Neither in the manifest nor in the report."""
    made = imported(tmp_path, {"compose.yaml": SHOP})
    assert secret not in made.text
    assert secret not in str(list(to_messages(made.rows)))


def test_a_password_behind_another_name_is_nowhere(tmp_path: Path) -> None:
    """A value that is a password of one service is one of another too, whatever its variable is called."""
    text = """
services:
  db: {image: "mysql:8", environment: {MYSQL_PASSWORD: s3cret-word, MYSQL_USER: app}}
  web: {image: "a/b:1", environment: {FR_DB_PHRASE: s3cret-word, DB_USER: app}}
"""
    made = imported(tmp_path, {"compose.yaml": text})
    assert "s3cret-word" not in made.text
    assert manifest(made)["services"]["web"]["env"] == {"DB_USER": "app"}


def test_stores_stay_containers_where_that_is_asked(tmp_path: Path) -> None:
    """`--stores containers`; also where there is nothing but stores."""
    made = imported(tmp_path, {"compose.yaml": SHOP}, options=Options(managed=False))
    assert manifest(made)["services"]["db"]["image"] == "docker.io/library/postgres:16-alpine"
    only = imported(tmp_path, {"compose.yaml": "services: {db: {image: postgres}}"})
    assert manifest(only)["services"]["db"]["port"] == 5432


def test_how_a_container_runs_is_carried(tmp_path: Path) -> None:
    """Its entry point, user, folder, time to stop, and what it may write."""
    text = """
services:
  web:
    image: a/web:1
    entrypoint: tini -- "my app"
    command: ["--home", "$${HOME}", "$${x.y}"]
    user: "1000:1000"
    working_dir: /srv
    stop_grace_period: 1m30s
    read_only: true
    tmpfs: [/tmp, "/run/:size=100m,mode=755", "relative"]
  slow: {image: a/slow:1, stop_grace_period: 10m, user: "${UNSET}", working_dir: srv, tmpfs: /tmp}
  sealed: {image: a/sealed:1, read_only: true, tmpfs: /tmp}
"""
    made = imported(tmp_path, {"compose.yaml": text})
    web, slow, sealed = (manifest(made)["services"][name] for name in ("web", "slow", "sealed"))
    assert web["entrypoint"] == ["tini", "--", "my app"]
    assert web["command"] == ["--home", "${HOME}", "$${x.y}"]
    assert (web["user"], web["working_dir"], web["stop_timeout"]) == ("1000:1000", "/srv", "90 s")
    assert web["read_only"] == {"except": ["/tmp", "/run"], "size": "100 MiB"}
    assert slow["stop_timeout"] == "120 s"
    assert {"user", "working_dir", "read_only"}.isdisjoint(slow)
    assert sealed["read_only"] is True
    assert verdict(made, "services.web.entrypoint") == ("carried", "services.web.entrypoint")
    assert verdict(made, "services.web.tmpfs[1]") == ("carried", "services.web.read_only.except")
    assert verdict(made, "services.web.tmpfs[2]")[0] == "lost"
    assert verdict(made, "services.slow.working_dir")[0] == "lost"
    assert verdict(made, "services.slow.tmpfs")[0] == "replaced"


def test_a_profile(tmp_path: Path) -> None:
    """`--profile` takes the services of a profile."""
    made = imported(tmp_path, {"compose.yaml": SHOP}, options=Options(profiles=frozenset(["jobs"])))
    assert "worker" in manifest(made)["services"]


def test_several_files_includes_and_extends(tmp_path: Path) -> None:
    """Later files lie over earlier ones, with `!reset` and `!override`; what is included and extended is there."""
    files = {
        "compose.yaml": """
include: [parts/other.yaml]
x-common: &common
  environment: {LOG: info, MODE: slow}
services:
  web:
    <<: *common
    image: a/web:1
    ports: ["80:80", "81:81"]
  api: {extends: {file: base.yaml, service: base}, ports: ["9000:9000"]}
""",
        "compose.override.yaml": """
services:
  web:
    image: a/web:2
    ports: !override ["8080:8080"]
    environment: {MODE: fast, LOG: !reset null}
""",
        "base.yaml": "services: {base: {image: 'a/api:3', environment: [A=1]}}",
        "parts/other.yaml": "services: {other: {image: 'a/other:1', ports: ['${PORT}:5000']}}",
        "parts/.env": "PORT=7000",
    }
    made = imported(tmp_path, files)
    services = manifest(made)["services"]
    assert services["web"]["image"] == "docker.io/a/web:2"
    assert services["web"]["port"] == 8080
    assert services["web"]["env"] == {"MODE": "fast"}
    assert services["api"]["image"] == "docker.io/a/api:3"
    assert services["api"]["env"] == {"A": "1"}
    assert services["other"]["port"] == 5000
    assert {row.what for row in made.rows if row.key == "services.web.ports[1]"} == {"overridden by a later file"}
    assert accounted(tmp_path, made)


def test_env_files(tmp_path: Path) -> None:
    """Variables of `env_file` are variables; one that is not there is said."""
    text = "services: {web: {image: 'a/b:1', env_file: [web.env, gone.env]}}"
    made = imported(tmp_path, {"compose.yaml": text, "web.env": "A=1\nAPI_TOKEN=abcdef123456\n"})
    web = manifest(made)["services"]["web"]
    assert web["env"] == {"A": "1"}
    assert web["secrets"] == {"API_TOKEN": f"/{manifest(made)['name']}/web/api-token"}
    assert "gone.env" in made.text


def test_an_edge_is_never_invented(tmp_path: Path) -> None:
    """A word that is the name of a service by chance is no edge, nor is an order of starts without a port."""
    text = """
services:
  web: {image: "a/web:1", ports: ["80:80"], environment: {MODE: worker, ENGINE: kafka}, depends_on: [worker]}
  worker: {image: "a/worker:1"}
  kafka: {image: "a/kafka:1"}
"""
    made = imported(tmp_path, {"compose.yaml": text})
    assert "uses" not in manifest(made)["services"]["web"]
    assert "No edge seen" in made.text


def test_what_a_manifest_refuses_is_left_out(tmp_path: Path) -> None:
    """A variable with an impossible name, with a comment that says so."""
    made = imported(tmp_path, {"compose.yaml": "services: {web: {image: 'a/b:1', environment: {'1 x': a, B: b}}}"})
    assert manifest(made)["services"]["web"]["env"] == {"B": "b"}
    assert "Left out env" in made.text
    assert verdict(made, "services.web.environment.1 x")[0] == "lost"


BOMB = "".join(f"{c}: &{c} [{', '.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdef")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("[]", "is not a compose file"),
        ("services: {}", "There is no service"),
        ("include: [gone.yaml]", "There is no file gone.yaml"),
        ("include: [compose.yaml]\nservices: {a: {image: b}}", "includes itself"),
        ("a: " + "[" * 150 + "]" * 150, "is too large"),
        ("a: &a [1,2,3,4,5,6,7,8,9]\n" + BOMB, "is too large"),
    ],
    ids=["syntax", "list", "empty", "missing", "circle", "deep", "bomb"],
)  # fmt: skip
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, message: str) -> None:
    """One error with its reason, at its file."""
    with pytest.raises(Invalid, match=message) as caught:
        imported(tmp_path, {"compose.yaml": text})
    assert {each.code for each in caught.value.diagnostics} == {"MSA207"}


def accounted(folder: Path, made: Imported) -> bool:
    """Every leaf of every file that was read has a row of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        keys = [
            leaf for name in {row.file for row in made.rows} for tree in read(Path(name), name) for leaf in leaves(tree)
        ]
    return len(keys) == len(made.rows)


WORDS = st.text("abcdefghijklmnopqrstuvwxyzABC_-.:/$={}! 0123456789", max_size=12)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 70000), WORDS)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=4
)
KEYS = (
    *("image", "build", "command", "entrypoint", "environment", "env_file", "ports", "expose", "volumes", "depends_on"),
    *("links", "networks", "restart", "deploy", "healthcheck", "labels", "logging", "secrets", "configs", "profiles"),
    *("extends", "platform", "user", "tmpfs", "scale", "cpus", "mem_limit", "x-a", "read_only"),
)
SERVICES = st.dictionaries(
    st.sampled_from(KEYS),
    ANYTHING | st.sampled_from(["80:80", "http://b:80", ["A=b", "C"], {"A": "b"}, "b"]),
    max_size=6,
)
FILES = st.fixed_dictionaries(
    {"services": st.dictionaries(st.sampled_from(["a", "b", "web_1", "db"]), SERVICES, min_size=1, max_size=3)},
    optional={"volumes": ANYTHING, "x-y": ANYTHING, "name": WORDS, "networks": ANYTHING, "version": SCALARS},
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(FILES, st.none() | FILES)
def test_every_key_of_any_file_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any], over: dict[str, Any] | None
) -> None:
    """Whatever the files hold: a manifest and a row for each leaf, or an error with its reason."""
    folder = tmp_path_factory.mktemp("any")
    files = {"compose.yaml": yaml.safe_dump(data)} | ({"compose.override.yaml": yaml.safe_dump(over)} if over else {})
    try:
        made = imported(folder, files)
    except Invalid:
        return
    assert accounted(folder, made)
    assert all(row.what for row in made.rows)
    yaml.safe_load(made.text)


def test_scalars_are_those_of_yaml_1_2() -> None:
    """`22:22` is a port and no number in base 60, and `on` is a word."""
    (tree,) = parse(b"a: 22:22\nb: on\nc: 010\nd: 'x'\ne: 1.50", "x")
    assert [leaf.value for leaf in leaves(tree)] == ["22:22", "on", "010", "x", 1.5]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest goes to stdout or a file, the report to stderr, and a missing file is an error of the user's."""
    monkeypatch.chdir(tmp_path)
    Path("compose.yaml").write_text(SHOP)
    result = CliRunner().invoke(main, ["import", "compose"])
    assert result.exit_code == 0
    assert result.stdout.startswith("msaspec: 1\n")
    assert "keys: " in result.stderr
    written = CliRunner().invoke(main, ["import", "compose", "compose.yaml", "-o", "msa.yaml", "--format", "json"])
    assert written.exit_code == 0
    rows = told.rows(written.stdout, "key")
    assert {row["verdict"] for row in rows} == set(Verdict)
    assert Path("msa.yaml").read_text() == result.stdout
    assert CliRunner().invoke(main, ["import", "compose", "gone.yaml"]).exit_code == 1
    assert CliRunner().invoke(main, ["import", "helm"]).exit_code == 2


ONCE = """
services:
  web:
    build: .
    ports: ["8080:8000"]
    environment: {DATABASE_URL: "mysql://shop:hunter22@db:3306/shop", DB_USER: shop, DB_PASSWORD: hunter22}
    volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro", ".:/src"]
    configs: [{source: app, target: /srv/app.ini}]
    depends_on: {migrate: {condition: service_completed_successfully}, db: {condition: service_healthy}}
  migrate:
    build: .
    environment: {DATABASE_URL: "mysql://shop:hunter22@db:3306/shop"}
    depends_on: [db]
  seed: {image: "acme/seed:1", command: [seed], restart: "no"}
  db: {image: "mariadb:10.11", environment: {MYSQL_USER: shop, MYSQL_PASSWORD: hunter22, MYSQL_DATABASE: shop}}
  old: {image: "mysql:5.7", environment: {MYSQL_ROOT_PASSWORD: hunter22}}
configs: {app: {content: "a=1\\n"}}
"""


def test_what_runs_once_stores_of_mysql_and_files(tmp_path: Path) -> None:
    """A migration is a job that owns the database; MySQL and MariaDB are databases, of a version that RDS has; text
    files that are mounted are files of the manifest."""
    made = imported(tmp_path, {"compose.yaml": ONCE, "nginx.conf": "events {}\n"})
    assert refused(made.text, str(tmp_path)) == []
    data = yaml.safe_load(made.text)
    web, migrate = data["services"]["web"], data["jobs"]["migrate"]
    assert data["databases"] == {"db": {"engine": "mariadb", "version": "10.11"}, "old": {"engine": "mysql"}}
    assert "The source has mysql:5.7; this is version 8.4." in made.text
    assert web["files"] == {"/etc/nginx/nginx.conf": "./nginx.conf", "/srv/app.ini": {"text": "a=1\n"}}
    assert web["env"] == {"DATABASE_URL": "${db.url}", "DB_USER": "${db.username}", "DB_PASSWORD": "${db.password}"}
    assert migrate["run"] == "before-deploy"
    assert (migrate["uses"], web["uses"]) == (
        {"db": {"database": "shop"}},
        {"db": {"database": "shop", "access": "read-write"}},
    )
    assert set(data["jobs"]) == {"migrate", "seed"}
    assert set(data["services"]) == {"web"}
    assert verdict(made, "services.web.volumes[0]")[0] == "carried"
    assert verdict(made, "services.web.volumes[1]")[0] == "lost"
    assert verdict(made, "configs.app.content")[0] == "carried"
    assert verdict(made, "services.seed.restart") == ("carried", "jobs.seed.run")


MONGO = """
services:
  web:
    image: "ghcr.io/x/web:1"
    environment:
      MONGO_URL: "mongodb://root:hunter22@mongo:27017/shop?authSource=admin"
      MONGO_LAX: "mongodb://root:hunter22@mongo:27017/shop?readPreference=secondary"
      MONGO_PASSWORD: hunter22
  mongo:
    image: "mongo:5.0.9"
    environment: {MONGO_INITDB_ROOT_USERNAME: root, MONGO_INITDB_ROOT_PASSWORD: hunter22, MONGO_INITDB_DATABASE: shop}
  old: {image: "mongo:3.4"}
"""


def test_mongodb_is_documentdb(tmp_path: Path) -> None:
    """A container of MongoDB is a database of DocumentDB, of its version where there is that; addresses become
    references, but for one that says more than those of DocumentDB do."""
    made = imported(tmp_path, {"compose.yaml": MONGO})
    assert refused(made.text, str(tmp_path)) == []
    data = yaml.safe_load(made.text)
    assert data["databases"] == {"mongo": {"engine": "documentdb", "version": "5.0"}, "old": {"engine": "documentdb"}}
    web = data["services"]["web"]
    assert web["env"] == {"MONGO_URL": "${mongo.url}", "MONGO_PASSWORD": "${mongo.password}"}
    assert web["uses"] == {"mongo": {"database": "shop"}}
    assert "The source has mongo:3.4; this is version 5.0." in made.text
    assert "lacks some operations" in " ".join(made.text.replace("#", "").split())
    assert verdict(made, "services.mongo.image")[0] == "replaced"


MESSAGES = """
name: shop
services:
  api:
    image: acme/api:1.2
    ports: ["8000:8000"]
    environment:
      RABBIT_URL: amqp://shop:hunter22@queue:5672/orders
      RABBITMQ_ADDRESSES: queue:5672
      RABBITMQ_HOST: queue
      RABBITMQ_PORT: 5672
      RABBITMQ_USER: shop
      RABBITMQ_PASSWORD: hunter22
      RABBITMQ_VHOST: orders
      RETRIES: "5672"
  worker:
    image: acme/worker:1.2
    depends_on: [queue]
  queue:
    image: rabbitmq:3.13-management
    environment: {RABBITMQ_DEFAULT_USER: shop, RABBITMQ_DEFAULT_PASS: hunter22, RABBITMQ_DEFAULT_VHOST: orders}
"""


def test_rabbitmq_becomes_a_broker(tmp_path: Path) -> None:
    """Its address, its login and its port are references, since Amazon MQ has others; the password is nowhere."""
    made = imported(tmp_path, {"compose.yaml": MESSAGES})
    data = manifest(made)
    assert data["brokers"] == {"queue": {"version": "3.13"}}
    api = data["services"]["api"]
    assert api["env"] == {
        "RABBIT_URL": "${queue.url}",
        "RABBITMQ_ADDRESSES": "${queue.address}",
        "RABBITMQ_HOST": "${queue.host}",
        "RABBITMQ_PORT": "${queue.port}",
        "RABBITMQ_USER": "${queue.username}",
        "RABBITMQ_PASSWORD": "${queue.password}",
        "RABBITMQ_VHOST": "${queue.vhost}",
        "RETRIES": "5672",
    }
    assert api["uses"] == data["services"]["worker"]["uses"] == {"queue": {"vhost": "orders"}}
    assert "hunter22" not in made.text
    assert "clients need `amqps`" in made.text
    assert verdict(made, "services.queue.image") == ("replaced", "the broker `brokers.queue` (Amazon MQ for RabbitMQ)")


def test_a_broker_can_stay_a_container(tmp_path: Path) -> None:
    """With `--stores containers` nothing is managed, and the port is that of the image."""
    made = imported(tmp_path, {"compose.yaml": MESSAGES}, options=Options(managed=False))
    data = manifest(made)
    assert "brokers" not in data
    assert data["services"]["queue"]["port"] == 5672
    assert data["services"]["api"]["env"]["RABBITMQ_ADDRESSES"] == "${queue.host}:5672"
