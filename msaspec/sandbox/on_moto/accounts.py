"""What services refuse because of the account: its plan, quotas, zones, roles, and policies of its organization."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from moto.cloudfront.exceptions import CloudFrontException
from moto.cloudfront.models import CloudFrontBackend
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.elbv2.exceptions import ELBClientError
from moto.iam.exceptions import InvalidInput
from moto.iam.models import IAMBackend, iam_backends
from moto.rds.exceptions import RDSClientError
from moto.rds.models import RDSBackend
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from msaspec.sandbox import account as accounts
from msaspec.sandbox.account import QUOTAS, Account
from msaspec.sandbox.world import current

_run = InstanceBackend.run_instances
_allocate = ElasticAddressBackend.allocate_address
_create_vpc = VPCBackend.create_vpc
_create_gateway = NatGatewayBackend.create_nat_gateway
_create_distribution = CloudFrontBackend.create_distribution
_create_cluster = EC2ContainerServiceBackend.create_cluster
_create_database = RDSBackend.create_db_instance
_create_replica = RDSBackend.create_db_instance_read_replica
_list_roles = IAMBackend.list_roles
_create_role = IAMBackend.create_service_linked_role

LINKED = "/aws-service-role/"
FREE_HOSTS = "c7i-flex.large", "m7i-flex.large", "t3.micro", "t3.small", "t4g.micro", "t4g.small"
FREE_DATABASES = "db.t3.micro", "db.t4g.micro"
LONGEST_FREE_BACKUP = 1
"""How many days of backups the Free plan allows. AWS says only that there is a maximum."""
TO_UPGRADE = "To remove all limitations, upgrade your account plan."
NOT_FREE = (
    "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run "
    "'describe-instance-types' with the filter 'free-tier-eligible=true'."
)
UNVERIFIED = (
    "Your account must be verified before you can add new CloudFront resources. To verify your account, please contact "
    "AWS Support (https://console.aws.amazon.com/support/home#/) and include this error message."
)
UNASSUMABLE = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
NO_DATABASE_ROLE = (
    "Unable to create the resource. Verify that you have permission to create service linked role. "
    "Otherwise wait and try again later"
)
ROLES = {
    "autoscaling": "AWSServiceRoleForAutoScaling",
    "ecs": "AWSServiceRoleForECS",
    "elasticloadbalancing": "AWSServiceRoleForElasticLoadBalancing",
    "rds": "AWSServiceRoleForRDS",
}
"""The role of each service that makes one for itself."""


def _account() -> Account:
    return current().account


def _exceeds(code: str, used: int, wanted: int = 1) -> bool:
    quota = _account().quotas.get(code)
    return quota is not None and used + wanted > quota


def _stands(roles: Any, service: str) -> bool:
    return _account().has_service_roles or ROLES[service] in [role.name for role in roles.roles.values()]


def _make(roles: Any, service: str, description: str = "") -> Any:
    """Make the role of a service under the name that AWS gives it, which moto does not know of all."""
    principal = f"{service}.amazonaws.com"
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    return roles.create_role(
        ROLES[service],
        json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        f"/aws-service-role/{principal}/",
        permissions_boundary=None,
        description=description,
        tags=[],
        max_session_duration="3600",
        linked_service=principal,
    )


def has_role(backend: Any, service: str) -> bool:
    """Say whether a service may act in the account, and have it make its role where there is none. A service whose
    role is made only now may not act yet if it is one of those that race."""
    roles = iam_backends[backend.account_id]["aws"]
    if _stands(roles, service):
        return True
    _make(roles, service)
    return service not in _account().racing


def _linked_role(self: Any, service_name: str, description: str, suffix: str) -> Any:
    service = service_name.removesuffix(".amazonaws.com")
    if service not in ROLES or suffix:
        return _create_role(self, service_name, description, suffix)
    if _stands(self, service):
        said = f"Service role name {ROLES[service]} has been taken in this account"
        raise InvalidInput(f"{said}, please try a different suffix.")
    return _make(self, service, description)


def _listed(self: Any, path_prefix: str | None = None, *words: Any, **options: Any) -> Any:
    found, marker = _list_roles(self, path_prefix, *words, **options)
    if path_prefix == LINKED and _account().has_service_roles:
        there = {role.name for role in found}
        for service in [each for each, name in ROLES.items() if name not in there]:
            role = _make(self, service)
            found.append(self.roles.pop(role.id))  # It is in no test's way.
    return found, marker


def _hosts(backend: Any) -> Iterator[Any]:
    for reservation in backend.reservations.values():
        yield from (each for each in reservation.instances if each._state.name in ("pending", "running"))


def _vcpus(instance_type: str) -> int:
    return int(INSTANCE_TYPES.get(instance_type, {}).get("VCpuInfo", {}).get("DefaultVCpus", 1))


def _hosted(self: Any, image_id: str, count: int, *words: Any, **options: Any) -> Any:
    kind = options.get("instance_type") or "m1.small"
    template = options.get("launch_template")
    if options.get("is_instance_type_default") and template:
        kind = self._get_template_from_args(template).data.get("InstanceType") or kind
    if _account().plan == "free" and kind not in FREE_HOSTS:
        raise EC2ClientError("InvalidParameterCombination", NOT_FREE)
    if options.get("subnet_id"):
        _offered(self, kind, self.get_subnet(options["subnet_id"]).availability_zone)
    used = sum(_vcpus(each.instance_type) for each in _hosts(self))
    if _exceeds(accounts.VCPUS, used, _vcpus(kind) * count):
        limit = f"your current vCPU limit of {_account().quotas[accounts.VCPUS]} allows for the instance bucket"
        raise EC2ClientError(
            "VcpuLimitExceeded",
            f"You have requested more vCPU capacity than {limit} that the specified instance type belongs to. Please "
            "visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
        )
    return _run(self, image_id, count, *words, **options)


def _offered(backend: Any, kind: str, zone: str) -> None:
    """Raise where other zones of the Region offer an instance type and this one does not."""
    offers = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(backend.region_name, [])
    zones = sorted(offer["Location"] for offer in offers if offer["InstanceType"] == kind)
    if zones and zone not in zones:
        raise EC2ClientError(
            "Unsupported",
            f"Your requested instance type ({kind}) is not supported in your requested Availability Zone ({zone}). "
            f"Please retry your request by not specifying an Availability Zone or choosing {', '.join(zones)}.",
        )


def _addressed(self: Any, *words: Any, **options: Any) -> Any:
    if _exceeds(accounts.ADDRESSES, len(self.describe_addresses())):
        raise EC2ClientError("AddressLimitExceeded", "The maximum number of addresses has been reached.")
    return _allocate(self, *words, **options)


def _networked(self: Any, *words: Any, **options: Any) -> Any:
    if _exceeds(accounts.VPCS, len(self.vpcs)):
        raise EC2ClientError("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
    return _create_vpc(self, *words, **options)


def _gateway(self: Any, subnet_id: str, *words: Any, **options: Any) -> Any:
    standing = [each for each in self.nat_gateways.values() if each.state == "available"]
    zones = [self.get_subnet(each.subnet_id).availability_zone for each in standing]
    if _exceeds(accounts.NAT_GATEWAYS, zones.count(self.get_subnet(subnet_id).availability_zone)):
        raise EC2ClientError("NatGatewayLimitExceeded", "The maximum number of NAT Gateways has been reached.")
    return _create_gateway(self, subnet_id, *words, **options)


def may_balance(backend: Any) -> None:
    """Raise what Elastic Load Balancing answers where an account has its load balancers already."""
    has_role(backend, "elasticloadbalancing")
    if _exceeds(accounts.BALANCERS, len(backend.load_balancers)):
        raise ELBClientError("TooManyLoadBalancers", "The maximum number of load balancers has been reached.")


def _distributed(self: Any, *words: Any, **options: Any) -> Any:
    if not _account().verified:
        raise CloudFrontException("AccessDenied", UNVERIFIED)
    return _create_distribution(self, *words, **options)


def _clustered(self: Any, *words: Any, **options: Any) -> Any:
    if not has_role(self, "ecs"):
        raise InvalidParameterException(UNASSUMABLE)
    return _create_cluster(self, *words, **options)


def affordable(kind: str | None, backup_days: Any) -> None:
    """Raise what RDS answers to a database instance that the account's plan does not cover."""
    if _account().plan != "free":
        return
    if kind and kind not in FREE_DATABASES:
        said = "This instance size isn't available with free plan accounts."
        raise RDSClientError("FreeTierRestrictionError", f"{said} {TO_UPGRADE}")
    if backup_days is not None and int(backup_days) > LONGEST_FREE_BACKUP:
        said = "The specified backup retention period exceeds the maximum available to free tier customers."
        raise RDSClientError("FreeTierRestrictionError", f"{said} {TO_UPGRADE}")


