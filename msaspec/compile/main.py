"""From a plan to a stack: a template as plain data, and the manifest path that each part of it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from troposphere import Parameter

from msaspec.aws import (
    bastion,
    discovery,
    ecr,
    existing_network,
    iam,
    ingress,
    job_gates,
    network,
    network_balancer,
    security_groups,
)
from msaspec.aws.hardening import Hardened
from msaspec.aws.intrinsic import intrinsic
from msaspec.compile import lending, systems
from msaspec.compile.blame import made
from msaspec.compile.hardening import TYPES, measures
from msaspec.compile.plan import Edge, Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Path, render
from msaspec.language.base import Model
from msaspec.language.image import TAG_PATTERN
from msaspec.language.part import Door, Part, Site
from msaspec.language.runtime import Workload
from msaspec.language.value import public
from msaspec.template import exceptions, names, origin, owner, references
from msaspec.template.role import MAIN, Named
from msaspec.template.scripts import MAPPING
from msaspec.template.stack import Stack

SAME_LOGICAL_ID = Code(
    "MSA401",
    "Two entries with the same logical ID",
    """
    Logical IDs are names without dashes, and two names give the same ID. The message names both places; rename one of
    them.
    """,
)

FORMAT = "2010-09-09"
NETWORK = "network"


def compile_plan(plan: Plan) -> Stack:
    """Return the main stack of a system. Raises Invalid where two names meet in one logical id."""
    resources: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    scripts: dict[str, str] = {}
    conditions: dict[str, Any] = {}
    origins: dict[str, Path] = {}
    found: list[Diagnostic] = []
    document, site = plan.manifest.document, plan.site

    def take(makers: Iterable[tuple[Path, Callable[[], Part]]]) -> None:
        for path, make in makers:
            part = made(document, path, make)
            scripts.update(part.scripts)
            for name in part.conditions:
                origins.setdefault(name, path)
                conditions[name] = _data(part.conditions[name])
            for section, things in (
                (parameters, part.parameters),
                (resources, part.resources),
                (outputs, part.outputs),
            ):
                for thing in things:
                    if thing.title in section or (section is not outputs and thing.title in origins):
                        found.append(_collision(thing.title, path, origins[thing.title]))
                    origins.setdefault(thing.title, path)
                    section[thing.title] = made(document, path, partial(as_data, thing))

    taken = systems.taken(plan.manifest, site)
    take(_makers(plan))
    take((path, partial(_made, part)) for path, part in systems.parameters(taken))
    take([(("shares",), partial(systems.shared, plan.manifest, plan.workloads, site))])
    if not plan.workloads and not systems.lends_network(plan.root) and not _needs_network(resources, origins):
        surplus = {name for name, path in origins.items() if path[0] == NETWORK}
        for section in (parameters, resources, outputs, conditions):
            for name in surplus & section.keys():
                del section[name]
        origins = {name: path for name, path in origins.items() if name not in surplus}
    hardened = Hardened(resources, plan.root.region, site.stack)
    take((path, partial(measure, hardened)) for path, measure in measures(plan.root))
    if found:
        raise Invalid(map(plan.manifest.document.place, found))
    if plan.root.network.exists:
        parameters = existing_network.used(parameters, resources, outputs, conditions)
    parameters = systems.used(parameters, taken, resources, outputs)
    taken = {name: each for name, each in taken.items() if name in parameters}
    whose = Named(MAIN, plan.site.system, plan.site.environment)
    template: dict[str, Any] = {"AWSTemplateFormatVersion": FORMAT, "Description": owner.description(whose)}
    there = {*parameters, *resources, *outputs}
    added = {name: path for name, path in origins.items() if path[0] in (*TYPES, "shares", "systems") and name in there}
    template["Metadata"] = origin.metadata(whose, dict.fromkeys(path[:2] for path in origins.values()), added)
    template |= {"Parameters": parameters} if parameters else {}
    template |= {"Conditions": conditions} if conditions else {}
    template["Resources"] = resources
    template |= {"Outputs": outputs} if outputs else {}
    # Last, since readers do not begin here.
    template |= {"Mappings": {MAPPING: {name: {"Text": scripts[name]} for name in sorted(scripts)}}} if scripts else {}
    root = plan.root
    if root.audit and root.audit.enabled:
        exceptions.explain(template, site.stack, root.region)
    return Stack(site.stack, template, origins, tags=site.tags, protected=root.protect, region=root.region, taken=taken)


def _needs_network(resources: Mapping[str, Any], origins: Mapping[str, Path]) -> bool:
    """Return whether anything is in the network: a site or a table needs none."""
    own = {name for name in resources if origins[name][0] == NETWORK}
    return any(
        isinstance(each, references.Reference) and each.name in own
        for name, body in resources.items()
        if name not in own
        for each in references.sources(body)
    )


def _makers(plan: Plan) -> Iterator[tuple[Path, Callable[[], Part]]]:
    """Who compiles each piece of the manifest, in reading order: the network, kinds, services, the bastion."""
    root, site = plan.root, plan.site
    isolated = any(kind.isolated and entries for kind, entries in plan.entries)
    yield ("network",), partial(network.build, root.network, site, isolated=isolated)
    stores = ((entry, kind.alias(entry)) for kind, entries in plan.entries for entry, _ in entries)
    aliases = [(entry, alias.host) for entry, alias in stores if alias and alias.asked]
    if aliases or any(workload.called for _, workload in plan.workloads):
        yield ("network",), partial(network.naming, root.network, site)
    if plan.endpoints:
        yield ("network", "nat"), partial(network.endpoints, plan.endpoints, root.network, site)
    for kind, entries in plan.made:
        for entry, uses in entries:
            yield entry.path, partial(kind.build, entry, uses, site)
        if entries:
            yield (kind.section,), partial(kind.common, entries, site)
    for entry, host in aliases:
        yield entry.path, partial(discovery.of_store, entry.name, host)
    if any(runtime.on_hosts for runtime, _ in plan.workloads):
        yield ("services",), iam.host_policy
    if site.front:
        hosts = [
            host for runtime, workload in plan.workloads if runtime.behind_balancer for host in workload.spec.hosts
        ]
        yield ("ingress",), partial(ingress.build, root.ingress, hosts, site)
    for runtime in dict.fromkeys(runtime.kin for runtime, _ in plan.workloads):
        own = [workload for each, workload in plan.workloads if each.kin is runtime]
        yield ("services",), partial(runtime.common, own, site)
    if any(
        door.group.target == network_balancer.NETWORK_GROUP
        for runtime, workload in plan.workloads
        if workload.called
        for door in runtime.doors(workload.name, workload.spec, workload.opened)
    ):
        yield ("services",), partial(network_balancer.build, site)
    if gated := [workload for _, workload in plan.workloads if workload.job and workload.job.gates]:
        yield ("jobs",), partial(job_gates.build, gated)
    for runtime, workload in plan.workloads:
        yield workload.path, partial(_image_tag, workload, site)
        yield workload.path, partial(runtime.build, workload, site)
        for edge in plan.edges_of(workload.name):
            yield edge.use.path, partial(_rules, edge)
    if root.bastion and root.bastion.enabled:
        doors = [
            (entry.name, door) for kind, entries in plan.entries for entry, _ in entries for door in kind.doors(entry)
        ]
        yield ("bastion",), partial(bastion.build, root.bastion, doors, site)


def _made(part: Part) -> Part:
    return part


def _rules(edge: Edge) -> Part:
    """Return the rules of an edge: one a door."""
    group = names.logical(edge.use.service, "SecurityGroup")
    return Part(tuple(security_groups.edge(name, group, door, _about(edge, door)) for name, door in edge.rules))


def _about(edge: Edge, door: Door) -> Any:
    """Return the description of a rule. That of an entry of another system names its address, so that the parameter is
    always in use."""
    start = f"{edge.use.service} uses "
    if not edge.elsewhere:
        return start + edge.use.target
    if edge.kind:
        return f"{start}{' of the system '.join(reversed(lending.parts(edge.use.target)))}"
    url = edge.offer.attributes[f"{names.snake(door.name)}_url" if door.name else "url"]
    return intrinsic((start, *public(url)))


def _image_tag(workload: Workload[Model], site: Site) -> Part:
    """Return the parameter that holds the tag of an image of the system's own."""
    name = workload.name
    if not workload.image.owned:
        return Part()
    repository = names.repository(site.system, workload.image.repository)
    moves = ecr.moves(workload.image, mutable=workload.spec.mutable)
    return Part(
        parameters=(
            Parameter(
                ecr.tag_parameter(name),
                Type="String",
                Description=f"Tag of the image in {repository} that {name} runs.",
                AllowedPattern=ecr.PINNED_PATTERN if moves else TAG_PATTERN,
                **({"Default": workload.image.tag} if workload.image.tag else {}),
            ),
        )
    )


def as_data(thing: Any) -> dict[str, Any]:
    """Return a troposphere object as plain data: its type first, its properties last.

    Not validated by troposphere, whose exceptions name no place: the models refuse before, cfn-lint checks after.
    """
    data: dict[str, Any] = _data(thing.to_dict(validation=False))
    first = {key: data.pop(key) for key in ("Type",) if key in data}
    last = {key: data.pop(key) for key in ("Properties",) if key in data}
    return {**first, **data, **last}


def _data(value: Any) -> Any:
    """Without tuples and without troposphere's own objects."""
    if hasattr(value, "to_dict"):
        return _data(value.to_dict())
    if isinstance(value, Mapping):
        return {str(key): _data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_data(item) for item in value]
    return value


def _collision(logical_id: str, one: Path, other: Path) -> Diagnostic:
    message = f"`{render(one)}` and `{render(other)}` would both become the logical id `{logical_id}`."
    return SAME_LOGICAL_ID.at(one, message, hint="Rename one of the two.", key=True)
