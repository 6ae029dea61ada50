"""Who can open a connection to whom, told from a template alone: security groups, routes, listeners, rules, targets.

Written without the compiler and without its idea of an edge: it reads CloudFormation's resources as a network does, so
that what it finds can be held against what the manifest declares.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WORLD = "the internet"
ANY = range(65536)


@dataclass(frozen=True)
class Box:
    """Something with addresses: a host, a task, a database, a function, a load balancer."""

    name: str
    groups: frozenset[str]
    subnets: frozenset[str]
    public: bool
    """Whether it has a public address."""
    ports: frozenset[int]
    """Where something answers."""


@dataclass(frozen=True)
class Route:
    """What a load balancer does with a request on a port: conditions, and the target groups it may go to."""

    port: int
    conditions: str
    targets: tuple[str, ...]


def ref(value: Any) -> str:
    """The logical id that a reference names, whatever its form."""
    if isinstance(value, Mapping):
        ((name, argument),) = value.items()
        if name == "Fn::GetAtt":
            return str(argument[0])
        assert name == "Ref", value
        return str(argument)
    return str(value)


def refs(values: Any) -> frozenset[str]:
    """Those of a list."""
    return frozenset(map(ref, values or ()))


class Network:
    """A template as a network."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.resources: Mapping[str, Any] = template["Resources"]
        self.boxes = {box.name: box for box in self._boxes()}

    def of(self, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Resources of some types, with their properties."""
        for name, part in self.resources.items():
            if part["Type"] in kinds:
                yield name, part.get("Properties", {})

    # ---- boxes ----

    def _boxes(self) -> Iterator[Box]:
        addresses = {ref(p["InstanceId"]) for _, p in self.of("AWS::EC2::EIP") if "InstanceId" in p}
        open_subnets = {n for n, p in self.of("AWS::EC2::Subnet") if p.get("MapPublicIpOnLaunch") in (True, "true")}
        for name, p in self.of("AWS::EC2::Instance"):
            groups, ports = self._launched(p["LaunchTemplate"])
            subnets = frozenset({ref(p["SubnetId"])})
            yield Box(name, groups, subnets, name in addresses or bool(subnets & open_subnets), ports)
        for name, p in self.of("AWS::AutoScaling::AutoScalingGroup"):
            groups, ports = self._launched(p["LaunchTemplate"])
            subnets = refs(p["VPCZoneIdentifier"])
            yield Box(name, groups, subnets, bool(subnets & open_subnets), ports)
        for name, p in self.of("AWS::ECS::Service"):
            where = p["NetworkConfiguration"]["AwsvpcConfiguration"]
            containers = self.resources[ref(p["TaskDefinition"])]["Properties"]["ContainerDefinitions"]
            ports = frozenset(m["ContainerPort"] for c in containers for m in c.get("PortMappings", []))
            public = where.get("AssignPublicIp") == "ENABLED"
            yield Box(name, refs(where["SecurityGroups"]), refs(where["Subnets"]), public, ports)
        for name, p in self.of("AWS::RDS::DBInstance"):
            source = self.resources[ref(p["SourceDBInstanceIdentifier"])] if "SourceDBInstanceIdentifier" in p else None
            group = p.get("DBSubnetGroupName") or (source and source["Properties"]["DBSubnetGroupName"])
            subnets = refs(self.resources[ref(group)]["Properties"]["SubnetIds"])
            port = int(p.get("Port") or (source and source["Properties"]["Port"]))
            yield Box(name, refs(p["VPCSecurityGroups"]), subnets, bool(p["PubliclyAccessible"]), frozenset({port}))
        for name, p in self.of("AWS::Lambda::Function"):
            if "VpcConfig" in p:
                where = p["VpcConfig"]
                yield Box(name, refs(where["SecurityGroupIds"]), refs(where["SubnetIds"]), False, frozenset())
        for name, p in self.of("AWS::ElasticLoadBalancingV2::LoadBalancer"):
            ports = frozenset(
                int(listener["Port"])
                for _, listener in self.of("AWS::ElasticLoadBalancingV2::Listener")
                if ref(listener["LoadBalancerArn"]) == name
            )
            yield Box(name, refs(p["SecurityGroups"]), refs(p["Subnets"]), p["Scheme"] == "internet-facing", ports)

    def _launched(self, chosen: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[int]]:
        """Groups of a launch template, and the ports that Docker publishes, told from its user data."""
        data = self.resources[ref(chosen["LaunchTemplateId"])]["Properties"]["LaunchTemplateData"]
        text = json.dumps(data["UserData"]).replace('\\"', '"')
        published = {int(word.partition(":")[0]) for word in text.split('"-p')[1:] if word[:1].isdigit()}
        return refs(data["SecurityGroupIds"]), frozenset(published)

    # ---- what a connection needs ----

    def connects(self, source: Box | None, target: Box, port: int) -> bool:
        """Whether a connection to a port of a box is let through; None is the internet."""
        if source is None:
            return self._routed_in(target) and self._let_in(target, port, None)
        return self._let_out(source, target, port) and self._let_in(target, port, source)

    def _routed_in(self, target: Box) -> bool:
        """Whether packets from the internet arrive: a public address, and a route to an internet gateway."""
        return target.public and all(self._gateway(subnet) for subnet in target.subnets)

    def _gateway(self, subnet: str) -> bool:
        for _, p in self.of("AWS::EC2::SubnetRouteTableAssociation"):
            if ref(p["SubnetId"]) != subnet:
                continue
            for _, route in self.of("AWS::EC2::Route"):
                if ref(route["RouteTableId"]) == ref(p["RouteTableId"]) and "GatewayId" in route:
                    return True
        return False

    def _let_in(self, target: Box, port: int, source: Box | None) -> bool:
        rules = [
            *(rule for group in target.groups for rule in self._inline(group, "SecurityGroupIngress")),
            *(p for _, p in self.of("AWS::EC2::SecurityGroupIngress") if ref(p["GroupId"]) in target.groups),
        ]
        return any(
            _covers(rule, port)
            and (
                self._from_block(rule, source)
                or (source is not None and ref(rule.get("SourceSecurityGroupId", "")) in source.groups)
            )
            for rule in rules
        )

    def _let_out(self, source: Box, target: Box, port: int) -> bool:
        for group in source.groups:
            for rule in self._inline(group, "SecurityGroupEgress"):
                to_group = ref(rule.get("DestinationSecurityGroupId", "")) in target.groups
                if _covers(rule, port) and (to_group or self._inside(rule.get("CidrIp"), target)):
                    return True
        return False

    def _inline(self, group: str, section: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.resources[group]["Properties"].get(section, [])
        return found

    def _from_block(self, rule: Mapping[str, Any], source: Box | None) -> bool:
        if "CidrIp" not in rule:
            return False
        if source is None:
            return bool(ipaddress.ip_network(rule["CidrIp"]).num_addresses)
        return self._inside(rule["CidrIp"], source)

    def _inside(self, block: str | None, box: Box) -> bool:
        """Whether any subnet of a box lies in a block."""
        if block is None:
            return False
        outer = ipaddress.ip_network(block)
        return any(
            outer.overlaps(ipaddress.ip_network(self.resources[s]["Properties"]["CidrBlock"])) for s in box.subnets
        )

    # ---- load balancers ----

    def balancers(self) -> Iterator[str]:
        """The load balancers."""
        return (name for name, _ in self.of("AWS::ElasticLoadBalancingV2::LoadBalancer"))

    def routes(self, balancer: str) -> Iterator[Route]:
        """What a load balancer may do with requests."""
        for listener, p in self.of("AWS::ElasticLoadBalancingV2::Listener"):
            if ref(p["LoadBalancerArn"]) != balancer:
                continue
            port = int(p["Port"])
            yield Route(port, "*", tuple(_targets(p["DefaultActions"])))
            for _, rule in self.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
                if ref(rule["ListenerArn"]) == listener:
                    yield Route(port, _written(rule["Conditions"]), tuple(_targets(rule["Actions"])))

    def members(self, target_group: str) -> Iterator[tuple[Box, int]]:
        """The boxes that stand in a target group, and the port that each is registered with: that of the group, but a
        task's own."""
        for name, p in self.of("AWS::AutoScaling::AutoScalingGroup"):
            if target_group in refs(p.get("TargetGroupARNs")):
                yield self.boxes[name], int(self.resources[target_group]["Properties"]["Port"])
        for name, p in self.of("AWS::ECS::Service"):
            for balanced in p.get("LoadBalancers", []):
                alternate = balanced.get("AdvancedConfiguration", {}).get("AlternateTargetGroupArn", "")
                if target_group in (ref(balanced["TargetGroupArn"]), ref(alternate)):
                    yield self.boxes[name], int(balanced["ContainerPort"])

    def through(self, source: Box | None, balancer: str) -> Iterator[tuple[Route, Box]]:
        """What a source reaches through a load balancer: by which route, which box."""
        front = self.boxes[balancer]
        for route in self.routes(balancer):
            if not self.connects(source, front, route.port):
                continue
            for group in route.targets:
                for box, port in self.members(group):
                    if self.connects(front, box, port) and port in box.ports:
                        yield route, box


def _covers(rule: Mapping[str, Any], port: int) -> bool:
    protocol = str(rule["IpProtocol"])
    if protocol == "-1":
        return True
    return protocol in ("tcp", "6") and int(rule["FromPort"]) <= port <= int(rule["ToPort"])


def _targets(actions: Any) -> Iterator[str]:
    for action in actions:
        if action["Type"] != "forward":
            continue
        if "TargetGroupArn" in action:
            yield ref(action["TargetGroupArn"])
        for each in action.get("ForwardConfig", {}).get("TargetGroups", []):
            yield ref(each["TargetGroupArn"])


def _written(conditions: Any) -> str:
    """Conditions as text: `host users.example.com, path /api /api/*`."""
    words = {"host-header": ("host", "HostHeaderConfig"), "path-pattern": ("path", "PathPatternConfig")}
    found = []
    for condition in conditions:
        if condition["Field"] == "http-header":
            found.append(f"header {condition['HttpHeaderConfig']['HttpHeaderName']}")
        else:
            word, key = words[condition["Field"]]
            found.append(f"{word} {' '.join(condition[key]['Values'])}")
    return ", ".join(found)
