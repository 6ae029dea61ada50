"""What a first deployment needs of an account, against the quotas that can be read. Everything here only reads.

How much is in use is asked first, and the quota only where AWS's default would not do, so that a first deployment takes
few requests more, and a later one none. Quotas of one resource, such as the rules of a security group, are checked by
`lint`, without asking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.aws import balancer
from msaspec.deploy.aws import fault, refusals
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.obstacles import Looked
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity

SHORT = Code(
    "MSA529",
    "More than the account's quota allows",
    """
    AWS limits how much of a kind an account may have in a Region, and new accounts start low. The first deployment
    needs more than is left, so it will probably fail. Raise the quota, or deploy less: fewer services, a smaller
    `instance_type`, `nat: none`. An update that replaces all hosts needs their vCPUs a second time for some minutes.
    """,
    Severity.WARNING,
)

Template = Mapping[str, Any]


@dataclass(frozen=True)
class Quota:
    """A quota of an account in a Region."""

    service: str
    code: str
    noun: str
    usual: int
    """What every account has, so that nothing has to be asked below it; 0 where new accounts have less than others."""
    needed: Callable[[Aws, Template], int]
    used: Callable[[Aws], int]


def exceeded(aws: Aws, looked: Looked) -> Iterator[Diagnostic]:
    """Return a warning for each quota that a first deployment would exceed, as far as it can be read."""
    if not looked.first or looked.stack.role.shared:
        return
    for quota in QUOTAS:
        with fault.tolerated():  # Who may not ask is told by AWS later.
            if found := _exceeded(aws, quota, looked.stack.template):
                yield found


def _exceeded(aws: Aws, quota: Quota, template: Template) -> Diagnostic | None:
    needed = quota.needed(aws, template)
    if not needed:
        return None
    wanted = quota.used(aws) + needed
    if wanted <= quota.usual:
        return None
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    limit = int(aws.client("service-quotas").get_service_quota(**asked)["Quota"]["Value"])
    if wanted <= limit:
        return None
    used = f"the account has {wanted - needed} in use of {limit} in {aws.region}"
    message = f"The system needs {needed} {quota.noun}, and {used}."
    command = refusals.increase(quota.service, quota.code, str(wanted))
    return SHORT.at((), message, hint=f"Raise the quota first: {command} --region {aws.region}{aws.words}")


def _of(template: Template, kind: str) -> list[Mapping[str, Any]]:
    resources = template.get("Resources", {}).values()
    return [each.get("Properties") or {} for each in resources if each.get("Type") == kind]


def _counted(kind: str) -> Callable[[Aws, Template], int]:
    return lambda aws, template: len(_of(template, kind))


def _instances(template: Template) -> Mapping[str, int]:
    """Return how many hosts of each instance type there are at first."""
    found: dict[str, int] = {}
    for kind in ("AWS::EC2::Instance", "AWS::AutoScaling::AutoScalingGroup"):
        for host in _of(template, kind):
            wanted = host.get("DesiredCapacity") or host.get("MinSize") or 1
            name = host.get("LaunchTemplate", {}).get("LaunchTemplateId", {}).get("Ref")
            resource = template["Resources"].get(name, {})
            data = resource.get("Properties", {}).get("LaunchTemplateData", {})
            type = host.get("InstanceType") or data.get("InstanceType")
            if isinstance(type, str) and str(wanted).isdigit():
                found[type] = found.get(type, 0) + int(wanted)
    return found


def _host_vcpus(aws: Aws, template: Template) -> int:
    """Return the vCPUs of hosts of the standard families, whose quota they share."""
    # fact: standard-families
    counts = {kind: count for kind, count in _instances(template).items() if STANDARD.match(kind)}
    if not counts:
        return 0
    pages = aws.client("ec2").get_paginator("describe_instance_types").paginate(InstanceTypes=sorted(counts))
    found = [each for page in pages for each in page["InstanceTypes"]]
    return sum(counts[each["InstanceType"]] * int(each["VCpuInfo"]["DefaultVCpus"]) for each in found)


def _hosts_in_use(aws: Aws) -> int:
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    pages = aws.client("ec2").get_paginator("describe_instances").paginate(Filters=running)
    hosts_there = [host for page in pages for each in page["Reservations"] for host in each["Instances"]]
    return sum(
        _threads(host)
        for host in hosts_there
        if STANDARD.match(host["InstanceType"]) and host.get("InstanceLifecycle") != "spot"
    )


def _threads(host: Mapping[str, Any]) -> int:
    options = host.get("CpuOptions", {})
    return int(options.get("CoreCount", 1)) * int(options.get("ThreadsPerCore", 1))


def _task_vcpus(aws: Aws, template: Template) -> int:
    """Return the vCPUs of the tasks on Fargate that a first deployment starts, rounded up."""
    units = 0
    for service in _of(template, "AWS::ECS::Service"):
        name = service.get("TaskDefinition", {}).get("Ref")
        task = template["Resources"].get(name, {}).get("Properties", {})
        units += int(task.get("Cpu", 0)) * int(service.get("DesiredCount", 1))
    return -(-units // 1024)


STANDARD = re.compile(r"(?!dl|hpc|inf|mac|trn)[acdhimrtz][a-z-]*\d")
"""Instance types of the families that share a quota."""

QUOTAS = (
    Quota("ec2", "L-1216C47A", "vCPUs of hosts", 0, _host_vcpus, _hosts_in_use),
    Quota("fargate", "L-3032A538", "vCPUs of tasks", 0, _task_vcpus, lambda aws: 0),
    Quota(
        "ec2",
        "L-0263D0A3",
        "Elastic IP addresses",
        5,
        _counted("AWS::EC2::EIP"),
        lambda aws: len(aws.client("ec2").describe_addresses()["Addresses"]),
    ),
    Quota(
        "vpc",
        "L-F678F1CE",
        "VPCs",
        5,
        _counted("AWS::EC2::VPC"),
        lambda aws: sum(len(page["Vpcs"]) for page in aws.client("ec2").get_paginator("describe_vpcs").paginate()),
    ),
    Quota(
        "elasticloadbalancing",
        "L-53DA6B97",
        "load balancers",
        50,
        _counted(balancer.LOAD_BALANCER.name),
        lambda aws: sum(
            len(page["LoadBalancers"])
            for page in aws.client("elbv2").get_paginator("describe_load_balancers").paginate()
        ),
    ),
)
"""Those that a first deployment may meet. The tasks that run on Fargate already are not counted: that
takes many requests."""
