"""The keys of Copilot's workload manifests: what each is in a manifest, or why it is lost."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Protocol

from msaspec.importing import builds, copilot_sidecars, stores, variables, volumes
from msaspec.importing.draft import Draft, Names
from msaspec.importing.ledger import Ledger
from msaspec.importing.sizes import fargate
from msaspec.importing.tree import Leaf, entries, is_number, items, plain, text_of
from msaspec.importing.variables import Peer
from msaspec.language import reference
from msaspec.language.service import RETENTIONS
from msaspec.manifest import misshapen

LOST = {
    "taskdef_overrides": "write operations on msaspec's template under `patches`",
    "nlb": "there is no public TCP",
    "observability": "there is no tracing",
    "env_file": "copy its variables to `env`, and passwords to `secrets`",
}
CACHES = ("AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup", "AWS::ElastiCache::ServerlessCache")
_REFERENCE = re.compile(r"\$\{COPILOT_(APPLICATION|ENVIRONMENT)_NAME\}")


class Import(Protocol):
    """What these functions need of an import."""

    draft: Draft
    ledger: Ledger
    peers: dict[str, Peer]
    environments: list[str]
    application: str
    root: Path
    volumes: volumes.Volumes

    def section(self, name: str) -> str:
        """Return the section that a workload is in: `services` or `jobs`."""

    def value(self, text: str) -> str:
        """Return a text with Copilot's variables as references."""

    def build_folder(self, build: Any) -> tuple[str, str]:
        """Return the folder with the Dockerfile."""


