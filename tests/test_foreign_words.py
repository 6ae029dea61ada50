"""Words and shapes of other tools are answered with the lines to write, and these lines are right."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid
from msaspec.diagnostics.spelling import nearest
from msaspec.language.kind import Kind
from msaspec.manifest import fillers, foreign, misshapen
from msaspec.manifest.sections import kinds, runtimes

WORDS = foreign.words()
BASE: dict[str, Any] = {
    "msaspec": 1,
    "name": "shop",
    "buckets": {"media": {"cdn": True}},
    "databases": {"main": {}, "other": {}},
    "caches": {"sessions-cache": {"engine": "memcached"}},
    "brokers": {"bus": {}},
    "topics": {"events": {}},
    "queues": {"orders": {"from": ["events"]}},
    "volumes": {"data": {"shared": True}},
    "tables": {"sessions": {"key": "id", "indexes": {"by-email": {"key": "email"}}}},
    "services": {
        "web": {"image": "web:1.0", "port": 8000, "runtime": {"type": "fargate"}, "uses": {"main": {}}},
        "user-service": {"image": "user:1.0", "port": 8000, "paths": ["/api/users"], "runtime": {"type": "instance"}},
    },
    "jobs": {"report": {"image": "report:1.0"}},
}
HOLDERS = {
    "": [(), ("services", "web")],
    "services.*": [("services", "web"), ("services", "user-service"), ()],
    "databases.*": [("databases", "main"), ("services", "web"), ()],
    "buckets.*": [("buckets", "media"), ("services", "web"), ()],
    "caches.*": [("caches", "other-cache"), ("caches", "sessions-cache"), ()],
    "brokers.*": [("brokers", "bus"), ("services", "web"), ()],
    "queues.*": [("queues", "orders"), ()],
    "topics.*": [("topics", "events"), ()],
    "tables.*": [("tables", "sessions"), ()],
    "volumes.*": [("volumes", "data"), ("services", "web"), ()],
    "tables.*.indexes.*": [("tables", "sessions", "indexes", "by-email")],
    "jobs.*": [("jobs", "report"), ()],
    "network": [("network",), ()],
    "ingress": [("ingress",), ()],
    "services.*.build": [("services", "web", "build"), ("services", "web")],
    "services.*.health": [("services", "web", "health"), ("services", "web")],
    "services.*.scale": [("services", "web", "scale"), ("services", "web")],
    "services.*.runtime": [
        ("services", "web", "runtime"),
        ("services", "user-service", "runtime"),
        ("services", "web"),
    ],
}
"""Where the lines of a sentence may belong, for words of a place."""
OF_SHAPE = ("MSA201", "MSA202", "MSA203", "MSA204", "MSA205", "MSA210", "MSA213")


def merged(holder: tuple[str, ...], lines: dict[str, Any]) -> str:
    """The base manifest with some lines below a path. What stands there as a plain value is replaced."""
    data = yaml.safe_load(yaml.safe_dump(BASE))
    node = data
    for step in holder:
        node = node.setdefault(step, {})
    lay(node, lines)
    if holder[-1:] == ("health",):
        node.setdefault("path", "/")
    return json.dumps(data)


def lay(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    """Maps merge, all else replaces."""
    for key, value in upper.items():
        if isinstance(value, dict) and isinstance(lower.get(key), dict):
            lay(lower[key], value)
        else:
            lower[key] = value


def found(text: str) -> list[Diagnostic]:
    """What is wrong with a manifest in shape."""
    try:
        pipeline.compile_main(pipeline.load(text, "msa.yaml"))
    except Invalid as invalid:
        return [each for each in invalid.diagnostics if each.code in OF_SHAPE]
    return []


def test_there_are_many_words() -> None:
    """At least 60 keys, most of them of services and of the manifest itself."""
    assert set(WORDS) == set(HOLDERS)
    assert len(WORDS["services.*"]) > 100
    assert len(WORDS[""]) > 100


@pytest.mark.parametrize("where", WORDS, ids=lambda where: where or "manifest")
def test_the_key_that_a_word_means_is_one_of_the_language(where: str) -> None:
    """`environment` means `env`, which a service has; on some runtime, where it is one of a runtime."""
    known = {key for holder in HOLDERS[where] for key in fillers.keys(fillers.at(holder, BASE) or fillers.root())}
    known |= {key for runtime in runtimes().values() for key in runtime.model.model_fields}
    for word, meaning in WORDS[where].items():
        assert meaning.key is None or meaning.key in known, word


SENTENCES = sorted({(where, word.says) for where, words in WORDS.items() for word in words.values()})


@pytest.mark.parametrize(("where", "says"), SENTENCES, ids=[says[:40] for _, says in SENTENCES])
def test_the_lines_to_write_are_right(where: str, says: str) -> None:
    """Each piece of YAML in a sentence is accepted at the place of the word, in a service, or at the top."""
    pieces = [piece for piece in re.findall(r"`([^`]+)`", says) if re.match(r"[a-z_]+: \S", piece)]
    assert pieces or says.startswith(("Remove it", "There ", "msaspec ", "A ", "Run ", "Permissions ")), says
    lines = [yaml.safe_load(piece.replace(" ARN", f" {ARN}").replace("...", "x")) for piece in pieces]
    for piece in lines:
        assert any(not found(merged(holder, piece)) for holder in HOLDERS[where]), (piece, says)


ARN = "arn:aws:acm:us-east-1:123456789012:certificate/1b2c3d4e"
KEYS: list[tuple[str, Any, str | None]] = [
    ("services.web.environment", ["LOG=info"], "Write `env: {LOG: info}`."),
    ("services.web.variables", {"LOG": "info"}, "Write `env: {LOG: info}`."),
    ("services.web.depends_on", {"user-service": {"condition": "service_healthy"}}, "Write `uses: [user-service]`."),
    ("services.web.links", ["user-service:users"], "Write `uses: [user-service]`."),
    ("services.web.healthcheck", {"test": "curl -f http://localhost/up || exit 1"}, "Write `health: /up`."),
    ("services.web.replicas", 3, "Write `scale: 3`."),
    ("services.web.count", {"range": "1-10"}, "Write `scale: {min: 1, max: 10}`."),
    ("services.web.http", {"path": "api"}, "Write `paths: [/api]`."),
    ("services.web.alias", "shop.example.com", "Write `hosts: [shop.example.com]`."),
    ("services.web.platform", "linux/amd64", "Write `arch: x86_64`."),
    ("services.web.args", "worker --queue=mail", 'Write `command: [worker, "--queue=mail"]`.'),
    ("services.web.stop_signal", "SIGINT", "msaspec does not set it. Set it in the Dockerfile."),
    ("system", "My Shop", "Write `name: my-shop`."),
    ("aws_region", "eu-west-1a", "Write `region: eu-west-1`."),
    ("x-common", {}, "Remove it: a manifest has no extensions. What services share is in `defaults`."),
    ("databases.main.engine_version", 16, 'Write `version: "16"`.'),
    ("databases.main.class", "t4g.small", "Write `size: db.t4g.small`."),
    ("tables.sessions.ttl", "expires_at", None),
    ("tables.sessions.sort_key", {"name": "at", "type": "number"}, "Write `sort: {name: at, type: number}`."),
    ("tables.sessions.indexes.by-email.projection", "keys", None),
    ("services.web.runtime.mem", "2g", "Write `memory: 2 GiB`."),
    ("services.web.scale.maximum", 4, "Write `max: 4`."),
]
SHAPES = [
    ("services.web.port", "80:8000", "Write `port: 8000`."),
    ("services.web.port", ["127.0.0.1:80:8000/tcp"], "Write `port: 8000`."),
    ("services.web.port", "8000", "Write `port: 8000`."),
    ("services.web.env", ["LOG=info", "A=b=c"], "Write `env: {LOG: info, A: b=c}`."),
    ("services.web.env", [{"name": "LOG", "value": "info"}], "Write `env: {LOG: info}`."),
    ("services.web.env", ["DB_PASSWORD=hunter2"], "Write `env: {DB_PASSWORD: *******}`."),
    ("services.web.secrets", ["API_KEY"], "Write `secrets: {API_KEY: /api-key}`."),
    ("services.web.secrets", {"API_KEY": "shop/api-key"}, "Write `API_KEY: /shop/api-key`."),
    ("services.web.secrets", {"API_KEY": {"valueFrom": "/shop/key"}}, "Write `API_KEY: /shop/key`."),
    ("services.web.uses", "main", "Write `uses: [main]`."),
    ("services.web.command", "python -m app --port 8000", 'Write `command: [python, "-m", app, ...]`.'),
    ("services.web.paths", ["/v1/*"], "Write `/v1`."),
    ("services.web.paths", "api/users/", "Write `paths: [/api/users]`."),
    ("services.web.hosts", ["https://Shop.example.com/"], "Write `shop.example.com`."),
    ("services.web.health", "http://localhost:8000/up", "Write `/up`."),
    ("services.web.health", {"path": "/", "interval": 10}, "Write `interval: 10 s`."),
    ("services.web.health", {"path": "/", "grace": "1m30s"}, "Write `grace: 90 s`."),
    ("services.web.health", {"path": "/", "codes": "2xx"}, 'Write `codes: "200-299"`.'),
    ("services.web.scale", "1-10", "Write `scale: {min: 1, max: 10}`."),
    ("services.web.scale", {"cpu": "60%", "max": 2}, "Write `cpu: 60`."),
    ("services.web.image", "grafana/grafana:12", "Write `image: docker.io/grafana/grafana:12`."),
    (
        "services.web.image",
        "arn:aws:ecr:eu-west-1:123456789012:repository/cart",
        "Write `image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/cart`.",
    ),
    ("services.web.runtime.cpu", 256, "Write `cpu: 0.25 vCPU`."),
    ("services.web.runtime.cpu", "500m", "Write `cpu: 0.5 vCPU`."),
    ("services.web.runtime.memory", 1024, "Write `memory: 1024 MiB`."),
    ("services.web.runtime.memory", "2g", "Write `memory: 2 GiB`."),
    ("services.web.runtime", "ecs", "Did you mean `fargate`?"),
    ("services.web.arch", "amd64", "Write `arch: x86_64`."),
    ("services.web.logs", 30, "Write `logs: 30 days`."),
    ("databases.main.storage", 20, "Write `storage: 20 GiB`."),
    ("databases.main.storage", "1TB", "Write `storage: 1 TiB`."),
    ("databases.main.version", 16, 'Write `version: "16"`.'),
    ("databases.main.size", "t4g.small", "Write `size: db.t4g.small`."),
    ("databases.main.engine", "postgresql", "Write `engine: postgres`."),
    ("databases.main.backups", 7, "Write `backups: 7 days`."),
    ("databases", ["main"], "Write `databases: {main: {}}`."),
    ("environments", ["dev", "prod"], "Write `environments: {dev: {}, prod: {}}`."),
    ("region", "EU_WEST_1", "Write `region: eu-west-1`."),
    ("region", "eu-west-1a", "Write `region: eu-west-1`."),
    ("name", "My Shop", "Write `name: my-shop`."),
    ("tags", [{"Key": "team", "Value": "shop"}], "Write `tags: {team: shop}`."),
    ("network.zones", ["a", "b"], "Write `zones: 2`."),
    ("network.nat", True, "Write `nat: single`."),
    ("ingress.allow", ["203.0.113.5"], "Write `203.0.113.5/32`."),
    ("ingress", {"hosted_zone": "/hostedzone/Z0123456789ABC"}, "Write `hosted_zone: Z0123456789ABC`."),
    ("buckets.media.versioned", "yes", "Write `versioned: true`."),
    ("services.web.uses", {"main": "orders"}, "Write `main: {database: orders}`."),
    ("services.web.kms_key", 5, None),
]


def wrong(at: str, value: Any) -> str:
    """The base manifest with a value at a place."""
    *holder, key = at.split(".")
    return merged(tuple(holder), {key: value})


@pytest.mark.parametrize(("at", "value", "hint"), KEYS, ids=[each[0] for each in KEYS])
def test_a_key_of_another_tool(at: str, value: Any, hint: str | None) -> None:
    """It is an error on its line; the hint has the value as a manifest has it, where that can be known."""
    (told,) = [each for each in found(wrong(at, value)) if each.code == "MSA201"]
    word = foreign.find(told.path[:-1], str(told.path[-1]))
    assert word
    assert told.hint == (hint or word.says)


@pytest.mark.parametrize(("at", "value", "hint"), SHAPES, ids=[f"{each[0]} {each[1]!r}"[:60] for each in SHAPES])
def test_a_shape_of_another_tool(at: str, value: Any, hint: str | None) -> None:
    """The hint is the same value in the right shape, and the manifest with that is right."""
    told = found(wrong(at, value))
    assert told
    if hint is None:
        assert not str(told[0].hint).startswith("Write `kms_key")
        return
    assert hint in [each.hint for each in told]
    if hint.startswith("Write `") and "..." not in hint and "*" not in hint:
        better = yaml.safe_load(hint.removeprefix("Write `").removesuffix("`."))
        *holder, key = at.split(".")
        if isinstance(better, str):  # an entry of a list, or what is short for a map
            better = {key: [better] if isinstance(value, list) else better}
        elif key not in better:  # an entry of a map
            better = {key: {**(value if isinstance(value, dict) else {}), **better}}
        assert found(merged(tuple(holder), better)) == []


def test_a_hint_never_shows_what_is_refused() -> None:
    """A correction that the field would not accept is not suggested: no such number of zones, no such port."""
    for at, value in (("network.zones", ["a"]), ("services.web.port", "80:99999"), ("services.web.runtime.cpu", 300)):
        assert not any(str(each.hint).startswith("Write `") for each in found(wrong(at, value)))


@pytest.mark.parametrize("value", [None, [], {}, [None], [[]], "", {"a": []}, [{"x": 1}], 10**40, float("nan"), True])
def test_no_value_breaks_a_correction(value: Any) -> None:
    """Whatever is written, a correction is found or none."""
    for at in misshapen.MENDS:
        misshapen.corrected(tuple(at.replace("*", "web").split(".")), value)


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("caches", ["databases", "services"]),
        ("schedule", ["scale"]),
        ("sidecars", ["secrets"]),
        ("sites", ["services"]),
        ("version", ["region"]),
        ("domain", ["command"]),
        ("hostname", ["name"]),
        ("queues", ["uses"]),
    ],
)
def test_words_that_share_only_letters_are_not_near(word: str, known: list[str]) -> None:
    """A hint names a slip of the pen, not the nearest of all."""
    assert nearest(word, known) is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [("helth", "health"), ("regoin", "region"), ("paht", "paths"), ("hosted-zone", "hosted_zone"), ("zone", "zones")],
)
def test_slips_are_near(word: str, meant: str) -> None:
    """Letters missing, doubled or swapped, and another spelling of the same words."""
    assert nearest(word, [meant, "bastion", "framework"]) == meant


def test_attributes_of_references() -> None:
    """`hostname` is `host`, and `uri` is `url`."""
    text = merged(("services", "web"), {"env": {"A": "${main.hostname}", "B": "${main.uri}", "C": "${main.user}"}})
    with pytest.raises(Invalid) as caught:
        pipeline.compile_main(pipeline.load(text, "msa.yaml"))
    hints = [each.hint for each in caught.value.diagnostics if each.code == "MSA220"]
    assert hints == [f"Did you mean `{each}`?" for each in ("host", "url", "username")]


def test_a_section_that_a_new_kind_brings_is_what_its_words_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are queues, `queue` is no longer said to be missing."""

    class Queues(Kind[Any, Any]):
        """A kind with nothing but its name."""

        section = "queues"

    there = (*(kind.section for kind in kinds()), "services", "queues")
    monkeypatch.setattr(foreign, "sections", lambda: there)
    word = foreign.find((), "queue")
    assert word
    assert word.key == "queues"


