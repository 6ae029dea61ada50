"""The keys of compose files, one after the other: what each is in a manifest, or why it is lost."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from msaspec.diagnostics.diagnostic import Invalid
from msaspec.importing import stores, variables
from msaspec.importing.compose_files import Files
from msaspec.importing.draft import Draft
from msaspec.importing.ledger import Ledger
from msaspec.importing.sizes import fargate
from msaspec.importing.tree import Leaf, entries, fault, is_number, items, plain, text_of
from msaspec.importing.variables import Peer
from msaspec.language import reference
from msaspec.language.container import TMP, Folder, ReadOnly, User
from msaspec.manifest import misshapen

REPLACED = {
    "restart": "msaspec restarts a container that ends",
    "container_name": "the name of the entry",
    "hostname": "the name of the entry",
    "networks": "a service reaches what it has under `uses`",
    "network_mode": "a service reaches what it has under `uses`",
    "logging": "CloudWatch Logs: `logs`",
    "stdin_open": "nothing: it is for a terminal",
    "tty": "nothing: it is for a terminal",
    "attach": "nothing: it is for a terminal",
    "pull_policy": "nothing: the runtime pulls images",
    "develop": "nothing: it is for a run on your machine",
    "init": "nothing: the runtime reaps processes of its own",
    "expose": "the `port` of the service",
}
LOST = {
    "stop_signal": "set it in the image",
    "privileged": "no container is privileged",
    "cap_add": "no container has more capabilities",
    "pid": "a container has processes of its own",
    "ipc": "a container has memory of its own",
    "devices": "there are no devices",
    "labels": "tags are at the top: `tags`; routes are `paths` and `hosts`",
    "volumes_from": "containers share no files",
    "secrets": "a secret is a variable here: `secrets: {NAME: /path}`",
    "configs": "put the file beside the manifest, and name it under `files` of the service",
    "extra_hosts": "names come from the DNS of the VPC",
    "dns": "names come from the DNS of the VPC",
}
UNFIT = {
    "user": "a user is a name or a number, with a group behind a colon",
    "working_dir": "a folder of the container is an absolute path",
    "stop_grace_period": "a container has 2 s to 2 min to stop: `stop_timeout`",
}
LONGEST_STOP = 120
"""Seconds that Fargate gives a container to stop."""
OF_DEPLOY = {"restart_policy": "msaspec restarts a container that ends", "mode": "copies are `scale`"}
PREFERRED = (80, 443, 8080, 3000, 8000, 5000, 4200, 5173, 8081, 8443, 9000)


@dataclass(frozen=True)
class Port:
    """A port of a container."""

    leaf: Any
    target: int | None
    published: int | None
    protocol: str


class Import(Protocol):
    """What these functions need of an import."""

    draft: Draft
    ledger: Ledger
    files: Files
    peers: dict[str, Peer]


def nothing(file: str, what: str) -> Invalid:
    """Return the error for a source without services."""
    return fault(file, f"There is {what}, so there is nothing to import.")


def around(tree: dict[str, Any], ledger: Ledger) -> None:
    """Say what becomes of the sections beside `services`."""
    ledger.replaced(tree.get("networks"), "a service reaches what it has under `uses`")
    ledger.lost(
        tree.get("secrets"), "put the value into SSM or Secrets Manager, and name it under `secrets` of a service"
    )
    ledger.lost(tree.get("configs"), "put the file beside the manifest, and name it under `files` of the service")


def aliases(tree: dict[str, Any], files: Files) -> set[str]:
    """Return further names that others reach a service at."""
    found = {files.fill(text) for key in ("container_name", "hostname") if (text := text_of(tree.get(key)))}
    for network in entries(tree.get("networks")).values():
        found |= {files.fill(text) for each in items(entries(network).get("aliases")) if (text := text_of(each))}
    return {each for each in found if re.fullmatch(r"[\w.-]{2,}", each)}


def ports(tree: dict[str, Any], files: Files) -> list[Port]:
    """Return the ports of a service: those that are published, then those that are exposed."""
    found = []
    for each in items(tree.get("ports")):
        if isinstance(each, dict):
            target, published = (_number(files, each.get(key)) for key in ("target", "published"))
            found.append(Port(each, target, published or target, text_of(each.get("protocol")) or "tcp"))
        elif isinstance(each, Leaf):
            text, _, protocol = files.fill(each.text).partition("/")
            parts = text.replace("[::]", "").rsplit(":", 2)
            numbers = [int(part.partition("-")[0]) for part in parts[-2:] if is_number(part.partition("-")[0])]
            target = numbers[-1] if numbers else None
            found.append(Port(each, target, numbers[0] if numbers else None, protocol or "tcp"))
    for each in items(tree.get("expose")):
        text, _, protocol = files.fill(text_of(each) or "").partition("/")
        number = int(text.partition("-")[0]) if is_number(text.partition("-")[0]) else None
        found.append(Port(None, number, None, protocol or "tcp"))
    return [port for port in found if port.protocol == "tcp" and port.target and 0 < port.target < 65536] + [
        port for port in found if port.protocol != "tcp" and port.leaf is not None and port.target is None
    ]


def _number(files: Files, leaf: Any) -> int | None:
    text = files.fill(text_of(leaf) or "").partition("-")[0]
    return int(text) if is_number(text) else None


def front(services: Iterable[tuple[str, Sequence[Port], int | None]]) -> str | None:
    """Return the service that the requests from outside go to: the one with the most usual published port."""
    best: tuple[int, str] | None = None
    for name, known, port in services:
        published = next((each.published for each in known if each.published and each.target == port), None)
        if published and port not in stores.NO_HTTP:
            rank = PREFERRED.index(published) if published in PREFERRED else len(PREFERRED)
            best = min(best, (rank, name), key=lambda each: each[0]) if best else (rank, name)
    return best[1] if best else None


def say_ports(service: Any, job: Import, place: str, *, is_public: bool) -> None:
    """Say what becomes of the published ports."""
    path = (service.section, service.name)
    for each in items(service.tree.get("ports")):
        port = next((known for known in service.ports if known.leaf is each), None)
        if port is None or not port.target:
            job.ledger.lost(each, "only TCP ports are reached, and a service has one")
        elif port.target != service.port:
            job.ledger.lost(each, "a service has one port")
            job.draft.note(path, f"The source has the port {port.target} too; a service has one.")
        elif is_public or port.target in stores.NO_HTTP or not port.published:
            job.ledger.carried(each, f"{place}.port")
        else:
            job.ledger.carried(each, f"{place}.port")
            job.draft.note(
                path, f"Public in the source, on port {port.published}. To be public here: `paths: [/{service.name}]`."
            )


def health(tree: dict[str, Any], spec: dict[str, Any], ledger: Ledger, place: str) -> None:
    """Write the health check of a public service."""
    check = tree.get("healthcheck")
    found = misshapen.probe({"test": plain(entries(check).get("test"))}) if "test" in entries(check) else None
    if not found or not found.startswith("/") or "$" in found:
        return
    written: dict[str, Any] = {"path": found}
    ledger.carried(entries(check)["test"], f"{place}.health")
    for key, name, low, high in (
        ("interval", "interval", 5, 300),
        ("timeout", "timeout", 2, 120),
        ("start_period", "grace", 0, 7200),
    ):
        measured = misshapen.measure(text_of(entries(check).get(key)) or "", "s, min, h")
        seconds = misshapen.measure(measured, "s, min, h") if measured else None
        number = _seconds(seconds)
        if number is not None and low <= number <= high:
            written[name] = f"{number} s"
            ledger.carried(entries(check)[key], f"{place}.health")
    if "timeout" in written and _seconds(written["timeout"]) >= _seconds(written.get("interval", "10 s")):  # type: ignore[operator]
        del written["timeout"]
    retries = text_of(entries(check).get("retries")) or ""
    if is_number(retries) and 2 <= int(retries) <= 10:
        written["unhealthy"] = int(retries)
        ledger.carried(entries(check)["retries"], f"{place}.health")
    spec["health"] = written if len(written) > 1 else found


def _seconds(text: str | None) -> int | None:
    found = re.fullmatch(r"(\d+) (s|min|h)", text or "")
    return int(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]] if found else None


def simple(service: Any, job: Import, spec: dict[str, Any], place: str) -> None:
    """Write the keys that need nothing but themselves."""
    tree, ledger = service.tree, job.ledger
    for key, why in REPLACED.items():
        ledger.replaced(tree.get(key), why)
    for key, why in LOST.items():
        ledger.lost(tree.get(key), why)
    ledger.lost(tree.get("healthcheck"), "a service without `paths` is healthy while its container runs")
    if arch := {"amd64": "x86_64", "arm64": "arm64", "x86_64": "x86_64"}.get(
        job.files.fill(text_of(tree.get("platform")) or "").partition("/")[2].partition("/")[0]
    ):
        spec["arch"] = arch
        ledger.carried(tree.get("platform"), f"{place}.arch")
    for key in ("command", "entrypoint"):
        if words := _words(tree.get(key), job.files):
            spec[key] = [reference.literal_word(word) for word in words] if key == "command" else words
            ledger.carried(tree.get(key), f"{place}.{key}")
    for key, name, form in (
        ("user", "user", TypeAdapter(User)),
        ("working_dir", "working_dir", TypeAdapter(Folder)),
        ("stop_grace_period", "stop_timeout", None),
    ):
        text = job.files.fill(text_of(tree.get(key)) or "")
        value = _stopped(text) if form is None else _fitting(form, text)
        if value is not None:
            spec[name] = value
            ledger.carried(tree.get(key), f"{place}.{name}")
        ledger.lost(tree.get(key), UNFIT[key])
    _read_only(tree, job, spec, place)
    deploy = entries(tree.get("deploy"))
    copies = deploy.get("replicas", tree.get("scale"))
    number = job.files.fill(text_of(copies) or "")
    if is_number(number) and 0 < int(number) <= 1000:
        spec["scale"] = int(number)
        ledger.carried(copies, f"{place}.scale")
    for key, why in OF_DEPLOY.items():
        ledger.replaced(deploy.get(key), why)
    _size(tree, deploy, job, spec, place)


def _size(tree: dict[str, Any], deploy: dict[str, Any], job: Import, spec: dict[str, Any], place: str) -> None:
    limits = entries(entries(deploy.get("resources")).get("limits"))
    cpu, memory = (limits.get("cpus", tree.get("cpus")), limits.get("memory", tree.get("mem_limit")))
    size = fargate(*(job.files.fill(text_of(each) or "") or None for each in (cpu, memory)))
    runtime: dict[str, Any] = {"type": "fargate", **size} if size else {}
    if runtime:
        spec["runtime"] = runtime
        job.ledger.carried(cpu, f"{place}.runtime.cpu")
        job.ledger.carried(memory, f"{place}.runtime.memory")
    job.ledger.lost(deploy.get("resources"), "a task has its whole size: `runtime: {type: fargate, cpu: 0.5 vCPU}`")
    job.ledger.replaced(
        deploy.get("update_config"), "deployments are rolling; `runtime: {type: fargate, deploy: canary}`"
    )


def _fitting(form: TypeAdapter[Any], text: str) -> str | None:
    """Return a text as the language has it; None where it refuses it."""
    try:
        return str(form.validate_python(text, strict=True)) if text else None
    except ValidationError:
        return None


def _stopped(text: str) -> str | None:
    """Return a time to stop that Fargate gives."""
    seconds = _seconds(misshapen.measure(text, "s, min, h"))
    return f"{min(seconds, LONGEST_STOP)} s" if seconds is not None and seconds >= 2 else None


def _read_only(tree: dict[str, Any], job: Import, spec: dict[str, Any], place: str) -> None:
    """Write a read-only root, with the folders of memory as what may be written."""
    said = tree.get("read_only")
    if (job.files.fill(text_of(said) or "")).lower() != "true":
        job.ledger.replaced(tree.get("tmpfs"), "nothing: the whole file system of the container is writable")
        return
    job.ledger.carried(said, f"{place}.read_only")
    folders: dict[str, int] = {}
    for each in items(tree.get("tmpfs")):
        folder, _, options = job.files.fill(text_of(each) or "").partition(":")
        folder = folder.rstrip("/")
        try:
            ReadOnly.model_validate({"except": [folder]})
        except ValidationError:
            job.ledger.lost(each, "`read_only.except` names folders such as `/tmp`")
            continue
        size = re.search(r"(?:^|,)size=(\d{1,12})([kmg]?)b?(?:,|$)", options.lower())
        bytes_ = int(size[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[size[2]] if size else 0
        folders[folder] = min(-(-bytes_ // (1 << 20)), 16_384)
        job.ledger.carried(each, f"{place}.read_only.except")
    written: dict[str, Any] = {} if [*folders] in ([], [TMP]) else {"except": [*folders]}
    if (largest := max(folders.values(), default=0)) > 64:
        written["size"] = f"{largest} MiB"
    spec["read_only"] = written or True


def _words(tree: Any, files: Files) -> list[str] | None:
    if isinstance(tree, list):
        return [files.fill(text_of(each) or "") for each in tree]
    text = files.fill(text_of(tree) or "").strip()
    try:
        return shlex.split(text) or None
    except ValueError:
        return ["sh", "-c", text]


def variable(
    job: Any,
    service: Any,
    spec: dict[str, Any],
    place: str,
    name: str,
    leaf: Any,
    text: str,
    databases: Sequence[Peer],
) -> set[str]:
    """Write one variable, as a value, a reference or a secret; return the names of what it reaches."""
    path = (service.section, service.name)
    raw = leaf.text if isinstance(leaf, Leaf) and not text else text
    if part := variables.part_of_database(name, raw, databases):
        spec.setdefault("env", {})[name] = part[0]
        job.draft.notes.pop((*path, "env", name), None)
        job.ledger.replaced(leaf, f"a reference to the database: `{place}.env.{name}`")
        return {part[1]}
    if raw and variables.is_secret(name, raw) and raw in {peer.parts.get("no_password") for peer in databases}:
        job.draft.notes.pop((*path, "env", name), None)
        job.ledger.replaced(leaf, "a rule: only the services that use the cache reach it, without a password")
        return set()
    value = variables.connected(name, text, job.peers)
    reached = {each for each in value.peers if any(p.name == each and p.port for p in job.peers.values())}
    if value.text is None and any(peer.scheme and peer.name in value.peers for peer in job.peers.values()):
        told = f"{name} is an address in a form that msaspec does not write; build it in the program from DATABASE_URL."
        job.draft.note(path, told)
        job.ledger.lost(leaf, "the address of a database in the form of a driver: see DATABASE_URL of the service")
    elif (
        value.text is None
        or (not text and raw and variables.is_secret(name, variables.ANY_SECRET))
        or (not value.peers and (variables.is_secret(name, text) or text in job.secrets))
    ):
        _secret(job, path, spec, place, name, leaf)
    else:
        unreached = value.peers - reached
        spec.setdefault("env", {})[name] = variables.escaped(text) if unreached else value.text
        job.ledger.carried(leaf, f"{place}.env.{name}")
        return reached if not unreached else set()
    return reached


def _secret(job: Any, path: tuple[str, str], spec: dict[str, Any], place: str, name: str, leaf: Any) -> None:
    """Write a variable as the name of a parameter, which is not there yet."""
    words = [job.draft.data["name"], *([] if name in job.shared else [path[1]]), re.sub(r"[_.]", "-", name.lower())]
    spec.setdefault("secrets", {})[name] = f"/{'/'.join(words)}"
    note = "Create these parameters: `aws ssm put-parameter --type SecureString --name ...`."
    job.draft.note((*path, "secrets"), note)
    job.draft.notes.pop((*path, "env", name), None)
    job.ledger.replaced(leaf, f"a secret: `{place}.secrets.{name}`")
