"""What a template names that must be there already: alarms, snapshots and subnets, as a patch may write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.deploy.asking import GONE
from msaspec.deploy.evidence import Answer, Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path

NOT_THERE = Code(
    "MSA684",
    "Something that is named does not exist",
    """
    The template names an alarm, a snapshot or a subnet by its id, and the account has none of that id in this Region,
    or it is not available. CloudFormation would find out in the middle of the deployment.
    """,
)
OTHER_ENGINE = Code(
    "MSA464",
    "A snapshot of another engine",
    "RDS restores a snapshot with the engine that made it. CloudFormation would find out in the middle of the "
    "deployment.",
)
NO_ROUTE = Code(
    "MSA685",
    "A subnet without the route that its use needs",
    """
    A load balancer that faces the internet answers only in subnets whose route table leads to an internet gateway. The
    subnet belongs to somebody else, so msaspec does not change its routes.
    """,
    Severity.WARNING,
)
NO_DEFAULT = Code(
    "MSA686",
    "No default subnet",
    """
    A host of the template names no subnet, so EC2 launches it in a default subnet of the account, and the account has
    none in this Region.
    """,
)
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}")
_DATABASES = {
    "AWS::RDS::DBInstance": "DBSnapshotIdentifier",
    "AWS::RDS::DBCluster": "SnapshotIdentifier",
    "AWS::DocDB::DBCluster": "SnapshotIdentifier",
}
_HOSTS = ("AWS::EC2::Instance", "AWS::AutoScaling::AutoScalingGroup")


@dataclass(frozen=True)
class Named:
    """An id in a template, and where it belongs."""

    id: str
    entry: Path
    type: str
    internet_facing: bool = False


class References(Precondition):
    """Looks at each id once, whoever names it."""

    services = ("cloudwatch", "ec2", "rds")

    def look(self, needs: Needs) -> Checking:
        """Ask for all ids of a kind at once, and for each snapshot of a database."""
        found: list[Diagnostic] = []
        for ask in (_alarms, _volumes, _databases, _subnets, _default):
            found += yield from ask(needs)
        return found


def _alarms(needs: Needs) -> Checking:
    named = [each for each in _named(needs, "AlarmNames", re.compile(r".+")) if each.type == "AWS::ECS::Service"]
    if not named:
        return []
    ids = sorted({each.id for each in named})[:100]
    answer = yield Ask(
        "cloudwatch", "describe_alarms", {"AlarmNames": ids, "AlarmTypes": ["CompositeAlarm", "MetricAlarm"]}
    )
    if answer is None or answer is GONE:
        return []
    there = {each["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for each in answer.get(kind, ())}
    listing = needs.context.aws.cli("cloudwatch", "describe-alarms")
    return _missing(named, there, "alarm", listing, needs)


def _volumes(needs: Needs) -> Checking:
    named = list(_named(needs, "SnapshotId", _SNAPSHOT))
    if not named:
        return []
    ids = sorted({each.id for each in named})
    answer = yield Ask("ec2", "describe_snapshots", {"Filters": [{"Name": "snapshot-id", "Values": ids}]})
    if answer is None:
        return []
    there = {each["SnapshotId"] for each in answer.get("Snapshots", ()) if each.get("State") == "completed"}
    listing = needs.context.aws.cli("ec2", "describe-snapshots", "--owner-ids", "self")
    return _missing(named, there, "snapshot", listing, needs)


def _databases(needs: Needs) -> Checking:
    found: list[Diagnostic] = []
    for entry, kind, properties in _resources(needs):
        id = properties.get(_DATABASES.get(kind, ""))
        # One that is shared has an ARN, and describing it takes a permission of its owner.
        if not isinstance(id, str) or id.startswith("arn:") or needs.uses(id):
            continue
        cluster = kind.endswith("DBCluster")
        operation, word = (
            ("describe_db_cluster_snapshots", "DBClusterSnapshotIdentifier")
            if cluster
            else (
                "describe_db_snapshots",
                "DBSnapshotIdentifier",
            )
        )
        # The API of RDS tells snapshots of DocumentDB too.
        answer = yield Ask("rds", operation, {word: id})
        if answer is None:
            continue
        rows = [*answer.get("DBSnapshots", ()), *answer.get("DBClusterSnapshots", ())]
        there = {id for each in rows if each.get("Status") == "available"}
        listing = needs.context.aws.cli("rds", operation.replace("_", "-"))
        found += _missing([Named(id, entry, kind)], there, "snapshot", listing, needs)
        own = "docdb" if kind == "AWS::DocDB::DBCluster" else str(properties.get("Engine"))
        for other in {str(each.get("Engine")) for each in rows if id in there} - {own}:
            message = f"The snapshot {id} is one of {other}, and `{entry[-1]}` is of {own}."
            found.append(OTHER_ENGINE.at(entry, message, hint=f"Write `engine: {other}`, or name another snapshot."))
    return found


def _subnets(needs: Needs) -> Checking:
    keys = ("SubnetId", "SubnetIds", "Subnets", "VPCZoneIdentifier")
    named = [each for key in keys for each in _named(needs, key, _SUBNET)]
    if not named:
        return []
    ids = sorted({each.id for each in named})
    answer = yield Ask("ec2", "describe_subnets", {"Filters": [{"Name": "subnet-id", "Values": ids}]})
    if answer is None:
        return []
    networks = {each["SubnetId"]: each["VpcId"] for each in answer.get("Subnets", ())}
    listing = needs.context.aws.cli("ec2", "describe-subnets")
    found = _missing(named, set(networks), "subnet", listing, needs)
    public = sorted({each.id for each in named if each.internet_facing and each.id in networks})
    if not public:
        return found
    vpcs = sorted({networks[id] for id in public})
    tables = yield Ask("ec2", "describe_route_tables", {"Filters": [{"Name": "vpc-id", "Values": vpcs}]})
    if tables is None:
        return found
    for each in named:
        if each.id in public and each.internet_facing and not _leads_out(tables, each.id, networks[each.id]):
            message = f"The route table of the subnet {each.id} does not lead to an internet gateway."
            hint = f"Add a route of 0.0.0.0/0 to one, or name another subnet. Those that exist: {listing}"
            found.append(NO_ROUTE.at(each.entry, message, hint=hint))
    return found


def _leads_out(answer: Mapping[str, Any], subnet: str, network: str) -> bool:
    """Whether the route table of a subnet, or the main one of its network, leads to an internet gateway."""
    own, main = None, None
    for table in answer.get("RouteTables", ()):
        for association in table.get("Associations", ()):
            own = table if association.get("SubnetId") == subnet else own
            main = table if association.get("Main") and table.get("VpcId") == network else main
    routes = (own or main or {}).get("Routes", ())
    return any(str(each.get("GatewayId", "")).startswith("igw-") for each in routes)


def _default(needs: Needs) -> Checking:
    placed = [
        entry
        for entry, kind, properties in _resources(needs)
        if kind in _HOSTS
        and not {"SubnetId", "NetworkInterfaces", "VPCZoneIdentifier", "AvailabilityZones"} & set(properties)
    ]
    if not placed or needs.known:
        return []
    answer = yield Ask("ec2", "describe_subnets", {"Filters": [{"Name": "default-for-az", "Values": ["true"]}]})
    if answer is None or answer.get("Subnets"):
        return []
    make = needs.context.aws.cli("ec2", "create-default-subnet", "--availability-zone", f"{needs.region}a")
    message = f"A host names no subnet, and the account has no default subnet in {needs.region}."
    return [NO_DEFAULT.at(entry, message, hint=f"Name one, or create it: {make}") for entry in dict.fromkeys(placed)]


def _missing(named: list[Named], there: set[str], noun: str, listing: str, needs: Needs) -> list[Diagnostic]:
    found = []
    for each in dict.fromkeys((each.id, each.entry) for each in named):
        if each[0] not in there:
            message = f"There is no {noun} {each[0]} that can be used in {needs.region}."
            found.append(NOT_THERE.at(each[1], message, hint=f"Those that exist: {listing}"))
    return found


def _resources(needs: Needs) -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    for stack in needs.stacks:
        for name, resource in stack.template.get("Resources", {}).items():
            properties = resource.get("Properties") if isinstance(resource, Mapping) else None
            if isinstance(properties, Mapping):
                yield stack.origins.get(name, ()), str(resource.get("Type")), properties


def _named(needs: Needs, key: str, pattern: re.Pattern[str]) -> Iterator[Named]:
    """Yield the literal ids below a key, anywhere in a template, but for those that the deployed one has."""
    for entry, kind, properties in _resources(needs):
        facing = kind == "AWS::ElasticLoadBalancingV2::LoadBalancer" and properties.get("Scheme") != "internal"
        for content in _below(properties, key):
            for each in content if isinstance(content, list) else [content]:
                if isinstance(each, str) and pattern.fullmatch(each) and not needs.uses(each):
                    yield Named(each, entry, kind, facing)


def _below(thing: Any, key: str) -> Iterator[Any]:
    if isinstance(thing, Mapping):
        for name, content in thing.items():
            if name == key:
                yield content
            else:
                yield from _below(content, key)
    elif isinstance(thing, list):
        for each in thing:
            yield from _below(each, key)


__all__ = ["Answer", "References"]