def table(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a DynamoDB table; nothing where they cannot be read."""
    types = {
        text_of(entries(each).get("AttributeName")): {"S": "string", "N": "number", "B": "binary"}.get(
            text_of(entries(each).get("AttributeType")) or ""
        )
        for each in items(properties.get("AttributeDefinitions"))
    }
    found: dict[str, Any] = {}
    for each in items(properties.get("KeySchema")):
        name, kind = (text_of(entries(each).get(key)) for key in ("AttributeName", "KeyType"))
        if name and types.get(name):
            found["sort" if kind == "RANGE" else "key"] = {"name": name, "type": types[name]}
    return found if "key" in found else {}


def environment(name: str) -> str:
    """Return the name of an environment in the manifest.

    >>> environment("Prod_EU"), environment("registry")
    ('prod-eu', 'registry-environment')
    """
    found = Names().new(name, "environment")
    return f"{found}-environment" if found == "registry" else found


def is_public(tree: dict[str, Any]) -> bool:
    """Return whether a workload takes requests from outside."""
    kind = text_of(tree.get("type"))
    off = text_of(tree.get("http")) == "false"
    return kind in ("Load Balanced Web Service", "Request-Driven Web Service") and not off


def service(job: Import, name: str, tree: dict[str, Any], used: set[str]) -> dict[str, Any]:
    """Return a service, and say what became of its keys."""
    ledger, place, path = job.ledger, f"{job.section(name)}.{name}", (job.section(name), name)
    ledger.carried(tree.get("name"), place)
    ledger.replaced(tree.get("type"), f"the fields of `{place}`")
    spec: dict[str, Any] = {}
    image = entries(tree.get("image"))
    _image(job, name, image, spec)
    port = text_of(image.get("port"))
    if is_number(port) and text_of(tree.get("type")) != "Worker Service":
        spec["port"] = int(port)
        ledger.carried(image.get("port"), f"{place}.port")
    if is_public(tree):
        spec.setdefault("port", 80)
        _http(job, name, tree.get("http"), spec, used)
    else:
        ledger.lost(tree.get("http"), "an internal load balancer has no paths: the service is reached at its name")
    _fields(job, name, tree, spec, place)
    copilot_sidecars.write(job.draft, ledger, path, tree, spec)
    ledger.lost(image.get("depends_on"), "write what starts first under `sidecars`, with `starts: before`")
    for key, why in LOST.items():
        if any(True for _ in items(tree.get(key))) or entries(tree.get(key)):
            job.draft.note(path, f"The source has `{key}`: {why}.")
        ledger.lost(tree.get(key), why)
    reached = _variables(job, name, tree.get("variables"), spec, place)
    reached.discard(name)
    if reached:
        spec["uses"] = {each: {} for each in sorted(reached)}
    elif job.section(name) == "services" and len({peer.name for peer in job.peers.values()}) > 1:
        job.draft.note(path, "No edge seen: if it calls other services, name them under `uses`.")
    scale = spec.get("scale", 1)
    copies = scale["max"] if isinstance(scale, dict) else scale
    if mounts := volumes.of_copilot(name, entries(tree.get("storage")), job.volumes, ledger, copies):
        spec["uses"] = {**spec.get("uses", {}), **mounts}
    ledger.lost(tree.get("storage"), "storage of a copy is `runtime: {type: fargate, disk: 30 GiB}`")
    _secrets(job, name, tree.get("secrets"), spec)
    return spec


def _argument(leaf: Any) -> str | None:
    """Return the value of a build argument; None where Copilot takes it from a variable."""
    text = text_of(leaf) or ""
    return None if "${" in text else text


def _image(job: Import, name: str, image: dict[str, Any], spec: dict[str, Any]) -> None:
    ledger, place = job.ledger, f"{job.section(name)}.{name}"
    location = text_of(image.get("location"))
    if location and "$" not in location:
        spec["image"] = stores.full_name(location)
        ledger.carried(image.get("location"), f"{place}.image")
    elif location or image.get("build") is None:
        spec["image"] = f"{name}:1.0"
        ledger.lost(image.get("location"), "it has a variable: name the image")
    build = image.get("build")
    if build is not None:
        folder, file = job.build_folder(build)
        made = builds.read(build, folder, file, str, ledger, f"{place}.build")
        if file != "Dockerfile" and not entries(build):
            made.written["file"] = file
        builds.arguments(made, entries(entries(build).get("args")), _argument, ledger, f"{place}.build")
        spec["build"] = made.short()
        for note in made.notes:
            job.draft.note((job.section(name), name, "build"), note)
    ledger.lost(image.get("healthcheck"), "a service without `paths` is healthy while its container runs")
    ledger.lost(image.get("credentials"), "msaspec logs in to no private registry; push the image to the system's own")
    ledger.lost(image.get("labels"), "tags are at the top: `tags`")


def _http(job: Import, name: str, http: Any, spec: dict[str, Any], used: set[str]) -> None:
    ledger, place, tree = job.ledger, f"{job.section(name)}.{name}", entries(http)
    rules = [tree, *(entries(each) for each in items(tree.get("additional_rules")))]
    paths = []
    for rule in rules:
        path = (
            misshapen.path(text_of(rule.get("path")) or "/") if rule.get("path") is not None or rule is tree else None
        )
        if path and path not in used:
            paths.append(path)
            used.add(path)
            ledger.carried(rule.get("path"), f"{place}.paths")
        elif path:
            ledger.lost(rule.get("path"), "another service has this path")
        alias = rule.get("alias")
        if alias is not None:
            hosts = [text for each in items(alias) if (text := text_of(entries(each).get("name", each)))]
            told = f"Public as {', '.join(hosts)} in the source: set `ingress` with a domain, then `hosts` here."
            job.draft.note((job.section(name), name), told)
            ledger.lost(alias, "`hosts` need a domain in `ingress`, which Copilot keeps outside its files")
    if paths:
        spec["paths"] = paths
    check = tree.get("healthcheck")
    path = text_of(entries(check).get("path", check)) if check is not None else None
    if path and path.startswith("/"):
        health: dict[str, Any] = {"path": path}
        ledger.carried(entries(check).get("path", check), f"{place}.health")
        fields = (("interval", "interval"), ("timeout", "timeout"), ("grace_period", "grace"))
        for key, field in fields:
            if measured := misshapen.measure(text_of(entries(check).get(key)) or "", "s, min, h"):
                health[field] = measured
                ledger.carried(entries(check)[key], f"{place}.health")
        for key, field in (("healthy_threshold", "healthy"), ("unhealthy_threshold", "unhealthy")):
            text = text_of(entries(check).get(key)) or ""
            if is_number(text):
                health[field] = int(text)
                ledger.carried(entries(check)[key], f"{place}.health")
        if codes := text_of(entries(check).get("success_codes")):
            health["codes"] = codes
            ledger.carried(entries(check)["success_codes"], f"{place}.health")
        spec["health"] = health if len(health) > 1 else path
    if (text_of(tree.get("stickiness")) or "").lower() == "true":
        spec["sticky"] = "1 day"
    ledger.carried(tree.get("stickiness"), f"{place}.sticky")
    ledger.lost(
        tree.get("allowed_source_ips"), "the addresses are those of the whole front door: `ingress: {allow: [..]}`"
    )


def _fields(job: Import, name: str, tree: dict[str, Any], spec: dict[str, Any], place: str) -> None:
    ledger = job.ledger
    runtime = _runtime(ledger, tree, place)
    if len(runtime) > 1:
        spec["runtime"] = runtime
    if architecture := text_of(entries(tree.get("platform")).get("architecture", tree.get("platform"))):
        arch = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64"}.get(architecture.rpartition("/")[2].lower())
        if arch and "windows" not in str(plain(tree.get("platform"))).lower():
            spec["arch"] = arch
            ledger.carried(tree.get("platform"), f"{place}.arch")
        ledger.lost(tree.get("platform"), "containers are Linux, on arm64 or x86_64")
    else:
        spec["arch"] = "x86_64"  # Copilot's default
    if scale := _scale(ledger, tree.get("count"), place):
        spec["scale"] = scale
    network = entries(tree.get("network"))
    ledger.replaced(network.get("connect"), "services reach each other at their names")
    ledger.replaced(network, "services run in private subnets, and reach what they have under `uses`")
    for key in ("command", "entrypoint"):
        if words := _words(tree.get(key)):
            spec[key] = [reference.literal_word(word) for word in words] if key == "command" else words
            ledger.carried(tree.get(key), f"{place}.{key}")
        ledger.lost(tree.get(key), "its quotes do not match; write it as a list of words")
    retention = text_of(entries(tree.get("logging")).get("retention")) or ""
    if is_number(retention) and int(retention) in RETENTIONS:
        spec["logs"] = f"{retention} days"
        ledger.carried(entries(tree.get("logging"))["retention"], f"{place}.logs")
    ledger.lost(tree.get("logging"), "logs go to CloudWatch")
    deployment = entries(tree.get("deployment"))
    if text_of(deployment.get("rolling")) == "default":
        ledger.carried(deployment["rolling"], f"{place}.runtime.deploy")
    ledger.lost(
        tree.get("deployment"), "`runtime: {type: fargate, deploy: ...}` says how a new version replaces the old one"
    )


def _words(tree: Any) -> list[str]:
    try:
        words = [text_of(each) or "" for each in tree] if isinstance(tree, list) else shlex.split(text_of(tree) or "")
    except ValueError:
        return []
    return [variables.interpolated(word, {}, lambda _: None) if "$$" in word else word for word in words]


def _runtime(ledger: Ledger, tree: dict[str, Any], place: str) -> dict[str, Any]:
    runtime: dict[str, Any] = {"type": "fargate", **fargate(text_of(tree.get("cpu")), text_of(tree.get("memory")))}
    if "cpu" in runtime:
        ledger.carried(tree.get("cpu"), f"{place}.runtime.cpu")
        ledger.carried(tree.get("memory"), f"{place}.runtime.memory")
    enabled = tree.get("exec")
    if (text_of(entries(enabled).get("enable", enabled)) or "").lower() == "true":
        runtime["exec"] = True
    ledger.carried(enabled, f"{place}.runtime.exec")
    read_only = entries(tree.get("storage")).get("readonly_fs")
    if (text_of(read_only) or "").lower() == "true" and "exec" not in runtime:
        runtime["read_only"] = True
        ledger.carried(read_only, f"{place}.runtime.read_only")
    spot = entries(tree.get("count")).get("spot")
    if spot is not None:
        runtime["spot"] = 100
        ledger.carried(spot, f"{place}.runtime.spot")
    return runtime


def _scale(ledger: Ledger, count: Any, place: str) -> Any:
    text = text_of(count) or text_of(entries(count).get("spot")) or ""
    if is_number(text):
        ledger.carried(count, f"{place}.scale")
        return int(text) if int(text) <= 1000 else None
    tree, scale = entries(count), dict[str, Any]()
    span = tree.get("range")
    low, _, high = (text_of(span) or "").partition("-")
    if isinstance(span, dict):
        low, high = (text_of(span.get(key)) or "" for key in ("min", "max"))
    if is_number(low.strip()) and is_number(high.strip()):
        scale = {"min": int(low), "max": int(high)}
        ledger.carried(entries(span).get("min"), f"{place}.scale")
        ledger.carried(entries(span).get("max"), f"{place}.scale")
        ledger.carried(span if isinstance(span, Leaf) else None, f"{place}.scale")
        for key, field in (("cpu_percentage", "cpu"), ("memory_percentage", "memory"), ("requests", "requests")):
            number = text_of(entries(tree.get(key)).get("value", tree.get(key))) or ""
            if is_number(number):
                scale[field] = int(number)
                ledger.carried(entries(tree[key]).get("value", tree[key]), f"{place}.scale")
    ledger.lost(count, "copies follow CPU, memory or requests: `scale: {min: 1, max: 10, cpu: 60}`")
    return scale or None


def _variables(job: Import, name: str, tree: Any, spec: dict[str, Any], place: str) -> set[str]:
    """Write variables; return the names of services that they name."""
    reached: set[str] = set()
    for key, leaf in entries(tree).items():
        text = text_of(leaf)
        if text is None and not (isinstance(leaf, Leaf) and leaf.value is None):
            job.ledger.lost(leaf, "it is the output of another stack: write its value, or use an entry of the manifest")
            job.draft.note(
                (job.section(name), name), f"{key} is the output of another stack in the source. Write its value."
            )
            continue
        value = variables.connected(key, text or "", job.peers)
        named = {each for each in value.peers if any(p.name == each and p.port for p in job.peers.values())}
        if value.text is None or (not value.peers and variables.is_secret(key, text or "")):
            parameter = f"/{job.draft.data['name']}/{name}/{key.lower().replace('_', '-')}"
            spec.setdefault("secrets", {})[key] = parameter
            job.ledger.replaced(leaf, f"a secret: `{place}.secrets.{key}`")
            job.draft.note(
                (job.section(name), name, "secrets"),
                "Create these parameters: `aws ssm put-parameter --type SecureString ...`.",
            )
            continue
        known = named and named == value.peers
        spec.setdefault("env", {})[key] = _references(value.text) if known else job.value(text or "")
        job.ledger.carried(leaf, f"{place}.env.{key}")
        reached |= named if known else set()
    return reached


def _references(text: str) -> str:
    for word, known in (("APPLICATION", "system.name"), ("ENVIRONMENT", "system.environment")):
        text = text.replace(f"$${{COPILOT_{word}_NAME}}", f"${{{known}}}")
    return text


def _secrets(job: Import, name: str, tree: Any, spec: dict[str, Any]) -> None:
    """Write secrets; those that differ by environment belong into each."""
    place = f"{job.section(name)}.{name}"
    for key, leaf in entries(tree).items():
        text = text_of(entries(leaf).get("secretsmanager", leaf))
        path = (job.section(name), name, "secrets")
        if text and _REFERENCE.search(text) and text.startswith("/"):
            text = text.replace("${COPILOT_APPLICATION_NAME}", job.application or str(job.draft.data["name"]))
            if "${COPILOT_ENVIRONMENT_NAME}" in text and "$" not in text.replace("${COPILOT_ENVIRONMENT_NAME}", ""):
                for each in job.environments or ["test"]:
                    at = job.draft.at("environments", environment(each), job.section(name), name, "secrets")
                    at[key] = text.replace("${COPILOT_ENVIRONMENT_NAME}", each)
                job.ledger.carried(leaf, f"environments.*.services.{name}.secrets.{key}")
                continue
        if text and "$" not in text and (text.startswith(("/", "arn:"))):
            spec.setdefault("secrets", {})[key] = (
                misshapen.corrected((job.section(name), name, "secrets", key), text) or text
            )
            job.ledger.carried(leaf, f"{place}.secrets.{key}")
        elif text and re.fullmatch(r"[\w.-]+", text) and isinstance(leaf, Leaf):
            spec.setdefault("secrets", {})[key] = f"/{text}"
            job.draft.note(path, "A parameter is named by a path here: copy those of the source to the paths below.")
            job.ledger.replaced(leaf, f"the parameter at a path: `{place}.secrets.{key}`")
        else:
            job.draft.note(
                (job.section(name), name), f"{key} is a secret of the source. Name it: `secrets: {{{key}: ARN}}`."
            )
            job.ledger.lost(leaf, "a secret is named by its ARN or by the path of a parameter")


def overlays(job: Import, name: str, tree: dict[str, Any]) -> None:
    """Write what environments change of a service."""
    for word, leaf in entries(tree.get("environments")).items():
        below, place = entries(leaf), f"environments.{environment(word)}.services.{name}"
        spec: dict[str, Any] = {}
        runtime = _runtime(job.ledger, below, place)
        if len(runtime) > 1:
            spec["runtime"] = runtime
        if scale := _scale(job.ledger, below.get("count"), place):
            spec["scale"] = scale
        _variables(job, name, below.get("variables"), spec, place)
        _secrets_of_environment(job, name, below.get("secrets"), spec, place)
        job.ledger.lost(below.get("http"), "paths and hosts are those of the service; a domain is in `ingress`")
        if text_of(below.get("http")) is None and entries(below.get("http")):
            told = f"In {word}, the source changes `http`: write `paths` and `hosts` there."
            job.draft.note((job.section(name), name), told)
        if job.section(name) == "jobs":
            spec.pop("scale", None)
            spec.get("runtime", {}).pop("type", None)
        if spec:
            at = job.draft.at("environments", environment(word), job.section(name), name)
            for key, value in spec.items():
                at[key] = {**at.get(key, {}), **value} if isinstance(value, dict) else value


def _secrets_of_environment(job: Import, name: str, tree: Any, spec: dict[str, Any], place: str) -> None:
    made: dict[str, Any] = {}
    _secrets(job, name, tree, made)
    if "secrets" in made:
        spec["secrets"] = {**spec.get("secrets", {}), **made["secrets"]}
