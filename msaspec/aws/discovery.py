"""Private names in Cloud Map: one service a name, the same in every runtime, so that changing one moves no name.

The routing policy is WEIGHTED, which is the one that an alias of a load balancer needs (Cloud Map API,
RegisterInstance) and which suits single addresses and tasks too: a query is answered with one of those registered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from troposphere import GetAtt, Ref, servicediscovery

from msaspec.aws.intrinsic import reference
from msaspec.language.aws_type import MADE_IN, AwsType, Clients, remove
from msaspec.language.part import Part
from msaspec.language.value import Token
from msaspec.template import names


def _remove(aws: Clients, id: str) -> bool:
    return remove(aws.client("servicediscovery").delete_service, "ServiceNotFound", "ResourceInUse", Id=id)


def _made_in(aws: Clients, stacks: str, known: Collection[str]) -> Iterator[str]:
    api = aws.client("servicediscovery")
    for page in api.get_paginator("list_services").paginate():
        for each in page["Services"]:
            tags = () if each["Id"] in known else api.list_tags_for_resource(ResourceARN=each["Arn"])["Tags"]
            if any(tag["Key"] == MADE_IN and tag["Value"].startswith(stacks) for tag in tags):
                yield each["Id"]


SERVICE = AwsType(
    name="AWS::ServiceDiscovery::Service",
    noun="private name",
    unique=(("DnsConfig", "Name"),),
    remove=_remove,
    made_in=_made_in,
)
INSTANCE = AwsType(name="AWS::ServiceDiscovery::Instance", unique=(("ServiceId", "InstanceId"),))
TYPES = (SERVICE, INSTANCE)

TTL = "10"
"""Seconds for which an answer may be kept."""


def address(name: str) -> str:
    """Logical id of the Cloud Map service of a name."""
    return names.logical(name, "Address")


def alias_id(name: str) -> str:
    """Logical id of the name at which a store is reached, beside that of AWS."""
    return names.logical(name, "ShortName")


def target_id(name: str) -> str:
    """Logical id of what such a name leads to."""
    return f"{alias_id(name)}Target"


def instance_id(name: str) -> str:
    """Logical id of the registration of an EC2 instance under a name."""
    return f"{address(name)}Instance"


def balancer_id(name: str) -> str:
    """Logical id of the registration of a load balancer under a name."""
    return f"{address(name)}Balancer"


def service(name: str) -> Any:
    """Return the name, to which addresses are registered."""
    return servicediscovery.Service(
        address(name),
        Name=name,
        DnsConfig=servicediscovery.DnsConfig(
            NamespaceId=GetAtt("Namespace", "Id"),
            RoutingPolicy="WEIGHTED",
            DnsRecords=[servicediscovery.DnsRecord(Type="A", TTL=TTL)],
        ),
    )


def of_store(name: str, host: Token) -> Part:
    """Return a name that leads to the one that AWS gives a store, and what it leads to."""
    found = (
        servicediscovery.Service(
            alias_id(name),
            Name=name,
            # fact: cloud-map-cname
            DnsConfig=servicediscovery.DnsConfig(
                NamespaceId=GetAtt("Namespace", "Id"),
                RoutingPolicy="WEIGHTED",
                DnsRecords=[servicediscovery.DnsRecord(Type="CNAME", TTL=TTL)],
            ),
        ),
        servicediscovery.Instance(
            target_id(name),
            ServiceId=GetAtt(alias_id(name), "Id"),
            InstanceId=names.logical(name, "Store"),
            InstanceAttributes={"AWS_INSTANCE_CNAME": reference(host.target)},
        ),
    )
    return Part(found)


def of_instance(name: str, instance: str) -> Any:
    """Return the registration of an EC2 instance under a name."""
    return servicediscovery.Instance(
        instance_id(name),
        ServiceId=GetAtt(address(name), "Id"),
        InstanceId=Ref(instance),
        InstanceAttributes={"AWS_INSTANCE_IPV4": GetAtt(instance, "PrivateIp")},
    )


def of_balancer(name: str, balancer: str, after: Sequence[str]) -> Any:
    """Return the registration of a load balancer under a name, as an alias, `after` there is something behind it."""
    return servicediscovery.Instance(
        balancer_id(name),
        ServiceId=GetAtt(address(name), "Id"),
        InstanceId=names.logical(name, "Balancer"),
        InstanceAttributes={"AWS_ALIAS_DNS_NAME": GetAtt(balancer, "DNSName")},
        DependsOn=sorted(after),
    )
