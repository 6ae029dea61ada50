"""Which Availability Zones a stack stands in: those that it has, else those that offer what it needs.

Asked once in the life of a stack, or when `network.zones` grows. Everything here only reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msaspec.aws import hosts, tasks
from msaspec.compile.plan import Plan
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Deployed
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.obstacles import Looked
from msaspec.deploy.reporter import Reporter
from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.messages.deploying import ZonesChosen, ZonesUnseen
from msaspec.template import zones

TOO_FEW = Code(
    "MSA528",
    "Fewer zones than the network needs",
    """
    The network needs a subnet in each of its Availability Zones, and the account has fewer zones in this Region that
    offer the instance types of the manifest. Use fewer `zones`, an instance type that more zones offer, or another
    Region.
    """,
)

LATE = frozenset({"use1-az3"})
"""Ids of zones that are chosen only where there is no other: old ones, which lack many instance types."""


def values(aws: Aws, reporter: Reporter, plan: Plan, looked: Looked) -> Mapping[str, str]:
    """Return the parameter with the zones of a stack; empty where its template has none, or nobody may ask for them.

    The zones that its subnets have stay, in their order. Raises Invalid where the account has too few.
    """
    from botocore.exceptions import ClientError

    if zones.PARAMETER not in looked.stack.template.get("Parameters", {}):
        return {}
    wanted = plan.root.network.zones
    try:
        chosen = [*_present(aws, looked)]
        if len(chosen) < wanted:
            chosen += _more(aws, plan, looked.stack.template, chosen)
            if looked.first:
                reporter.say(ZonesChosen(tuple(chosen)))
    except ClientError as error:
        if fault.code_of(error) not in fault.FORBIDDEN_CODES:
            raise
        reporter.say(ZonesUnseen(fault.message_of(error)))
        return {zones.PARAMETER: looked.deployed.parameters.get(zones.PARAMETER, "") if looked.deployed else ""}
    return {zones.PARAMETER: ",".join(chosen)}


def _present(aws: Aws, looked: Looked) -> Sequence[str]:
    """Return the zones of a stack in the order of its subnets, also of one that was deployed without naming them."""
    if looked.deployed is None:
        return ()
    if named := zones.names(looked.deployed.parameters.get(zones.PARAMETER, "")):
        return named
    return _of_subnets(aws, looked.deployed) if not looked.first else ()


def _of_subnets(aws: Aws, deployed: Deployed) -> Sequence[str]:
    """Return the zones of the public subnets, which every network has, from the first on."""
    ids = {
        each.logical_id: each.id
        for each in state.resources(aws, deployed.id, inside=False)
        if each.type == "AWS::EC2::Subnet"
    }
    own = [id for number in range(1, len(ids) + 1) if (id := ids.get(f"PublicSubnet{number}"))]
    if not own:
        return ()
    there = aws.client("ec2").describe_subnets(SubnetIds=own)["Subnets"]
    zone_of = {each["SubnetId"]: each["AvailabilityZone"] for each in there}
    return [zone_of[id] for id in own]


def _more(aws: Aws, plan: Plan, template: Mapping[str, Any], chosen: Sequence[str]) -> Sequence[str]:
    """Return further zones, as many as the network lacks."""
    wanted = plan.root.network.zones
    types = sorted(_types(template))
    found = aws.client("ec2").describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    )["AvailabilityZones"]
    id_of = {each["ZoneName"]: each.get("ZoneId", "") for each in found}
    suited = _suited(aws, types, _reachable(template, id_of), id_of)
    rest = [name for name in sorted(suited, key=lambda name: (id_of[name] in LATE, name)) if name not in chosen]
    if len(chosen) + len(rest) < wanted:
        having = sorted({*chosen, *rest})
        offered = f" that offer {' and '.join(types)}" if types else ""
        message = f"The network needs {wanted} zones, and {aws.region} has {len(having)} for this account{offered}"
        hint = "Set `zones: 2`" if len(having) == 2 else "Use another Region, or another `instance_type`"
        at = plan.manifest.document.place(
            TOO_FEW.at(("network", "zones"), f"{message}: {', '.join(having)}.", hint=f"{hint}.")
        )
        raise Invalid([at])
    return rest[: wanted - len(chosen)]


def _types(template: Mapping[str, Any]) -> Iterable[str]:
    """Return the instance types that hosts are launched with."""
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") == hosts.LAUNCH_TEMPLATE.name:
            kind = resource["Properties"]["LaunchTemplateData"].get("InstanceType")
            if isinstance(kind, str):
                yield kind


def _reachable(template: Mapping[str, Any], id_of: Mapping[str, str]) -> Sequence[str]:
    """Return the zones in which Fargate runs tasks, where there are any; else all."""
    kinds = {resource.get("Type") for resource in template.get("Resources", {}).values()}
    if tasks.TASK_DEFINITION.name not in kinds:
        return list(id_of)
    return [name for name, id in id_of.items() if id not in tasks.WITHOUT_FARGATE]


def _suited(aws: Aws, types: Sequence[str], names: Sequence[str], id_of: Mapping[str, str]) -> Sequence[str]:
    """Return the zones that offer all types. Where nothing is said of any, they all may."""
    if not types:
        return names
    pages = (
        aws.client("ec2")
        .get_paginator("describe_instance_type_offerings")
        .paginate(LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": list(types)}])
    )
    offered: dict[str, set[str]] = {}
    for page in pages:
        for each in page["InstanceTypeOfferings"]:
            offered.setdefault(each["Location"], set()).add(each["InstanceType"])
    return [name for name in names if offered.get(name, set()) == set(types)] if offered else names
