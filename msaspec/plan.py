"""The resolved system: every default explicit, every edge with what it offers, every reference a value.

A plan holds nothing that is not needed to compile, and is ordered by name: the order of the manifest means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from msaspec import names
from msaspec.aws import bastion, iam, ingress, network, routing
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.language import image, reference
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.part import Entry, FrontDoor, Offer, Site, Statement, Use
from msaspec.language.runtime import SERVICE_ATTRIBUTES, Runtime, Workload
from msaspec.language.service import Service
from msaspec.language.value import Secret, Token, Value, value
from msaspec.manifest import Manifest, Root
from msaspec.place import Path, Span
from msaspec.spelling import suggest

UNKNOWN_REFERENCE = Code(
    "MSA220",
    "A reference to what is not there",
    """
    `${NAME.ATTRIBUTE}` names a database, bucket or service that the service uses, and one of its attributes; or one of
    `system.name`, `system.environment`, `aws.region`, `aws.account`, `aws.partition`. `$$` is a literal `$`.
    """,
)
NOT_USED = Code(
    "MSA221",
    "A reference without a use",
    """
    A service may refer only to what it uses: the line under `uses` is what opens the port, grants the access and
    delivers the secret. Add the line that the hint names.
    """,
)
MALFORMED_REFERENCE = Code(
    "MSA222",
    "Braces that look like a reference but are none",
    """
    A reference is `${NAME.ATTRIBUTE}`. For braces that the container is to see as they are, double the `$`:
    `$${like_this}`.
    """,
)
LITERAL_BRACES = Code(
    "MSA223",
    "Braces that are delivered as they are",
    """
    `${...}` holds what cannot be a reference of msaspec, such as `${AWS::Region}` or `${HOME}`, so the container gets
    these very characters: nothing substitutes them. Write `$${...}` to say that this is meant.
    """,
    Severity.WARNING,
)
CONFLICTING_VARIABLE = Code(
    "MSA224",
    "Two uses inject one variable",
    """
    Each use injects variables in the names of the service's `framework`, and two of this service's uses inject the
    same name with different values. Set the variable under `env`, which wins over what is injected, or use the
    framework `plain`, whose names begin with the name of what is used.
    """,
)
VARIABLE_TWICE = Code(
    "MSA225", "A variable under `env` and under `secrets`", "A variable has one value. Keep one of the two lines."
)


@dataclass(frozen=True)
class Edge:
    """A use with what it offers. `kind` is None when a service is used."""

    use: Use
    kind: Kind | None
    offer: Offer

    @property
    def rule(self) -> str:
        """Logical id of the security-group rule that the edge becomes: named for what is used, or for a shared port."""
        slots = [door.slot for door in self.offer.doors if door.slot]
        return names.edge(self.use.service, slots[0] if slots else self.use.target)


@dataclass(frozen=True)
class Plan:
    """A system of one environment."""

    manifest: Manifest
    site: Site
    endpoints: tuple[str, ...]
    """Interface endpoints, by service, that stand in for a way out of the network."""
    entries: tuple[tuple[Kind, tuple[tuple[Entry, tuple[Use, ...]], ...]], ...]
    edges: tuple[Edge, ...]
    workloads: tuple[tuple[Runtime, Workload], ...]

    @property
    def root(self) -> Root:
        """The validated manifest."""
        return self.manifest.root

    def edges_of(self, service: str) -> tuple[Edge, ...]:
        """What a service uses."""
        return tuple(edge for edge in self.edges if edge.use.service == service)

    def callers_of(self, name: str) -> tuple[Edge, ...]:
        """Who uses a database, bucket or service."""
        return tuple(edge for edge in self.edges if edge.use.target == name)


def plan(manifest: Manifest) -> tuple[Plan, list[Diagnostic]]:
    """Resolves a manifest. The plan is complete only if no diagnostic is an error."""
    found: list[Diagnostic] = []
    site = _site(manifest)
    services = dict(sorted(manifest.root.services.items()))
    edges = tuple(edge for name, service in services.items() for edge in _edges(manifest, site, name, service))
    entries = tuple(
        (kind, tuple((entry, tuple(e.use for e in edges if e.use.target == entry.name)) for entry in all_entries))
        for kind, all_entries in manifest.entries
    )
    called = {edge.use.target for edge in edges}
    workloads = []
    for name, service in services.items():
        runtime, options = manifest.runtimes[name]
        own = [edge for edge in edges if edge.use.service == name]
        environment = _environment(manifest, site, name, service, own, found)
        workloads.append((runtime, _workload(name, service, options, own, environment, name in called)))
    return Plan(manifest, site, _endpoints(manifest), entries, edges, tuple(workloads)), found


def _site(manifest: Manifest) -> Site:
    root = manifest.root
    stack = names.stack(root.name, manifest.environment)
    zones = root.network.zones
    public = network.subnets("Public", zones)
    return Site(
        system=root.name,
        environment=manifest.environment,
        stack=stack,
        domain=names.domain(stack),
        vpc=Token("Vpc"),
        services=public if root.network.placement == "public" else network.subnets("Private", zones),
        services_public=root.network.placement == "public",
        public=public,
        isolated=network.subnets("Isolated", zones),
        online=network.online(root.network, _endpoints(manifest)),
        allow=root.ingress.allow,
        tags=dict(sorted(root.tags.items())),
        cidr=root.network.cidr,
        online_public=(network.GATEWAY_ROUTE,),
        front=_front(manifest),
    )


def _front(manifest: Manifest) -> FrontDoor | None:
    """The public load balancer, where any service stands behind it."""
    root = manifest.root
    behind = sorted(name for name, (runtime, _) in manifest.runtimes.items() if runtime.behind_balancer)
    routes = [route for name in behind for route in routing.routes(name, root.services[name], root.ingress.domain)]
    if not routes:
        return None
    found = (kind.distribution(entry) for kind, entries in manifest.entries for entry in entries)
    return ingress.front_door(root.ingress, next(filter(None, found), None), routes)


def _endpoints(manifest: Manifest) -> tuple[str, ...]:
    root = manifest.root
    if root.network.placement == "public" or root.network.nat != "none":
        return ()
    needed = {
        endpoint
        for name, (runtime, options) in manifest.runtimes.items()
        for endpoint in runtime.endpoints_for(root.services[name], options)
    }
    if root.bastion and root.bastion.enabled:
        needed.update(bastion.ENDPOINTS)
    return tuple(sorted(needed))


def _edges(manifest: Manifest, site: Site, name: str, service: Service) -> Iterator[Edge]:
    kind_of = {entry.name: (kind, entry) for kind, entries in manifest.entries for entry in entries}
    for target, options in sorted(manifest.uses[name].items()):
        path: Path = ("services", name, "uses", target)
        if target in kind_of and options is not None:
            kind, entry = kind_of[target]
            alone = sum(kind_of[t][0] is kind for t in manifest.uses[name] if t in kind_of) == 1
            use = Use(name, target, options, service.framework, alone, path)
            yield Edge(use, kind, kind.offer(entry, use, site))
        else:
            callee = manifest.root.services[target]
            use = Use(name, target, Model(), service.framework, False, path)
            yield Edge(use, None, manifest.runtimes[target][0].offer(target, callee, service.framework, site))


def _workload(
    name: str, service: Service, options: Model, own: Sequence[Edge], environment: Mapping[str, Value], called: bool
) -> Workload:
    health = None
    if service.port is not None:
        health = service.health.path if service.health else (service.paths[0] if service.paths else "/")
    return Workload(
        name=name,
        path=("services", name),
        spec=service,
        options=options,
        image=image.parse(service.image),
        health=health,
        called=called,
        environment=environment,
        statements=(*(statement for edge in own for statement in edge.offer.statements), *_reading(service.secrets)),
        after=tuple(sorted(set(_after(own)))),
    )


def _after(own: Sequence[Edge]) -> Iterator[str]:
    """What must exist before a service runs: what its edges need, their rules, and the names of who it calls."""
    for edge in own:
        yield from edge.offer.after
        yield from (edge.rule,) if edge.offer.doors else ()
    if any(edge.kind is None for edge in own):
        yield network.NAMING  # a host keeps the search domain that it started with


def _environment(
    manifest: Manifest, site: Site, name: str, service: Service, own: Sequence[Edge], found: list[Diagnostic]
) -> dict[str, Value]:
    """The variables of a service: injected ones, then `secrets`, then `env`, which wins."""
    path: Path = ("services", name)
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
        variables[variable] = (_secret(written),)
        if variable in service.env:
            at = (*path, "secrets", variable)
            found.append(VARIABLE_TWICE.at(at, f"`{variable}` is under `env` as well.", hint="Remove one.", key=True))
    attributes = _attributes(manifest, site, own)
    for variable, text in service.env.items():
        at = (*path, "env", variable)
        variables[variable] = _resolved(text, at, name, attributes, manifest, found)
    return dict(sorted(variables.items()))


def _reading(secrets: Mapping[str, str]) -> Iterator[Statement]:
    """What it takes to read what stands under `secrets`."""
    parsed = [_secret(written) for written in secrets.values()]
    managed = sorted({"".join(map(str, secret.arn)) for secret in parsed if secret.store == "secretsmanager"})
    parameters = sorted({"".join(map(str, secret.arn)) for secret in parsed if secret.store == "ssm"})
    if managed:
        yield Statement(("secretsmanager:GetSecretValue",), tuple((arn,) for arn in managed))
    if parameters:
        arns = [(name,) if name.startswith("arn:") else iam.arn("ssm", (f"parameter{name}",)) for name in parameters]
        yield Statement(("ssm:GetParameter",), tuple(arns))


def _secret(written: str) -> Secret:
    arn, _, key = written.partition("#")
    return Secret((arn,), key or None, "secretsmanager" if ":secretsmanager:" in arn else "ssm")


def _attributes(manifest: Manifest, site: Site, own: Sequence[Edge]) -> dict[str, Mapping[str, Value]]:
    return {
        "system": {"name": (site.system,), "environment": (site.environment or "default",)},
        "aws": {name: (Token(f"AWS::{word}"),) for name, word in _PSEUDO.items()},
        **{edge.use.target: edge.offer.attributes for edge in own},
    }


_PSEUDO = {"region": "Region", "account": "AccountId", "partition": "Partition"}


def _resolved(
    text: str,
    path: Path,
    service: str,
    attributes: Mapping[str, Mapping[str, Value]],
    manifest: Manifest,
    found: list[Diagnostic],
) -> Value:
    pieces: list[str | Token | Secret] = []
    for piece in reference.parse(text):
        if isinstance(piece, str):
            pieces.append(piece)
        elif isinstance(piece, reference.Loose):
            pieces.append(piece.text)
            found.append(_loose(piece, path, manifest))
        elif piece.attribute in attributes.get(piece.name, {}):
            pieces += attributes[piece.name][piece.attribute]
        else:
            found.append(_unknown(piece, path, service, attributes, manifest))
    return value(*pieces)


def _loose(piece: reference.Loose, path: Path, manifest: Manifest) -> Diagnostic:
    span = _inside(manifest, path, piece.text)
    doubled = f"Write `${piece.text}` for these very characters"
    if piece.mistaken:
        message = f"`{piece.text}` is no reference."
        return MALFORMED_REFERENCE.at(
            path, message, hint=f"A reference is `${{NAME.ATTRIBUTE}}`. {doubled}.", span=span
        )
    message = f"`{piece.text}` is no reference, and reaches the container as it is."
    return LITERAL_BRACES.at(path, message, hint=f"{doubled}, to say that they are meant.", span=span)


def _unknown(
    piece: reference.Reference,
    path: Path,
    service: str,
    attributes: Mapping[str, Mapping[str, Value]],
    manifest: Manifest,
) -> Diagnostic:
    written = f"${{{piece.name}.{piece.attribute}}}"
    span = _inside(manifest, path, written)
    if piece.name in attributes:
        known = attributes[piece.name]
        message = f"`{piece.name}` has no attribute `{piece.attribute}`."
        hint = suggest(piece.attribute, known, "It has " + ", ".join(f"`{name}`" for name in sorted(known)) + ".")
        return UNKNOWN_REFERENCE.at(path, message, hint=hint, span=span)
    if piece.name == service:
        hint = "A service reaches itself on `localhost`."
        return NOT_USED.at(path, f"`{service}` refers to itself.", hint=hint, span=span)
    declared = [*manifest.root.services, *(entry.name for _, entries in manifest.entries for entry in entries)]
    if piece.name in declared:
        message = f"`{service}` refers to `{piece.name}`, which it does not use."
        hint = f"Add `{piece.name}:` under `services.{service}.uses`."
        return NOT_USED.at(path, message, hint=hint, span=span)
    hint = suggest(piece.name, [*declared, *attributes], "Refer to something under `uses`, to `system` or to `aws`.")
    return UNKNOWN_REFERENCE.at(path, f"Nothing is named `{piece.name}`.", hint=hint, span=span)


def _inside(manifest: Manifest, path: Path, text: str) -> Span:
    """The span of `text` inside the value at `path`, or of the value where its line does not show it."""
    span = manifest.document.span(path)
    column = (manifest.document.excerpt(span) or "").find(text, span.column - 1)
    return Span(span.file, span.line, column + 1, len(text)) if column >= 0 else span


def attributes_of(kind: Kind | None) -> Mapping[str, str]:
    """The attributes of a kind, or of a service, each with what it is."""
    return kind.attributes if kind else SERVICE_ATTRIBUTES
