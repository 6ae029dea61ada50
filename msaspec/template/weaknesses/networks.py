"""Who reaches what over the network, and whether others can listen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, as_map, inner

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
OPEN_FUNCTION = Kind(Group.OPEN, checkov=("CKV_AWS_258",), guard=("LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED",))
HEADERS = Kind(Group.OPEN, checkov=("CKV_AWS_131",), guard=("ALB_HTTP_DROP_INVALID_HEADER_ENABLED",))

WIDEST = 8
"""Blocks of IPv4 with a shorter prefix are taken for the world; of IPv6 with one shorter than four times that."""
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
    for entry in view.of("AWS::EC2::SecurityGroupIngress"):
        yield from _rule(view, entry, entry.properties, entry.at())
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


def is_world(block: Any) -> bool:
    """Whether a block of addresses is about everybody.

    >>> is_world("0.0.0.0/0"), is_world("::/0"), is_world("128.0.0.0/1"), is_world("10.0.0.0/8"), is_world("x")
    (True, True, True, False, False)
    """
    try:
        network = ip_network(block, strict=False)
    except (ValueError, TypeError):
        return False
    return network.prefixlen < (WIDEST if network.version == 4 else WIDEST * 4) and not network.is_private


def _rule(view: Template, entry: Entry, rule: Mapping[str, Any], path: Path) -> Iterator[Weakness]:
    blocks = [each for key in ("CidrIp", "CidrIpv6") for each in view.texts(rule.get(key)) if is_world(each)]
    if blocks:
        target = _target(rule.get("GroupId"))
        named = f"`{target}`" if target else entry.noun
        yield Weakness(
            OPEN_PORT, entry.name, f"{_ports(view, rule)} of {named} {_are(view, rule)} open to the world", path
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
    redirects = [
        action for _, action in view.maps(properties.get("DefaultActions")) if action.get("Type") == "redirect"
    ]
    if "HTTP" in protocols and not redirects:
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
        if "S3OriginConfig" in origin and None in view.values(origin.get("OriginAccessControlId")):
            what = f"The distribution {entry.noun} reads its bucket without origin access control"
            yield Weakness(OPEN_ORIGIN, entry.name, what, entry.at(*path))
