"""Who reaches what over the network, and whether others can listen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, as_map, inner, is_world

OPEN_PORT = Kind(
    Group.OPEN,
    ("AwsSolutions-EC23",),
    ("CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260"),
    ("EC2_SECURITY_GROUP_INGRESS_OPEN_TO_WORLD_RULE", "INCOMING_SSH_DISABLED", "RESTRICTED_INCOMING_TRAFFIC"),
)
PUBLIC_ADDRESS = Kind(
    Group.OPEN, checkov=("CKV_AWS_88",), guard=("EC2_INSTANCE_NO_PUBLIC_IP", "SUBNET_AUTO_ASSIGN_PUBLIC_IP_DISABLED")
)
ROUTE = Kind(Group.OPEN, guard=("NO_UNRESTRICTED_ROUTE_TO_IGW",))
INTERNET_FACING = Kind(Group.OPEN)
PLAIN_LISTENER = Kind(
    Group.PLAIN,
    ("AwsSolutions-ELB5",),
    ("CKV_AWS_2",),
    ("ELBV2_LISTENER_PROTOCOL_RULE", "ELBV2_ACM_CERTIFICATE_REQUIRED"),
)
OLD_TLS = Kind(
    Group.PLAIN,
    ("AwsSolutions-CFR4", "AwsSolutions-CFR5"),
    ("CKV_AWS_103", "CKV_AWS_174"),
    ("ELBV2_LISTENER_SSL_POLICY_RULE", "CLOUDFRONT_MINIMUM_PROTOCOL_VERSION_RULE"),
)
PLAIN_CDN = Kind(Group.PLAIN, ("AwsSolutions-CFR5",), ("CKV_AWS_34",), ("CLOUDFRONT_VIEWER_POLICY_HTTPS",))
OPEN_ORIGIN = Kind(Group.OPEN, ("AwsSolutions-CFR7",), guard=("CLOUDFRONT_ORIGIN_ACCESS_IDENTITY_ENABLED",))
PLAIN_DATABASE = Kind(Group.PLAIN)
PLAIN_CACHE = Kind(
    Group.PLAIN,
    ("AwsSolutions-AEC3",),
    ("CKV_AWS_30", "CKV_AWS_31"),
    ("ELASTICACHE_REPLICATION_GROUP_ENCRYPTION_IN_TRANSIT",),
)
EGRESS = Kind(Group.OPEN, checkov=("CKV_AWS_382",), guard=("EC2_SECURITY_GROUP_EGRESS_OPEN_TO_WORLD_RULE",))
OPEN_FUNCTION = Kind(Group.OPEN, checkov=("CKV_AWS_258",), guard=("LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED",))
HEADERS = Kind(Group.OPEN, checkov=("CKV_AWS_131",), guard=("ALB_HTTP_DROP_INVALID_HEADER_ENABLED",))

_ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
_GOOD_TLS = (
    "ELBSecurityPolicy-TLS13-1-2",
    "ELBSecurityPolicy-TLS13-1-3",
    "ELBSecurityPolicy-FS-1-2",
    "ELBSecurityPolicy-TLS-1-2",
)
_OLD_CDN = ("SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016")


def find(view: Template) -> Iterator[Weakness]:
    """Yield the weaknesses of networks."""
    for entry in view.of("AWS::EC2::SecurityGroup"):
        for at, rule in view.maps(entry.properties.get("SecurityGroupIngress")):
            yield from _rule(view, entry, rule, entry.at("SecurityGroupIngress", *at))
        yield from _leaving(view, entry)
    for entry in view.of("AWS::EC2::SecurityGroupIngress"):
        yield from _rule(view, entry, entry.properties, entry.at())
    for entry in view.of("AWS::EC2::SecurityGroupEgress"):
        if _is_all(view, entry.properties):
            group = _target(entry.properties.get("GroupId")) or entry.name
            yield Weakness(EGRESS, entry.name, f"`{group}` can send anything to the internet", entry.at())
    for entry in view.of("AWS::EC2::PrefixList"):
        for at, block in view.maps(entry.properties.get("Entries")):
            if any(map(is_world, view.texts(block.get("Cidr")))):
                what = f"The prefix list {entry.noun} has all addresses of the world"
                yield Weakness(OPEN_PORT, entry.name, what, entry.at("Entries", *at))
    for entry in view.of("AWS::ElasticLoadBalancingV2::ListenerRule"):
        yield from _rule_of_listener(view, entry)
    for entry in view.entries:
        yield from _addresses(view, entry)
    for entry in view.of("AWS::EC2::Route"):
        yield from _route(view, entry)
    for entry in view.of("AWS::ElasticLoadBalancingV2::Listener"):
        yield from _listener(view, entry)
    for entry in view.of("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        yield from _balancer(view, entry)
    for entry in view.of("AWS::CloudFront::Distribution"):
        yield from _distribution(view, entry)
    for entry in view.of("AWS::RDS::DBParameterGroup", "AWS::RDS::DBClusterParameterGroup"):
        for name in ("rds.force_ssl", "require_secure_transport"):
            for each in view.values(inner(entry.properties, "Parameters", name)):
                if str(each).lower() in ("0", "off", "false"):
                    what = f"{entry.noun} accepts connections without TLS"
                    yield Weakness(PLAIN_DATABASE, entry.name, what, entry.at("Parameters", name))
    for entry in view.of("AWS::DocDB::DBClusterParameterGroup"):
        if "disabled" in view.texts(inner(entry.properties, "Parameters", "tls")):
            what = f"{entry.noun} accepts connections without TLS only"
            yield Weakness(PLAIN_DATABASE, entry.name, what, entry.at("Parameters", "tls"))
    for entry in view.of("AWS::ElastiCache::ReplicationGroup"):
        if view.is_false(entry.properties.get("TransitEncryptionEnabled"), absent=True):
            what = f"{entry.noun} accepts connections without TLS"
            yield Weakness(PLAIN_CACHE, entry.name, what, entry.at("TransitEncryptionEnabled"))
    for entry in view.of("AWS::Lambda::Url"):
        if "NONE" in view.texts(entry.properties.get("AuthType")):
            yield Weakness(
                OPEN_FUNCTION, entry.name, f"Everyone can call the function of {entry.noun}", entry.at("AuthType")
            )


def _rule(view: Template, entry: Entry, rule: Mapping[str, Any], path: Path) -> Iterator[Weakness]:
    blocks = [each for key in ("CidrIp", "CidrIpv6") for each in view.texts(rule.get(key)) if is_world(each)]
    if blocks:
        target = _target(rule.get("GroupId"))
        named = f"`{target}`" if target else entry.noun
        yield Weakness(
            OPEN_PORT, entry.name, f"{_ports(view, rule)} of {named} {_are(view, rule)} open to the world", path
        )


def _is_all(view: Template, rule: Mapping[str, Any]) -> bool:
    blocks = [each for key in ("CidrIp", "CidrIpv6") for each in view.texts(rule.get(key)) if is_world(each)]
    return bool(blocks) and _ends(view, rule) is None


def _leaving(view: Template, entry: Entry) -> Iterator[Weakness]:
    """Yield that a security group lets everything out, which it does where nothing is said."""
    rules = entry.properties.get("SecurityGroupEgress")
    if not rules or any(_is_all(view, rule) for _, rule in view.maps(rules)):
        what = f"{entry.noun} can send anything to the internet"
        yield Weakness(EGRESS, entry.name, what, entry.at("SecurityGroupEgress"), by_default=not rules)


def gone(before: Template, after: Template) -> Iterator[Weakness]:
    """Yield the subnets that now have the routes of an internet gateway. New routes are reported on their own."""
    public = {
        _target(entry.properties.get("RouteTableId"))
        for entry in after.of("AWS::EC2::Route")
        if entry.properties.get("GatewayId") is not None
    }
    known = {entry.name: entry.properties.get("RouteTableId") for entry in before.of(_ASSOCIATION)}
    for entry in after.of(_ASSOCIATION):
        table, subnet = entry.properties.get("RouteTableId"), _target(entry.properties.get("SubnetId"))
        if subnet and _target(table) in public and known.get(entry.name) != table:
            what = f"The subnet `{subnet}` is reachable from the internet"
            yield Weakness(ROUTE, entry.name, what, entry.at("RouteTableId"))


def _rule_of_listener(view: Template, entry: Entry) -> Iterator[Weakness]:
    """Yield the rules that forward requests of a listener which sends all others to HTTPS."""
    listener = _target(entry.properties.get("ListenerArn"))
    forwards = any("forward" in view.texts(each.get("Type")) for _, each in view.maps(entry.properties.get("Actions")))
    for each in view.of("AWS::ElasticLoadBalancingV2::Listener"):
        plain = "HTTP" in view.texts(each.properties.get("Protocol"))
        if forwards and plain and each.name == listener and _redirects(view, each):
            what = f"The rule {entry.noun} accepts requests without TLS"
            yield Weakness(PLAIN_LISTENER, entry.name, what, entry.at("ListenerArn"))


def _redirects(view: Template, listener: Entry) -> bool:
    """Whether a listener sends what it gets to HTTPS."""
    return any(
        action.get("Type") == "redirect" and "HTTP" not in view.texts(inner(action, "RedirectConfig", "Protocol"))
        for _, action in view.maps(listener.properties.get("DefaultActions"))
    )


def _target(value: Any) -> str | None:
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref":
            return str(argument)
        if name == "Fn::GetAtt":
            return str(argument[0] if isinstance(argument, list) and argument else str(argument).partition(".")[0])
    return value if isinstance(value, str) else None


def _ends(view: Template, rule: Mapping[str, Any]) -> tuple[str, str] | None:
    protocol = next(iter(view.values(rule.get("IpProtocol"))), None)
    ends = [
        next((str(each) for each in view.values(rule.get(key)) if each is not None), None)
        for key in ("FromPort", "ToPort")
    ]
    return None if str(protocol) == "-1" or None in ends else (str(ends[0]), str(ends[1]))


def _ports(view: Template, rule: Mapping[str, Any]) -> str:
    ends = _ends(view, rule)
    if ends is None:
        return "All ports"
    return f"Port {ends[0]}" if ends[0] == ends[1] else f"Ports {ends[0]} to {ends[1]}"


def _are(view: Template, rule: Mapping[str, Any]) -> str:
    ends = _ends(view, rule)
    return "is" if ends and ends[0] == ends[1] else "are"


def _addresses(view: Template, entry: Entry) -> Iterator[Weakness]:
    """Hosts, tasks and subnets with public addresses."""
    properties = entry.properties
    places: list[tuple[Path, Any]] = [(("MapPublicIpOnLaunch",), properties.get("MapPublicIpOnLaunch"))]
    for base, holder in ((("LaunchTemplateData",), as_map(properties.get("LaunchTemplateData"))), ((), properties)):
        places += [
            ((*base, "NetworkInterfaces", *at, "AssociatePublicIpAddress"), interface.get("AssociatePublicIpAddress"))
            for at, interface in view.maps(holder.get("NetworkInterfaces"))
        ]
    for path, value in places:
        if view.is_true(value):
            yield Weakness(PUBLIC_ADDRESS, entry.name, f"{entry.noun} gives public addresses", entry.at(*path))
    path = ("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp")
    if "ENABLED" in view.texts(inner(properties, *path)):
        yield Weakness(PUBLIC_ADDRESS, entry.name, f"The tasks of {entry.noun} have public addresses", entry.at(*path))


def _route(view: Template, entry: Entry) -> Iterator[Weakness]:
    properties = entry.properties
    world = [
        each
        for key in ("DestinationCidrBlock", "DestinationIpv6CidrBlock")
        for each in view.texts(properties.get(key))
        if is_world(each)
    ]
    if world and properties.get("GatewayId") is not None:
        table = _target(properties.get("RouteTableId")) or entry.name
        yield Weakness(
            ROUTE, entry.name, f"The subnets of `{table}` are reachable from the internet", entry.at("GatewayId")
        )


def _listener(view: Template, entry: Entry) -> Iterator[Weakness]:
    properties = entry.properties
    protocols = set(view.texts(properties.get("Protocol")))
    if "HTTP" in protocols and not _redirects(view, entry):
        what = f"The listener {entry.noun} accepts requests without TLS"
        yield Weakness(PLAIN_LISTENER, entry.name, what, entry.at("Protocol"))
    if protocols & {"HTTPS", "TLS"}:
        for policy in view.values(properties.get("SslPolicy")):
            if policy is None or (isinstance(policy, str) and not policy.startswith(_GOOD_TLS)):
                what = f"The listener {entry.noun} accepts TLS versions before 1.2"
                yield Weakness(OLD_TLS, entry.name, what, entry.at("SslPolicy"))


def _balancer(view: Template, entry: Entry) -> Iterator[Weakness]:
    for each in view.values(entry.properties.get("Scheme")):
        if each in (None, "internet-facing"):
            what = f"The load balancer {entry.noun} is internet-facing"
            yield Weakness(INTERNET_FACING, entry.name, what, entry.at("Scheme"))
    for at, attribute in view.maps(entry.properties.get("LoadBalancerAttributes")):
        path = entry.at("LoadBalancerAttributes", *at)
        if attribute.get("Key") == "routing.http.drop_invalid_header_fields.enabled" and view.is_false(
            attribute.get("Value")
        ):
            yield Weakness(HEADERS, entry.name, f"The load balancer {entry.noun} forwards invalid headers", path)
        desync = attribute.get("Key") == "routing.http.desync_mitigation_mode"
        if desync and "monitor" in view.texts(attribute.get("Value")):
            yield Weakness(HEADERS, entry.name, f"The load balancer {entry.noun} forwards ambiguous requests", path)


def _distribution(view: Template, entry: Entry) -> Iterator[Weakness]:
    config = as_map(entry.properties.get("DistributionConfig"))
    behaviours: list[tuple[Path, Mapping[str, Any]]] = [
        (("DefaultCacheBehavior",), as_map(config.get("DefaultCacheBehavior"))),
        *((("CacheBehaviors", *at), each) for at, each in view.maps(config.get("CacheBehaviors"))),
    ]
    for path, behaviour in behaviours:
        if "allow-all" in view.texts(behaviour.get("ViewerProtocolPolicy")):
            what = f"The distribution {entry.noun} accepts requests without TLS"
            yield Weakness(PLAIN_CDN, entry.name, what, entry.at("DistributionConfig", *path, "ViewerProtocolPolicy"))
    certificate = as_map(config.get("ViewerCertificate"))
    own = [key for key in ("AcmCertificateArn", "IamCertificateId") if key in certificate]
    for version in view.values(certificate.get("MinimumProtocolVersion")) if own else ():
        if version is None or version in _OLD_CDN:
            what = f"The distribution {entry.noun} accepts TLS versions before 1.2"
            yield Weakness(OLD_TLS, entry.name, what, entry.at("DistributionConfig", "ViewerCertificate"))
    for at, origin in view.maps(config.get("Origins")):
        path = ("DistributionConfig", "Origins", *at)
        custom = as_map(origin.get("CustomOriginConfig"))
        if "http-only" in view.texts(custom.get("OriginProtocolPolicy")):
            what = f"The distribution {entry.noun} connects to an origin without TLS"
            yield Weakness(PLAIN_CDN, entry.name, what, entry.at(*path, "CustomOriginConfig", "OriginProtocolPolicy"))
        if {"SSLv3", "TLSv1", "TLSv1.1"} & set(view.texts(custom.get("OriginSSLProtocols"))):
            what = f"The distribution {entry.noun} connects to an origin with TLS versions before 1.2"
            yield Weakness(OLD_TLS, entry.name, what, entry.at(*path, "CustomOriginConfig", "OriginSSLProtocols"))
        if "S3OriginConfig" in origin and None in view.values(origin.get("OriginAccessControlId")):
            what = f"The distribution {entry.noun} reads its bucket without origin access control"
            yield Weakness(OPEN_ORIGIN, entry.name, what, entry.at(*path))
