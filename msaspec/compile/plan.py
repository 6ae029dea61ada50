"""The resolved system: every default explicit, every edge with what it offers, every reference a value.

A plan holds nothing that is not needed to compile, and is ordered by name: the order of the manifest means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial

from msaspec.aws import bastion, discovery, network
from msaspec.compile import files as beside
from msaspec.compile import gates, lending, order, places, public_addresses, references, systems
from msaspec.compile.blame import made
from msaspec.compile.jobs import JobRuntime
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language import image, secret_place, sidecar
from msaspec.language.base import Model
from msaspec.language.files import File, Placed, placed
from msaspec.language.health import probe
from msaspec.language.kind import AnyKind
from msaspec.language.part import Door, Entry, Offer, Place, Site, Statement, Use
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.language.service import Service, ServiceUse
from msaspec.language.sidecar import Beside
from msaspec.language.systems import Share, split
from msaspec.language.value import Text, Value, public, value
from msaspec.manifest.root import Manifest, Root
from msaspec.template import names

CONFLICTING_VARIABLE = Code(
    "MSA224",
    "Two uses inject the same variable",
    """
    Each use injects variables in the names of the service's `framework`, and two of this service's uses inject the same
    name with different values. Set the variable under `env`, which overrides injected values, or use the framework
    `plain`, whose names begin with the name of the used entry.
    """,
)
VARIABLE_TWICE = Code(
    "MSA225", "A variable under `env` and under `secrets`", "A variable has one value. Keep one of the two lines."
)


RUNTIME_OF_JOBS = JobRuntime()


@dataclass(frozen=True)
class Edge:
    """A use with what it offers. `kind` is None when a service is used."""

    use: Use[Model]
    kind: AnyKind | None
    offer: Offer
    elsewhere: bool = False
    """Whether what is used is of another system."""
    aliased: bool = False
    """Whether it leads to a store that is reached at its own name, too."""

    @property
    def calls(self) -> bool:
        """Whether it leads to a service of this system."""
        return self.kind is None and not self.elsewhere

    @property
    def rules(self) -> tuple[tuple[str, Door], ...]:
        """The doors that the edge opens, each with the logical id of its security-group rule: named for what is used
        and the port's name, or for a port that is shared."""
        return tuple((self._rule(number, door), door) for number, door in enumerate(self.offer.doors))

    def _rule(self, number: int, door: Door) -> str:
        caller, callee = self.use.service, lending.called(self.use.target)
        if door.slot:
            return names.edge(caller, door.slot)
        if door.name:
            return names.edge(caller, callee, f"Port{names.camel(door.name)}")
        return names.edge(caller, callee, str(number + 1) if number else "")


@dataclass(frozen=True)
class Plan:
    """A system of one environment."""

    manifest: Manifest
    site: Site
    endpoints: tuple[str, ...]
    """Interface endpoints, by service, that replace a way out of the network."""
    entries: lending.Entries
    made: lending.Entries
    """The same with what is made for users in other systems, and on servers of other systems."""
    edges: tuple[Edge, ...]
    workloads: tuple[tuple[AnyRuntime, Workload[Model]], ...]

    @property
    def root(self) -> Root:
        """The validated manifest."""
        return self.manifest.root

    @cached_property
    def _by_service(self) -> Mapping[str, tuple[Edge, ...]]:
        return _grouped(self.edges, lambda edge: edge.use.service)

    @cached_property
    def _by_target(self) -> Mapping[str, tuple[Edge, ...]]:
        return _grouped(self.edges, lambda edge: edge.use.target)

    def edges_of(self, service: str) -> tuple[Edge, ...]:
        """Return what a service uses."""
        return self._by_service.get(service, ())

    def callers_of(self, name: str) -> tuple[Edge, ...]:
        """Who uses a service or another entry."""
        return self._by_target.get(name, ())

    def edge_to(self, name: str) -> Edge:
        """Return how a service is used by others, all of them together."""
        runtime, workload = next(each for each in self.workloads if each[1].name == name)
        framework, options = workload.spec.framework, ServiceUse(ports=workload.opened)
        offer = runtime.offer(name, workload.spec, framework, self.site, workload.opened)
        return Edge(Use(name, name, options, framework, False, workload.path), None, offer)


