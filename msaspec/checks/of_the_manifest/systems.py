"""Other systems: whether they can be reached, and whether what is shared is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from msaspec.aws import database_use
from msaspec.aws.database_use import DatabaseUse
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import Model
from msaspec.language.kind import AnyKind
from msaspec.language.lending import By
from msaspec.language.part import Use
from msaspec.language.systems import NETWORK, Share, split

OUT_OF_REACH = Code(
    "MSA541",
    "A service of another system in another network",
    """
    A service of another system is called at its private name, which only its own VPC knows. So both systems stand in
    one VPC: that of the other system (`network: {system: payments}`), or one that exists (`network: {vpc: ...}` in both
    manifests). A network of another system is that of an entry of `systems`, and goes without `vpc`.

    Wrong: `uses: [payments/ledger]` and no `network`
    Right: `uses: [payments/ledger]` and `network: {system: payments}`
    """,
)
NOT_SHAREABLE = Code(
    "MSA542",
    "Nothing that can be shared",
    """
    `shares` names services that have a `port`, stores, or `network`, each with the systems that may use it. `ports`
    are names of further ports of a service; `cache` and `broker` say what the users of the other systems may do.
    Volumes and secrets cannot be shared, nor DocumentDB, nor what the key of `encryption` encrypts: only roles of its
    own system may use that.

    Wrong: `shares: {leger: [shop]}` with `services: {ledger: {port: 8080}}`
    Right: `shares: {ledger: [shop]}`
    """,
)
WITH_ITSELF = Code(
    "MSA543",
    "A system that is its own neighbour",
    """
    Entries of one manifest use one another under their names, without `systems` and `shares`. An entry of `systems`
    has the stack of another manifest, and `shares` names other systems.
    """,
)
NOT_GIVEN = Code(
    "MSA544",
    "What an entry of another system does not give",
    """
    `invalidate` grants the distribution of a bucket, and which one that is only the bucket's own manifest knows. Let a
    service of the other system invalidate its cache.
    """,
)
UNUSED_SYSTEM = Code(
    "MSA549",
    "A system that nothing uses",
    "`systems` names a system, and neither `uses` nor `network` refers to it. Remove the line, or use the system.",
    Severity.WARNING,
)
NAME_OF_ANOTHER = Code(
    "MSA553",
    "A name on a shared server that is another system's",
    """
    Systems with which a database server is shared make databases and users of their own on it, whose names begin with
    the name of their stack. What the owner of the server has there must begin otherwise, so that no system ever meets
    a name of another one.

    Wrong: `shares: {main: [shop]}` and a service `shop-export` that uses `main`
    Right: `shares: {main: [shop]}` and a service `export` that uses `main`
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Yield what is wrong with what goes from and to other systems."""
    yield from _network(plan)
    yield from _systems(plan)
    yield from _shares(plan)
    for edge in plan.edges:
        if edge.elsewhere and "invalidate" in edge.offer.beyond:
            message = f"`{edge.use.service}` cannot invalidate the cache of `{edge.use.target}`."
            at = (*edge.use.path, "bucket", "invalidate")
            yield NOT_GIVEN.at(at, message, hint="Remove the line.", key=True)


def _network(plan: Plan) -> Iterator[Diagnostic]:
    network, systems = plan.root.network, plan.root.systems
    if network.system and network.system not in systems:
        message = f"`network.system` names `{network.system}`, and `systems` has no such entry."
        hint = suggest(network.system, systems, f"Declare it: `systems: {{{network.system}: }}`.")
        yield OUT_OF_REACH.at((NETWORK, "system"), message, hint=hint)
    elif network.system and network.vpc:
        message = "`network` names a VPC and a system, and a system stands in one VPC."
        yield OUT_OF_REACH.at((NETWORK, "vpc"), message, hint="Remove one of the two.", key=True)
    if network.exists:
        return
    for edge in plan.edges:
        if edge.elsewhere and edge.offer.doors:
            system = (split(edge.use.target) or ("",))[0]
            message = f"`{edge.use.service}` uses `{edge.use.target}`, and this system has a VPC of its own."
            hint = f"Stand in the network of the other system: `network: {{system: {system}}}`."
            yield OUT_OF_REACH.at(edge.use.path, message, hint=hint, key=True)


def _systems(plan: Plan) -> Iterator[Diagnostic]:
    used = {found[0] for uses in plan.manifest.uses.values() for target in uses if (found := split(target))}
    used |= {plan.root.network.system or ""}
    for name in sorted(plan.root.systems):
        at: Path = ("systems", name)
        if plan.manifest.stack_of(name) == plan.site.stack:
            message = f"The stack of `{name}`, {plan.site.stack}, is that of this manifest."
            hint = "Use entries of this manifest under their names, or name the stack of the other system."
            yield WITH_ITSELF.at(at, message, hint=hint, key=True)
        elif name not in used:
            message = f"Nothing uses the system `{name}`."
            yield UNUSED_SYSTEM.at(at, message, hint="Remove it, or add what is used of it to `uses`.", key=True)


def _shares(plan: Plan) -> Iterator[Diagnostic]:
    services = plan.root.services
    lent = {entry.name: (kind, entry) for kind, entries in plan.entries if kind.lent for entry, _ in entries}
    yield from _names(plan)
    for name, share in sorted(plan.root.shares.items()):
        at: Path = ("shares", name)
        for number, system in enumerate(share.with_):
            if system == plan.site.system:
                message = f"`shares.{name}` names `{system}`, which is this system."
                yield WITH_ITSELF.at(
                    (*at, "with", number), message, hint="Remove it: inside a system `uses` is enough."
                )
        if name == NETWORK:
            if share.ports:
                message = "A network has no ports."
                yield NOT_SHAREABLE.at((*at, "ports"), message, hint="Remove the line.", key=True)
            continue
        if name in lent:
            kind, entry = lent[name]
            yield from _granted(kind, name, share)
            if why := kind.kept_back(entry):
                yield NOT_SHAREABLE.at(at, f"`{name}` {why[0]}.", hint=why[1], key=True)
            if plan.root.encryption and plan.root.encryption.key == "own":
                message = f"`{name}` is encrypted with the key of this system, which other systems cannot use."
                yield NOT_SHAREABLE.at(at, message, hint="Remove the line, or `encryption`.", key=True)
            continue
        if name not in services:
            message = f"`shares` names `{name}`, which other systems cannot use."
            hint = suggest(
                name,
                [*services, *lent],
                "Name a service, a bucket, a queue, a table, a topic, a cache, a broker, a database or `network`.",
            )
            yield NOT_SHAREABLE.at(at, message, hint=hint, key=True)
            continue
        yield from _granted(None, name, share)
        if services[name].port is None:
            message = f"`{name}` is a worker without `port`, which nobody can call."
            yield NOT_SHAREABLE.at(at, message, hint=f"Give `{name}` a `port`, or remove the line.", key=True)
        for number, port in enumerate(share.ports):
            if port not in services[name].ports:
                message = f"`{name}` has no port `{port}`."
                hint = suggest(port, services[name].ports, "Name one of its `ports`.")
                yield NOT_SHAREABLE.at((*at, "ports", number), message, hint=hint)


def _granted(kind: AnyKind | None, name: str, share: Share) -> Iterator[Diagnostic]:
    """Yield what a share says that its entry does not have."""
    at: Path = ("shares", name)
    if kind and share.ports:
        yield NOT_SHAREABLE.at((*at, "ports"), f"`{name}` has no ports.", hint="Remove the line.", key=True)
    own = kind.noun if kind else ""
    for noun in sorted(each for each, value in share if isinstance(value, Model)):
        if noun != own:
            message = f"`{name}` is a {own or 'service'}, not a {noun}."
            yield NOT_SHAREABLE.at((*at, noun), message, hint="Remove the line.", key=True)


def _names(plan: Plan) -> Iterator[Diagnostic]:
    """Yield names on a shared database server that begin as those of another system do."""
    for kind, entries in plan.entries:
        for entry, uses in entries if kind.lent and kind.lent.by is By.GUESTS else ():
            share = plan.root.shares.get(entry.name)
            systems = share.with_ if share else ()
            for use in cast("tuple[Use[DatabaseUse], ...]", uses):
                for name in sorted({database_use.name_of(use), database_use.role_of(use)}):
                    for system in systems:
                        if name.startswith(first := database_use.start(system)):
                            message = f"`{name}` on `{entry.name}` begins as what the system `{system}` has there."
                            hint = f"Rename the database or the service: `{first}` is how names of that system begin."
                            yield NAME_OF_ANOTHER.at(use.path, message, hint=hint, key=True)
