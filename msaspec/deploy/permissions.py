"""The permissions that each command needs for a system, as an IAM policy.

Two things need permissions: what a command asks AWS for itself, which the table below has, and what CloudFormation does
with the resources of the template, by the caller's permissions or those of the role of `--role-arn`. The second is in
the registry schemas of the types, which name the actions of each handler.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from msaspec.aws import existing_network
from msaspec.compile import aws_types, systems
from msaspec.deploy.aws import artifacts
from msaspec.deploy.handlers import BEYOND
from msaspec.template import sharing
from msaspec.template.render import to_yaml
from msaspec.template.stack import Stack
from msaspec.update import replacement

_CLUSTERS = ("AWS::RDS::DBCluster", "AWS::DocDB::DBCluster")
_RDS, _BALANCER = "AWS::RDS::DBInstance", "AWS::ElasticLoadBalancingV2::LoadBalancer"
_BUCKET, _REPOSITORY, _SECRET = "AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::SecretsManager::Secret"
_SCHEDULE, _TEXTS = "AWS::SecretsManager::RotationSchedule", "Custom::SecretTexts"
_SITE, _GROUP = "AWS::CloudFront::Function", "AWS::AutoScaling::AutoScalingGroup"
_TABLE, _QUEUE, _BROKER = "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::AmazonMQ::Broker"
_CACHE, _CACHE_NODES = "AWS::ElastiCache::ReplicationGroup", "AWS::ElastiCache::CacheCluster"
_FILES, _MACHINE = "AWS::EFS::FileSystem", "AWS::StepFunctions::StateMachine"
_LOGS, _SERVICE = "AWS::Logs::LogGroup", "AWS::ECS::Service"
_HOSTS, _SUBNET, _VPC, _ADDRESS = "AWS::EC2::LaunchTemplate", "AWS::EC2::Subnet", "AWS::EC2::VPC", "AWS::EC2::EIP"


@dataclass(frozen=True)
class Calls:
    """What commands ask AWS for, where a system has resources or parameters of some types."""

    commands: frozenset[str]
    actions: tuple[str, ...]
    where: frozenset[str] = frozenset()
    """Types of resources or parameters of which one is enough; empty for every system."""
    beside: str | None = None
    """A type that has to be there too."""

    def apply(self, commands: Set[str], types: Set[str]) -> bool:
        """Return whether some commands make the calls for a system with resources of some types."""
        there = (not self.where or bool(self.where & types)) and (self.beside is None or self.beside in types)
        return there and bool(self.commands & commands)


def _calls(commands: str, *actions: str, where: Iterable[str] = (), beside: str | None = None) -> Calls:
    return Calls(frozenset(commands.split()), actions, frozenset(where), beside)


COMMANDS = (
    *("cancel", "clean", "continue-rollback", "deploy", "destroy", "diff"),
    *("jobs", "logs", "outputs", "push", "run", "secret", "status", "verify"),
)
"""The commands that ask AWS for something."""
_ACTING = "cancel continue-rollback deploy destroy status"
CALLS = (
    _calls(" ".join(COMMANDS), "cloudformation:DescribeStacks"),
    _calls(
        f"{_ACTING} clean diff jobs push logs run secret verify",
        "cloudformation:GetTemplate",
        "cloudformation:ListStackResources",
    ),
    _calls(_ACTING, "cloudformation:DescribeStackEvents"),
    _calls(
        "deploy",
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeEvents",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:GetStackPolicy",
        "cloudformation:SetStackPolicy",
        "cloudformation:UpdateTerminationProtection",
        "cloudformation:DescribeStackResource",
        "cloudformation:DescribeStackResources",
        "cloudformation:TagResource",
        "cloudformation:UntagResource",
        "iam:CreateServiceLinkedRole",
        "iam:ListRoles",
    ),
    _calls("secret", "ssm:GetParameters", "ssm:PutParameter"),
    _calls("secret", "secretsmanager:GetRandomPassword", "secretsmanager:PutSecretValue", where=(_SECRET,)),
    _calls("secret", "kms:Decrypt", "kms:GenerateDataKey", where=("AWS::KMS::Key",)),
    # fact: rotation-steps
    _calls("secret", "lambda:InvokeFunction", where=(_SCHEDULE, _TEXTS)),
    _calls("secret", "secretsmanager:DescribeSecret", "secretsmanager:RotateSecret", where=(_SCHEDULE,)),
    _calls("secret", "ecs:ListServiceDeployments", "ecs:UpdateService", where=(_SERVICE,)),
    _calls("secret", "autoscaling:DescribeInstanceRefreshes", "autoscaling:StartInstanceRefresh", where=(_GROUP,)),
    _calls("secret", "ec2:DescribeInstanceStatus", "ec2:RebootInstances", where=("AWS::EC2::Instance",)),
    _calls("destroy", "ssm:DeleteParameters", "ssm:GetParametersByPath"),
    # What a deployment will need (`preconditions/`).
    _calls("verify", "iam:ListRoles"),
    _calls("deploy verify", "iam:GetRole", "iam:SimulatePrincipalPolicy", "ssm:GetParameters"),
    _calls("deploy verify", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
    _calls("deploy verify", "ec2:DescribeSecurityGroups", where=("Custom::DatabaseBootstrap",)),
    _calls("deploy verify", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", where=(_REPOSITORY,)),
    _calls("deploy verify", "ec2:DescribeInstanceTypeOfferings", where=(_HOSTS,)),
    _calls(
        "deploy verify",
        "acm:DescribeCertificate",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
        where=("AWS::ElasticLoadBalancingV2::Listener",),
    ),
    _calls("deploy destroy cancel continue-rollback status", "cloudformation:ListChangeSets"),
    _calls("deploy destroy", "cloudformation:DeleteStack"),
    _calls("destroy", "cloudformation:ListStacks", "cloudformation:UpdateTerminationProtection"),
    _calls("cancel", "cloudformation:CancelUpdateStack"),
    _calls("continue-rollback", "cloudformation:ContinueUpdateRollback", "cloudformation:RollbackStack"),
    _calls("deploy verify", "servicequotas:GetServiceQuota", where=(_HOSTS, _ADDRESS, _VPC, _BALANCER, _SERVICE)),
    _calls("deploy verify", "ec2:DescribeInstanceTypes", "ec2:DescribeInstances", where=(_HOSTS,)),
    _calls("deploy", "ec2:DescribeAvailabilityZones", "ec2:DescribeSubnets", where=(_SUBNET,)),
    _calls("deploy verify", "ec2:DescribeVpcs", where=(_VPC,)),
    _calls(
        "deploy verify",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        where=(existing_network.VPC_ID,),
    ),
    _calls("deploy verify", "ec2:DescribeAddresses", where=(_ADDRESS,)),
    _calls("deploy verify", "elasticloadbalancing:DescribeLoadBalancers", where=(_BALANCER,)),
    _calls("deploy destroy status", "elasticloadbalancing:DescribeLoadBalancerAttributes", where=(_BALANCER,)),
    _calls("deploy destroy", "elasticloadbalancing:ModifyLoadBalancerAttributes", where=(_BALANCER,)),
    _calls("deploy destroy status", "rds:DescribeDBInstances", where=(_RDS,)),
    _calls("deploy destroy", "rds:DescribeDBSnapshots", "rds:ModifyDBInstance", where=(_RDS,)),
    _calls(
        "destroy",
        "rds:DeleteDBInstance",
        "rds:DeleteDBInstanceAutomatedBackup",
        "rds:DeleteDBSnapshot",
        "rds:DescribeDBInstanceAutomatedBackups",
        where=(_RDS,),
    ),
    _calls("deploy destroy status", "rds:DescribeDBClusters", where=_CLUSTERS),
    _calls("deploy destroy", "rds:DescribeDBClusterSnapshots", "rds:ModifyDBCluster", where=_CLUSTERS),
    _calls("destroy", "rds:DeleteDBCluster", "rds:DeleteDBClusterSnapshot", "rds:DeleteDBInstance", where=_CLUSTERS),
    _calls("deploy", "s3:ListAllMyBuckets", "s3:ListBucket", where=(_BUCKET,)),
    _calls(
        "destroy",
        "s3:AbortMultipartUpload",
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
        where=(_BUCKET,),
    ),
    # The files of sites (`sites/`).
    _calls(
        "deploy",
        "cloudfront:CreateInvalidation",
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:PutObject",
        where=(_SITE,),
    ),
    _calls("diff status", "s3:GetObject", "s3:ListBucket", where=(_SITE,)),
    _calls("deploy", "kms:Decrypt", "kms:GenerateDataKey", where=(_SITE,), beside="AWS::KMS::Key"),
    _calls("diff status", "kms:Decrypt", where=(_SITE,), beside="AWS::KMS::Key"),
    _calls("deploy destroy status", "dynamodb:DescribeTable", where=(_TABLE,)),
    _calls("deploy", "dynamodb:ListTables", where=(_TABLE,)),
    _calls("deploy destroy", "dynamodb:UpdateTable", where=(_TABLE,)),
    _calls("destroy", "dynamodb:DeleteTable", where=(_TABLE,)),
    _calls("status", "dynamodb:DescribeContinuousBackups", where=(_TABLE,)),
    _calls("deploy destroy status", "sqs:GetQueueAttributes", where=(_QUEUE,)),
    _calls("destroy", "sqs:DeleteQueue", where=(_QUEUE,)),
    _calls("deploy destroy status", "mq:DescribeBroker", where=(_BROKER,)),
    _calls("destroy", "mq:DeleteBroker", where=(_BROKER,)),
    _calls("deploy destroy status", "elasticache:DescribeReplicationGroups", where=(_CACHE,)),
    _calls(
        "destroy",
        "elasticache:DeleteReplicationGroup",
        "elasticache:DeleteSnapshot",
        "elasticache:DescribeSnapshots",
        where=(_CACHE,),
    ),
    _calls("deploy destroy", "elasticache:DescribeCacheClusters", where=(_CACHE_NODES,)),
    _calls("destroy", "elasticache:DeleteCacheCluster", where=(_CACHE_NODES,)),
    _calls("deploy destroy status", "elasticfilesystem:DescribeFileSystems", where=(_FILES,)),
    _calls(
        "status",
        "elasticfilesystem:DescribeBackupPolicy",
        "elasticfilesystem:DescribeMountTargets",
        where=(_FILES,),
    ),
    _calls(
        "destroy",
        "elasticfilesystem:DeleteAccessPoint",
        "elasticfilesystem:DeleteFileSystem",
        "elasticfilesystem:DeleteMountTarget",
        "elasticfilesystem:DescribeAccessPoints",
        "elasticfilesystem:DescribeMountTargets",
        where=(_FILES,),
    ),
    _calls("deploy destroy", "ecr:DescribeRepositories", where=(_REPOSITORY,)),
    _calls("clean deploy", "ecr:DescribeImages", where=(_REPOSITORY,)),
    _calls("clean", "ecr:BatchDeleteImage", where=(_REPOSITORY,)),
    _calls("destroy", "ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:ListImages", where=(_REPOSITORY,)),
    _calls(
        "deploy push",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:DescribeImages",
        "ecr:GetAuthorizationToken",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
        where=(_REPOSITORY,),
    ),
    _calls("deploy destroy", "secretsmanager:DescribeSecret", where=(_SECRET,)),
    _calls("destroy", "secretsmanager:DeleteSecret", where=(_SECRET,)),
    _calls("deploy secret status", "logs:DescribeLogStreams", "logs:GetLogEvents", where=(_LOGS,)),
    # To look into what does not start (`investigators/`).
    _calls("deploy status", "ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListTasks", where=(_SERVICE,)),
    _calls(
        "deploy status",
        "ec2:DescribeSecurityGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        where=("AWS::ElasticLoadBalancingV2::TargetGroup",),
    ),
    _calls("deploy status", "autoscaling:DescribeScalingActivities", where=(_GROUP,)),
    # To say how services and stores are (`examiners/`).
    _calls("status", "ecs:DescribeTaskDefinition", where=(_SERVICE,)),
    _calls("status", "autoscaling:DescribeAutoScalingGroups", where=(_GROUP,)),
    _calls("status", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus", where=("AWS::EC2::Instance",)),
    _calls("status", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning", where=(_BUCKET,)),
    _calls("deploy status", "ec2:GetConsoleOutput", where=("AWS::EC2::Instance",)),
    _calls("deploy status", "rds:DescribeEvents", where=(_RDS, "AWS::DocDB::DBInstance")),
    _calls("destroy", "logs:DeleteLogGroup", "logs:DescribeLogGroups", where=(_LOGS,)),
    _calls("logs run", "logs:FilterLogEvents", where=(_LOGS,)),
    _calls("jobs", "states:ListExecutions", where=(_MACHINE,)),
    _calls("run", "states:DescribeExecution", "states:GetExecutionHistory", "states:StartExecution", where=(_MACHINE,)),
    _calls(
        "deploy",
        "cloudformation:CancelUpdateStack",
        "ecs:DescribeServiceDeployments",
        "ecs:ListServiceDeployments",
        "ecs:ListServices",
        "ecs:StopServiceDeployment",
        where=("AWS::Events::Rule",),  # Of the watch of deployments that shift requests.
        beside=_SERVICE,
    ),
)
"""What the commands ask AWS for. `sts:GetCallerIdentity` needs no permission."""
# fact: iam-lengths
LONGEST = 6_144
"""Characters of a managed policy."""
TEMPLATES = (
    "s3:CreateBucket",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutObject",
)
"""What the bucket of larger templates needs."""
# fact: handler-permissions
HANDLERS: Mapping[str, Sequence[str]] = {
    "deploy": ("create", "read", "update", "delete"),
    "destroy": ("read", "delete"),
    "cancel": ("create", "read", "update", "delete"),
    "continue-rollback": ("create", "read", "update", "delete"),
}
"""What CloudFormation does with resources for a command."""


def policy(stacks: Sequence[Stack], commands: Iterable[str], whose: str) -> dict[str, Any]:
    """Return the policy of ``caller``, who needs all; of ``user``, who hands a role to CloudFormation; or of that
    ``role``."""
    chosen = list(commands)
    statements = []
    if whose != "role":
        statements += list(_own(stacks, chosen))
    if whose == "user":
        passing: dict[str, Any] = {"Sid": "Role", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "*"}
        passing["Condition"] = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        if set(chosen) & set(HANDLERS):
            statements.append(passing)
    elif made := sorted(of_resources(stacks, chosen)):
        statements.append({"Sid": "Resources", "Effect": "Allow", "Action": made, "Resource": "*"})
    return {"Version": "2012-10-17", "Statement": statements}


def of_commands(stacks: Sequence[Stack], commands: Iterable[str]) -> set[str]:
    """Return the actions that commands ask for themselves."""
    chosen, kinds = set(commands), {*_types(stacks), *_types_of_parameters(stacks)}
    return {action for each in CALLS if each.apply(chosen, kinds) for action in each.actions}


def of_resources(stacks: Sequence[Stack], commands: Iterable[str]) -> set[str]:
    """Return the actions that CloudFormation needs for the resources that commands have it make, change or delete."""
    steps = {step for command in commands for step in HANDLERS.get(command, ())}
    if not steps:
        return set()
    found = set(_resolved(stacks)) if "create" in steps else set()
    for kind in _types(stacks):
        if kind.startswith("Custom::"):
            found.add("lambda:InvokeFunction")
            continue
        schema = replacement.schema_of(kind) or {}
        handlers = schema.get("handlers", {})
        found |= {action for step in steps for action in handlers.get(step, {}).get("permissions", ())}
        if steps & {"create", "update"}:
            found |= set(schema.get("tagging", {}).get("permissions", ()))
        found |= set(BEYOND.get(kind, ()))
        if aws_types.of(kind).service_role and "create" in steps:
            found.add("iam:CreateServiceLinkedRole")
    return found


def _own(stacks: Sequence[Stack], commands: Sequence[str]) -> Iterator[dict[str, Any]]:
    actions = of_commands(stacks, commands)
    of_stacks = sorted(each for each in actions if each.startswith("cloudformation:") and each not in _EVERYWHERE)
    names = [f"arn:*:cloudformation:*:*:stack/{stack.name}/*" for stack in stacks]
    if of_stacks:
        yield {"Sid": "Stacks", "Effect": "Allow", "Action": of_stacks, "Resource": names}
    if others := sorted(actions.difference(of_stacks)):
        yield {"Sid": "Commands", "Effect": "Allow", "Action": others, "Resource": "*"}
    if "clean" in commands:  # What the other environments run.
        looking = ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"]
        yield {"Sid": "Environments", "Effect": "Allow", "Action": looking, "Resource": "*"}
    yield from _of_systems(stacks, commands)
    split = [stack for stack in stacks if stack.layout.homes]
    large = any(len(to_yaml(stack).encode()) > artifacts.LONGEST for stack in stacks)
    if "deploy" in commands and (large or split):
        bucket = "arn:*:s3:::msaspec-templates-*"
        yield {"Sid": "Templates", "Effect": "Allow", "Action": list(TEMPLATES), "Resource": [bucket, f"{bucket}/*"]}
    if split and of_stacks:
        actions = {*of_stacks, *(_NESTED if set(commands) & set(HANDLERS) else ())}
        inside = [f"arn:*:cloudformation:*:*:stack/{stack.name}-*" for stack in split]
        yield {"Sid": "Nested", "Effect": "Allow", "Action": sorted(actions), "Resource": inside}
        if {"deploy", "destroy"} & set(commands):
            yield {"Sid": "Left", "Effect": "Allow", "Action": list(LEFT), "Resource": "*"}
        if "deploy" not in commands:
            reading = {"Action": ["s3:GetObject"], "Resource": ["arn:*:s3:::msaspec-templates-*/*"]}
            yield {"Sid": "Templates", "Effect": "Allow", **reading}


def _of_systems(stacks: Sequence[Stack], commands: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what is asked of the stacks of other systems: the outputs of those that are used, and who uses this one."""
    asked = {"Effect": "Allow", "Action": ["cloudformation:DescribeStacks"]}
    used = sorted({each.stack for stack in stacks for each in stack.taken.values()})
    if used and {"deploy", "diff"} & set(commands):
        yield {"Sid": "Systems", **asked, "Resource": [f"arn:*:cloudformation:*:*:stack/{name}/*" for name in used]}
    shares = any(sharing.is_permission(name) for stack in stacks for name in stack.template.get("Outputs", {}))
    if shares and {"deploy", "destroy"} & set(commands):
        looking = [*asked["Action"], "cloudformation:GetTemplate"]
        yield {"Sid": "Users", **asked, "Action": looking, "Resource": "*"}


