"""What templates declare of load balancers stands in the sandbox, by what each service's own API says; and what AWS
refuses is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.proofs.test_reachability import VARIANTS
from tests.sandbox import fronted
from tests.sandbox.fronted import Fronted

ELB = "ElasticLoadBalancingV2"
CASES = Path(__file__).parents[1] / "cases"
SYSTEMS = {
    "groups": lambda: fronted.compiled("autoscaling"),
    "tasks": lambda: fronted.compiled("production", "prod"),
    "behind the CDN": lambda: fronted.template_of(VARIANTS["behind the CDN"]),
    "paths and hosts": lambda: fronted.template_of(VARIANTS["paths and hosts"]),
    "ports": lambda: fronted.template_of((CASES / "ports" / "msa.yaml").read_text("utf-8")),
}


@pytest.fixture(scope="module", params=SYSTEMS, ids=list(SYSTEMS))
def shop(request: pytest.FixtureRequest) -> Iterator[Fronted]:
    """A system with load balancers, deployed."""
    with fronted.standing(SYSTEMS[request.param]()) as standing:
        yield standing


def attributes(pairs: list[dict[str, Any]]) -> dict[str, str]:
    """Attributes by key."""
    return {pair["Key"]: str(pair["Value"]) for pair in pairs}


def test_load_balancers(shop: Fronted) -> None:
    """Scheme, network, groups, attributes and tags of each load balancer; it is active."""
    elb = shop.client("elbv2")
    for _, id, wanted in shop.some(f"{ELB}::LoadBalancer"):
        there = shop.balancer(id)
        assert (there["Scheme"], there["Type"], there["State"]["Code"]) == (
            wanted["Scheme"],
            wanted["Type"],
            "active",
        )
        assert there["SecurityGroups"] == wanted["SecurityGroups"]
        assert [zone["SubnetId"] for zone in there["AvailabilityZones"]] == wanted["Subnets"]
        kept = attributes(elb.describe_load_balancer_attributes(LoadBalancerArn=id)["Attributes"])
        assert attributes(wanted.get("LoadBalancerAttributes", [])).items() <= kept.items()
        tags = attributes(elb.describe_tags(ResourceArns=[id])["TagDescriptions"][0]["Tags"])
        assert tags == {"team": "shop", **attributes(wanted["Tags"])}


def actions(declared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Actions without what Elastic Load Balancing fills in, and with all values as text."""
    found = []
    for action in declared:
        kept = {key: value for key, value in action.items() if key not in ("ForwardConfig", "Order")}
        for group in action.get("ForwardConfig", {}).get("TargetGroups", []):
            kept.setdefault("weights", {})[group["TargetGroupArn"]] = int(group["Weight"])
        for key in ("RedirectConfig", "FixedResponseConfig"):
            if key in kept:
                kept[key] = {word: str(value) for word, value in kept[key].items()}
        found.append(kept)
    return found


def test_listeners(shop: Fronted) -> None:
    """Port and protocol of each listener, its certificate and TLS policy, and its answer to what no rule matches."""
    elb = shop.client("elbv2")
    listeners = shop.some(f"{ELB}::Listener")
    for _, id, wanted in listeners:
        there = elb.describe_listeners(ListenerArns=[id])["Listeners"][0]
        assert there["LoadBalancerArn"] == wanted["LoadBalancerArn"]
        assert (there["Port"], there["Protocol"]) == (int(wanted["Port"]), wanted["Protocol"])
        assert actions(there["DefaultActions"]) == actions(wanted["DefaultActions"])
        assert there.get("Certificates", []) == wanted.get("Certificates", [])
        kept = attributes(elb.describe_listener_attributes(ListenerArn=id)["Attributes"])
        assert attributes(wanted.get("ListenerAttributes", [])).items() <= kept.items()
        if wanted["Protocol"] == "HTTPS":
            assert there["SslPolicy"] == wanted["SslPolicy"]
    for _, balancer, _ in shop.some(f"{ELB}::LoadBalancer"):
        there = {found["ListenerArn"] for found in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]}
        assert there == {id for _, id, wanted in listeners if wanted["LoadBalancerArn"] == balancer}


def conditions(shop: Fronted, declared: list[dict[str, Any]]) -> set[tuple[str, str, tuple[str, ...]]]:
    """Conditions as field, header and values, with secrets in place of the references to them."""
    found = set()
    for condition in declared:
        [config] = [value for key, value in condition.items() if key.endswith("Config")]
        values = tuple(resolved(shop, value) for value in config["Values"])
        found.add((condition["Field"], config.get("HttpHeaderName", ""), values))
    return found


