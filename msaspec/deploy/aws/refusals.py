"""What AWS refuses because of the account, from its own words to the next command.

Whoever reports a failure looks here: `fault.py` for a request, `failure.py` for a resource, `proposal.py` for a change
set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A kind of refusal that no manifest is to blame for."""

    name: str
    text: re.Pattern[str]
    """Found in what AWS says."""
    advice: str
    """The cause in a sentence or two, with the command that removes it. `{0}` is the first group of `text`."""


def increase(service: str, code: str, value: str = "N") -> str:
    """Return the command that asks AWS for a higher quota."""
    request = "aws service-quotas request-service-quota-increase"
    return f"{request} --service-code {service} --quota-code {code} --desired-value {value}"


def _of(name: str, text: str, hint: str) -> Refusal:
    return Refusal(name, re.compile(text, re.IGNORECASE), hint)


def _quota(name: str, text: str, what: str, service: str, code: str) -> Refusal:
    return _of(name, text, f"The quota of the account has no more {what}. Raise it: `{increase(service, code)}`.")


def _role(service: str) -> str:
    return f"aws iam create-service-linked-role --aws-service-name {service}.amazonaws.com"


# fact: account-refusals
TABLE = (
    _of(
        "policy of the organization",
        r"with an explicit deny in a service control policy",
        "A service control policy of the organization denies it to everybody in the account; no permission helps. Ask"
        " who administers the organization, or use another account or Region.",
    ),
    _of(
        "policy of the organization",
        r"with an explicit deny in a (?:resource control policy|permissions boundary)",
        "A policy above the permissions of the caller denies it. Ask who administers the account.",
    ),
    _of(
        "free plan",
        r"backup retention period exceeds the maximum available to free tier",
        "The account is on AWS's Free plan. Write `backups: 1 day` under the database, or upgrade the plan:"
        " `aws freetier upgrade-account-plan --account-plan-type PAID`.",
    ),
    _of(
        "free plan",
        r"not eligible for Free Tier",
        "The account is on AWS's Free plan, which has only some instance types, `t4g.micro` among them: `aws ec2"
        " describe-instance-types --filters Name=free-tier-eligible,Values=true`. Or upgrade the plan:"
        " `aws freetier upgrade-account-plan --account-plan-type PAID`.",
    ),
    _of(
        "free plan",
        r"FreeTierRestriction|available with free plan accounts|free tier customers",
        "The account is on AWS's Free plan, which has `db.t3.micro` and `db.t4g.micro` only. Take one of them, or"
        " upgrade the plan: `aws freetier upgrade-account-plan --account-plan-type PAID`.",
    ),
    _of(
        "verification",
        r"account must be verified before you can add new CloudFront",
        "AWS Support verifies a new account for CloudFront, which takes some days: ask in"
        " https://console.aws.amazon.com/support/home#/. Until then write `cdn: false` under the bucket or `ingress`.",
    ),
    _of(
        "verification",
        r"account is currently being verified|PendingVerification",
        "AWS still verifies the account in this Region, which takes minutes, seldom hours. Wait, then deploy again.",
    ),
    _of(
        "service-linked role",
        r"unable to assume the service linked role\. Please verify that the ECS",
        f"ECS made its role only now. Deploy again; if it fails again: `{_role('ecs')}`.",
    ),
    _of(
        "service-linked role",
        r"permission to create service.linked role\. Otherwise wait",
        f"RDS has no role in the account yet. Make it, then deploy again: `{_role('rds')}`.",
    ),
    _of(
        "service-linked role",
        r"aws-service-role/([a-z.-]+)\.amazonaws\.com/",
        f"The role of the service is missing, or very new. Make it, then deploy again: `{_role('{0}')}`.",
    ),
    _quota(
        "vCPUs of hosts",
        r"VcpuLimitExceeded|more vCPU capacity than your current vCPU limit",
        "vCPUs of hosts",
        "ec2",
        "L-1216C47A",
    ),
    _quota(
        "vCPUs of tasks",
        r"limit on the number of vCPUs you can run concurrently",
        "vCPUs of Fargate",
        "fargate",
        "L-3032A538",
    ),
    _quota(
        "Elastic IPs",
        r"AddressLimitExceeded|maximum number of addresses has been reached",
        "Elastic IP addresses",
        "ec2",
        "L-0263D0A3",
    ),
    _quota("VPCs", r"VpcLimitExceeded|maximum number of VPCs has been reached", "VPCs", "vpc", "L-F678F1CE"),
    _quota(
        "NAT gateways",
        r"NatGatewayLimitExceeded|maximum number of NAT Gateways",
        "NAT gateways of a zone",
        "vpc",
        "L-FE5A380F",
    ),
    _quota(
        "load balancers",
        r"TooManyLoadBalancers|maximum number of (?:application )?load balancers",
        "load balancers",
        "elasticloadbalancing",
        "L-53DA6B97",
    ),
    _quota(
        "rules",
        r"RulesPerSecurityGroupLimitExceeded|maximum number of rules per security group",
        "rules of a security group",
        "vpc",
        "L-0EA8095F",
    ),
    _quota(
        "database instances",
        r"InstanceQuotaExceeded|more than the quota of DB instances",
        "database instances",
        "rds",
        "L-7B6409FD",
    ),
    _of(
        "zones",
        r"is not supported in your requested Availability Zone",
        "The zone does not have the instance type. Zones that have it: `aws ec2 describe-instance-type-offerings"
        " --location-type availability-zone --filters Name=instance-type,Values=TYPE`. Take another `instance_type`;"
        " a new stack is put into zones that have it.",
    ),
    _of(
        "capacity",
        r"InsufficientInstanceCapacity|do not have sufficient \S+ capacity",
        "AWS has no such host free in the zone at the moment. Deploy again later, or take another `instance_type`.",
    ),
    _of(
        "Region",
        r"OptInRequired|not subscribed to this service|SubscriptionRequiredException",
        "The account is not signed up for the service, or the Region is not enabled:"
        " `aws account enable-region --region-name REGION`. A new account takes up to 24 hours.",
    ),
)
"""In this order: the first that is found counts."""


def hint(said: str, otherwise: str | None = None) -> str | None:
    """Return what to do about a refusal that is the account's; `otherwise` for any other."""
    for each in TABLE:
        if found := each.text.search(said):
            return each.advice.format(*found.groups())
    return otherwise
