"""The surroundings of the system: its network, its front door and its bastion."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from msaspec.language.base import InstanceType, Items, Model, Name
from msaspec.language.paths import HostedZone, HostName

_DOCKER_BRIDGE = IPv4Network("172.17.0.0/16")
"""Docker's default bridge on every host: addresses of the VPC inside it could not be reached from a container."""


def _cidr(written: str) -> str:
    try:
        network = IPv4Network(written, strict=True)
    except ValueError as fault:
        raise PydanticCustomError(
            "cidr",
            "{written} is not an IPv4 block: {fault}",
            {"written": written, "fault": str(fault) if len(written) <= 60 else "it is too long"},
        ) from None
    if "/" not in written:
        raise PydanticCustomError("cidr", "an IPv4 block has a prefix length, such as `10.0.0.0/16`")
    return str(network)


def _vpc_cidr(written: str) -> str:
    network = IPv4Network(written)
    if not 16 <= network.prefixlen <= 24:
        raise PydanticCustomError(
            "cidr",
            "the network's block must be between /16 (the largest VPC) and /24 (the smallest that holds its subnets)",
        )
    if network.overlaps(_DOCKER_BRIDGE):
        raise PydanticCustomError(
            "cidr", "172.17.0.0/16 is Docker's own bridge on every host: containers could not reach the network"
        )
    return written


Cidr = Annotated[str, AfterValidator(_cidr), Field(examples=["10.0.0.0/16"])]
SubnetIds = Annotated[
    Items[Annotated[str, Field(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", examples=["subnet-0123456789abcdef0"])]],
    Field(max_length=6, examples=[["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]]),
]


class Network(Model):
    """The VPC of the system and where its services run. Databases are in isolated subnets."""

    cidr: Annotated[Cidr, AfterValidator(_vpc_cidr)] = Field("10.0.0.0/16", description="Addresses of the VPC.")
    zones: Literal[2, 3] = Field(2, description="Availability Zones to spread over.")
    placement: Literal["private", "public"] = Field(
        "private",
        description="Where services run. `instance` with `paths` needs `public`. `autoscaling` and `fargate` are behind"
        " a load balancer, and can be private.",
    )
    nat: Literal["single", "per-zone", "none"] = Field(
        "single",
        description="How private services reach the internet: one NAT gateway, one for "
        "each zone, or none (interface endpoints only).",
    )
    vpc: Annotated[str, Field(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")] | None = Field(
        None,
        description="VPC that exists, instead of one of the system's own. Name its block (`cidr`) and the subnets.",
        examples=["vpc-0123456789abcdef0"],
    )
    system: Name | None = Field(
        None,
        description="Another system, of `systems`, in whose VPC and subnets this one stands. `zones` says in how many"
        " of its zones.",
        examples=["payments"],
    )
    public: SubnetIds = Field((), description="With `vpc`: subnets with a route to an internet gateway, one a zone.")
    private: SubnetIds = Field((), description="With `vpc`: subnets that services run in, one a zone.")
    isolated: SubnetIds = Field(
        (),
        description="With `vpc`: subnets of databases and caches, one a zone. Default: the private ones, else the "
        "public ones.",
    )

    @property
    def exists(self) -> bool:
        """Whether the VPC is not of the system's own."""
        return bool(self.vpc or self.system)

    @property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """Return the subnets of an existing VPC by the fields that name them."""
        return {"public": self.public, "private": self.private, "isolated": self.isolated}


class Ingress(Model):
    """The public load balancer of services with `paths` on `autoscaling` and `fargate`. On `instance` there is none."""

    domain: HostName | None = Field(None, description="Domain of the front door: certificate, alias record, HTTPS.")
    hosted_zone: HostedZone | None = Field(
        None, description="Route 53 zone of the domain.", examples=["Z0123456789ABC"]
    )
    certificate: (
        Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$")] | None
    ) = Field(
        None,
        description="ARN of an existing ACM certificate, instead of a hosted zone.",
        examples=["arn:aws:acm:eu-west-1:123456789012:certificate/1b2c3d4e"],
    )
    cdn: bool = Field(False, description="Puts the API behind the system's CloudFront distribution.")
    allow: Items[Cidr] = Field(("0.0.0.0/0",), min_length=1, description="IPv4 blocks that can connect.")


class Bastion(Model):
    """A host for people, with psql, reached by SSM Session Manager only; no port of it is open."""

    shorthand = "enabled"

    enabled: bool = Field(True, description="Whether to create it.")
    instance_type: InstanceType = Field(
        "t4g.micro",
        description="EC2 instance type, arm64 or x86_64. With less than 1 GiB of memory psql may not install.",
        examples=["t4g.micro"],
    )
