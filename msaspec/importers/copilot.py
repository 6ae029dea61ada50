"""Manifests of AWS Copilot: a folder with services, environments and addons becomes one manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msaspec.importing import copilot_events, copilot_jobs, stores, variables
from msaspec.importing import copilot_keys as keys
from msaspec.importing.draft import Draft, Names
from msaspec.importing.imported import Imported, Options, finish
from msaspec.importing.ledger import Ledger
from msaspec.importing.tree import entries, fault, is_number, is_there, items, leaves, read, text_of
from msaspec.importing.variables import Peer
from msaspec.importing.volumes import Volumes

OTHERWISE = "Copilot has it, msaspec does not"
LONGEST_SYSTEM = 24
"""Characters of the system's name: names of load balancers and roles begin with it."""
JOB = "Scheduled Job"
SERVICES = ("Load Balanced Web Service", "Backend Service", "Worker Service", "Request-Driven Web Service")


class Copilot:
    """One import."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.draft = Draft()
        self.names = Names()
        self.volumes = Volumes(self.draft, self.names)
        self.peers: dict[str, Peer] = {}
        self.jobs: set[str] = set()
        self.environments: list[str] = []
        self.application = ""
        self.root = Path()
        """The folder that paths of the manifests are relative to."""

    def run(self, paths: Sequence[str]) -> Imported:
        """Read the folder and write the manifest."""
        folder = Path(paths[0] if paths else "copilot")
        if not os.path.isdir(folder):
            message = f"There is no folder {folder.as_posix()}. Name the one that Copilot's manifests are in."
            raise fault(folder.as_posix(), message)
        folder = folder / "copilot" if not _manifests(folder) and (folder / "copilot").is_dir() else folder
        self.root = folder.parent
        trees = {file: self._read(file) for file in _manifests(folder)}
        workspace = [self._read(file) for file in [folder / ".workspace"] if is_there(file)]
        self.application = text_of(entries(workspace[0]).get("application")) or "" if workspace else ""
        named = self.application or self.root.resolve().name
        self.draft.data = {"msaspec": 1, "name": Names().new(named, "system", LONGEST_SYSTEM)}
        for tree in workspace:
            self.ledger.carried(tree, "name")
        self.draft.data["defaults"] = {"runtime": "fargate"}
        chosen: dict[str, dict[str, Any]] = {}
        for file, tree in trees.items():
            kind = text_of(tree.get("type")) or ""
            if kind == "Environment":
                self._environment(file, tree)
            elif kind in (*SERVICES, JOB):
                name = self.names.new(text_of(tree.get("name")) or file.parent.name)
                chosen[name] = tree
                if kind == JOB:
                    self.jobs.add(name)
            elif kind == "Static Site":
                self._site(file, tree)
            else:
                self._strange(file, tree, kind)
        if not chosen and "buckets" not in self.draft.data:
            raise fault(folder.as_posix(), f"{folder.as_posix()} has no service, so there is nothing to import.")
        self.environments += sorted(
            {str(each) for tree in chosen.values() for each in entries(tree.get("environments"))} - {*self.environments}
        )
        self._peers(chosen)
        public = {name for name, tree in chosen.items() if keys.is_public(tree)}
        used: set[str] = set()
        for name, tree in chosen.items():
            spec = self.draft.at(self.section(name))[name] = keys.service(self, name, tree, used)
            if name in self.jobs and (told := copilot_jobs.write(spec, tree, self.ledger, f"jobs.{name}")):
                self.draft.note(("jobs", name), told)
        lasting = {name: tree for name, tree in chosen.items() if name not in self.jobs}
        copilot_events.queues(self, lasting, copilot_events.topics(self, lasting))
        for name in self.environments:
            self.draft.at("environments").setdefault(keys.environment(name), {})
        for name, tree in chosen.items():
            keys.overlays(self, name, tree)
        if public:
            self.draft.note(
                ("services",), "The domain of the application is not in Copilot's files: `ingress` has it here."
            )
        self._addons(folder)
        return finish(self.draft, self.ledger, OTHERWISE)

    def _read(self, file: Path) -> dict[str, Any]:
        name = Path(os.path.normpath(file)).as_posix()
        trees = read(file, name)
        for tree in trees:
            self.ledger.source(tree)
        if not trees or not isinstance(trees[0], dict):
            raise fault(name, f"{name} is not a manifest of Copilot: it is not a map.")
        return trees[0]

    def _peers(self, chosen: dict[str, dict[str, Any]]) -> None:
        """Names that services reach each other at: of Service Connect, and of service discovery."""
        for name, tree in chosen.items():
            source = text_of(tree.get("name")) or name
            port = text_of(entries(tree.get("image")).get("port"))
            peer = Peer(name, int(port) if is_number(port) else None)
            alias = text_of(entries(entries(tree.get("network")).get("connect")).get("alias"))
            for host in filter(None, (source, alias)):
                self.peers[host] = peer
            for each in ("${COPILOT_SERVICE_DISCOVERY_ENDPOINT}", "$COPILOT_SERVICE_DISCOVERY_ENDPOINT"):
                self.peers[f"{source}.{each}"] = peer
            for environment in self.environments:
                self.peers[f"{source}.{environment}.{self.application}.local"] = peer

    def _environment(self, file: Path, tree: dict[str, Any]) -> None:
        name = text_of(tree.get("name")) or file.parent.name
        self.environments.append(name)
        self.ledger.carried(tree.get("name"), f"environments.{keys.environment(name)}")
        self.ledger.replaced(tree.get("type"), "an entry of `environments`")
        self._network(name, entries(entries(tree.get("network")).get("vpc")))
        self.ledger.lost(entries(tree.get("network")), "msaspec creates the VPC: `network` has its block and zones")
        self.ledger.lost(tree.get("cdn"), "a CDN in front of services is `ingress: {cdn: true}`, with a domain")
        self.ledger.lost(tree.get("http"), "certificate, domain and source addresses are in `ingress`")
        self.ledger.lost(tree.get("observability"), "Container Insights is a setting of the account")
        if text_of(tree.get("observability")) is None and any(leaves(tree.get("http"))):
            place = ("environments", keys.environment(name))
            self.draft.note(place, "The environment has settings of the load balancer: write `ingress` for it.")

    def _network(self, name: str, vpc: dict[str, Any]) -> None:
        """Say how an existing VPC is named. Its block is not in Copilot's files, and a person looks it up."""
        id = text_of(vpc.get("id"))
        if id is None:
            return
        why = "`network: {vpc: ...}` names an existing VPC, with its block, which Copilot's files do not have"
        self.ledger.lost(vpc, why)
        tiers = {
            tier: [text_of(entries(each).get("id")) for each in items(entries(vpc.get("subnets")).get(tier))]
            for tier in ("public", "private")
        }
        named = "".join(f", {tier}: [{', '.join(filter(None, ids))}]" for tier, ids in tiers.items() if any(ids))
        note = f"It is in a VPC that exists. Look up its block, and write `network: {{vpc: {id}, cidr: ...{named}}}`."
        self.draft.note(("environments", keys.environment(name)), note)

    def _site(self, file: Path, tree: dict[str, Any]) -> None:
        name = self.names.new(text_of(tree.get("name")) or file.parent.name, "site")
        files = [entries(each) for each in items(tree.get("files"))]
        source = (
            text_of(files[0].get("source")) if len(files) == 1 and set(files[0]) <= {"source", "recursive"} else None
        )
        folder = _folder(self.root, source)
        for key in ("name", "type"):
            self.ledger.replaced(tree.get(key), f"a site: `buckets.{name}`")
        if folder:
            self.draft.at("buckets")[name] = {"site": folder}
            self.ledger.carried(files[0].get("source"), f"buckets.{name}.site")
            self.ledger.replaced(files[0].get("recursive"), "every folder below is uploaded")
        else:
            self.draft.at("buckets")[name] = {"cdn": True}
            self.draft.note(
                ("buckets", name), "A static site: put its files into one folder, and write `site: ./folder`."
            )
        why = "host names of the CDN are `cdn: {hosts: [..], certificate: ..}`"
        self.ledger.lost(tree, why if folder else f"a site is one folder, uploaded as it is; {why}")

    def section(self, name: str) -> str:
        """Return the section that a workload is in."""
        return "jobs" if name in self.jobs else "services"

    def _strange(self, file: Path, tree: dict[str, Any], kind: str) -> None:
        name = text_of(tree.get("name")) or file.parent.name
        what = f"of the type {kind or 'that is missing'}, which msaspec does not have"
        self.draft.note(("services",), f"{name} is {what}. Run it outside.")
        self.ledger.lost(tree, "the type is not one of services")

    def _addons(self, folder: Path) -> None:
        """Take stores of addons that the language has; the rest is lost by its type."""
        for file in sorted((*folder.glob("*/addons/*.y*ml"), *folder.glob("*/overrides/*.y*ml"))):
            name = Path(os.path.normpath(file)).as_posix()
            owner = file.parent.parent.name
            for tree in read(file, name):
                self.ledger.source(tree)
                if file.parent.name == "overrides":
                    self.ledger.lost(
                        tree, "patches are of Copilot's template; write those of msaspec's under `patches`"
                    )
                elif isinstance(tree, dict):
                    self._addon(owner, tree)
        for file in sorted((*folder.glob("pipelines/*/*.y*ml"), *folder.glob("pipeline.y*ml"))):
            if file not in _manifests(folder):
                for tree in read(file, Path(os.path.normpath(file)).as_posix()):
                    self.ledger.lost(
                        self.ledger.source(tree), "msaspec has no pipelines: the guide of CI has the steps"
                    )

    def _addon(self, owner: str, tree: dict[str, Any]) -> None:
        services = {**entries(self.draft.data.get("services")), **entries(self.draft.data.get("jobs"))}
        user = owner if owner in services else None
        for key, resource in entries(tree.get("Resources")).items():
            kind = text_of(entries(resource).get("Type")) or ""
            engine = text_of(entries(entries(resource).get("Properties")).get("Engine")) or ""
            properties = entries(entries(resource).get("Properties"))
            known = next((each for each in ("postgres", "mysql", "mariadb") if each in engine), None)
            if kind in ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster") and known:
                self._store("databases", key, {} if known == "postgres" else {"engine": known}, user, {}, resource)
            elif kind == "AWS::DocDB::DBCluster":
                self._store("databases", key, {"engine": "documentdb"}, user, {}, resource)
            elif kind == "AWS::DynamoDB::Table" and (orders := keys.table(properties)):
                self._store("tables", key, orders, user, {"access": "read-write"}, resource)
            elif kind in keys.CACHES:
                cache = {"engine": "memcached"} if engine == "memcached" else {}
                self._store("caches", key, cache, user, {}, resource)
            elif kind == "AWS::AmazonMQ::Broker" and (broker := stores.broker(properties)) is not None:
                self._store("brokers", key, broker, user, {}, resource)
            elif kind.startswith("AWS::ElastiCache::"):
                self.ledger.replaced(resource, "what caches need, msaspec creates with them")
            elif kind == "AWS::S3::Bucket":
                self._store("buckets", key, {}, user, {"access": "read-write"}, resource)
            elif kind.startswith(("AWS::RDS::", "AWS::DocDB::", "AWS::EC2::SecurityGroup", "AWS::SecretsManager::")):
                self.ledger.replaced(resource, "what databases need, msaspec creates with them")
            elif kind in ("AWS::S3::BucketPolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
                self.ledger.lost(resource, "permissions come from `uses`; add others under `patches`")
            else:
                self.ledger.lost(resource, f"msaspec has no {kind or 'such resource'}: add it under `patches`")
        self.ledger.replaced(tree, "variables and permissions come from `uses`")

    def _store(
        self, section: str, key: str, spec: dict[str, Any], user: str | None, use: dict[str, Any], resource: Any
    ) -> None:
        """Write a store, and the use of the service that it is an addon of."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", key)
        name = self.names.new(words, section[:-1])
        self.draft.at(section)[name] = spec
        self.ledger.replaced(resource, f"`{section}.{name}`")
        note = "It replaces a resource of an addon. Move the data, and read the new variables."
        self.draft.note((section, name), note)
        if user:
            self.draft.data[self.section(user)][user].setdefault("uses", {})[name] = use

    def value(self, text: str) -> str:
        """Return a text of a manifest with Copilot's variables as references."""
        text = variables.escaped(text)
        for word, reference in (("APPLICATION", "system.name"), ("ENVIRONMENT", "system.environment")):
            text = text.replace(f"$${{COPILOT_{word}_NAME}}", f"${{{reference}}}")
        return text

    def build_folder(self, build: Any) -> tuple[str, str]:
        """Return the folder that the builder sees, as the manifest names it, which is beside the folder of Copilot, and
        the Dockerfile in it."""
        tree = entries(build)
        context = text_of(tree.get("context")) or ""
        file = text_of(tree.get("dockerfile")) or ("" if tree else text_of(build)) or "Dockerfile"
        folder = os.path.normpath(context or os.path.dirname(file) or ".")
        return folder if folder == "." else f"./{folder}", os.path.relpath(file, folder)


def _manifests(folder: Path) -> list[Path]:
    """Return the manifests of services and environments."""
    found = (*folder.glob("*/manifest.y*ml"), *folder.glob("environments/*/manifest.y*ml"))
    return sorted(file for file in found if file.parent.name != "pipelines")


def load(paths: Sequence[str], options: Options) -> Imported:
    """Return the manifest for a folder of Copilot; without paths, for `copilot` in the working directory.

    Raises Invalid where the folder or a file in it cannot be read.
    """
    return Copilot(options).run(paths)


def _folder(root: Path, source: str | None) -> str | None:
    """Return a folder of files as a site names it; None for what is a file, or outside."""
    from pydantic import ValidationError

    from msaspec.aws.web_site import WebSite

    if source is None or is_there(root / source):
        return None
    try:
        return WebSite(files=(root / source).as_posix()).files
    except ValidationError:
        return None