def resolved(shop: Fronted, text: str) -> str:
    """A text with a secret in place of the reference to it."""
    match = re.fullmatch(r"\{\{resolve:secretsmanager:(.*):SecretString\}\}", text)
    return str(shop.client("secretsmanager").get_secret_value(SecretId=match[1])["SecretString"]) if match else text


def test_rules(shop: Fronted) -> None:
    """Conditions, priority, target and weights of each rule, and no rule beyond."""
    elb = shop.client("elbv2")
    rules = shop.some(f"{ELB}::ListenerRule")
    for _, id, wanted in rules:
        there = elb.describe_rules(RuleArns=[id])["Rules"][0]
        assert there["Priority"] == str(wanted["Priority"])
        assert conditions(shop, there["Conditions"]) == conditions(shop, wanted["Conditions"])
        assert actions(there["Actions"]) == actions(wanted["Actions"])
    for _, listener, _ in shop.some(f"{ELB}::Listener"):
        there = {r["RuleArn"] for r in elb.describe_rules(ListenerArn=listener)["Rules"] if not r["IsDefault"]}
        assert there == {id for _, id, wanted in rules if wanted["ListenerArn"] == listener}


def test_target_groups(shop: Fronted) -> None:
    """Port, kind of targets, health check and attributes of each target group, behind one load balancer."""
    elb = shop.client("elbv2")
    health = "HealthCheckPath", "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthCheckProtocol"
    counts = "HealthyThresholdCount", "UnhealthyThresholdCount"
    for name, id, wanted in shop.some(f"{ELB}::TargetGroup"):
        there = elb.describe_target_groups(TargetGroupArns=[id])["TargetGroups"][0]
        for key in ("Port", "Protocol", "ProtocolVersion", "VpcId", "TargetType", "Matcher", *health, *counts):
            assert key not in wanted or str(there[key]) == str(wanted[key]), (name, key)
        kept = attributes(elb.describe_target_group_attributes(TargetGroupArn=id)["Attributes"])
        assert attributes(wanted.get("TargetGroupAttributes", [])).items() <= kept.items()
        assert len(there["LoadBalancerArns"]) == 1


def test_certificates(shop: Fronted) -> None:
    """Each certificate is issued for its domains, by records in the zone, and its load balancer uses it."""
    zone = records(shop) if shop.all("AWS::CertificateManager::Certificate") else {}
    for name, id in shop.all("AWS::CertificateManager::Certificate"):
        there, wanted = shop.client("acm").describe_certificate(CertificateArn=id)["Certificate"], shop.properties(name)
        assert (there["DomainName"], there["Status"]) == (wanted["DomainName"], "ISSUED")
        names = {wanted["DomainName"], *wanted.get("SubjectAlternativeNames", [])}
        assert set(there["SubjectAlternativeNames"]) == names
        for option in there["DomainValidationOptions"]:
            record = option["ResourceRecord"]
            assert zone[record["Name"], "CNAME"]["ResourceRecords"] == [{"Value": record["Value"]}]
        users = [
            wanted["LoadBalancerArn"]
            for _, _, wanted in shop.some(f"{ELB}::Listener")
            if {"CertificateArn": id} in wanted.get("Certificates", [])
        ]
        assert there["InUseBy"] == users
        assert users


def records(shop: Fronted) -> dict[tuple[str, str], dict[str, Any]]:
    """The records of the examples' hosted zone by name and type."""
    found = shop.client("route53").list_resource_record_sets(HostedZoneId=fronted.ZONE)["ResourceRecordSets"]
    return {(record["Name"], record["Type"]): record for record in found}


def test_aliases(shop: Fronted) -> None:
    """Each domain is an alias of the load balancer or of the distribution."""
    for name, _ in shop.all("AWS::Route53::RecordSet"):
        wanted = shop.properties(name)
        there = records(shop)[f"{wanted['Name']}.", wanted["Type"]]
        assert there["AliasTarget"] == wanted["AliasTarget"]
        balancers = shop.client("elbv2").describe_load_balancers()["LoadBalancers"]
        distributions = shop.client("cloudfront").list_distributions()["DistributionList"].get("Items", [])
        known = {each["DNSName"] for each in balancers} | {each["DomainName"] for each in distributions}
        assert there["AliasTarget"]["DNSName"] in known


def test_alarms(shop: Fronted) -> None:
    """Each alarm watches its target group behind its load balancer."""
    for name, id in shop.all("AWS::CloudWatch::Alarm"):
        there = shop.client("cloudwatch").describe_alarms(AlarmNames=[id])["MetricAlarms"][0]
        for key, value in shop.properties(name).items():
            assert there[key] == value, key
        assert all("<" not in dimension["Value"] for dimension in there["Dimensions"])


