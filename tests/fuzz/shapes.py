"""Whole manifests made from the JSON Schema: of a valid shape, and with care also sound in what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any

from msaspec.manifest import schema
from msaspec.manifest.sections import kinds
from tests.fuzz import corpus

Schema = Mapping[str, Any]

_WORDS = (
    "web",
    "api",
    "mail",
    "cart",
    "user",
    "main",
    "media",
    "logs",
    "jobs",
    "web-2",
    "a1",
    "orders-of-customers",
    "x9-y",
)
_ENVIRONMENTS = ("dev", "prod", "test-2")
_REGIONS = (
    "us-east-1",
    "eu-west-1",
    "ap-northeast-2",
    "eu-central-1",
    "us-west-2",
    "sa-east-1",
    "cn-north-1",
    "us-gov-west-1",
)
_INSTANCES = (
    "t4g.micro",
    "t4g.small",
    "m7g.large",
    "c7g.xlarge",
    "r7g.medium",
    "t3.small",
    "m7i.large",
    "c6a.large",
    "m5.large",
)
_CLASSES = (
    "db.t4g.micro",
    "db.t3.small",
    "db.m7g.large",
    "db.r7g.xlarge",
    "db.m5.large",
    "db.m6i.2xlarge",
    "db.r6g.large",
)
_MEMORY = {"0.25 vCPU": 1, "0.5 vCPU": 2, "1 vCPU": 4, "2 vCPU": 8, "4 vCPU": 16, "8 vCPU": 32, "16 vCPU": 64}
_IMAGES = (
    "web:1.0", "web", "api:2026-11-28", "public.ecr.aws/nginx/nginx:1.29", "docker.io/library/nginx:1.29",
    "ghcr.io/a/b:1", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own/image:7",
    "registry.example.com:5000/team/app@sha256:" + "0" * 64,
)  # fmt: skip
_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-1111-2222-3333-444455556666"
_PORTS = (80, 8000, 8080, 8080, "8080/http", "7000/grpc", "6379/tcp")
_SECRETS = ("/shop/key", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf#key", "/a/b/c")
_DEMANDING = (
    ("databases", "max_storage"),
    ("databases", "extensions"),
    ("databases", "from_snapshot"),
    ("buckets", "site"),
)
"""Fields that ask much of what stands beside them."""
_OF_AN_INSTANCE = ("storage", "max_storage", "multi_zone", "multi_zone_replicas")
_TOP = ("region", "protect", "tags", "network", "bastion", "ingress", "audit", "encryption", "defaults", "accept")
_ASKING = ("queues", "volumes")
"""Sections whose uses need a word."""
_OF_A_VPC = {"vpc", "public", "private", "isolated"}
_SERVICES, _STORES = "services", tuple(kind.section for kind in kinds())


def _takes(schema: Schema, made: Any) -> bool:
    """Whether a place may have a value, as far as its types and patterns say: `size` is a class of some and a size of
    others, `key` a map of tables and a text of secrets."""
    branches = [schema, *schema.get("anyOf", ())]
    if isinstance(made, Mapping):
        return any("object" in each.get("type", ()) or "$ref" in each for each in branches)
    if isinstance(made, list):
        return any("array" in each.get("type", ()) or "$ref" in each for each in branches)
    if isinstance(made, str) and not _is_text(schema) and not any("$ref" in each for each in branches):
        return False
    patterns = [each.get("pattern", "") for each in (*schema.get("anyOf", ()), *([schema] if "type" in schema else ()))]
    return not isinstance(made, str) or not patterns or any(re.search(each, made) for each in patterns)


def _is_text(schema: Schema) -> bool:
    """Whether a place takes a text, as `from` of a patch does."""
    return any("string" in each.get("type", ()) for each in (schema, *schema.get("anyOf", ())))


@cache
def _schema() -> Schema:
    return schema.schema()


def shape(random: Random) -> bytes:
    """A manifest that the JSON Schema accepts, whatever it means."""
    return corpus.written(Maker(random, 0.3).manifest(), random)


def sound(random: Random) -> bytes:
    """A manifest as people would write one: names that are there, values that exist, no patches."""
    return corpus.written(Maker(random, 0.99).manifest(), random)


class Maker:
    """Makes values of schemas. With `care`, from 0 to 1, a value is chosen by what its field means."""

    def __init__(self, random: Random, care: float) -> None:
        self.random = random
        self.care = care
        names = random.sample(_WORDS, random.randint(3, 9))
        sections = (_SERVICES, _SERVICES, "databases", "buckets", *_STORES)
        chosen = [(random.choice(sections), name) for name in names]
        self.names = {each: [name for section, name in chosen if section == each] for each in (_SERVICES, *_STORES)}
        self.names[_SERVICES] = self.names[_SERVICES] or ["web-1"]
        self.called = self.names[_SERVICES][: random.randrange(3)]
        """Services that others may use."""
        self.few = random.choice((0.1, 0.25, 0.5))
        """How likely an optional property is."""

    # ---- Manifests ----

    def manifest(self) -> dict[str, Any]:
        """A whole manifest."""
        root = _schema()
        known = root["properties"]
        made: dict[str, Any] = {"msaspec": 1, "name": self._value(known["name"], "name")}
        for section in _TOP:
            if self.random.random() < (0.5 if section in ("region", "network", "ingress") else 0.25):
                made[section] = self._value(known[section], section)
        if self._careful():
            made.pop("accept", None)
        for section in _STORES:
            if self.names[section]:
                made[section] = {
                    name: self._value(
                        known[section]["additionalProperties"], "a cache" if section == "caches" else section
                    )
                    for name in self.names[section]
                }
        for name, field in _DEMANDING if self._careful() else ():
            for entry in made.get(name, {}).values():
                if isinstance(entry, dict) and self.random.random() < 0.8:
                    entry.pop(field, None)
        for name in made.get("volumes", {}) if self._careful() else ():
            made["volumes"][name] = {"shared": True}
        for entry in made.get("databases", {}).values() if self._careful() else ():
            if isinstance(entry, dict):
                is_document = entry.get("engine") == "documentdb"
                is_cluster = is_document or str(entry.get("engine")).startswith("aurora")
                if is_document or not is_cluster or entry.get("size", "serverless") != "serverless":
                    entry.pop("capacity", None)
                entry.pop("size" if is_cluster else "tls", None)  # clusters have classes of their own
                entry.pop("size" if is_document else "tls", None)
                entry.pop("existing", None)  # which has nothing else, in a VPC that exists
                for field in (*_OF_AN_INSTANCE, "backups", "version") if is_cluster else ():
                    entry.pop(field, None)
        for entry in made.get("brokers", {}).values() if self._careful() else ():
            if isinstance(entry, dict):
                entry.pop("size", None)  # classes of their own
        for entry in made.get("queues", {}).values() if self._careful() else ():
            if isinstance(entry, dict) and entry.pop("notify", None) and made.get("topics"):
                entry["notify"] = self.random.choice(sorted(made["topics"]))
        for entry in made.get("buckets", {}).values() if self._careful() else ():
            if isinstance(entry, dict) and isinstance(entry.get("cdn"), dict):
                for field in ("hosts", "hosted_zone", "certificate"):
                    entry["cdn"].pop(field, None)
        for name in made.get("secrets", {}) if self._careful() else ():
            made["secrets"][name] = self.random.choice(({}, {"length": 40}, {"keys": ["user", "password"]}))
        if self._careful() and not (made.get("ingress") or {}).get("cdn"):
            made["network"] = {**(made.get("network") or {}), "placement": "public"}
        if self._careful() and (made.get("network") or {}).keys() & _OF_A_VPC:
            made["network"] = self._existing(made["network"])
        if self.random.random() < 0.15:
            made["jobs"] = {"nightly": self._job(root["$defs"]["Job"])}
        one = root["$defs"]["Service"]
        made[_SERVICES] = {name: self._service(one, name, made) for name in self.names[_SERVICES]}
        self._neighbours(made)
        if self.random.random() < 0.3:
            overlay = root["$defs"]["Environment"]
            chosen = self.random.sample(_ENVIRONMENTS, self.random.randint(1, 2))
            made["environments"] = {name: self._environment(overlay, made) for name in chosen}
        if self.random.random() > self.care:
            made["patches"] = self._value(known["patches"], "patches")
        return made

    def _neighbours(self, made: dict[str, Any]) -> None:
        """Other systems, which use a service or are used; with care, none lends its network."""
        root, names = _schema()["properties"], self.names[_SERVICES]
        if self._careful():
            (made.get("network") or {}).pop("system", None)
        if self.random.random() < 0.2:
            made["systems"] = {"payments": self.random.choice((None, "payments-prod"))}
            used = made[_SERVICES][names[0]].get("uses") if isinstance(made[_SERVICES][names[0]], dict) else None
            if self._careful() and isinstance(used, dict):
                used["payments/orders"] = {"queue": self.random.choice(("send", "consume"))}
        if self.random.random() < 0.2:
            ported = [
                name for name in names if isinstance(made[_SERVICES][name], dict) and made[_SERVICES][name].get("port")
            ]
            one = root["shares"]["additionalProperties"]
            made["shares"] = {
                name: ["reports"] if self._careful() else self._value(one, "share") for name in ported[:1]
            }

    def _service(self, one: Schema, name: str, made: Mapping[str, Any]) -> Any:
        service = self._value(one, "service")
        if not self._careful():
            return service
        # What only fits together is chosen together.
        service.pop("priority", None)
        service.pop("internal_port", None)
        service.pop("hosts", None)
        service["uses"] = self._uses(name)
        if service.get("paths"):
            service["paths"] = [f"/{name}", *([f"/{name}-more/x"] if self.random.random() < 0.2 else [])]
        if service.get("paths") or service.get("health") or name in self.called:
            service["port"] = service.get("port") or self.random.choice((80, 8000, 8080))
        if isinstance(service.get("health"), dict):
            service["health"] = {"path": f"/{name}/up"}
        elif service.get("health"):
            service["health"] = f"/{name}/up"
        if service.get("port"):
            service["port"] = self.random.choice(_PORTS)
        if service.pop("ports", None) and service.get("port"):
            service["ports"] = {"metrics": 9100, "console": "15672/http", "amqp": "5672/tcp"}
        if str(service.get("port")).endswith(("grpc", "tcp")):
            for field in ("paths", "health"):
                service.pop(field, None)
        if not service.get("paths"):
            for field in ("sticky", "strip"):
                service.pop(field, None)
        self._runtime(service)
        for beside in (service.get("sidecars") or {}).values():
            beside.pop("mounts", None)
        if len(service["uses"]) > 1:
            service.pop("framework", None)
        service["env"] = self._env(service["uses"])
        if not service.get("secrets") or made.get("region") not in (None, "eu-west-1"):
            service.pop("kms_key", None)
            service.pop("secrets", None)
        return service

    def _runtime(self, service: dict[str, Any]) -> None:
        runtime = service.get("runtime")
        kind = runtime.get("type", "instance") if isinstance(runtime, dict) else runtime or "instance"
        if kind == "instance":
            service.pop("scale", None)
        arch = service.get("arch") or "arm64"
        if isinstance(runtime, dict):
            if runtime.get("instance_type"):
                fit = [each for each in _INSTANCES if ("g." in each) is (arch == "arm64")]
                runtime["instance_type"] = self.random.choice(fit)
                if not runtime["instance_type"].startswith("t"):
                    runtime.pop("credits", None)
            if runtime.get("memory"):
                runtime["memory"] = f"{_MEMORY[runtime.get('cpu') or '0.5 vCPU']} GiB"
            if runtime.get("exec") and runtime.get("read_only"):
                del runtime["exec"]
            if not service.get("paths"):
                runtime.pop("deploy", None)
        if isinstance(service.get("scale"), dict):
            service["scale"].pop("requests", None)
            low = self.random.randint(1, 3)
            service["scale"] |= {"min": low, "max": low + self.random.randint(0, 4)}

    def _uses(self, name: str) -> Any:
        known = {**self.names, _SERVICES: self.called}
        others = [(section, other) for section, names in known.items() for other in names if other != name]
        chosen = self.random.sample(others, min(len(others), self.random.randrange(4)))
        if self.random.random() < 0.3 and not any(section in _ASKING for section, _ in chosen):
            return [other for _, other in chosen]
        definitions = _schema()["$defs"]
        options_of = {kind.section: definitions[kind.options.__name__] for kind in kinds()}
        found = {
            other: self._value(options_of[section], "use")
            if section in options_of and (section in _ASKING or self.random.random() < 0.5)
            else None
            for section, other in chosen
        }
        for other, options in found.items():
            if isinstance(options, dict):
                options.pop("invalidate", None)
                options.pop("init", None)
                if other in self.names["databases"] and self._careful():
                    options["access"] = "owner"
                if other in self.names["volumes"] and self._careful():
                    found[other] = {"mount": f"/srv/{other}"}
        return found

    def _env(self, uses: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            f"VARIABLE_{n}": self.random.choice(("info", 5, True, "a b", "$$x", "")) for n in range(2)
        }
        for used in uses:
            if used in self.names["databases"] and self.random.random() < 0.5:
                part = self.random.choice(("host", "port", "url", "reader_host"))
                found[f"OF_{used.upper().replace('-', '_')}"] = f"x ${{{used}.{part}}}"
        return found

    def _environment(self, overlay: Schema, made: Mapping[str, Any]) -> Any:
        """An overlay that declares nothing of its own, where care is taken."""
        found = self._value(overlay, "environment")
        if not isinstance(found, dict) or not self._careful():
            return found
        for section in (_SERVICES, *_STORES):
            if section in found:
                entries = {
                    name: found[section][word]
                    for name, word in zip(made.get(section, ()), found[section] or (), strict=False)
                }
                found[section] = {
                    name: {
                        key: value
                        for key, value in entry.items()
                        if key in ("logs", "arch", "multi_zone", "versioned", "backups", "key")
                    }
                    for name, entry in entries.items()
                    if isinstance(entry, dict)
                }
        for section in ("patches", "defaults", "accept", "ingress", "network", "jobs", "systems", "shares"):
            found.pop(section, None)
        return found

    # ---- Values ----

    def _careful(self) -> bool:
        return self.random.random() < self.care

    def _value(self, schema: Schema, field: str) -> Any:
        if "$ref" in schema:
            schema = {
                **_schema()["$defs"][schema["$ref"].rpartition("/")[2]],
                **{k: v for k, v in schema.items() if k != "$ref"},
            }
        # `from` is also a word of patches, and `secrets` one of the manifest.
        other = {"from": _is_text(schema), "a secrets": not _is_text(schema)}.get(field, "enum" in schema)
        if field in _MEANT and not other and self._careful() and _takes(schema, made := _MEANT[field](self)):
            return made
        if self._careful() and schema.get("examples") and self.random.random() < 0.5:
            return self.random.choice(schema["examples"])
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "anyOf" in schema:
            branches = [each for each in schema["anyOf"] if not (each.get("type") == "null" and self._careful())]
            return self._value(self.random.choice(branches), field)
        kinds = schema.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if self._careful() and len(kinds) > 1:
            kinds = [kind for kind in kinds if kind != "null"]
        make: Callable[[Schema, str], Any] = getattr(self, f"_{self.random.choice(kinds)}") if kinds else self._any
        return make(schema, field)

    def _any(self, schema: Schema, field: str) -> Any:
        return corpus.odd(self.random)

    def _null(self, schema: Schema, field: str) -> None:
        return None

    def _boolean(self, schema: Schema, field: str) -> bool:
        return self.random.random() < 0.5

    def _integer(self, schema: Schema, field: str) -> int:
        low = schema.get("minimum", -5)
        high = schema.get("maximum", low + 10**6)
        return self.random.choice(
            (low, high, self.random.randint(low, high), self.random.randint(low, min(high, low + 5)))
        )

    def _number(self, schema: Schema, field: str) -> float:
        low, high = schema.get("minimum", -1), schema.get("maximum", 100)
        return self.random.choice([each for each in (0, 1, -1, 0.5, 100) if low <= each <= high])

    def _array(self, schema: Schema, field: str) -> list[Any]:
        if not self._careful() and field == "command":
            return [self._string({}, "") for _ in range(self.random.randrange(5))]
        count = self.random.randint(schema.get("minItems", 0), 3)
        return [self._value(schema.get("items", {}), f"one of {field}") for _ in range(count)]

    def _job(self, schema: Schema) -> Any:
        """A job; with care, one that starts by the clock and uses nothing."""
        if not self._careful():
            return self._value(schema, "a job")
        return {"image": self.random.choice(_IMAGES), "schedule": self.random.choice(("0 3 * * *", "*/5 * * * 1-5"))}

    def _existing(self, network: Mapping[str, Any]) -> dict[str, Any]:
        """A network in a VPC that exists, with subnets of every tier."""
        subnets = [f"subnet-{self.random.randrange(16**8):08x}" for _ in range(6)]
        tiers = {"public": subnets[:2], "private": subnets[2:4], "isolated": subnets[4:]}
        rest = {key: value for key, value in network.items() if key == "placement"}
        return {"vpc": f"vpc-{self.random.randrange(16**8):08x}", "cidr": "10.20.0.0/16", **tiers, **rest}

    def _object(self, schema: Schema, field: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        needed = {*schema.get("required", ())}
        for each in schema.get("allOf", ()):
            needed |= {*self.random.choice(each["anyOf"])["required"]}
        for name, inner in schema.get("properties", {}).items():
            if name in needed or self.random.random() < self.few:
                found[name] = self._value(inner, name)
        rest = schema.get("additionalProperties", {} if not found else False)
        if rest is not False and "properties" not in schema:
            most = min(schema.get("maxProperties", 3), 3)
            for _ in range(self.random.randint(0, most)):
                found[self._name(schema.get("propertyNames", {}), field)] = self._value(rest, f"a {field}")
        return found

    def _name(self, schema: Schema, field: str) -> str:
        if "anyOf" in schema:  # of `uses`, which may be of another system
            schema = self.random.choice(schema["anyOf"])
        if "$ref" in schema:
            return self.random.choice(_WORDS)
        if field in ("env", "secrets"):
            return self.random.choice(("LEVEL", "NAME", "A_B", "PORT_2")) if self._careful() else self._string({}, "")
        return self._string(schema, field) or "a"

    def _string(self, schema: Schema, field: str) -> str:
        low, high, pattern = schema.get("minLength", 0), schema.get("maxLength", 70_000), schema.get("pattern")
        given = [str(each) for each in (*schema.get("examples", ()), schema.get("default")) if each is not None]
        for _ in range(20):
            made = self.random.choice([*given, *_SAMPLES] if pattern else [*given, self._text()])
            if self.random.random() < 0.5:
                made = self._edited(made)
            if low <= len(made) <= high and (not pattern or re.search(pattern, made)):
                return made
        fitting = [each for each in _SAMPLES if pattern and low <= len(each) <= high and re.search(pattern, each)]
        return fitting[0] if fitting else given[0] if given else "a" * max(low, 3)

    def _text(self) -> str:
        texts = [each for each in corpus.SCALARS if isinstance(each, str)]
        return "".join(self.random.choice(texts) for _ in range(self.random.choice((1, 1, 1, 2))))

    def _edited(self, text: str) -> str:
        """The text with another digit or letter of its kind."""
        if not text:
            return text
        at = self.random.randrange(len(text))
        kinds = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        letters = next((kind for kind in kinds if text[at] in kind), text[at])
        return text[:at] + self.random.choice(letters) * self.random.choice((1, 1, 1, 2)) + text[at + 1 :]


_SAMPLES = (
    "7000/grpc", "6379/tcp", "80/http", "payments/ledger",
    "shop", "web", "a-b", "1 d", "30 days", "2 weeks", "3 months", "1 year", "20 GiB", "1 TiB", "512 MiB", "10 s",
    "5 min", "1 h", "99999999999 days", "0 s", "eu-west-1", "us-gov-west-1", "Z1", "17", "15.3", "team", "a b",
    "arn:aws:acm:us-east-1:123456789012:certificate/x", "arn:aws-cn:acm:cn-north-1:123456789012:certificate/x",
)  # fmt: skip
_MEANT: Mapping[str, Callable[[Maker], Any]] = {
    "region": lambda maker: maker.random.choice(_REGIONS),
    "image": lambda maker: maker.random.choice(_IMAGES),
    "instance_type": lambda maker: maker.random.choice(_INSTANCES),
    "size": lambda maker: maker.random.choice(_CLASSES),
    "a cache": lambda maker: maker.random.choice(
        ({}, {"engine": "redis", "replicas": 2}, {"tls": False}, {"engine": "memcached"})
    ),
    "storage": lambda maker: f"{maker.random.choice((20, 21, 100, 400, 1000))} GiB",
    "disk": lambda maker: f"{maker.random.choice((20, 30, 100))} GiB",
    "backups": lambda maker: f"{maker.random.choice((1, 7, 14, 35))} days",
    "logs": lambda maker: maker.random.choice(("1 day", "7 days", "30 days", "3 months", "1 year")),
    "version": lambda maker: maker.random.choice(("15", "16", "17", "18", "17.6")),
    "replicas": lambda maker: maker.random.choice((0, 0, 1, 2)),
    "cidr": lambda maker: maker.random.choice(("10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/18", "10.8.0.0/20")),
    "allow": lambda maker: maker.random.choice((["0.0.0.0/0"], ["10.0.0.0/16", "203.0.113.0/24"], ["::/0"])),
    "codes": lambda maker: maker.random.choice(("200", "200-299", "200,302")),
    "database": lambda maker: maker.random.choice(("carts", "user_database", "x")),
    "prefix": lambda maker: maker.random.choice(("profiles/", "a/b/")),
    "hosts": lambda maker: [],
    "key": lambda maker: maker.random.choice(("id", "pk", {"name": "owner", "type": "number"})),
    "sort": lambda maker: maker.random.choice(("at", "sk", {"name": "version", "type": "number"})),
    "indexes": lambda maker: maker.random.choice(
        ({}, {"by-email": "email"}, {"GSI1": {"key": "gsi1", "sort": "gsi2"}})
    ),
    "from": lambda maker: maker.random.choice(
        ([], [maker.random.choice(maker.names["topics"])]) if maker.names["topics"] else ([],)
    ),
    "filter": lambda maker: maker.random.choice(
        ({"type": ["created"]}, {"total": [{"numeric": [">", 1]}], "gift": True})
    ),
    "keep": lambda maker: maker.random.choice(("4 days", "14 days")),
    "visibility": lambda maker: maker.random.choice(("30 s", "5 min")),
    "delay": lambda maker: maker.random.choice(("0 s", "10 s")),
    "backlog": lambda maker: {},
    "notify": lambda maker: maker.random.choice(
        ([], [maker.random.choice(maker.names["queues"])]) if maker.names["queues"] else ([],)
    ),
    "cors": lambda maker: {"origins": ["https://shop.example.com"]},
    "expire": lambda maker: maker.random.choice(("30 days", {"logs/": "7 days"})),
    "fifo": lambda maker: False,
    "expires": lambda maker: "expires_at",
    "certificate": lambda maker: None,
    "kms_key": lambda maker: _KEY,
    "build": lambda maker: maker.random.choice(
        (
            "./service",
            {"context": "..", "file": "web/Dockerfile", "target": "prod", "args": {"NODE_VERSION": "24"}},
            {"secrets": {"npmrc": "./.npmrc", "token": {"env": "NPM_TOKEN"}}},
        )
    ),
    "command": lambda maker: maker.random.choice(([], ["run"], ["worker", "--queue=mail"])),
    "alarms": lambda maker: maker.random.choice(([], ["checkout-errors"])),
    "ingress": lambda maker: maker.random.choice(
        (
            {},
            {"allow": ["203.0.113.0/24"]},
            {"domain": "shop.example.com", "hosted_zone": "Z0123456789ABC"},
            {"cdn": True},
            {"domain": "shop.example.com", "hosted_zone": "Z0123456789ABC", "cdn": True},
        )
    ),
    "defaults": lambda maker: maker.random.choice(
        (
            {},
            {"runtime": "fargate"},
            {"runtime": "autoscaling", "logs": "7 days"},
            {"arch": "x86_64"},
            {"env": {"LEVEL": "info"}},
        )
    ),
    "a secrets": lambda maker: maker.random.choice(_SECRETS),
    "a tags": lambda maker: maker.random.choice(("shop", "team a", "x@example.com")),
    "user": lambda maker: maker.random.choice(("app", 1000)),
    "working_dir": lambda maker: "/srv/app",
    "entrypoint": lambda maker: maker.random.choice(([], ["/bin/run"])),
    "stop_timeout": lambda maker: maker.random.choice(("30 s", "2 min")),
    "sticky": lambda maker: "1 day",
    "files": lambda maker: maker.random.choice(
        ({"/srv/app/x.toml": {"text": "x = 1"}}, {"/srv/a/b": {"text": "${system.name}", "mode": "0400", "owner": 7}})
    ),
    "files_image": lambda maker: None,
    "sidecars": lambda maker: maker.random.choice(
        ({}, {"proxy": {"image": "public.ecr.aws/nginx/nginx:1.29", "starts": "before", "env": {"A": "b"}}})
    ),
    "front": lambda maker: None,
    "grants": lambda maker: [{"actions": ["ses:SendEmail"], "resources": ["*"], "why": "It sends mail."}],
    "priority": lambda maker: None,
    "internal_port": lambda maker: None,
}
"""How a field is filled with care."""