def _grouped(edges: Iterable[Edge], key: Callable[[Edge], str]) -> Mapping[str, tuple[Edge, ...]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(key(edge), []).append(edge)
    return {name: tuple(own) for name, own in found.items()}


def plan(manifest: Manifest) -> tuple[Plan, list[Diagnostic]]:
    """Resolve a manifest. The plan is complete only if no diagnostic is an error."""
    found: list[Diagnostic] = []
    place = places.of(manifest)
    services = manifest.containers
    kind_of = {entry.name: (kind, entry) for kind, all_entries in manifest.entries for entry in all_entries}
    edges = tuple(edge for name in services for edge in _edges(manifest, place, name, kind_of))
    by_service = _grouped(edges, lambda edge: edge.use.service)
    by_target = _grouped(edges, lambda edge: edge.use.target)
    endpoints = _endpoints(manifest, edges)
    entries = tuple(
        (kind, tuple((entry, tuple(e.use for e in by_target.get(entry.name, ()))) for entry in all_entries))
        for kind, all_entries in manifest.entries
    )
    workloads = []
    called = {name: [edge.use.target for edge in by_service.get(name, ()) if edge.calls] for name in services}
    reached = public_addresses.attributes(manifest, place)
    bound = public_addresses.bound(manifest, reached, found)
    stores = {name: [edge.use.target for edge in by_service.get(name, ()) if edge.kind] for name in services}
    for name, jobs in gates.waiting(manifest, stores).items():
        called[name] += jobs
    found += gates.circles(manifest, called)
    first = order.before(called, bound)
    for name, service in services.items():
        options = manifest.runtimes[name][1]
        own = by_service.get(name, ())
        everywhere = references.everywhere(place)
        attributes = {**everywhere, **{edge.use.target: edge.offer.attributes for edge in own}}
        callers = by_target.get(name, ())
        share = manifest.root.shares.get(name) if name in manifest.root.services else None
        reach = _reach(callers, share)
        if reach.called:
            # A program may have to be told by what address others call it. It opens nothing.
            told = _runtime(manifest, name).offer(name, service, service.framework, place, reach.opened)
            attributes[name] = told.attributes
        known = references.Known(name, attributes, reached, manifest)
        environment = _environment(known, service, own, found)
        command = tuple(
            references.word(text, (*manifest.path(name), "command", number), known, found)
            for number, text in enumerate(service.command)
        )
        waited = (each for callee in first[name] for each in _runtime(manifest, callee).ready(callee, services[callee]))
        after = tuple(sorted({*_after(own, network.named(manifest.root.network)), *waited}))
        grants = tuple(_granted(replace(known, attributes=everywhere, public={}), service, found))
        workload = _workload(name, service, options, own, environment, command, reach, after, grants)
        found += beside.refused(manifest, name, service)
        for edge in own:
            if edge.kind:
                at = (*edge.use.path, edge.kind.noun) if edge.elsewhere else edge.use.path
                found += beside.refused_by(manifest, at, edge.kind.files_of(edge.use.options))
        files = tuple(_files(known, manifest.path(name), service.files, found))
        beside_it = tuple(_sidecars(known, service, found))
        workload = replace(
            workload,
            path=manifest.path(name),
            job=manifest.root.jobs.get(name),
            files=files,
            sidecars=beside_it,
            mounts=tuple(mount for edge in own for mount in edge.offer.mounts),
        )
        workloads.append((_runtime(manifest, name), workload))
    online = network.online(manifest.root.network, endpoints)
    site = Site(**{field.name: getattr(place, field.name) for field in fields(place)}, online=online)
    return Plan(
        manifest, site, endpoints, entries, lending.made(manifest, entries, place), edges, tuple(workloads)
    ), found


def _runtime(manifest: Manifest, name: str) -> AnyRuntime:
    return RUNTIME_OF_JOBS if name in manifest.root.jobs else manifest.runtimes[name][0]


def _endpoints(manifest: Manifest, edges: Sequence[Edge]) -> tuple[str, ...]:
    """Return what replaces a way out of the network: an interface endpoint for each AWS service that is called."""
    root = manifest.root
    if root.network.placement == "public" or root.network.nat != "none":
        return ()
    needed = {
        endpoint
        for name, (runtime, options) in manifest.runtimes.items()
        for endpoint in runtime.endpoints_for(manifest.containers[name], options)
    }
    needed.update(endpoint for edge in edges for endpoint in edge.offer.endpoints)
    if root.bastion and root.bastion.enabled:
        needed.update(bastion.ENDPOINTS)
    return tuple(sorted(needed))


def _edges(
    manifest: Manifest, place: Place, name: str, kind_of: Mapping[str, tuple[AnyKind, Entry[Model]]]
) -> Iterator[Edge]:
    framework = manifest.containers[name].framework
    for target, options in sorted(manifest.uses[name].items()):
        path: Path = (*manifest.path(name), "uses", target)
        if split(target):
            use: Use[Model] = Use(name, target, options, framework, False, path)
            yield Edge(*made(manifest.document, path, partial(systems.edge, manifest, use, place)), elsewhere=True)
        elif target in kind_of:
            kind, entry = kind_of[target]
            alone = sum(kind_of[t][0] is kind for t in manifest.uses[name] if t in kind_of) == 1
            texts = beside.texts(manifest, kind.files_of(options))
            use = Use(name, target, options, framework, alone, path, texts)
            offer = made(manifest.document, path, partial(kind.offer, entry, use, place))
            alias = kind.alias(entry)
            yield Edge(use, kind, offer, aliased=alias is not None and bool(alias.asked))
        else:
            callee = manifest.root.services[target]
            use = Use(name, target, options, framework, False, path)
            runtime = manifest.runtimes[target][0]
            opened = options.ports if isinstance(options, ServiceUse) else ()
            offer = made(manifest.document, path, partial(runtime.offer, target, callee, framework, place, opened))
            yield Edge(use, None, offer)


@dataclass(frozen=True)
class _Reach:
    """Whether others use a service, and which of its further ports."""

    called: bool
    opened: tuple[str, ...]


def _workload(
    name: str,
    service: Service,
    options: Model,
    own: Sequence[Edge],
    environment: Mapping[str, Value],
    command: tuple[Text, ...],
    reach: _Reach,
    after: tuple[str, ...],
    grants: tuple[Statement, ...],
) -> Workload[Model]:
    health = None
    if service.port is not None:
        routed = () if service.strip else service.paths
        first = next((each.path for each in routed if each.port is None), "/")
        health = probe(service.health, service.port.protocol, first)
    elif service.health and service.health.portless:
        health = probe(service.health, "tcp", "/")
    return Workload(
        name=name,
        path=("services", name),
        spec=service,
        options=options,
        image=image.parse(service.image or name),
        health=health,
        called=reach.called,
        opened=reach.opened,
        environment=environment,
        command=command,
        statements=(*(statement for edge in own for statement in edge.offer.statements), *_reading(service)),
        grants=grants,
        after=after,
    )


def _reach(callers: Sequence[Edge], share: Share | None) -> _Reach:
    opened = {port for edge in callers if isinstance(edge.use.options, ServiceUse) for port in edge.use.options.ports}
    opened |= set(share.ports) if share else set()
    return _Reach(bool(callers) or share is not None, tuple(sorted(opened)))


def _after(own: Sequence[Edge], named: Iterable[str]) -> Iterator[str]:
    """Yield what must exist before a service runs: what its edges need, their rules, and the names of who it calls."""
    for edge in own:
        yield from edge.offer.after
        yield from (rule for rule, _ in edge.rules)
        if edge.aliased:
            yield discovery.target_id(edge.use.target)
    if any(edge.calls or edge.aliased for edge in own):
        yield from named


def _environment(
    known: references.Known, service: Service, own: Sequence[Edge], found: list[Diagnostic]
) -> dict[str, Value]:
    """Return the variables of a service: injected ones, then `secrets`, then `env`, which wins."""
    name = known.service
    path = known.manifest.path(name)
    variables: dict[str, Value] = {}
    origin: dict[str, Edge] = {}
    for edge in own:
        for variable, injected in edge.offer.variables.items():
            other = origin.setdefault(variable, edge)
            if variables.setdefault(variable, injected) != injected and variable not in service.env:
                message = f"`{other.use.target}` and `{edge.use.target}` both inject `{variable}` into `{name}`."
                hint = f"Set `{variable}` under `env`, or use `framework: plain`."
                found.append(CONFLICTING_VARIABLE.at(edge.use.path, message, hint=hint, key=True))
    for variable, written in service.secrets.items():
        variables[variable] = (secret_place.parse(written).secret,)
        if variable in service.env:
            at = (*path, "secrets", variable)
            found.append(VARIABLE_TWICE.at(at, f"`{variable}` is also under `env`.", hint="Remove one.", key=True))
    for variable, text in service.env.items():
        variables[variable] = references.resolved(text, (*path, "env", variable), known, found)
    return dict(sorted(variables.items()))


def _sidecars(known: references.Known, service: Service, found: list[Diagnostic]) -> Iterator[Beside]:
    """Yield the further containers of a service, each after those that it waits for."""
    waiting = sidecar.waits(service.sidecars)
    for name in sidecar.ordered(waiting):
        spec = service.sidecars[name]
        at: Path = (*known.manifest.path(known.service), "sidecars", name)
        environment = {
            variable: references.resolved(text, (*at, "env", variable), known, found)
            for variable, text in sorted(spec.env.items())
        }
        command = tuple(
            references.word(text, (*at, "command", number), known, found) for number, text in enumerate(spec.command)
        )
        files = tuple(_files(known, at, spec.files, found))
        yield Beside(name, spec, environment, command, files, waiting[name])


def _files(known: references.Known, path: Path, files: Mapping[str, File], found: list[Diagnostic]) -> Iterator[Placed]:
    """Yield the files of a container with what is in them."""
    for place, file in sorted(files.items()):
        at: Path = (*path, "files", place)
        content: Value = ()
        if file.secret is not None:
            content = references.attribute(file.secret, file.key or "value", (*at, "secret"), known, found)
        elif file.text is not None:
            content = references.content(file.text, (*at, "text"), known, found)
        elif file.file is not None and (there := known.manifest.document.files.get(file.file)):
            content = value(there.text)
        yield placed(place, file, content)


def _granted(known: references.Known, service: Service, found: list[Diagnostic]) -> Iterator[Statement]:
    """Yield what a service is granted by its own words."""
    for number, grant in enumerate(service.grants):
        at: Path = (*known.manifest.path(known.service), "grants", number, "resources")
        texts = [references.resolved(text, (*at, each), known, found) for each, text in enumerate(grant.resources)]
        yield Statement(grant.actions, tuple(public(text) for text in texts))


def _reading(service: Service) -> Iterator[Statement]:
    """Return the statements that reading the `secrets` needs."""
    return secret_place.reading([secret_place.parse(written) for written in service.secrets.values()], service.kms_key)
