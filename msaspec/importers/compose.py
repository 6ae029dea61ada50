"""Compose files: services run on `fargate`, what runs once is a job, stores are entries of kinds, and passwords are
secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from msaspec.diagnostics.place import render
from msaspec.importing import builds, compose_keys, managed, mounts, one_shot, stores, variables
from msaspec.importing.compose_files import Files, keyed
from msaspec.importing.draft import Draft, Names
from msaspec.importing.imported import Imported, Options, finish
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import Leaf, entries, items, leaves, text_of
from msaspec.importing.variables import Peer
from msaspec.importing.volumes import SLOW, Volumes, declared, of_compose
from msaspec.template import names

OTHERWISE = "compose has it, msaspec does not"
LONGEST_SYSTEM = 24
"""Characters of the system's name: names of load balancers and roles begin with it."""


@dataclass
class Service:
    """A service of the project on its way."""

    key: str
    """Its name in the source."""
    tree: dict[str, Any]
    name: str
    image: str
    """With its registry; that of the system where it is built."""
    ports: list[compose_keys.Port] = field(default_factory=list)
    port: int | None = None
    hosts: set[str] = field(default_factory=set)
    """Names that others reach it at."""
    section: str = "services"
    """That of the manifest: `jobs` for what runs once."""

    @property
    def once(self) -> bool:
        """Whether it is a job."""
        return self.section == "jobs"

    @property
    def is_built(self) -> bool:
        """Whether the source says how the image is built."""
        return "build" in self.tree