@pytest.mark.parametrize("shop", ["behind the CDN"], indirect=True)
def test_the_distribution_knows_the_secret_of_the_rules(shop: Fronted) -> None:
    """What CloudFront sends along is what each public rule asks for; a request past the CDN matches none."""
    [(_, id, _)] = shop.some("CloudFront::Distribution")
    config = shop.client("cloudfront").get_distribution_config(Id=id)["DistributionConfig"]
    [header] = [item for origin in config["Origins"]["Items"] for item in origin["CustomHeaders"].get("Items", [])]
    assert len(header["HeaderValue"]) >= 32
    told = ("http-header", header["HeaderName"], (header["HeaderValue"],))
    for _, listener, _ in shop.some(f"{ELB}::Listener"):
        balancer = shop.client("elbv2").describe_listeners(ListenerArns=[listener])["Listeners"][0]["LoadBalancerArn"]
        rules = shop.client("elbv2").describe_rules(ListenerArn=listener)["Rules"]
        if shop.balancer(balancer)["Scheme"] == "internet-facing":
            assert all(told in conditions(shop, rule["Conditions"]) for rule in rules if not rule["IsDefault"])


def code(call: Callable[[], Any]) -> str:
    """The code of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("shop", ["tasks"], indirect=True)
def test_what_load_balancers_refuse(shop: Fronted) -> None:
    """A priority and a port in use, a protected load balancer's end, and the end of a target group in use."""
    elb = shop.client("elbv2")
    (_, listener, wanted), *_ = shop.some(f"{ELB}::Listener")
    (_, rule, taken), (_, other, second), *_ = shop.some(f"{ELB}::ListenerRule")
    path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}]
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    words = {"Conditions": path, "Actions": answer, "Priority": int(taken["Priority"])}
    assert code(lambda: elb.create_rule(ListenerArn=taken["ListenerArn"], **words)) == "PriorityInUse"
    moved = [{"RuleArn": rule, "Priority": int(second["Priority"])}]
    assert code(lambda: elb.set_rule_priorities(RulePriorities=moved)) == "PriorityInUse"
    same = [{"RuleArn": rule, "Priority": int(taken["Priority"])}]
    assert elb.set_rule_priorities(RulePriorities=same)["Rules"][0]["Priority"] == str(taken["Priority"])
    balancer, port = wanted["LoadBalancerArn"], int(wanted["Port"])
    words = {"LoadBalancerArn": balancer, "Port": port, "Protocol": "HTTP", "DefaultActions": answer}
    assert code(lambda: elb.create_listener(**words)) == "DuplicateListener"
    assert code(lambda: elb.delete_load_balancer(LoadBalancerArn=balancer)) == "OperationNotPermitted"
    for _, group, _ in shop.some(f"{ELB}::TargetGroup"):
        assert code(lambda arn=group: elb.delete_target_group(TargetGroupArn=arn)) == "ResourceInUse"
    [(_, certificate, _)] = shop.some("CertificateManager::Certificate")
    acm = shop.client("acm")
    assert code(lambda: acm.delete_certificate(CertificateArn=certificate)) == "ResourceInUseException"
    assert elb.describe_rules(RuleArns=[rule, other])["Rules"]
    assert elb.describe_listeners(ListenerArns=[listener])["Listeners"]


@pytest.mark.parametrize("shop", ["tasks"], indirect=True)
def test_what_names_and_networks_refuse(shop: Fronted) -> None:
    """Two records of one name, two names in one namespace, the end of a name in use, and a rule of a security group
    that is there already."""
    (_, _, alias), *_ = shop.some("Route53::RecordSet")
    record = {key: alias[key] for key in ("Name", "Type", "AliasTarget")}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    change = shop.client("route53").change_resource_record_sets
    assert code(lambda: change(HostedZoneId=fronted.ZONE, ChangeBatch=batch)) == "InvalidChangeBatch"
    (_, name, there), *_ = shop.some("ServiceDiscovery::Service")
    cloud_map = shop.client("servicediscovery")
    dns = {**there["DnsConfig"], "DnsRecords": [{"Type": "A", "TTL": 10}]}
    assert code(lambda: cloud_map.create_service(Name=there["Name"], DnsConfig=dns)) == "ServiceAlreadyExists"
    assert code(lambda: cloud_map.delete_service(Id=name)) == "ResourceInUse"
    (_, _, rule), *_ = shop.some("EC2::SecurityGroupIngress")
    pair = {"UserIdGroupPairs": [{"GroupId": rule["SourceSecurityGroupId"]}]}
    ports = {"FromPort": int(rule["FromPort"]), "ToPort": int(rule["ToPort"])}
    words = {"GroupId": rule["GroupId"], "IpPermissions": [{"IpProtocol": rule["IpProtocol"], **ports, **pair}]}
    authorize = shop.client("ec2").authorize_security_group_ingress
    assert code(lambda: authorize(**words)) == "InvalidPermission.Duplicate"
