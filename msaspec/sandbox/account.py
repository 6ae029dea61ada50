"""What an account allows: its plan, quotas, zones and roles. The sandbox refuses what such an account is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self


@dataclass(frozen=True)
class Quota:
    """A quota of a service, as Service Quotas knows it."""

    service: str
    name: str
    usual: int
    """AWS's default value, which new accounts may be below."""


VPCS, ADDRESSES, NAT_GATEWAYS = "L-F678F1CE", "L-0263D0A3", "L-FE5A380F"
VCPUS, TASK_VCPUS = "L-1216C47A", "L-3032A538"
BALANCERS, DATABASES, RULES = "L-53DA6B97", "L-7B6409FD", "L-0EA8095F"

QUOTAS: Mapping[str, Quota] = {
    VPCS: Quota("vpc", "VPCs per Region", 5),
    NAT_GATEWAYS: Quota("vpc", "NAT gateways per Availability Zone", 5),
    RULES: Quota("vpc", "Inbound or outbound rules per security group", 60),
    ADDRESSES: Quota("ec2", "EC2-VPC Elastic IPs", 5),
    VCPUS: Quota("ec2", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5),
    TASK_VCPUS: Quota("fargate", "Fargate On-Demand vCPU resource count", 6),
    BALANCERS: Quota("elasticloadbalancing", "Application Load Balancers per Region", 50),
    DATABASES: Quota("rds", "DB instances", 40),
}
"""The quotas that the sandbox can enforce, by code."""


@dataclass(frozen=True)
class Account:
    """An AWS account. The default one is old and large: it has its roles, and no quota is in the way."""

    plan: Literal["paid", "free"] = "paid"
    """`free` refuses instance types and backups beyond it."""
    verified: bool = True
    """Whether it may make CloudFront distributions."""
    has_service_roles: bool = True
    """Whether the service-linked roles of services exist. If not, a service makes its own when it is first used."""
    racing: frozenset[str] = frozenset({"ecs"})
    """The services, as ARNs spell them, whose first use fails because their role was only just made."""
    quotas: Mapping[str, int] = field(default_factory=dict)
    """The quotas that are enforced, by code. One that is not named is not enforced, and is said to be AWS's default."""
    default_zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By Region, the zones in which the account has default subnets: `Fn::GetAZs` gives only those."""
    allowed: frozenset[str] | None = None
    """The actions that the policies of the caller allow; None allows all. CloudFormation acts by them too. Enforced
    for callers in this process, not over HTTP."""
    allowed_to_role: frozenset[str] | None = None
    """The actions by which CloudFormation acts instead, as with `--role-arn`."""
    denied: frozenset[str] = frozenset()
    """Actions such as `ec2:RunInstances` that a service control policy denies to everyone."""

    @classmethod
    def new(cls) -> Self:
        """Return an account that was opened today on the Free plan."""
        return cls(
            plan="free",
            verified=False,
            has_service_roles=False,
            quotas={VCPUS: 8, ADDRESSES: 5, VPCS: 5, TASK_VCPUS: 6},
        )
