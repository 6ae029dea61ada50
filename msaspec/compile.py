"""From a plan to a stack: a template as plain data, and the manifest path that each part of it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from troposphere import Parameter

from msaspec import names, origin
from msaspec.aws import bastion, ecr, iam, ingress, network, security_groups
from msaspec.aws.scripts import MAPPING
from msaspec.diagnostic import Code, Diagnostic, Invalid
from msaspec.language.image import TAG_PATTERN
from msaspec.language.part import Door, Part
from msaspec.place import Path, render
from msaspec.plan import Plan
from msaspec.resources import Resources

SAME_LOGICAL_ID = Code(
    "MSA401",
    "Two things would have one logical id",
    """
    Names become logical ids without their dashes, and two of them meet here. The message names both places; rename one
    of the two.
    """,
)

FORMAT = "2010-09-09"


@dataclass(frozen=True)
class Stack:
    """A template and where its parts came from."""

    name: str
    template: Mapping[str, Any]
    """CloudFormation's JSON form, with intrinsics in their long spelling."""
    origins: Mapping[str, Path]
    """Manifest path of every resource, parameter and output, by logical id."""
    patched: tuple[tuple[Path, Path], ...] = field(default=())
    """Template paths that a patch wrote, with the manifest path of the patch."""

    @cached_property
    def resources(self) -> Resources:
        """What stands under `Resources`, by type."""
        return Resources(self.template, self.name)

    def origin(self, path: Path) -> Path:
        """The manifest path to blame for a template path: a patch that wrote it, or the entry it belongs to."""
        for written, patch in reversed(self.patched):
            if tuple(map(str, path[: len(written)])) == written:  # a pointer has no numbers, only their digits
                return patch
        return self.origins.get(str(path[1]), ()) if len(path) > 1 else ()

    def writer(self, path: Path) -> Path | None:
        """The place in the value of the last patch that wrote a template path, or what it lies in."""
        for written, patch in reversed(self.patched):
            if tuple(map(str, path[: len(written)])) == written:
                return (*patch, "value", *path[len(written) :])
        return None

    def fault(self, code: Code, message: str, hint: str, path: Path, *others: Path) -> Diagnostic:
        """A diagnostic about template paths: at the patch that wrote one of them, or wrote into one, in this order;
        else at the entry that the first of them belongs to."""
        for each in (path, *others):
            if found := self.writer(each):
                return code.at(found, message, hint=hint)
        for each in (path, *others) if self.patched else ():
            steps = tuple(map(str, each))
            for written, patch in reversed(self.patched):
                if written[: len(steps)] == steps:
                    return code.at(patch, message, hint=hint)
        return code.at(self.origin(path), message, hint=hint, key=True)


def compile_plan(plan: Plan) -> Stack:
    """The main stack of a system. Raises Invalid where two names meet in one logical id."""
    resources: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    scripts: dict[str, str] = {}
    origins: dict[str, Path] = {}
    found: list[Diagnostic] = []
    for path, part in _parts(plan):
        scripts |= part.scripts
        for section, things in ((parameters, part.parameters), (resources, part.resources), (outputs, part.outputs)):
            for thing in things:
                if thing.title in section or (section is not outputs and thing.title in origins):
                    found.append(_collision(thing.title, path, origins[thing.title]))
                origins.setdefault(thing.title, path)
                section[thing.title] = as_data(thing)
    if found:
        raise Invalid(map(plan.manifest.document.place, found))
    template: dict[str, Any] = {"AWSTemplateFormatVersion": FORMAT, "Description": _description(plan)}
    template["Metadata"] = origin.metadata(dict.fromkeys(path[:2] for path in origins.values()))
    template |= {"Parameters": parameters} if parameters else {}
    template["Resources"] = resources
    template |= {"Outputs": outputs} if outputs else {}
    # Last, since nobody begins to read here.
    template |= {"Mappings": {MAPPING: {name: {"Text": scripts[name]} for name in sorted(scripts)}}} if scripts else {}
    return Stack(plan.site.stack, template, origins)


def _parts(plan: Plan) -> Iterator[tuple[Path, Part]]:
    """What each piece of the manifest becomes, in reading order: the network, kinds, services, the bastion."""
    root, site = plan.root, plan.site
    isolated = any(kind.isolated and entries for kind, entries in plan.entries)
    yield ("network",), network.build(root.network, site, isolated)
    if any(edge.kind is None for edge in plan.edges):
        yield ("network",), network.naming(site)
    if plan.endpoints:
        yield ("network", "nat"), network.endpoints(plan.endpoints, root.network, site)
    for kind, entries in plan.entries:
        for entry, uses in entries:
            yield entry.path, kind.build(entry, uses, site)
        if entries:
            yield (kind.section,), kind.common(entries, site)
    if any(runtime.on_hosts for runtime, _ in plan.workloads):
        yield ("services",), iam.host_policy()
    if site.front:
        hosts = [
            host for runtime, workload in plan.workloads if runtime.behind_balancer for host in workload.spec.hosts
        ]
        yield ("ingress",), ingress.build(root.ingress, hosts, site)
    for runtime in dict.fromkeys(runtime for runtime, _ in plan.workloads):
        yield ("services",), runtime.common([workload for each, workload in plan.workloads if each is runtime], site)
    for runtime, workload in plan.workloads:
        yield workload.path, _image_tag(plan, workload.name) + runtime.build(workload, site)
        for edge in plan.edges_of(workload.name):
            yield edge.use.path, _rules(edge.rule, workload.name, edge.use.target, edge.offer.doors)
    if root.bastion and root.bastion.enabled:
        doors = [
            (entry.name, door) for kind, entries in plan.entries for entry, _ in entries for door in kind.doors(entry)
        ]
        yield ("bastion",), bastion.build(root.bastion, doors, site)


def _rules(name: str, caller: str, callee: str, doors: tuple[Door, ...]) -> Part:
    """The rule of an edge: one a door, and whatever is used has one door or none."""
    group = names.logical(caller, "SecurityGroup")
    return Part(
        tuple(
            security_groups.edge(name if number == 0 else f"{name}{number + 1}", group, door, f"{caller} uses {callee}")
            for number, door in enumerate(doors)
        )
    )


def _image_tag(plan: Plan, name: str) -> Part:
    workload = next(workload for _, workload in plan.workloads if workload.name == name)
    if not workload.image.owned:
        return Part()
    repository = names.repository(plan.site.system, workload.image.repository)
    return Part(
        parameters=(
            Parameter(
                ecr.tag_parameter(name),
                Type="String",
                Description=f"Tag of the image that {name} runs, in the repository {repository}.",
                AllowedPattern=TAG_PATTERN,
                **({"Default": workload.image.tag} if workload.image.tag else {}),
            ),
        )
    )


def as_data(thing: Any) -> dict[str, Any]:
    """A troposphere object as plain data: its type first, its properties last.

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


def _description(plan: Plan) -> str:
    where = f", environment {plan.site.environment}" if plan.site.environment else ""
    return f"{plan.site.system}{where}. Compiled by msaspec; change the manifest, not this."
