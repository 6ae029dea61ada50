"""What RDS and EC2 refuse to delete while something uses it; moto deletes it, and stumbles over the rest afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.elbv2.models import elbv2_backends
from moto.rds.exceptions import RDSClientError
from moto.rds.models import RDSBackend, rds_backends

_delete_parameters = RDSBackend.delete_db_parameter_group
_delete_subnets = RDSBackend.delete_subnet_group
_delete_gateway = NatGatewayBackend.delete_nat_gateway
_delete_group = SecurityGroupBackend.delete_security_group


def _remove_parameters(self: Any, db_parameter_group_name: str) -> Any:
    if any(each.db_parameter_group_name == db_parameter_group_name for each in self.databases.values()):
        group = f"this parameter group {db_parameter_group_name}, so the group cannot be deleted"
        raise RDSClientError(
            "InvalidDBParameterGroupState", f"One or more database instances are still members of {group}"
        )
    return _delete_parameters(self, db_parameter_group_name)


def _remove_subnets(self: Any, subnet_name: str) -> Any:
    for name, database in self.databases.items():
        if getattr(database.db_subnet_group, "name", None) == subnet_name:
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
    """Removes a NAT gateway with its interface, which moto leaves."""
    gateway = _delete_gateway(self, nat_gateway_id)
    self.enis.pop(gateway._eni.id, None)
    return gateway


def _groups_in_use(backend: Any) -> Iterator[str]:
    """The security groups of all interfaces, instances, load balancers and databases of a Region."""
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


def _is_alive(instance: Any) -> bool:
    return bool(instance._state.name != "terminated")


def _ids(groups: Iterable[Any]) -> list[str]:
    """The ids of security groups, which moto keeps as such or as objects."""
    return [str(getattr(group, "id", group)) for group in groups]


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (RDSBackend, "delete_db_parameter_group", _remove_parameters),
    (RDSBackend, "delete_subnet_group", _remove_subnets),
    (NatGatewayBackend, "delete_nat_gateway", _remove_gateway),
    (SecurityGroupBackend, "delete_security_group", _remove_group),
)
"""What is replaced of moto: owner, name, replacement."""