class Compose:
    """One import."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.files = Files(self.ledger)
        self.draft = Draft()
        self.names = Names()
        self.volumes = Volumes(self.draft, self.names)
        self.services: dict[str, Service] = {}
        self.stores: dict[str, Service] = {}
        self.peers: dict[str, Peer] = {}
        self.owners: dict[tuple[str, str], str] = {}
        self.public: str | None = None
        self.secrets: frozenset[str] = frozenset()
        """Values that are passwords, also under other names."""
        self.top_secrets: dict[str, Any] = {}
        self.top_configs: dict[str, Any] = {}
        self.shared: frozenset[str] = frozenset()
        """Variables that have one value in several services."""

    def run(self, paths: Sequence[str]) -> Imported:
        """Read the project and write the manifest."""
        tree = self.files.project(paths)
        folder = self.files.folder.resolve()
        named = self.files.fill(text_of(tree.get("name")) or "") or folder.name
        self.draft.data = {"msaspec": 1, "name": Names().new(named, "system", LONGEST_SYSTEM)}
        self.ledger.carried(tree.get("name"), "name")
        self.ledger.replaced(tree.get("version"), "`msaspec: 1`")
        for key, value in tree.items():
            if key.startswith("x-"):
                self.ledger.replaced(value, "what refers to it has its content")
        self.top_secrets, self.top_configs = entries(tree.get("secrets")), entries(tree.get("configs"))
        self._take(entries(tree.get("services")))
        if not self.services:
            raise compose_keys.nothing(self.files.folder.as_posix(), "no service that runs by default")
        self.draft.data["defaults"] = {"runtime": "fargate", "arch": "x86_64"}
        self.draft.note(
            ("defaults",), "Every image has a build for x86_64. Set arm64, which is cheaper, if yours have."
        )
        for store in self.stores.values():
            managed.write(self, store)
        self._addresses()
        every = [*self.services.values(), *self.stores.values()]
        self.secrets = variables.secrets_among(
            (name, self.value(leaf))
            for each in every
            for name, leaf in keyed(each.tree.get("environment")).items()
            if self.value(leaf) not in self.peers
        )
        self.shared = _shared(keyed(each.tree.get("environment")) for each in every)
        lasting = [each for each in self.services.values() if not each.once]
        self.public = compose_keys.front([(each.name, each.ports, each.port) for each in lasting])
        # What prepares a database owns it.
        for service in sorted(self.services.values(), key=lambda each: not each.once):
            self._service(service)
        declared(tree, self.volumes, self.ledger)
        compose_keys.around(tree, self.ledger)
        return finish(self.draft, self.ledger, OTHERWISE, self.files.folder.as_posix())

    def _take(self, trees: dict[str, Any]) -> None:
        """Tell services from stores, and from what is not part of the project by default."""
        chosen: dict[str, dict[str, Any]] = {}
        for key, tree in trees.items():
            profiles = {text_of(each) or "" for each in items(entries(tree).get("profiles"))}
            if profiles and not profiles & self.options.profiles:
                self.ledger.lost(tree, f"runs only with a profile: `--profile {min(profiles)}`")
            elif isinstance(tree, dict):
                chosen[key] = tree
                self.ledger.carried(tree.get("profiles"), f"services.{key}")
        takes_place = self.options.managed and any(not self._is_store(tree) for tree in chosen.values())
        once = one_shot.among(chosen, {key for key in chosen if takes_place and self._is_store(chosen[key])})
        for key, tree in chosen.items():
            is_store = takes_place and self._is_store(tree)
            name = self.names.new(key, (managed.noun(self._image(tree) or "") if is_store else None) or "service")
            image = self._image(tree) if "build" not in tree else f"{name}:1.0"
            service = Service(key, tree, name, image or f"{name}:1.0", hosts={key})
            service.hosts |= compose_keys.aliases(tree, self.files)
            service.ports = compose_keys.ports(tree, self.files)
            service.section = "jobs" if key in once else "services"
            (self.stores if is_store else self.services)[key] = service

    def _is_store(self, tree: dict[str, Any]) -> bool:
        return "build" not in tree and managed.noun(self._image(tree) or "") is not None

    def _image(self, tree: dict[str, Any]) -> str | None:
        missing: list[str] = []
        text = self.files.fill(text_of(tree.get("image")) or "", missing).strip()
        text = re.sub(r":$", "", text)
        return stores.full_name(text) if text and not text.startswith((":", "/")) else None

    def values_of(self, store: Service) -> dict[str, str]:
        """Return the variables of a store."""
        own = keyed(store.tree.get("environment")).items()
        values = {name: self.value(leaf) or leaf.text for name, leaf in own if isinstance(leaf, Leaf)}
        return values | self.env_files(store)

    def _addresses(self) -> None:
        """Find the port of every service: its own, its image's, or the one that others name."""
        texts = [self.files.fill(leaf.text) for each in self.services.values() for leaf in leaves(each.tree)]
        text = "\n".join(texts)
        for service in self.services.values():
            own = next((port.target for port in service.ports), None)
            known = stores.port(service.image) if not service.is_built else None
            keeps = stores.last_name(service.image) in stores.KEEPING
            own = known if keeps or known in [port.target for port in service.ports] else own
            service.port = own or known or next(filter(None, (_named_port(text, host) for host in service.hosts)), None)
            for host in service.hosts:
                self.peers.setdefault(host, Peer(service.name, service.port))

    def _service(self, service: Service) -> None:
        tree, ledger = service.tree, self.ledger
        place, path = f"{service.section}.{service.name}", (service.section, service.name)
        spec: dict[str, Any] = {} if service.is_built else {"image": service.image}
        self.draft.at(service.section)[service.name] = spec
        self._picture(service, spec)
        for mount in mounts.found(tree, self.top_configs, self.files):
            spec.setdefault("files", {})[mount.place] = mount.file or {"text": mount.text}
            for leaf in mount.leaves:
                ledger.carried(leaf, render((*path, "files", mount.place)))
        if service.once:
            ledger.carried(tree.get("restart"), f"{place}.run")
        if service.port:
            spec["port"] = service.port
        compose_keys.say_ports(service, self, place, is_public=service.name == self.public)
        if service.name == self.public:
            spec["paths"] = ["/"]
            compose_keys.health(tree, spec, ledger, place)
        compose_keys.simple(service, self, spec, place)
        lasting = of_compose(tree, self.files, self.volumes, ledger, 2 if service.once else spec.get("scale", 1))
        if stores.last_name(service.image) in stores.KEEPING and not service.is_built:
            nothing = "A container keeps nothing: what it stores is lost when it is replaced."
            self.draft.note(path, SLOW if lasting else nothing)
        used = self._environment(service, spec, place)
        used |= self._edges(service)
        used.discard(service.name)
        if used:
            spec["uses"] = {name: self._use(service, name) for name in sorted(used)}
            ledger.carried(tree.get("depends_on"), f"{place}.uses")
        elif len(self.services) > 1 and not service.once and stores.last_name(service.image) not in stores.KEEPING:
            self.draft.note(path, "No edge seen: if it calls other services, name them under `uses`.")
        if lasting:
            spec["uses"] = {**spec.get("uses", {}), **lasting}
        if service.once:
            one_shot.write(spec)

    def _picture(self, service: Service, spec: dict[str, Any]) -> None:
        """Write the image, and how it is built."""
        tree, ledger, place = service.tree, self.ledger, f"{service.section}.{service.name}"
        path = (service.section, service.name)
        if not service.is_built:
            ledger.carried(tree.get("image"), f"{place}.image")
            if not text_of(tree.get("image")):
                self.draft.note((*path, "image"), "The source names no image. Name it.")
            elif ":" not in service.image.rpartition("/")[2] and "@" not in service.image:
                self.draft.note((*path, "image"), "The source names no tag: what runs changes with `latest`. Name one.")
            return
        ledger.replaced(tree.get("image"), f"a repository of the system, with the name of the service: `{place}.build`")
        build, at = tree["build"], f"{place}.build"
        context = build.get("context") if isinstance(build, dict) else build
        folder = self.files.fill(text_of(context) or ".")
        where = self.files.beside(next(leaves(context if context is not None else build)), folder)
        file = self.files.fill(text_of(entries(build).get("dockerfile")) or "") or None
        made = builds.read(build, _below(where, self.files.folder), file, self.files.fill, ledger, at)
        builds.arguments(made, keyed(entries(build).get("args")), self._argument, ledger, at)
        for each in items(entries(build).get("secrets")):
            id, source = self._build_secret(each)
            known = text_of(entries(source).get("file"))
            beside = known and self.files.beside(next(leaves(source)), self.files.fill(known))
            builds.secret(made, id, each, source, _below(beside, self.files.folder) if beside else None, ledger, at)
        spec["build"] = made.short()
        for note in made.notes:
            self.draft.note((*path, "build"), note)

    def _argument(self, leaf: Any) -> str | None:
        """Return the value of a build argument; None where it is that of a machine."""
        missing: list[str] = []
        text = self.files.fill(leaf.text, missing) if isinstance(leaf, Leaf) and leaf.value is not None else None
        return None if missing else text

    def _build_secret(self, each: Any) -> tuple[str, Any]:
        """Return the id of a secret of a build, and what the project says of it."""
        name = text_of(each) or text_of(entries(each).get("source")) or ""
        return text_of(entries(each).get("target")) or name, self.top_secrets.get(name)

    def value(self, leaf: Any) -> str:
        """Return a value with its variables filled in; nothing for one without a value."""
        return self.files.fill(leaf.text) if isinstance(leaf, Leaf) and leaf.value is not None else ""

    def env_files(self, service: Service) -> dict[str, str]:
        """Return the variables of a service's `env_file`."""
        found: dict[str, str] = {}
        for each in items(service.tree.get("env_file")):
            leaf = each.get("path") if isinstance(each, dict) else each
            name = self.files.fill(text_of(leaf) or "")
            known = variables.read_dotenv(self.files.beside(leaf, name)) if isinstance(leaf, Leaf) and name else None
            if known is None:
                self.ledger.lost(each, "the file is not there: add its variables to `env`, or to `secrets`")
                told = f"Add the variables of {name} to `env`, or to `secrets`."
                self.draft.note((service.section, service.name), told)
            else:
                self.ledger.carried(each, f"{service.section}.{service.name}.env")
                found |= known
        return found

    def _environment(self, service: Service, spec: dict[str, Any], place: str) -> set[str]:
        """Write the variables; return the names of what they reach."""
        leafs = keyed(service.tree.get("environment"))
        values: dict[str, tuple[Any, str]] = {name: (None, text) for name, text in self.env_files(service).items()}
        for name, leaf in leafs.items():
            missing: list[str] = []
            text = ""
            if isinstance(leaf, Leaf) and leaf.value is None:  # The value is that of the machine.
                missing = [] if name in self.files.variables else [name]
                text = self.files.variables.get(name, "")
            elif isinstance(leaf, Leaf):
                text = self.files.fill(leaf.text, missing)
            if missing:
                told = f"{', '.join(dict.fromkeys(missing))} has no value in the source; set it."
                self.draft.note((service.section, service.name, "env", name), told)
            values[name] = (leaf, text)
        used: set[str] = set()
        near = {*self._edges(service)}
        near |= {
            each for name, (_, text) in values.items() for each in variables.connected(name, text, self.peers).peers
        }
        databases = [peer for peer in dict.fromkeys(self.peers.values()) if peer.scheme and peer.name in near]
        for name, (leaf, text) in values.items():
            used |= compose_keys.variable(self, service, spec, place, name, leaf, text, databases)
        return used

    def _edges(self, service: Service) -> set[str]:
        """Return the names that `depends_on`, `links` and words of the command name, as far as they can be reached."""
        found: set[str] = set()
        tree = service.tree
        wanted = dict(keyed(tree.get("depends_on"))) if tree.get("depends_on") is not None else {}
        for each in items(tree.get("links")):
            key = (text_of(each) or "").partition(":")[0]
            wanted.setdefault(key, each)
        for key, leaf in wanted.items():
            peer = self.peers.get(key)
            if peer and peer.port:
                found.add(peer.name)
                self.ledger.carried(leaf, f"{service.section}.{service.name}.uses.{peer.name}")
            elif key in self.services and self.services[key].once:
                self.ledger.replaced(leaf, "the job runs before each deployment")
            else:
                why = "it has no port, so nothing is called; msaspec starts services in no order"
                self.ledger.lost(leaf, why if peer else "the service is not part of the import")
        for word in items(tree.get("command")):
            found |= variables.connected(
                "", self.files.fill(word.text) if isinstance(word, Leaf) else "", self.peers
            ).peers
        return {name for name in found if any(peer.name == name and peer.port for peer in self.peers.values())}

    def _use(self, service: Service, name: str) -> dict[str, Any]:
        """Return the options of a use."""
        peer = next((each for each in self.peers.values() if each.name == name and each.scheme), None)
        return managed.options(peer, partial(self._database, service))

    def _database(self, service: Service, peer: Peer) -> dict[str, Any]:
        """Return which database a service has: the first that has it owns it."""
        name = peer.name
        database = re.sub(r"\W+", "_", peer.parts["name"].lower()).strip("_")[:50]
        if not database[:1].isalpha() or database in ("postgres", "rdsadmin"):  # which every instance has
            database = next((of for store, of in self.owners if store == name), names.snake(service.name))
        owner = self.owners.setdefault((name, database), service.name)
        return {"database": database} if owner == service.name else {"database": database, "access": "read-write"}


def _shared(environments: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Return the variables that several services have, all with one value."""
    texts: dict[str, list[str]] = {}
    for each in environments:
        for name, leaf in each.items():
            texts.setdefault(name, []).append(leaf.text if isinstance(leaf, Leaf) else "")
    return frozenset(name for name, found in texts.items() if len(found) > 1 and len(set(found)) == 1)


def _named_port(text: str, host: str) -> int | None:
    """Return the port that values name behind a host."""
    found = re.search(rf"(?<![\w.-]){re.escape(host)}:(\d{{2,5}})(?!\d)", text)
    return int(found[1]) if found and 0 < int(found[1]) < 65536 else None


def _below(path: Path, folder: Path) -> str:
    """Return a folder as the manifest, which is beside the first file, names it."""
    try:
        found = path.relative_to(folder).as_posix()
    except ValueError:
        found = path.as_posix()
    return found if found.startswith(("/", "..")) else "./" + found.removeprefix("./") if found != "." else "."


def load(paths: Sequence[str], options: Options) -> Imported:
    """Return the manifest for compose files; without paths, those that compose finds in the working directory.

    Raises Invalid where a file cannot be read.
    """
    return Compose(options).run(paths)
