"""What RDS and EC2 refuse to delete, detach and associate while something uses it; moto does it, and stumbles over the
rest afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.route_tables import RouteBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.elbv2.models import elbv2_backends
from moto.mq.models import mq_backends
from moto.rds.exceptions import RDSClientError
from moto.rds.models import RDSBackend, rds_backends

from msaspec.sandbox.on_moto.databases import group_of, subnet_of

_delete_parameters = RDSBackend.delete_db_parameter_group
_delete_subnets = RDSBackend.delete_subnet_group
_delete_gateway = NatGatewayBackend.delete_nat_gateway
_delete_group = SecurityGroupBackend.delete_security_group
_delete_vpc = VPCBackend.delete_vpc
_delete_subnet = SubnetBackend.delete_subnet
_detach = InternetGatewayBackend.detach_internet_gateway
_associate = RouteBackend.associate_route_table


def _remove_parameters(self: Any, db_parameter_group_name: str) -> Any:
    if any(each.db_parameter_group_name == db_parameter_group_name for each in self.databases.values()):
        group = f"this parameter group {db_parameter_group_name}, so the group cannot be deleted"
        raise RDSClientError(
            "InvalidDBParameterGroupState", f"One or more database instances are still members of {group}"
        )
    return _delete_parameters(self, db_parameter_group_name)


def _remove_subnets(self: Any, subnet_name: str) -> Any:
    for name, database in self.databases.items():
        if getattr(group_of(database), "name", None) == subnet_name:
            user = f"at least one database instance: {name} is still using it."
            raise RDSClientError(
                "InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{subnet_name}' because {user}"
            )
    return _delete_subnets(self, subnet_name)


def _remove_group(self: Any, name: str | None = None, group_id: str | None = None) -> None:
    if group_id in set(_groups_in_use(self)):
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    _delete_group(self, name, group_id)


def _remove_gateway(self: Any, nat_gateway_id: str) -> Any:
    """Remove a NAT gateway with its interface, which moto leaves."""
    gateway = _delete_gateway(self, nat_gateway_id)
    self.enis.pop(gateway._eni.id, None)
    return gateway


def _remove_vpc(self: Any, vpc_id: str) -> Any:
    """Refuse while something is in a network that is not removed with it, such as a person's security group."""
    groups = [each for each in self.groups[vpc_id].values() if each.name != "default"]
    gateways = [each for each in self.internet_gateways.values() if each.vpc and each.vpc.id == vpc_id]
    endpoints = [each for each in self.vpc_end_points.values() if each.vpc_id == vpc_id and each.state != "deleted"]
    if groups or gateways or endpoints:
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    return _delete_vpc(self, vpc_id)


def _remove_subnet(self: Any, subnet_id: str) -> Any:
    if subnet_id in set(_subnets_in_use(self)):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return _delete_subnet(self, subnet_id)


def _subnets_in_use(backend: Any) -> Iterator[str]:
    """Yield the subnets of all interfaces, instances, load balancers, endpoints, databases and brokers of a Region."""
    for interface in backend.enis.values():
        if interface.instance is None or _is_alive(interface.instance):
            yield interface.subnet.id
    for reservation in backend.reservations.values():
        yield from (str(each.subnet_id) for each in filter(_is_alive, reservation.instances))
    for endpoint in backend.vpc_end_points.values():
        yield from (endpoint.subnet_ids or []) if endpoint.state != "deleted" else ()
    for balancer in elbv2_backends[backend.account_id][backend.region_name].load_balancers.values():
        yield from (subnet.id for subnet in balancer.subnets)
    for database in rds_backends[backend.account_id][backend.region_name].databases.values():
        yield str(subnet_of(database))
    for broker in mq_backends[backend.account_id][backend.region_name].brokers.values():
        yield from broker.subnet_ids


def _detach_gateway(self: Any, internet_gateway_id: str, vpc_id: str) -> None:
    """Refuse while public addresses of the network lead through the gateway."""
    hosts = [each for reservation in self.reservations.values() for each in reservation.instances]
    public = [each for each in hosts if _is_alive(each) and each.vpc_id == vpc_id and each.public_ip]
    mapped = [each for each in self.addresses if each.eni is not None and each.eni.subnet.vpc_id == vpc_id]
    if public or mapped:
        unmap = "Please unmap those public address(es) before detaching the gateway."
        raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es). {unmap}")
    _detach(self, internet_gateway_id, vpc_id)


def _associate_table(self: Any, route_table_id: str, gateway_id: Any = None, subnet_id: Any = None) -> Any:
    """Refuse a second route table for a subnet; moto keeps the first and says nothing."""
    if subnet_id is not None:
        for table in self.route_tables.values():
            if table.id != route_table_id and subnet_id in table._associations.values():
                said = (
                    f"the specified association for route table {route_table_id} conflicts with an existing association"
                )
                raise EC2ClientError("Resource.AlreadyAssociated", said)
    return _associate(self, route_table_id, gateway_id, subnet_id)


def _groups_in_use(backend: Any) -> Iterator[str]:
    """Yield the security groups of all interfaces, instances, load balancers, databases and brokers of a Region."""
    for interface in backend.enis.values():
        if interface.instance is None or _is_alive(interface.instance):
            yield from _ids(interface.group_set)
    for reservation in backend.reservations.values():
        for instance in filter(_is_alive, reservation.instances):
            yield from _ids(instance.security_groups)
    for balancer in elbv2_backends[backend.account_id][backend.region_name].load_balancers.values():
        yield from balancer.security_groups or []
    for database in rds_backends[backend.account_id][backend.region_name].databases.values():
        yield from database.vpc_security_group_ids or []
    for broker in mq_backends[backend.account_id][backend.region_name].brokers.values():
        yield from broker.security_groups or []


def _is_alive(instance: Any) -> bool:
    return bool(instance._state.name != "terminated")


def _ids(groups: Iterable[Any]) -> list[str]:
    """Return the ids of security groups, which moto keeps as such or as objects."""
    return [str(getattr(group, "id", group)) for group in groups]


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (RDSBackend, "delete_db_parameter_group", _remove_parameters),
    (RDSBackend, "delete_subnet_group", _remove_subnets),
    (NatGatewayBackend, "delete_nat_gateway", _remove_gateway),
    (SecurityGroupBackend, "delete_security_group", _remove_group),
    (VPCBackend, "delete_vpc", _remove_vpc),
    (SubnetBackend, "delete_subnet", _remove_subnet),
    (InternetGatewayBackend, "detach_internet_gateway", _detach_gateway),
    (RouteBackend, "associate_route_table", _associate_table),
)
"""What is replaced of moto: owner, name, replacement."""
