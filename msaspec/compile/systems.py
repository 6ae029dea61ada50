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
from msaspec.diagnostics.place import Path
from msaspec.language.base import Model
from msaspec.language.network import Network
from msaspec.language.part import Door, Offer, Part, Place
from msaspec.language.runtime import AnyRuntime, Workload, variables_of
from msaspec.language.systems import NETWORK, OtherUse, split
from msaspec.language.value import Token, Value
from msaspec.manifest.root import Manifest
from msaspec.template import names, sharing
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


def offer(manifest: Manifest, target: str, options: Model, framework: str) -> Offer:
    """Return what a caller gets of a service of another system: the same name in DNS, the same attributes and
    variables as inside of it."""
    system, entry = _parts(target)
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


def called(target: str) -> str:
    """Return what logical ids call a use: ``ledger-of-payments``, or the name of an entry of this system."""
    found = split(target)
    return f"{found[1]}-of-{found[0]}" if found else target


def taken(manifest: Manifest) -> dict[str, Taken]:
    """Return the parameters that hold values of other systems, each with where the value comes from."""
    found: dict[str, Taken] = {}
    for user, uses in sorted(manifest.uses.items()):
        for target, options in sorted(uses.items()):
            if split(target):
                system, entry = _parts(target)
                path: Path = (*manifest.path(user), "uses", target)
                for port in _ports(options):
                    for what in (GROUP, PORT, URL):
                        output = sharing.output(entry, names.camel(port or "") + what)
                        name = _name(system, entry, port, what)
                        found.setdefault(name, Taken(system, manifest.stack_of(system), entry, output, path))
    if (lender := manifest.root.network.system) and lender in manifest.root.systems:
        for name in existing_network.lent(manifest.root.network):
            output = sharing.output(NETWORK, name)
            found[name] = Taken(lender, manifest.stack_of(lender), NETWORK, output, (NETWORK, "system"))
    return found


def parameters(manifest: Manifest) -> Iterator[tuple[Path, Part]]:
    """Yield the parameters of the services of other systems, by system. Those of a network are with the network."""
    for name, each in taken(manifest).items():
        if each.entry == NETWORK:
            continue
        what = next(what for what in _TYPES if name.endswith(what))
        about = f"{_ABOUT[what]} of {each.entry} of the system {each.system}: the output {each.output} of the stack"
        made = Parameter(name, Description=f"{about} {each.stack}.", **_TYPES[what])
        yield ("systems", each.system), Part(parameters=(made,))


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
    if shares:
        everybody = tuple(sorted({system for share in shares.values() for system in share.with_}))
        outputs += [*_of_network(manifest.root.network, place), _allowed(NETWORK, everybody)]
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
    return (None, *(options.ports if isinstance(options, OtherUse) else ()))


def _parts(target: str) -> tuple[str, str]:
    found = split(target)
    assert found, "a use of another system names both"
    return found
