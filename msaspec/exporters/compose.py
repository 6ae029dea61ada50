"""A compose file to run a system on a developer's machine: the same variables, local stores, random passwords."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msaspec.compile import order
from msaspec.compile.plan import Edge, Plan
from msaspec.exporting import site, stores, text
from msaspec.exporting.local import ACCOUNT, REGION, Exported, Local, Tree, literal
from msaspec.language import reference
from msaspec.language.base import Model
from msaspec.language.build import Build
from msaspec.language.files import File
from msaspec.language.health import Health
from msaspec.language.part import Offer
from msaspec.language.runtime import Workload
from msaspec.language.service import Service
from msaspec.language.sidecar import BEFORE, FIRST, Beside, Sidecar
from msaspec.language.value import Secret
from msaspec.template import names


def export(plan: Plan, manifest: str, output: str | None) -> Exported:
    """Return the file for a plan. `manifest` and `output` are where the two files are; without an output it is beside
    the manifest."""
    return _Export(plan, manifest, output).run()


class _Export:
    """One export."""

    def __init__(self, plan: Plan, manifest: str, output: str | None) -> None:
        self.plan, self.region = plan, plan.root.region or REGION
        above = Path(manifest).parent if manifest != "-" else Path()
        self.folder = os.path.relpath(above, Path(output).parent) if output else "."
        self.locals: dict[str, Local] = {}
        self.services: dict[str, Tree] = {}
        self.configs: dict[str, Tree] = {}
        self.secrets: dict[str, Tree] = {}
        self.volumes: list[str] = []
        self.generated: list[str] = []
        self.asked: list[str] = []
        self.notes: list[str] = []
        self.published: dict[str, int] = {}

    def run(self) -> Exported:
        """Write services, then stores."""
        self._stores()
        workloads = [workload for _, workload in self.plan.workloads]
        taken: set[int] = {stores.PUBLISHED}
        for workload in workloads:
            if workload.spec.public and workload.spec.port:
                number = workload.spec.port.number
                while number in taken or number < 1024:
                    number = number + 8000 if number < 1024 else number + 1
                taken.add(number)
                self.published[workload.name] = number
        called = {
            workload.name: [edge.use.target for edge in self.plan.edges_of(workload.name) if edge.calls]
            for workload in workloads
        }
        first = order.before(called)
        made: dict[str, Tree] = {}
        self._sites(taken)
        for workload in workloads:
            made[workload.name] = self._service(workload, first[workload.name])
            made |= {self._beside(workload, each): self._sidecar(workload, each) for each in workload.sidecars}
        tree: Tree = {"name": self.plan.site.stack, "services": {**made, **self.services}}
        if self.volumes:
            tree["volumes"] = {name: {} for name in self.volumes}
        if self.configs:
            tree["configs"] = self.configs
        if self.secrets:
            tree["secrets"] = self.secrets
        comments = ["Written by `msaspec export compose`, to run the system on this machine: `docker compose up`."]
        comments += [f"- {note}" for note in self.notes]
        generated = tuple(dict.fromkeys(self.generated))
        return Exported(text.to_yaml(tree, comments), generated, tuple(dict.fromkeys(self.asked)), tuple(self.notes))

    def _stores(self) -> None:
        setup: list[str] = []
        buckets: list[str] = []
        # A queue subscribes to a topic, which therefore is made before it.
        for kind, entries in sorted(self.plan.entries, key=lambda each: each[0].section == "queues"):
            for entry, uses in entries:
                local = stores.of(kind.section, entry, uses, self.plan.site.stack, self.region)
                if local is None:
                    local = self._unknown(kind.noun, entry.name)
                self.locals[entry.name] = local
                setup += local.setup
                buckets += [f"{self.plan.site.stack}-{entry.name}"] if kind.section == "buckets" else []
                self._add(local)
        if setup:
            self._add(stores.emulator(setup, buckets, self.region))

    def _sites(self, taken: set[int]) -> None:
        """Write a web server for each site, which leads the paths of services to them where the CDN does."""
        front = self.plan.site.front
        routes = site.routes(self.plan.workloads) if front and front.cdn else ()
        for kind, entries in self.plan.entries:
            for uploads in filter(None, (kind.uploads(entry) for entry, _ in entries)):
                number = next(port for port in range(8080, 65536) if port not in taken)
                taken.add(number)
                self._add(site.of(uploads, self._path(uploads.folder), number, routes))

    def _unknown(self, noun: str, name: str) -> Local:
        return Local(notes=(f"{name}: a {noun} has no local form. The env file asks for what its users read.",))

    def _add(self, local: Local) -> None:
        self.services |= local.containers
        self.configs |= local.configs
        self.volumes += local.volumes
        self.generated += local.generated
        self.notes += local.notes

    def _service(self, workload: Workload[Model], first: Sequence[str]) -> Tree:
        spec, name = workload.spec, workload.name
        own = self.plan.edges_of(name)
        tree: Tree = {"image": str(workload.image)}
        if spec.build:
            tree["build"] = self._build(name, spec.build)
        elif workload.image.owned:
            self.notes.append(
                f"{name}: `{workload.image}` has to be on this machine; the manifest has no `build` for it."
            )
        if workload.job and not workload.job.gates:
            tree["profiles"] = ["jobs"]
            self.notes.append(f"{name}: a job, which runs by hand here: `docker compose run --rm {name}`.")
        tree |= self._container(spec, name, own)
        if name in self.published:
            tree["ports"] = [f"127.0.0.1:{self.published[name]}:{spec.port.number if spec.port else 0}"]
        elif spec.port:
            tree["expose"] = [str(port.number) for port in (spec.port, *spec.ports.values())]
        if environment := self._environment(workload, own):
            tree["environment"] = environment
        if workload.health and workload.health.by == "command":
            tree["healthcheck"] = _checked(workload.health.says)
        after = dict.fromkeys(first, "service_started")
        for each in workload.sidecars:
            if each.spec.starts == FIRST:
                after[self._beside(workload, each)] = "service_completed_successfully"
        for edge in own:
            after |= self.locals[edge.use.target].after if edge.use.target in self.locals else {}
        if not workload.job:
            after |= dict.fromkeys(self._gates(name), "service_completed_successfully")
        if after:
            tree["depends_on"] = {each: {"condition": condition} for each, condition in sorted(after.items())}
        if workload.mounts:
            tree["volumes"] = [
                literal(f"{each.volume}:{each.folder}{'' if each.writes else ':ro'}") for each in workload.mounts
            ]
        if workload.called:
            tree["networks"] = {"default": {"aliases": [f"{name}.{self.plan.site.domain}"]}}
        return tree

    def _beside(self, workload: Workload[Model], sidecar: Beside) -> str:
        """Return what the container of a sidecar is called."""
        taken = {each.name for _, each in self.plan.workloads} | self.locals.keys()
        found = f"{workload.name}-{sidecar.name}"
        return f"{found}-sidecar" if found in taken else found

    def _sidecar(self, workload: Workload[Model], sidecar: Beside) -> Tree:
        """Return a container that has the network of its service's. What runs to its end before the service starts has
        the network of all."""
        spec, own, name = sidecar.spec, self.plan.edges_of(workload.name), self._beside(workload, sidecar)
        tree: Tree = {"image": spec.image, **self._container(spec, name, own)}
        if spec.env:
            parsed = {key: reference.parse(value, self.plan.root.systems) for key, value in spec.env.items()}
            tree["environment"] = {key: self._filled(pieces, workload.name, own) for key, pieces in parsed.items()}
        if spec.mounts:
            writes = {each.volume: each.writes for each in workload.mounts}
            tree["volumes"] = [
                literal(f"{volume}:{folder}{'' if writes[volume] else ':ro'}") for volume, folder in spec.mounts.items()
            ]
        if spec.health:
            tree["healthcheck"] = _checked(spec.health)
        after: dict[str, str] = {}
        if spec.starts == FIRST:
            for edge in own:
                after |= self.locals[edge.use.target].after if edge.use.target in self.locals else {}
        else:
            tree["network_mode"] = f"service:{workload.name}"
            after[workload.name] = "service_started"
        if spec.starts == BEFORE:
            said = f"its sidecar `{sidecar.name}` starts after it here, and on AWS before it."
            self.notes.append(f"{workload.name}: {said}")
        for other in workload.sidecars:
            if sidecar.name in other.spec.before and (spec.starts != FIRST or other.spec.starts == FIRST):
                ended = other.spec.starts == FIRST
                after[self._beside(workload, other)] = "service_completed_successfully" if ended else "service_started"
        if after:
            tree["depends_on"] = {each: {"condition": condition} for each, condition in sorted(after.items())}
        return tree

    def _container(self, spec: Service | Sidecar, name: str, own: Sequence[Edge]) -> Tree:
        """Return what any container has."""
        tree: Tree = {}
        if spec.entrypoint:
            tree["entrypoint"] = [literal(word) for word in spec.entrypoint]
        if spec.command:
            words = [reference.parse_word(word, self.plan.root.systems) for word in spec.command]
            tree["command"] = [self._filled(word, name, own) for word in words]
        for key, value in (("user", spec.user), ("working_dir", spec.working_dir)):
            if value is not None:
                tree[key] = literal(value)
        if spec.stop_timeout:
            tree["stop_grace_period"] = f"{spec.stop_timeout}s"
        if spec.read_only:
            tree["read_only"] = True
            tree["tmpfs"] = [f"{folder}:size={spec.read_only.size}m" for folder in spec.read_only.except_]
        if files := self._files(name, spec.files, own):
            tree["configs"] = files
        return tree

    def _gates(self, service: str) -> list[str]:
        """Return the jobs that end before a service starts: those that use a store of its, and not the service itself,
        also not by way of others."""
        own = {edge.use.target for edge in self.plan.edges_of(service) if edge.kind is not None}
        found = []
        for job in (each for _, each in self.plan.workloads if each.job and each.job.gates):
            reached = _reached(self.plan, job.name)
            if own & reached and service not in reached:
                found.append(job.name)
        return found

    def _path(self, written: str) -> str:
        """Return a path of the manifest as compose takes it: without a dot it would be the name of a volume."""
        found = posixpath.normpath(posixpath.join(self.folder.replace(os.sep, "/"), written))
        return found if found.startswith((".", "/")) else f"./{found}"

    def _build(self, name: str, build: Build) -> Any:
        tree: Tree = {"context": literal(self._path(build.context))}
        tree |= {"dockerfile": literal(build.file)} if build.file else {}
        tree |= {"target": literal(build.target)} if build.target else {}
        if build.args:
            tree["args"] = {key: literal(value) for key, value in build.args.items()}
        for id, secret in build.secrets.items():
            file = secret.file and self._path(secret.file)
            source = f"{name}-{id}"
            self.secrets[source] = {"file": literal(file)} if file else {"environment": secret.env}
            tree.setdefault("secrets", []).append({"source": source, "target": id})
        return tree if len(tree) > 1 else tree["context"]

    def _environment(self, workload: Workload[Model], own: Sequence[Edge]) -> Tree:
        spec, name = workload.spec, workload.name
        found: Tree = {}
        for edge in own:
            if edge.use.target in self.locals:
                found |= self.locals[edge.use.target].environment
        for variable in workload.environment:
            if variable in spec.env:
                found[variable] = self._filled(reference.parse(spec.env[variable], self.plan.root.systems), name, own)
            elif variable in spec.secrets:
                found[variable] = self._asked(name, variable)
                self.generated.append(f"{names.variable(name)}_{_word(variable)}")
            else:
                edge = next(edge for edge in own if variable in edge.offer.variables)
                found[variable] = self._injected(edge, variable)
        return found

    def _asked(self, name: str, attribute: str) -> str:
        return f"${{{names.variable(name)}_{_word(attribute)}}}"

    def _injected(self, edge: Edge, variable: str) -> str:
        """Return what a use injects: the local value of the attribute that the variable has on AWS."""
        value = edge.offer.variables[variable]
        # Several may have one value, as the name of a database and that of its user: the variable says which is meant.
        attributes = sorted(edge.offer.attributes.items(), key=lambda each: not variable.lower().endswith(each[0]))
        for attribute, known in attributes:
            if known == value:
                return self._attribute(edge, attribute)
        if all(isinstance(piece, str) for piece in value):
            return "false" if variable in stores.TLS else literal("".join(map(str, value)))
        if [getattr(piece, "target", None) for piece in value] == ["AWS::Region"]:
            return self.region
        return self._attribute(edge, variable)

    def _attribute(self, edge: Edge, attribute: str) -> str:
        target = edge.use.target
        if edge.elsewhere:
            whose = target.replace("/", "-")
            self.asked.append(f"{names.variable(whose)}_{_word(attribute)}")
            return self._asked(whose, attribute)
        if edge.kind is None:
            return _of_service(self.plan, edge.offer, target, attribute)
        known = self.locals[target].attributes.get(edge.use.service, {})
        if attribute in known:
            return known[attribute]
        secret = any(isinstance(piece, Secret) for piece in edge.offer.attributes.get(attribute, ()))
        (self.generated if secret else self.asked).append(f"{names.variable(target)}_{_word(attribute)}")
        return self._asked(target, attribute)

    def _filled(
        self, pieces: Iterable[str | reference.Reference | reference.Loose], service: str, own: Sequence[Edge]
    ) -> str:
        """Return a text of the manifest with what its references are here."""
        found = ""
        for piece in pieces:
            if isinstance(piece, str):
                found += literal(piece)
            elif isinstance(piece, reference.Loose):
                found += literal(piece.text)
            else:
                found += self._reference(piece, own)
        return found

    def _reference(self, asked: reference.Reference, own: Sequence[Edge]) -> str:
        site = self.plan.site
        everywhere = {
            "system.name": site.system,
            "system.environment": site.environment or "default",
            "aws.region": self.region,
            "aws.account": ACCOUNT,
            "aws.partition": "aws",
        }
        if known := everywhere.get(f"{asked.name}.{asked.attribute}"):
            return known
        if asked.attribute in ("public_url", "public_host"):
            spec = self.plan.root.services[asked.name]
            host = f"localhost:{self.published.get(asked.name, 80)}"
            path = (spec.prefixes or ("/",))[0].rstrip("/")
            return host if asked.attribute == "public_host" else f"http://{host}{path}"
        used = next((edge for edge in own if edge.use.target == asked.name), None)
        return self._attribute(used or self.plan.edge_to(asked.name), asked.attribute)

    def _files(self, name: str, files: Mapping[str, File], own: Sequence[Edge]) -> list[Tree]:
        """Return the files of a container, each a config of the project."""
        mounted = []
        for number, (path, file) in enumerate(sorted(files.items())):
            source = f"{name}-file-{number + 1}"
            if file.file is not None:
                where = posixpath.normpath(posixpath.join(self.folder.replace(os.sep, "/"), file.file))
                self.configs[source] = {"file": literal(where if where.startswith((".", "/")) else f"./{where}")}
            elif file.text is not None:
                content = self._filled(reference.parse_word(file.text, self.plan.root.systems), name, own)
                self.configs[source] = {"content": content}
            else:
                edge = next(edge for edge in own if edge.use.target == file.secret)
                self.configs[source] = {"content": self._attribute(edge, file.key or "value")}
            user, _, group = file.owner.partition(":")
            mount: Tree = {
                "source": source,
                "target": path,
                "uid": user,
                "gid": group or user,
                "mode": int(file.mode, 8),
            }
            mounted.append(mount)
        return mounted


def _checked(says: Health) -> Tree:
    """Return the check of a container by a command."""
    test = ["CMD", *(literal(word) for word in says.command)]
    return {"test": test, "interval": f"{says.interval}s", "timeout": f"{says.timeout}s"}


def _reached(plan: Plan, name: str) -> set[str]:
    """Return everything that something uses, also by way of others."""
    found, left = set[str](), [name]
    while left:
        for edge in plan.edges_of(left.pop()):
            if edge.use.target not in found:
                found.add(edge.use.target)
                left += [edge.use.target] if edge.kind is None else []
    return found


def _of_service(plan: Plan, offer: Offer, target: str, attribute: str) -> str:
    """Return an attribute of a service, as on AWS but for its port, which is the container's own."""
    value = "".join(str(piece) for piece in offer.attributes[attribute])
    spec, own = plan.root.services[target], offer.attributes.get("port")
    if spec.port and own and attribute in ("port", "url", "address"):
        outer = "".join(map(str, own))
        value = value.removesuffix(outer) + str(spec.port.number)
    return literal(value)


def _word(attribute: str) -> str:
    """Return an attribute or a variable as a part of the name of a variable.

    >>> _word("spring.datasource.url")
    'SPRING_DATASOURCE_URL'
    """
    return "".join(character if character.isalnum() else "_" for character in attribute).upper()


def variables(exported: Exported, random: Mapping[str, str]) -> Mapping[str, str]:
    """Return the env file's variables: random values, and empty ones for what is asked for."""
    return {**{name: random[name] for name in exported.generated}, **dict.fromkeys(exported.asked, "")}
