"""Elastic Load Balancing: load balancers with their listeners, rules and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, only, resource
from msaspec.sandbox.cloudformation.shapes import shaped, tags_apart, without


def _api(at: At) -> Any:
    return at.api("elbv2")


def _name(at: At) -> str:
    return at.name(32).replace("--", "-")  # of which Elastic Load Balancing takes only one at a time


def _retag(at: At, arn: str, old: Properties, new: Properties) -> None:
    gone, wanted = tags_apart(old, new)
    if gone:
        _api(at).remove_tags(ResourceArns=[arn], TagKeys=gone)
    if wanted and wanted != old.get("Tags"):
        _api(at).add_tags(ResourceArns=[arn], Tags=wanted)


def _changed(old: Properties, new: Properties, *keys: str) -> bool:
    return any(old.get(key) != new.get(key) for key in keys)


@resource("AWS::ElasticLoadBalancingV2::LoadBalancer")
class LoadBalancer(Resource):
    """A load balancer. It is active at once; nothing answers at its address."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it, then set its attributes."""
        words = {"Name": _name(at), **without(new, "LoadBalancerAttributes")}
        made = _api(at).create_load_balancer(**shaped(_api(at), "CreateLoadBalancer", words))["LoadBalancers"][0]
        self._attributes(at, made["LoadBalancerArn"], {}, new)
        return self._made(at, made["LoadBalancerArn"])

    def _made(self, at: At, arn: str) -> Made:
        there = _api(at).describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
        attributes = {
            "CanonicalHostedZoneID": there["CanonicalHostedZoneId"],
            "DNSName": there["DNSName"],
            "LoadBalancerArn": arn,
            "LoadBalancerFullName": arn.partition(":loadbalancer/")[2],
            "LoadBalancerName": there["LoadBalancerName"],
            "SecurityGroups": there.get("SecurityGroups", []),
        }
        return Made(arn, attributes)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its attributes, groups, subnets and tags. An attribute that is named no more stays as it was set."""
        api = _api(at)
        if _changed(old, new, "SecurityGroups"):
            api.set_security_groups(LoadBalancerArn=id, SecurityGroups=new["SecurityGroups"])
        if _changed(old, new, "Subnets", "SubnetMappings"):
            api.set_subnets(LoadBalancerArn=id, **only(new, "Subnets", "SubnetMappings"))
        if _changed(old, new, "IpAddressType"):
            api.set_ip_address_type(LoadBalancerArn=id, IpAddressType=new.get("IpAddressType", "ipv4"))
        self._attributes(at, id, old, new)
        _retag(at, id, old, new)
        return self._made(at, id)

    def _attributes(self, at: At, arn: str, old: Properties, new: Properties) -> None:
        if _changed(old, new, "LoadBalancerAttributes") and new.get("LoadBalancerAttributes"):
            words = {"LoadBalancerArn": arn, "Attributes": new["LoadBalancerAttributes"]}
            _api(at).modify_load_balancer_attributes(**shaped(_api(at), "ModifyLoadBalancerAttributes", words))

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, unless it is protected."""
        _api(at).delete_load_balancer(LoadBalancerArn=id)