_NAMES = ("servicediscovery:DeleteService", "servicediscovery:ListServices", "servicediscovery:ListTagsForResource")
LEFT = ("ec2:DeleteSecurityGroup", "ec2:DescribeSecurityGroups", *_NAMES)
# fact: nested-permissions
_NESTED = (
    "cloudformation:CancelUpdateStack",
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:UpdateStack",
)
"""What CloudFormation does with nested stacks by the permissions of the caller."""
_EVERYWHERE = ("cloudformation:ListStacks", "cloudformation:DescribeStackResources")
"""Actions that are asked for without the name of a stack."""


def _types(stacks: Iterable[Stack]) -> Iterator[str]:
    for stack in stacks:
        yield from sorted({str(each.get("Type")) for each in stack.template.get("Resources", {}).values()})


def _types_of_parameters(stacks: Iterable[Stack]) -> Iterator[str]:
    for stack in stacks:
        yield from sorted({str(each.get("Type")) for each in stack.template.get("Parameters", {}).values()})


def _resolved(stacks: Iterable[Stack]) -> Iterator[str]:
    """Actions that references and parameters in the templates need."""
    # fact: typed-parameters
    if existing_network.VPC_ID in _types_of_parameters(stacks):
        yield from ("ec2:DescribeSubnets", "ec2:DescribeVpcs")
    if systems.GROUP_ID in _types_of_parameters(stacks):
        yield "ec2:DescribeSecurityGroups"
    for stack in stacks:
        text = to_yaml(stack)
        if "resolve:ssm:" in text or "AWS::SSM::Parameter::" in text:
            yield "ssm:GetParameters"
        if "resolve:secretsmanager:" in text:
            yield "secretsmanager:GetSecretValue"
