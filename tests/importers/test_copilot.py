"""`msaspec import copilot`: what becomes of a folder of AWS Copilot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from msaspec.diagnostics.diagnostic import Invalid
from msaspec.importers import copilot
from msaspec.importing.imported import Imported, Options, refused
from msaspec.importing.ledger import to_messages
from msaspec.importing.tree import leaves, read

FILES = {
    "copilot/.workspace": "application: shop\n",
    "copilot/web/manifest.yml": """
name: web
type: Load Balanced Web Service
http:
  path: '/'
  alias: shop.example.com
  healthcheck: {path: /up, interval: 15s, success_codes: '200'}
image:
  build:
    {dockerfile: web/docker/prod.Dockerfile, context: web, target: prod, args: {A: "1", B: "${C}"}, cache_from: [x]}
  port: 3000
cpu: 256
memory: 512
count: {range: 1-4, cpu_percentage: 70}
exec: true
network: {connect: true}
variables:
  API: http://api:8080/v1
  ENV: ${COPILOT_ENVIRONMENT_NAME}
  DB_PASSWORD: hunter22
  TABLE: {from_cfn: other-Table}
secrets:
  TOKEN: /copilot/${COPILOT_APPLICATION_NAME}/${COPILOT_ENVIRONMENT_NAME}/secrets/TOKEN
  OLD: GITHUB_TOKEN
environments:
  prod: {count: 3, variables: {LOG: warn}, cpu: 1024, memory: 2048}
""",
    "copilot/api/manifest.yml": """
name: api
type: Backend Service
image: {location: 'acme/api:1', port: 8080}
platform: linux/arm64
command: "serve --all"
sidecars: {nginx: {image: nginx, port: 80}}
count: {spot: 2}
logging: {retention: 30}
storage:
  volumes:
    files: {efs: {uid: 1000, gid: 1001}, path: /srv/files, read_only: false}
    old: {efs: {id: fs-1}, path: /srv/old}
""",
    "copilot/api/addons/db.yml": """
Parameters: {App: {Type: String}}
Resources:
  OrdersDatabase: {Type: 'AWS::RDS::DBInstance', Properties: {Engine: postgres, AllocatedStorage: 20}}
  Uploads: {Type: 'AWS::S3::Bucket'}
  Cache: {Type: 'AWS::ElastiCache::CacheCluster', Properties: {Name: !Sub '${App}'}}
""",
    "copilot/nightly/manifest.yml": """
name: nightly
type: Scheduled Job
on: {schedule: "cron(0 3 ? * 2 *)"}
image: {location: 'acme/nightly:1'}
timeout: 1h30m
retries: 2
environments: {prod: {cpu: 1024, memory: 2048}}
""",
    "copilot/site/manifest.yml": "name: site\ntype: Static Site\nfiles: [{source: dist}]\n",
    "copilot/environments/test/manifest.yml": "name: test\ntype: Environment\nnetwork: {vpc: {cidr: 10.1.0.0/16}}\n",
    "copilot/environments/prod/manifest.yml": "name: prod\ntype: Environment\ncdn: true\n",
    "copilot/api/overrides/cfn.patches.yml": "- {op: add, path: /Resources/X, value: 1}\n",
    "copilot/pipelines/main/manifest.yml": "name: main\nversion: 1\nsource: {provider: GitHub}\n",
}


def imported(folder: Path, files: dict[str, str], *paths: str) -> Imported:
    """What becomes of files in a folder, which is the working directory."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return copilot.load(paths, Options())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Imported, Path]:
    """The import of the files above, and their folder."""
    folder = tmp_path_factory.mktemp("copilot")
    return imported(folder, FILES), folder


