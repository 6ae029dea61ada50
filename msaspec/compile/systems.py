"""What passes between systems: the offer of an entry of another one, the parameters that hold its values, and the
outputs of what this one shares.

Nothing of another manifest is known here. Its values are parameters, which `msaspec deploy` fills with the outputs of
its stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from troposphere import Output, Parameter

from msaspec.aws import existing_network
from msaspec.aws.intrinsic import intrinsic, reference
from msaspec.compile import lending
from msaspec.diagnostics.place import Path
from msaspec.language.base import Model
from msaspec.language.kind import AnyKind
from msaspec.language.network import Network
from msaspec.language.part import Door, Offer, Part, Place, Use
from msaspec.language.runtime import AnyRuntime, Workload, variables_of
from msaspec.language.systems import NETWORK, ElsewhereFields, split
from msaspec.language.value import Token, Value
from msaspec.manifest.root import Manifest, Root
from msaspec.manifest.sections import kinds
from msaspec.template import names, references, sharing
from msaspec.template.sharing import Taken

GROUP_ID = "AWS::EC2::SecurityGroup::Id"  # fact: typed-parameters
GROUP, PORT, URL, VPC, CIDR = "Group", "Port", "Url", "Vpc", "Cidr"
_ADDRESS = r"(http|grpc|tcp)://[a-z0-9.-]+:[0-9]+"
_TYPES: Mapping[str, Mapping[str, Any]] = {
    GROUP: {"Type": GROUP_ID},
    PORT: {"Type": "Number", "MinValue": 1, "MaxValue": 65535},
    URL: {"Type": "String", "AllowedPattern": _ADDRESS},
}
_ABOUT = {GROUP: "Security group", PORT: "Port", URL: "Address"}


def edge(manifest: Manifest, use: Use[Model], place: Place) -> tuple[Use[Model], AnyKind | None, Offer]:
    """Return what a user gets of an entry of another system, with the kind of the entry; None for a service."""
    kind = lending.kind_of(use.options)
    if kind is None:
        return use, None, _called(manifest, use)
    use, offer = lending.edge(manifest, kind, use, place)
    return use, kind, offer


def _called(manifest: Manifest, use: Use[Model]) -> Offer:
    """Return what a caller gets of a service of another system: the same name in DNS, the same attributes and
    variables as inside of it."""
    system, entry = lending.parts(use.target)
    options, framework = use.options, use.framework
    host = f"{entry}.{names.domain(manifest.stack_of(system))}"
    attributes: dict[str, Value] = {"host": (host,)}
    variables: dict[str, Value] = {}
    doors = []
    for port in _ports(options):
        number = Token(_name(system, entry, port, PORT))
        url: Value = (Token(_name(system, entry, port, URL)),)
        address: Value = (f"{host}:", number)
        prefix = f"{names.snake(port)}_" if port else ""
        attributes |= {f"{prefix}port": (number,), f"{prefix}url": url, f"{prefix}address": address}
        # Whether it speaks HTTP is in the other manifest.
        for word, content in (("url", url), ("address", address)):
            variables |= variables_of(entry, port, framework, word, content)
        doors.append(Door(Token(_name(system, entry, port, GROUP)), number, name=port))
    return Offer(attributes=attributes, variables=variables, doors=tuple(doors))


def taken(manifest: Manifest, place: Place) -> dict[str, Taken]:
    """Return the parameters that hold values of other systems, each with where the value comes from."""
    found: dict[str, Taken] = {}
    for user, uses in sorted(manifest.uses.items()):
        for target, options in sorted(uses.items()):
            if split(target):
                system, entry = lending.parts(target)
                path: Path = (*manifest.path(user), "uses", target)
                kind, words = lending.kind_of(options), ""
                if kind:
                    use = Use[Model](user, target, options, "plain", False, path)
                    passed = [(each.word, each.output) for each in lending.values(kind, use, place)]
                    words = lending.words(kind, use)
                else:
                    names_of = (names.camel(port or "") for port in _ports(options))
                    passed = [(f"{port}{what}", f"{port}{what}") for port in names_of for what in (GROUP, PORT, URL)]
                reached = kind is None or (kind.lent is not None and kind.lent.reached)
                for word, output in passed:
                    stack = manifest.stack_of(system)
                    made = Taken(system, stack, entry, sharing.output(entry, output), path, reached, words)
                    found.setdefault(sharing.parameter(system, entry, word), made)
    if (lender := manifest.root.network.system) and lender in manifest.root.systems:
        for name in existing_network.lent(manifest.root.network):
            output = sharing.output(NETWORK, name)
            found[name] = Taken(lender, manifest.stack_of(lender), NETWORK, output, (NETWORK, "system"))
    return found


def parameters(taken: Mapping[str, Taken]) -> Iterator[tuple[Path, Part]]:
    """Yield the parameters of the entries of other systems, by system. Those of a network are with the network."""
    for name, each in taken.items():
        if each.entry == NETWORK:
            continue
        what = next((what for what in _TYPES if each.reached and name.endswith(what)), "")
        about = f"{_ABOUT.get(what, 'Value')} of {each.entry} of the system {each.system}: the output {each.output}"
        form = _TYPES.get(what, {"Type": "String", "MinLength": 1})
        made = Parameter(name, Description=f"{about} of the stack {each.stack}.", **form)
        yield ("systems", each.system), Part(parameters=(made,))


def used(parameters: Mapping[str, Any], taken: Mapping[str, Taken], *parts: Any) -> dict[str, Any]:
    """Return the parameters without those values of other systems that nothing in parts of a template refers to."""
    named: set[str] = set()
    for part in parts if taken else ():
        named |= {each.name for each in references.sources(part) if isinstance(each, references.Reference)}
    return {name: each for name, each in parameters.items() if name not in taken or name in named}


def lends_network(root: Root) -> bool:
    """Return whether other systems may stand in the network: callers of a service have to."""
    return bool(_guests(root))


def _guests(root: Root) -> tuple[str, ...]:
    reached = {name for kind in kinds() if kind.lent and kind.lent.reached for name in dict(root)[kind.section]}
    reached |= {NETWORK, *root.services}
    lent_out = [share.with_ for name, share in root.shares.items() if name in reached]
    return tuple(sorted({system for systems in lent_out for system in systems}))


def shared(manifest: Manifest, workloads: Sequence[tuple[AnyRuntime, Workload[Model]]], place: Place) -> Part:
    """Return the outputs of what other systems may use."""
    shares = manifest.root.shares
    outputs: list[Any] = []
    for runtime, workload in workloads:
        if (share := shares.get(workload.name)) and not workload.job:
            doors = {door.name: door for door in runtime.doors(workload.name, workload.spec, share.ports)}
            for port, door in doors.items():
                outputs += _of_service(workload, port, door, place)
            outputs.append(_allowed(workload.name, share.with_))
    for kind, entries in manifest.entries:
        for entry in entries:
            if kind.lent and (share := shares.get(entry.name)) and kind.kept_back(entry) is None:
                about = f"Value of {entry.name} for other systems."
                for word, target in lending.given(kind, entry, share, place):
                    value = reference(target)
                    outputs.append(Output(sharing.output(entry.name, word), Description=about, Value=value))
                if words := lending.said(kind, entry, share):
                    about = f"What uses of {entry.name} in other systems say of it."
                    outputs.append(Output(sharing.words(entry.name), Description=about, Value=words))
                outputs.append(_allowed(entry.name, share.with_))
    if guests := _guests(manifest.root):
        outputs += [*_of_network(manifest.root.network, place), _allowed(NETWORK, guests)]
    return Part(outputs=tuple(outputs))


def _of_service(workload: Workload[Model], port: str | None, door: Door, place: Place) -> Iterator[Any]:
    name, said = workload.name, workload.spec.port_of(port)
    url = f"{said.protocol if said else 'tcp'}://{name}.{place.domain}:{door.port}"
    whose = f"{name}, port {port}," if port else name
    for what, content in ((GROUP, reference(door.group.target)), (PORT, str(door.port)), (URL, url)):
        about = f"{_ABOUT[what]} of {whose} for other systems."
        yield Output(sharing.output(name, names.camel(port or "") + what), Description=about, Value=content)


def _of_network(own: Network, place: Place) -> Iterator[Any]:
    values: dict[str, Any] = {VPC: intrinsic((place.vpc,)), CIDR: place.cidr}
    values |= {each.target: intrinsic((each,)) for each in existing_network.lends(own)}
    for what, content in values.items():
        about = "Network of the system, for other systems."
        yield Output(sharing.output(NETWORK, what), Description=about, Value=content)


def _allowed(entry: str, systems: tuple[str, ...]) -> Any:
    about = f"Systems that may use {entry}." if entry != NETWORK else "Systems that may stand in the network."
    return Output(sharing.allowed(entry), Description=about, Value=sharing.permission(entry, systems))


def _name(system: str, entry: str, port: str | None, what: str) -> str:
    return sharing.parameter(system, entry, names.camel(port or "") + what)


def _ports(options: Model) -> tuple[str | None, ...]:
    """Return the ports of a use: the main one, which has no name, and those that it names."""
    return (None, *(options.ports if isinstance(options, ElsewhereFields) else ()))
