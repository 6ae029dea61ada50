"""What was removed from a stack outside of CloudFormation, as a drift-aware change set sees it.

Only whether a resource is there is looked at, for the types that are asked for below; other types, and properties that
were changed by hand, count as what the template says. AWS does the same for types without drift detection.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from msaspec.sandbox.cloudformation import handler
from msaspec.sandbox.cloudformation.standing import Deployed, Standing

Api = Callable[[str], Any]


def _log_group(api: Api, id: str, old: Deployed) -> bool:
    found = api("logs").describe_log_groups(logGroupNamePrefix=id)["logGroups"]
    return any(group["logGroupName"] == id for group in found)


def _bucket(api: Api, id: str, old: Deployed) -> bool:
    return any(bucket["Name"] == id for bucket in api("s3").list_buckets()["Buckets"])


def _instance(api: Api, id: str, old: Deployed) -> bool:
    (reservation,) = api("ec2").describe_instances(InstanceIds=[id])["Reservations"]
    return reservation["Instances"][0]["State"]["Name"] not in ("shutting-down", "terminated")


def _service(api: Api, id: str, old: Deployed) -> bool:
    found = api("ecs").describe_services(cluster=old.properties.get("Cluster", "default"), services=[id])["services"]
    return any(service["status"] == "ACTIVE" for service in found)


def _asking(service: str, operation: str, word: str, *, several: bool = False) -> Callable[[Api, str, Deployed], bool]:
    """Whether an operation finds a resource by its physical id. It raises where there is none."""

    def there(api: Api, id: str, old: Deployed) -> bool:
        getattr(api(service), operation)(**{word: [id] if several else id})
        return True

    return there


_THERE: dict[str, Callable[[Api, str, Deployed], bool]] = {
    "AWS::DocDB::DBCluster": _asking("docdb", "describe_db_clusters", "DBClusterIdentifier"),
    "AWS::DocDB::DBInstance": _asking("docdb", "describe_db_instances", "DBInstanceIdentifier"),
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::SecurityGroup": _asking("ec2", "describe_security_groups", "GroupIds", several=True),
    "AWS::ECR::Repository": _asking("ecr", "describe_repositories", "repositoryNames", several=True),
    "AWS::ECS::Service": _service,
    "AWS::IAM::InstanceProfile": _asking("iam", "get_instance_profile", "InstanceProfileName"),
    "AWS::IAM::Role": _asking("iam", "get_role", "RoleName"),
    "AWS::Lambda::Function": _asking("lambda", "get_function", "FunctionName"),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::RDS::DBCluster": _asking("rds", "describe_db_clusters", "DBClusterIdentifier"),
    "AWS::RDS::DBInstance": _asking("rds", "describe_db_instances", "DBInstanceIdentifier"),
    "AWS::S3::Bucket": _bucket,
    "AWS::SecretsManager::Secret": _asking("secretsmanager", "describe_secret", "SecretId"),
}


def gone(standing: Standing) -> frozenset[str]:
    """Return the logical ids of resources that no longer exist."""
    return frozenset(name for name, old in standing.resources.items() if not _is_there(standing, old))


def _is_there(standing: Standing, old: Deployed) -> bool:
    there = _THERE.get(old.type)
    if there is None:
        return True
    try:
        return there(standing.around.api, old.made.id, old)
    except Exception as fault:
        if not handler.is_gone(fault):
            raise
        return False


def without(standing: Standing, names: frozenset[str]) -> Standing:
    """Return the resources of the stack as if some had never been made."""
    rest = copy(standing)
    rest.resources = {name: old for name, old in standing.resources.items() if name not in names}
    return rest