def test_an_application(made: tuple[Imported, Path]) -> None:
    """Services with sizes, copies, paths, health, references and secrets; environments; stores of addons."""
    text = made[0].text
    assert refused(text) == []
    data: dict[str, Any] = yaml.safe_load(text)
    web, api = data["services"]["web"], data["services"]["api"]
    assert data["name"] == "shop"
    assert web["build"] == {"context": "./web", "file": "docker/prod.Dockerfile", "target": "prod", "args": {"A": "1"}}
    assert web["paths"] == ["/"]
    assert web["health"] == {"path": "/up", "interval": "15 s", "codes": "200"}
    assert web["runtime"] == {"type": "fargate", "cpu": "0.25 vCPU", "memory": "512 MiB", "exec": True}
    assert web["scale"] == {"min": 1, "max": 4, "cpu": 70}
    assert web["env"] == {"API": "${api.url}/v1", "ENV": "${system.environment}"}
    assert web["uses"] == {"api": {}}
    assert web["secrets"] == {"DB_PASSWORD": "/shop/web/db-password", "OLD": "/GITHUB_TOKEN"}
    assert api["image"] == "docker.io/acme/api:1"
    assert api["arch"] == "arm64"
    assert api["command"] == ["serve", "--all"]
    assert api["logs"] == "30 days"
    assert api["runtime"] == {"type": "fargate", "spot": 100}
    files = {"mount": "/srv/files", "user": "1000:1001"}
    assert api["uses"] == {"files": files, "orders-database": {}, "uploads": {"access": "read-write"}, "cache": {}}
    assert api["sidecars"] == {"nginx": {"image": "docker.io/library/nginx"}}
    assert data["volumes"] == {"files": {"shared": True}}
    assert set(data["databases"]) == {"orders-database"}
    nightly = data["jobs"]["nightly"]
    assert (nightly["schedule"], nightly["timeout"], nightly["retries"]) == ("0 3 * * 1", "90 min", 2)
    assert data["environments"]["prod"]["jobs"]["nightly"]["runtime"] == {"cpu": "1 vCPU", "memory": "2 GiB"}
    assert set(data["buckets"]) == {"site", "uploads"}
    assert data["buckets"]["site"] == {"site": "dist"}
    prod = data["environments"]["prod"]["services"]["web"]
    assert prod["scale"] == 3
    assert prod["env"] == {"LOG": "warn"}
    assert prod["runtime"] == {"type": "fargate", "cpu": "1 vCPU", "memory": "2 GiB"}
    assert prod["secrets"] == {"TOKEN": "/copilot/shop/prod/secrets/TOKEN"}
    assert data["environments"]["test"]["services"]["web"]["secrets"]["TOKEN"] == "/copilot/shop/test/secrets/TOKEN"


@pytest.mark.parametrize("word", ["shop.example.com", "TABLE", "Move the data"])
def test_a_comment_says_where_a_person_must_decide(made: tuple[Imported, Path], word: str) -> None:
    """Domains, outputs of other stacks, data of addons."""
    assert word in "\n".join(line for line in made[0].text.splitlines() if line.lstrip().startswith("#"))


def test_every_key_is_accounted_for(made: tuple[Imported, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of manifests, environments, addons, overrides and pipelines; and no password is in the report."""
    monkeypatch.chdir(made[1])
    rows = made[0].rows
    assert {row.file for row in rows} == set(FILES)
    keys = [leaf for name in FILES for tree in read(Path(name), name) for leaf in leaves(tree)]
    assert len(rows) == len(keys)
    assert "hunter22" not in made[0].text + str(list(to_messages(rows)))


EVENTS = {
    "copilot/api/manifest.yml": """
name: api
type: Load Balanced Web Service
http: {path: /, target_container: nginx}
image: {location: 'acme/api:1', port: 8080, depends_on: {nginx: healthy, seed: success}}
sidecars:
  nginx: {image: 'nginx:1.29', port: 80, variables: {UP: "8080", KEY: {from_cfn: x}}, mount_points: [{path: /b}]}
  seed: {image: 'acme/seed:1', essential: false, command: "seed --all"}
  built: {build: ./x}
publish: {topics: [{name: orders}, {name: paid, fifo: true}]}
""",
    "copilot/worker/manifest.yml": """
name: worker
type: Worker Service
image: {location: 'acme/worker:1'}
subscribe:
  topics: [{name: orders, service: api, filter_policy: {kind: [a]}}, {name: gone, service: other}]
  queue: {timeout: 60s, dead_letter: {tries: 5}}
""",
    "copilot/api/addons/stores.yml": """
Resources:
  Books: {Type: 'AWS::RDS::DBInstance', Properties: {Engine: mysql}}
  Bills: {Type: 'AWS::DocDB::DBCluster', Properties: {MasterUsername: bills}}
  BillsInstance: {Type: 'AWS::DocDB::DBInstance', Properties: {DBInstanceClass: db.t4g.medium}}
  Sessions: {Type: 'AWS::ElastiCache::ReplicationGroup', Properties: {Engine: redis}}
  Bus:
    Type: AWS::AmazonMQ::Broker
    Properties: {EngineType: RABBITMQ, HostInstanceType: mq.m5.large, EngineVersion: '3.13'}
  Old: {Type: 'AWS::AmazonMQ::Broker', Properties: {EngineType: ACTIVEMQ, HostInstanceType: mq.m5.large}}
  Carts:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: user, AttributeType: S}, {AttributeName: at, AttributeType: N}]
      KeySchema: [{AttributeName: user, KeyType: HASH}, {AttributeName: at, KeyType: RANGE}]
