"""The network, the front door, and hosts."""

from __future__ import annotations

from msaspec.template.exception import Exempt
from msaspec.template.regions import takes_cdn_logs
from msaspec.template.resources import Resource, inner, numbered

_BALANCER = ("AWS::ElasticLoadBalancingV2::LoadBalancer",)


def _is_open(group: Resource, *ports: int) -> bool:
    rules = [rule for _, rule in numbered(group.get("SecurityGroupIngress"))]
    return any(rule.get("CidrIp") == "0.0.0.0/0" and (not ports or rule.get("FromPort") in ports) for rule in rules)


def _sends_anywhere(group: Resource) -> bool:
    rules = [rule for _, rule in numbered(group.get("SecurityGroupEgress"))]
    return any(rule.get("IpProtocol") == "-1" and rule.get("CidrIp") == "0.0.0.0/0" for rule in rules)


def _sends_to_ports(group: Resource) -> bool:
    rules = [rule for _, rule in numbered(group.get("SecurityGroupEgress"))]
    return any(rule.get("IpProtocol") == "tcp" and rule.get("FromPort") != rule.get("ToPort") for rule in rules)


def _redirects(listener: Resource) -> bool:
    return any(action.get("Type") == "redirect" for _, action in numbered(listener.get("DefaultActions")))


def _is_plain(listener: Resource) -> bool:
    return bool(listener.get("Protocol") == "HTTP")


def _is_internal(balancer: Resource) -> bool:
    return bool(balancer.get("Scheme") == "internal")


EXCEPTIONS = (
    Exempt(
        title="A front door that is open to everybody",
        reason="It is the front door of public services; `ingress.allow` narrows it.",
        types=("AWS::EC2::SecurityGroup",),
        fits=_is_open,
        nag=("EC23",),
    ),
    Exempt(
        title="Port 80 of the front door",
        reason="With a domain it only redirects to HTTPS; without one there is no certificate.",
        types=("AWS::EC2::SecurityGroup",),
        fits=lambda group: _is_open(group, 80),
        checkov=("CKV_AWS_260",),
    ),
    Exempt(
        title="What a service or the bastion may call",
        reason="It calls AWS and others at addresses that change; inside, each target admits its callers only.",
        types=("AWS::EC2::SecurityGroup",),
        fits=_sends_anywhere,
        guard=("EC2_SECURITY_GROUP_EGRESS_OPEN_TO_WORLD_RULE", "SECURITY_GROUP_EGRESS_ALL_PROTOCOLS_RULE"),
    ),
    Exempt(
        title="What a load balancer may call",
        reason="A rule for each target would go before its successor is up; each target admits its own port only.",
        types=("AWS::EC2::SecurityGroup",),
        fits=_sends_to_ports,
        guard=("SECURITY_GROUP_EGRESS_PORT_RANGE_RULE",),
    ),
    Exempt(
        title="Public subnets",
        reason="Load balancers, NAT gateways and public hosts are here; databases are in isolated subnets.",
        types=("AWS::EC2::Subnet",),
        fits=lambda subnet: subnet.get("MapPublicIpOnLaunch") is True,
        packs={"VPCSubnetAutoAssignPublicIpDisabled": "NPH"},
        guard=("SUBNET_AUTO_ASSIGN_PUBLIC_IP_DISABLED",),
    ),
    Exempt(
        title="The route of public subnets",
        reason="Only public subnets are on its table; it is what makes them public.",
        types=("AWS::EC2::Route",),
        fits=lambda route: route.get("GatewayId") is not None,
        packs={"VPCNoUnrestrictedRouteToIGW": "NPH"},
        guard=("NO_UNRESTRICTED_ROUTE_TO_IGW",),
    ),
    Exempt(
        title="A listener that redirects to HTTPS",
        reason="It sends every request to the HTTPS listener, which has the certificate.",
        types=("AWS::ElasticLoadBalancingV2::Listener",),
        fits=_redirects,
        packs={"ELBv2ACMCertificateRequired": "NPH"},
        false_alarm=True,
    ),
    Exempt(
        title="A listener without TLS",
        reason="It is inside the network, or there is no domain for a certificate; only declared callers reach it.",
        types=("AWS::ElasticLoadBalancingV2::Listener",),
        fits=lambda listener: _is_plain(listener) and not _redirects(listener),
        packs={"ELBv2ACMCertificateRequired": "NPH", "ALBHttpToHttpsRedirection": "NPH"},
        checkov=("CKV_AWS_2", "CKV_AWS_103"),
    ),
    Exempt(
        title="An internal load balancer without a firewall and without protection",
        reason="Only services of the system reach it, and it holds nothing.",
        types=_BALANCER,
        fits=_is_internal,
        packs={"ALBWAFEnabled": "NP", "ELBDeletionProtectionEnabled": "NH"},
    ),
    Exempt(
        title="A host without termination protection",
        reason="CloudFormation replaces it with each version, which termination protection would refuse.",
        types=("AWS::EC2::Instance",),
        nag=("EC29",),
    ),
    Exempt(
        title="An instance profile in the launch template",
        reason="Its launch template has the instance profile.",
        types=("AWS::EC2::Instance",),
        fits=lambda instance: instance.get("LaunchTemplate") is not None,
        packs={"EC2InstanceProfileAttached": "NPH"},
        guard=("EC2_INSTANCE_PROFILE_ATTACHED",),
        false_alarm=True,
    ),
    Exempt(
        title="A group without notifications",
        reason="The activity history of the group has every launch and every end of a host.",
        types=("AWS::AutoScaling::AutoScalingGroup",),
        nag=("AS3",),
    ),
    Exempt(
        title="Plain variables of a task",
        reason="They are names and addresses; secrets come from Secrets Manager when a task starts.",
        types=("AWS::ECS::TaskDefinition",),
        fits=lambda task: any(each.get("Environment") for _, each in numbered(task.get("ContainerDefinitions"))),
        nag=("ECS2",),
    ),
    Exempt(
        title="A firewall without full logs",
        reason="Metrics and samples of requests are on; full logs would hold what users send.",
        types=("AWS::WAFv2::WebACL",),
        packs={"WAFv2LoggingEnabled": "NPH"},
    ),
    Exempt(
        title="TLS of a distribution without a certificate of yours",
        reason="CloudFront takes a lowest TLS version only beside a certificate of yours: `cdn.certificate`.",
        types=("AWS::CloudFront::Distribution",),
        fits=lambda cdn: cdn.get("DistributionConfig", "ViewerCertificate") is None,
        nag=("CFR4",),
        checkov=("CKV_AWS_174",),
    ),
    Exempt(
        title="A distribution without access logs",
        reason="CloudFront writes no standard logs into buckets of Regions that an account has to opt into.",
        types=("AWS::CloudFront::Distribution",),
        regions=lambda region: not takes_cdn_logs(region),
        fits=lambda cdn: inner(cdn.properties, "DistributionConfig", "Logging") is None,
        nag=("CFR3",),
        checkov=("CKV_AWS_86",),
    ),
)