@resource("AWS::ElasticLoadBalancingV2::TargetGroup")
class TargetGroup(Resource):
    """Where a load balancer sends requests. Each target is healthy at once."""

    HEALTH: ClassVar[tuple[str, ...]] = (
        "HealthCheckEnabled",
        "HealthCheckIntervalSeconds",
        "HealthCheckPath",
        "HealthCheckPort",
        "HealthCheckProtocol",
        "HealthCheckTimeoutSeconds",
        "HealthyThresholdCount",
        "Matcher",
        "UnhealthyThresholdCount",
    )

    def create(self, at: At, new: Properties) -> Made:
        """Make it, then set its attributes."""
        words = {"Name": _name(at), **without(new, "TargetGroupAttributes")}
        made = _api(at).create_target_group(**shaped(_api(at), "CreateTargetGroup", words))["TargetGroups"][0]
        self._attributes(at, made["TargetGroupArn"], {}, new)
        return self._made(made)

    def _made(self, there: Mapping[str, Any]) -> Made:
        arn = there["TargetGroupArn"]
        attributes = {
            "LoadBalancerArns": there.get("LoadBalancerArns", []),
            "TargetGroupArn": arn,
            "TargetGroupFullName": arn.rpartition(":")[2],
            "TargetGroupName": there["TargetGroupName"],
        }
        return Made(arn, attributes)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its health check, attributes and tags."""
        if _changed(old, new, *self.HEALTH):
            words = {"TargetGroupArn": id, **only(new, *self.HEALTH)}
            _api(at).modify_target_group(**shaped(_api(at), "ModifyTargetGroup", words))
        self._attributes(at, id, old, new)
        _retag(at, id, old, new)
        return self._made(_api(at).describe_target_groups(TargetGroupArns=[id])["TargetGroups"][0])

    def _attributes(self, at: At, arn: str, old: Properties, new: Properties) -> None:
        if _changed(old, new, "TargetGroupAttributes") and new.get("TargetGroupAttributes"):
            words = {"TargetGroupArn": arn, "Attributes": new["TargetGroupAttributes"]}
            _api(at).modify_target_group_attributes(**shaped(_api(at), "ModifyTargetGroupAttributes", words))

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, unless a listener or a rule sends requests to it."""
        _api(at).delete_target_group(TargetGroupArn=id)


@resource("AWS::ElasticLoadBalancingV2::Listener")
class Listener(Resource):
    """A port of a load balancer."""

    def create(self, at: At, new: Properties) -> Made:
        """Open it, then set its attributes."""
        words = without(new, "ListenerAttributes")
        made = _api(at).create_listener(**shaped(_api(at), "CreateListener", words))["Listeners"][0]
        self._attributes(at, made["ListenerArn"], {}, new)
        return self._made(made["ListenerArn"])

    def _made(self, arn: str) -> Made:
        return Made(arn, {"ListenerArn": arn})

    def _attributes(self, at: At, arn: str, old: Properties, new: Properties) -> None:
        if _changed(old, new, "ListenerAttributes") and new.get("ListenerAttributes"):
            words = {"ListenerArn": arn, "Attributes": new["ListenerAttributes"]}
            _api(at).modify_listener_attributes(**shaped(_api(at), "ModifyListenerAttributes", words))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change port, protocol, certificate, policy, attributes and what happens to requests that no rule matches."""
        words = {"ListenerArn": id, **without(new, "LoadBalancerArn", "ListenerAttributes", "Tags")}
        _api(at).modify_listener(**shaped(_api(at), "ModifyListener", words))
        self._attributes(at, id, old, new)
        _retag(at, id, old, new)
        return self._made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Close it, with its rules."""
        _api(at).delete_listener(ListenerArn=id)


@resource("AWS::ElasticLoadBalancingV2::ListenerRule")
class ListenerRule(Resource):
    """What happens to some requests."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it; its priority must be free."""
        made = _api(at).create_rule(**shaped(_api(at), "CreateRule", new))["Rules"][0]
        return self._made(made["RuleArn"])

    def _made(self, arn: str) -> Made:
        return Made(arn, {"IsDefault": False, "RuleArn": arn})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its conditions and actions, then its priority."""
        if _changed(old, new, "Actions", "Conditions"):
            words = {"RuleArn": id, **only(new, "Actions", "Conditions")}
            _api(at).modify_rule(**shaped(_api(at), "ModifyRule", words))
        if _changed(old, new, "Priority"):
            words = {"RulePriorities": [{"RuleArn": id, "Priority": new["Priority"]}]}
            _api(at).set_rule_priorities(**shaped(_api(at), "SetRulePriorities", words))
        _retag(at, id, old, new)
        return self._made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        _api(at).delete_rule(RuleArn=id)
