"""The deletion protection that services have of their own, lifted for what is to go by the user's word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msaspec.deploy import fault
from msaspec.deploy.target import Aws

DATABASE = "AWS::RDS::DBInstance"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"

_ATTRIBUTE = "deletion_protection.enabled"


def lift(aws: Aws, kind: str, id: str) -> bool:
    """Lifts the protection of a resource of a type; whether there was any. What is gone has none."""
    lifter = _LIFTERS.get(kind)
    return lifter(aws, id) if lifter else False


def instances(aws: Aws, id: str) -> list[Mapping[str, Any]]:
    """The database instance of an id, if there is one."""
    from botocore.exceptions import ClientError

    try:
        found: list[Mapping[str, Any]] = aws.client("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"]
    except ClientError as error:
        if fault.code_of(error) in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
            return []
        raise
    return found


def _database(aws: Aws, id: str) -> bool:
    there = instances(aws, id)
    if not there or not there[0].get("DeletionProtection"):
        return False
    if there[0].get("DBInstanceStatus") == "creating":
        return False  # RDS changes nothing of it before it is made.
    aws.client("rds").modify_db_instance(DBInstanceIdentifier=id, DeletionProtection=False, ApplyImmediately=True)
    return True


def _load_balancer(aws: Aws, id: str) -> bool:
    from botocore.exceptions import ClientError

    balancers = aws.client("elbv2")
    try:
        attributes = balancers.describe_load_balancer_attributes(LoadBalancerArn=id)["Attributes"]
    except ClientError as error:
        if fault.code_of(error) in ("LoadBalancerNotFound", "LoadBalancerNotFoundException"):
            return False
        raise
    if {"Key": _ATTRIBUTE, "Value": "true"} not in attributes:
        return False
    off = [{"Key": _ATTRIBUTE, "Value": "false"}]
    balancers.modify_load_balancer_attributes(LoadBalancerArn=id, Attributes=off)
    return True


_LIFTERS: Mapping[str, Callable[[Aws, str], bool]] = {DATABASE: _database, LOAD_BALANCER: _load_balancer}
