"""AWS WAF with the managed rules of AWS: on the public load balancer and on distributions."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Ref, wafv2

from msaspec.aws.hardening import Hardened, cdn_firewall
from msaspec.aws.hardening.access_logs import BALANCER, DISTRIBUTION
from msaspec.language.audit import Audit
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Part
from msaspec.template.regions import OF_CLOUDFRONT

FIREWALL, ASSOCIATION, OF_CDN = "AuditFirewall", "AuditFirewallAssociation", "AuditCdnFirewall"
TYPES = (
    AwsType(name="AWS::WAFv2::WebACL", unique=(("Name", "Scope"),)),
    AwsType(name="AWS::WAFv2::WebACLAssociation", unique=(("ResourceArn",),)),
    *cdn_firewall.TYPES,
)
RULES = ("AmazonIpReputationList", "CommonRuleSet", "KnownBadInputsRuleSet")
"""Groups of rules that AWS keeps, without `AWSManagedRules`; together 925 of the 1,500 units that a list may have."""
COUNTED = ("SizeRestrictions_BODY",)
"""Rules that count and do not block: it would refuse every request with a body of more than 8 KB, such as an upload."""


def build(audit: Audit, to: Hardened) -> Part:
    """Return the lists of rules, and put each before what it protects."""
    if not audit.does("firewall"):
        return Part()
    made: list[Any] = []
    public = [name for name, each in to.properties(BALANCER) if each.get("Scheme") == "internet-facing"]
    if public:
        made.append(_rules(FIREWALL, "REGIONAL"))
    for number, name in enumerate(public):
        association = f"{ASSOCIATION}{number + 1}" if number else ASSOCIATION
        made.append(wafv2.WebACLAssociation(association, ResourceArn=Ref(name), WebACLArn=GetAtt(FIREWALL, "Arn")))
    return Part(tuple(made)) + _of_distributions(to)


def _of_distributions(to: Hardened) -> Part:
    """Return the list of rules for distributions, by a function where the stack is in another Region."""
    configs = [each["DistributionConfig"] for _, each in to.properties(DISTRIBUTION)]
    open_ones = [each for each in configs if "WebACLId" not in each]
    here = to.region == OF_CLOUDFRONT
    for config in open_ones:
        config["WebACLId"] = {"Fn::GetAtt": [OF_CDN, "Arn"]} if here else {"Ref": cdn_firewall.RULES}
    if not open_ones:
        return Part()
    return Part((_rules(OF_CDN, "CLOUDFRONT"),)) if here else cdn_firewall.build(_managed_rules(), to.stack)


def _rules(name: str, scope: str) -> Any:
    return wafv2.WebACL(
        name,
        Scope=scope,
        DefaultAction=wafv2.DefaultAction(Allow=wafv2.AllowAction()),
        VisibilityConfig=_seen(name),
        Rules=_managed_rules(),
    )


def _managed_rules() -> list[Any]:
    return [_managed(rule, priority) for priority, rule in enumerate(RULES)]


def _managed(rule: str, priority: int) -> Any:
    counted = {"RuleActionOverrides": _counted()} if rule == "CommonRuleSet" else {}
    group = wafv2.ManagedRuleGroupStatement(VendorName="AWS", Name=f"AWSManagedRules{rule}", **counted)
    return wafv2.WebACLRule(
        Name=rule,
        Priority=priority,
        OverrideAction=wafv2.OverrideAction(**{"None": {}}),
        Statement=wafv2.Statement(ManagedRuleGroupStatement=group),
        VisibilityConfig=_seen(rule),
    )


def _counted() -> list[Any]:
    count = wafv2.RuleAction(Count=wafv2.CountAction())
    return [wafv2.RuleActionOverride(Name=name, ActionToUse=count) for name in COUNTED]


def _seen(name: str) -> Any:
    return wafv2.VisibilityConfig(CloudWatchMetricsEnabled=True, MetricName=name, SampledRequestsEnabled=True)