""",
}


def test_events_sidecars_and_stores(tmp_path: Path) -> None:
    """What is published becomes topics, a worker has a queue on them; programs find their variables of Copilot. A
    sidecar in front has the port, others start when the service waits for them. Stores of addons are entries of their
    kind."""
    made = imported(tmp_path, EVENTS)
    assert refused(made.text) == []
    data: dict[str, Any] = yaml.safe_load(made.text)
    api, worker = data["services"]["api"], data["services"]["worker"]
    assert data["topics"] == {"orders": {}, "paid": {"fifo": True}}
    taken = {"orders": {"raw": False, "filter": {"kind": ["a"]}}}
    assert data["queues"] == {"worker-events": {"from": taken, "visibility": "60 s", "dead_letter": 5}}
    assert worker["uses"] == {"worker-events": "consume"}
    assert worker["env"] == {"COPILOT_QUEUE_URI": "${worker-events.url}"}
    assert api["env"] == {"COPILOT_SNS_TOPIC_ARNS": '{"orders": "${orders.arn}", "paid": "${paid.arn}"}'}
    assert (api["port"], api["front"]) == (80, "nginx")
    assert api["sidecars"]["nginx"] == {
        "image": "docker.io/library/nginx:1.29",
        "env": {"UP": "8080"},
        "starts": "before",
    }
    assert api["sidecars"]["seed"] == {
        "image": "docker.io/acme/seed:1",
        "command": ["seed", "--all"],
        "starts": "first",
    }
    assert "The topic gone of other is not part of the import." in made.text
    assert data["brokers"] == {"bus": {"version": "3.13", "size": "mq.m5.large"}}
    assert api["uses"]["bus"] == {}
    assert "The sidecar built is built" in made.text
    assert data["databases"] == {"books": {"engine": "mysql"}, "bills": {"engine": "documentdb"}}
    assert data["tables"]["carts"] == {
        "key": {"name": "user", "type": "string"},
        "sort": {"name": "at", "type": "number"},
    }
    assert set(api["uses"]) == {"orders", "paid", "books", "bills", "bus", "sessions", "carts"}
    reasons = {row.key: row.what for row in made.rows if row.verdict == "lost"}
    assert reasons["sidecars.nginx.mount_points[0].path"].startswith("containers share no files")
    assert {row.key for row in made.rows if row.what == "Copilot has it, msaspec does not"} == set()


def test_an_existing_vpc_is_named(tmp_path: Path) -> None:
    """Its block is not in Copilot's files: a comment has the line to complete."""
    vpc = "{id: vpc-11111111, subnets: {public: [{id: subnet-1111111a}, {id: subnet-1111111b}]}}"
    environment = f"name: test\ntype: Environment\nnetwork: {{vpc: {vpc}}}\n"
    files = {**FILES, "copilot/environments/test/manifest.yml": environment}
    text = imported(tmp_path, files).text
    line = "network: {vpc: vpc-11111111, cidr: ..., public: [subnet-1111111a, subnet-1111111b]}"
    assert line in " ".join(text.replace("#", " ").split())


def test_what_is_no_application_is_said(tmp_path: Path) -> None:
    """A folder that is not there, one without services, and a file that is not a map."""
    with pytest.raises(Invalid, match="There is no folder gone"):
        imported(tmp_path, {}, "gone")
    with pytest.raises(Invalid, match="has no service"):
        imported(tmp_path, {"copilot/x/manifest.yml": "name: x\ntype: Environment\n"})
    with pytest.raises(Invalid, match="not a manifest of Copilot"):
        imported(tmp_path / "b", {"copilot/x/manifest.yml": "[]\n"})