def _counted(create: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what makes a database instance or a replica."""

    def wrapped(self: Any, db_kwargs: dict[str, Any]) -> Any:
        affordable(db_kwargs.get("db_instance_class"), db_kwargs.get("backup_retention_period"))
        if not has_role(self, "rds"):
            raise RDSClientError("InvalidParameterValue", NO_DATABASE_ROLE)
        if _exceeds(accounts.DATABASES, len(self.databases)):
            raise RDSClientError("InstanceQuotaExceeded", "Cannot create more than the quota of DB instances.")
        return create(self, db_kwargs)

    return wrapped


def _quota(self: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    quota = QUOTAS.get(quota_code)
    if quota is None or quota.service != service_code:
        raise NoSuchResource
    return {
        "ServiceCode": service_code,
        "ServiceName": service_code,
        "QuotaArn": f"arn:aws:servicequotas:{self.region_name}:{self.account_id}:{service_code}/{quota_code}",
        "QuotaCode": quota_code,
        "QuotaName": quota.name,
        "Value": float(_account().quotas.get(quota_code, quota.usual)),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (InstanceBackend, "run_instances", _hosted),
    (ElasticAddressBackend, "allocate_address", _addressed),
    (VPCBackend, "create_vpc", _networked),
    (NatGatewayBackend, "create_nat_gateway", _gateway),
    (CloudFrontBackend, "create_distribution", _distributed),
    (EC2ContainerServiceBackend, "create_cluster", _clustered),
    (RDSBackend, "create_db_instance", _counted(_create_database)),
    (RDSBackend, "create_db_instance_read_replica", _counted(_create_replica)),
    (IAMBackend, "create_service_linked_role", _linked_role),
    (IAMBackend, "list_roles", _listed),
    (ServiceQuotasBackend, "get_service_quota", _quota),
)
"""What of moto is replaced: owner, name, replacement."""
