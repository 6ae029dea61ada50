"""What the sandbox has, as its services' APIs tell it: what is to run, where, and who may reach whom."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from moto.elasticache.models import elasticache_backends

from tests.system.balancer import Configuration, Known, configuration

Client = Callable[[str], Any]
"""A client of the sandbox by the name of its service."""


@dataclass(frozen=True)
class Box:
    """An interface in the network."""

    name: str
    address: str
    groups: tuple[str, ...]
    subnet: str
    public: str = ""
    """The public address by which it is reached from outside."""
    leaves: bool = False
    """Whether it has some public address, and so leaves through an internet gateway."""


@dataclass(frozen=True)
class Instance(Box):
    """A host that runs."""

    user_data: bytes = b""
    role: str = ""
    zone: str = ""
    hops: int = 1


@dataclass(frozen=True)
class Database(Box):
    """A database instance."""

    endpoint: str = ""
    port: int = 0
    engine: str = ""


@dataclass(frozen=True)
class Broker(Box):
    """A broker of RabbitMQ."""

    endpoint: str = ""
    port: int = 0


@dataclass(frozen=True)
class Cache(Box):
    """The first node of a group of Valkey or Redis OSS."""

    endpoint: str = ""
    port: int = 0
    tls: bool = False
    users: tuple[tuple[str, str, str], ...] = ()
    """Names, rights and passwords; whoever reaches a cache without users may do everything."""


@dataclass(frozen=True)
class FargateTask(Box):
    """A task that runs."""

    arn: str = ""
    cluster: str = ""
    definition: Any = None
    awaited: bool = False
    """Whether a state machine started it, which waits for its end."""


@dataclass(frozen=True)
class MountTarget(Box):
    """Where a file system is reached in a zone."""

    file_system: str = ""
    zone: str = ""


@dataclass(frozen=True)
class Balancer(Box):
    """A load balancer."""

    domain: str = ""
    configuration: Configuration = field(default_factory=Configuration)


@dataclass(frozen=True)
class Subnet:
    """A subnet: the range of its network, the domain of its hosts, and how it reaches the internet: `igw` for those
    with a public address, `nat`, or not at all."""

    network: str
    domain: str
    way_out: str


class View:
    """The sandbox as it is now; every API is asked once, when something of it is first looked at.

    A stack goes on meanwhile, so what something depends on is asked for after it: then it is there, too.
    """

    def __init__(self, client: Client, kept: dict[str, Any]) -> None:
        self._client = client
        self._kept = kept
        """What never changes, by the id of what it is of: kept from one view to the next."""

    @cached_property
    def boxes(self) -> dict[str, Box]:
        """All that has an address, by name."""
        hosts = {box.name: box for box in self._instances()}
        stores = [*self._databases(), *self._brokers(), *self._caches()]
        tasks = list(self._tasks())
        others = [*stores, *tasks, *self._mount_targets()]
        known = {name: (name, box.address) for name, box in hosts.items()}
        balancers = list(self._balancers(known | {box.address: (box.name, box.address) for box in tasks}))
        return {box.name: box for box in (*others, *balancers)} | hosts

    @cached_property
    def groups(self) -> dict[str, Mapping[str, Any]]:
        """The security groups with their rules, by id."""
        found = self._client("ec2").describe_security_groups()["SecurityGroups"]
        return {group["GroupId"]: group for group in found}

    @cached_property
    def subnets(self) -> dict[str, Subnet]:
        """The subnets by id."""
        ec2 = self._client("ec2")
        vpcs = {vpc["VpcId"]: vpc for vpc in ec2.describe_vpcs()["Vpcs"]}
        options = {each["DhcpOptionsId"]: each for each in ec2.describe_dhcp_options()["DhcpOptions"]}
        ways = dict(_ways_out(ec2.describe_route_tables()["RouteTables"]))
        found = {}
        for subnet in ec2.describe_subnets()["Subnets"]:
            vpc, id = vpcs[subnet["VpcId"]], subnet["SubnetId"]
            domain = _domain(options.get(vpc.get("DhcpOptionsId", ""), {}))
            found[id] = Subnet(vpc["CidrBlock"], domain, ways.get(id, ""))
        return found

    @property
    def complete(self) -> bool:
        """Whether all that was seen was seen with its groups and subnets: it may have gone in between."""
        boxes = self.boxes.values()
        groups, subnets = self.groups.keys(), self.subnets.keys()
        return bool(groups and subnets) and all(groups >= set(box.groups) and box.subnet in subnets for box in boxes)

    def _high_up(self, subnet: str, number: int) -> str:
        """An address where no host is."""
        (found,) = self._client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"]
        return str(ipaddress.ip_network(found["CidrBlock"])[-10 - number])

    def _instances(self) -> Iterator[Instance]:
        ec2 = self._client("ec2")
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        reservations = ec2.describe_instances(Filters=running)["Reservations"]
        elastic = {a.get("InstanceId"): a["PublicIp"] for a in ec2.describe_addresses()["Addresses"]}
        for reservation in reservations:
            for found in reservation["Instances"]:
                id = found["InstanceId"]
                public = elastic.get(id) or found.get("PublicIpAddress", "")
                yield Instance(
                    id,
                    found["PrivateIpAddress"],
                    tuple(sorted(group["GroupId"] for group in found["SecurityGroups"])),
                    found["SubnetId"],
                    public,
                    bool(public),
                    self._always(id, partial(self._booting, id)),
                    self._role(found.get("IamInstanceProfile", {}).get("Arn", "")),
                    found["Placement"]["AvailabilityZone"],
                    int(found.get("MetadataOptions", {}).get("HttpPutResponseHopLimit", 1)),
                )

    def _always(self, id: str, ask: Callable[[], Any]) -> Any:
        """What never changes of something, asked for once."""
        if id not in self._kept:
            self._kept[id] = ask()
        return self._kept[id]

    def _booting(self, id: str) -> bytes:
        told = self._client("ec2").describe_instance_attribute(InstanceId=id, Attribute="userData")["UserData"]
        return base64.b64decode(told.get("Value", ""))

    def _role(self, profile: str) -> str:
        if not profile:
            return ""
        name = profile.rpartition("/")[2]
        (role,) = self._client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
        return str(role["RoleName"])

    def _databases(self) -> Iterator[Database]:
        for number, found in enumerate(self._client("rds").describe_db_instances()["DBInstances"]):
            subnet = found["DBSubnetGroup"]["Subnets"][0]["SubnetIdentifier"]
            groups = tuple(sorted(group["VpcSecurityGroupId"] for group in found["VpcSecurityGroups"]))
            address, name, end = self._high_up(subnet, number), found["DBInstanceIdentifier"], found["Endpoint"]
            yield Database(
                name, address, groups, subnet, endpoint=end["Address"], port=end["Port"], engine=found["Engine"]
            )

    def _brokers(self) -> Iterator[Broker]:
        mq = self._client("mq")
        for number, listed in enumerate(mq.list_brokers()["BrokerSummaries"]):
            found = mq.describe_broker(BrokerId=listed["BrokerId"])
            url = urlsplit(found["BrokerInstances"][0]["Endpoints"][0])
            subnet, groups = found["SubnetIds"][0], tuple(sorted(found["SecurityGroups"]))
            address = self._high_up(subnet, 40 + number)
            yield Broker(listed["BrokerId"], address, groups, subnet, endpoint=url.hostname or "", port=url.port or 0)

    def _caches(self) -> Iterator[Cache]:
        """Groups of caches with what users log in with. Which subnets and security groups they have, and passwords, are
        not read back by any request to moto, which keeps them."""
        api = self._client("elasticache")
        groups = api.describe_replication_groups()["ReplicationGroups"]
        if not groups:
            return
        kept = caches_kept(groups[0]["ARN"])
        members = {each["UserGroupId"]: each["UserIds"] for each in api.describe_user_groups()["UserGroups"]}
        for number, found in enumerate(groups):
            there, end = kept.replication_groups[found["ReplicationGroupId"]], found["NodeGroups"][0]["PrimaryEndpoint"]
            (place,) = api.describe_cache_subnet_groups(CacheSubnetGroupName=there.cache_subnet_group_name)[
                "CacheSubnetGroups"
            ]
            subnet = place["Subnets"][0]["SubnetIdentifier"]
            users = [kept.users[id] for group in found.get("UserGroupIds", []) for id in members[group]]
            yield Cache(
                found["ReplicationGroupId"],
                self._high_up(subnet, 60 + number),
                tuple(sorted(there.security_group_ids)),
                subnet,
                endpoint=end["Address"],
                port=end["Port"],
                tls=found["TransitEncryptionEnabled"],
                users=tuple(sorted((user.name, user.access_string, *user.passwords) for user in users)),
            )

    def _tasks(self) -> Iterator[FargateTask]:
        ecs = self._client("ecs")
        for cluster in ecs.list_clusters()["clusterArns"]:
            arns = ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
            tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
            assigned = self._assigned(cluster)
            for found in tasks:
                told = {detail["name"]: detail["value"] for detail in found["attachments"][0]["details"]}
                arn, interface = found["taskDefinitionArn"], told["networkInterfaceId"]
                define = partial(ecs.describe_task_definition, taskDefinition=arn)
                yield FargateTask(
                    found["taskArn"].rpartition("/")[2],
                    told["privateIPv4Address"],
                    self._always(interface, partial(self._groups_of, interface)),
                    told["subnetId"],
                    "",
                    found["group"] in assigned,
                    found["taskArn"],
                    cluster,
                    self._always(arn, define)["taskDefinition"],
                    found.get("startedBy") == "AWS Step Functions",
                )

    def _assigned(self, cluster: str) -> set[str]:
        """The services whose tasks get a public address, as tasks name the group that they are of."""
        ecs = self._client("ecs")
        arns = ecs.list_services(cluster=cluster)["serviceArns"]
        services = ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []
        return {
            f"service:{service['serviceName']}"
            for service in services
            if service["networkConfiguration"]["awsvpcConfiguration"].get("assignPublicIp") == "ENABLED"
        }

    def _groups_of(self, interface: str) -> tuple[str, ...]:
        ec2 = self._client("ec2")
        (found,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
        return tuple(sorted(group["GroupId"] for group in found["Groups"]))

    def _mount_targets(self) -> Iterator[MountTarget]:
        efs = self._client("efs")
        for system in efs.describe_file_systems()["FileSystems"]:
            for found in efs.describe_mount_targets(FileSystemId=system["FileSystemId"])["MountTargets"]:
                id = found["MountTargetId"]
                yield MountTarget(
                    id,
                    found["IpAddress"],
                    tuple(sorted(efs.describe_mount_target_security_groups(MountTargetId=id)["SecurityGroups"])),
                    found["SubnetId"],
                    file_system=system["FileSystemId"],
                    zone=found["AvailabilityZoneName"],
                )

    def _balancers(self, known: Known) -> Iterator[Balancer]:
        """Load balancers; public ones have an address outside, too."""
        elb = self._client("elbv2")
        for number, found in enumerate(elb.describe_load_balancers()["LoadBalancers"]):
            subnet = sorted(zone["SubnetId"] for zone in found["AvailabilityZones"])[0]
            address = self._high_up(subnet, 100 + number)
            public = f"198.18.1.{number + 1}" if found["Scheme"] == "internet-facing" else ""
            yield Balancer(
                found["LoadBalancerName"],
                address,
                tuple(sorted(found["SecurityGroups"])),
                subnet,
                public,
                bool(public),
                found["DNSName"],
                configuration(elb, found["LoadBalancerArn"], address, known),
            )


def caches_kept(arn: str) -> Any:
    """What moto keeps of ElastiCache in the account and the Region of an ARN."""
    _, _, _, region, account, *_ = arn.split(":")
    return elasticache_backends[account][region]


def _ways_out(tables: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for table in tables:
        for route in table["Routes"]:
            if route.get("DestinationCidrBlock") == "0.0.0.0/0":
                way = "igw" if route.get("GatewayId", "").startswith("igw-") else "nat"
                yield from ((a["SubnetId"], way) for a in table["Associations"] if "SubnetId" in a)


def _domain(options: Mapping[str, Any]) -> str:
    """The domain that hosts complete short names with."""
    found = {each["Key"]: each["Values"][0]["Value"] for each in options.get("DhcpConfigurations", [])}
    return str(found.get("domain-name", ""))