OTHERS = {
    "compose": (
        "version: '3.8'\nservices:\n  web: {image: nginx, ports: ['80:80'], environment: [A=b]}\n",
        "This is a compose file, not a manifest.",
        "Import it: `msaspec import compose x.yaml`.",
    ),
    "compose with tags": (
        "services:\n  web:\n    ports: !override ['80:80']\n    build: .\n",
        "This is a compose file, not a manifest.",
        "Import it: `msaspec import compose x.yaml`.",
    ),
    "include": (
        "include: [a.yaml]\n",
        "This is a compose file, not a manifest.",
        "Import it: `msaspec import compose x.yaml`.",
    ),
    "copilot": (
        "name: web\ntype: Load Balanced Web Service\nimage: {build: Dockerfile, port: 80}\ncpu: 256\n",
        "This is a manifest of AWS Copilot, not a manifest.",
        "Import it: `msaspec import copilot`.",
    ),
    "kubernetes": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
        "This is a Kubernetes manifest",
        "init",
    ),
    "cloudformation": ("Resources:\n  A: {Type: 'AWS::S3::Bucket'}\n", "This is a CloudFormation template", "init"),
}


@pytest.mark.parametrize(("text", "message", "hint"), OTHERS.values(), ids=list(OTHERS))
def test_a_file_of_another_tool(text: str, message: str, hint: str) -> None:
    """One sentence says what the file is, instead of one for each of its keys."""
    with pytest.raises(Invalid) as caught:
        pipeline.load(text, "x.yaml")
    (told,) = caught.value.diagnostics
    assert told.code == "MSA206"
    assert message in told.message
    assert hint in str(told.hint)
    assert told.span is not None
    assert told.span.line == 1


@pytest.mark.parametrize(
    "text",
    [
        "msaspec: 1\nname: shop\nservices: {web: {image: a, environment: {A: b}}}\n",
        "name: shop\nservices: {web: {image: a, port: 80}}\n",
        "name: shop\nservices: {web: {image: a, environment: {A: b}}}\ndatabases: {main: }\n",
    ],
)
def test_a_manifest_with_foreign_words_is_a_manifest(text: str) -> None:
    """A file with `msaspec: 1`, or with a section that only manifests have, is told what is wrong with each key."""
    assert "MSA206" not in {each.code for each in found(text)}
