"""The front door: one public load balancer for all services behind it; by HTTP, HTTPS on a domain, behind the CDN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from troposphere import GetAtt, Output, Ref, certificatemanager, route53, secretsmanager
from troposphere import elasticloadbalancingv2 as elb

from msaspec.aws import balancer, routing, security_groups
from msaspec.aws.data import secretsmanager as secrets
from msaspec.aws.data.route53 import RECORD_SET
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model
from msaspec.language.health import Probe, usual
from msaspec.language.network import Ingress
from msaspec.language.part import Cdn, Door, Front, FrontDoor, Part, PublicAddress, Site
from msaspec.language.runtime import Workload, public_attributes
from msaspec.language.service import Service
from msaspec.language.value import Text, Token, public, value
from msaspec.template import names

BALANCER, GROUP = "IngressLoadBalancer", "IngressSecurityGroup"
HTTP, HTTPS, CERTIFICATE, SECRET = "IngressHttpListener", "IngressHttpsListener", "IngressCertificate", "IngressSecret"
TYPES = (
    AwsType(name="AWS::CertificateManager::Certificate"),
    RECORD_SET,
    balancer.LISTENER,
    balancer.LOAD_BALANCER,
    secrets.SECRET,
    security_groups.GROUP,
)
RULE_TYPES = (balancer.LISTENER_RULE, security_groups.RULE)
"""What `rules` makes."""
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2, the policy that Elastic Load Balancing recommends; without a policy it would be one of 2016."""
HEADER = "X-Origin-Secret"
"""What the distribution sends and the rules ask for, where only it may come in."""


def front_door(ingress: Ingress, front: Front | None, routes: Iterable[routing.Route]) -> FrontDoor:
    """Return what services behind the balancer need to know of it. `front` is what is before it, if anything."""
    secure = ingress.domain is not None
    host: Text = (ingress.domain,) if ingress.domain else (Token(f"{BALANCER}.DNSName"),)
    cdn = None
    if ingress.cdn and front:
        secret: Text = ("{{resolve:secretsmanager:", Token(SECRET), ":SecretString}}")
        patterns = {pattern for route in routes for pattern in route.patterns}
        cdn = Cdn(host, secret, tuple(sorted(patterns, key=lambda pattern: (-len(pattern), pattern))))
        host = front.domain
    scheme = "https" if secure or cdn else "http"
    return FrontDoor(HTTPS if secure else HTTP, Token(GROUP), host, scheme, ingress.domain, cdn)


def build(ingress: Ingress, hosts: Sequence[str], site: Site) -> Part:
    """Return the balancer with its listeners, and with a domain its certificate and alias records."""
    secure = ingress.domain is not None
    ports = (80, 443) if secure else (80,)
    # Who may come in is decided here, but behind the CDN by a header: its addresses have no name that a template knows.
    rules = [security_groups.from_block(block, port, "Front door") for block in ingress.allow for port in ports]
    default = [balancer.not_found()]
    resources: list[Any] = [
        balancer.group(GROUP, "public-load-balancer", site, rules),
        balancer.load_balancer(BALANCER, "internet-facing", GROUP, site, site.online_public),
    ]
    if secure:
        redirect = elb.RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")
        default = [elb.Action(Type="redirect", RedirectConfig=redirect)]
    resources.append(
        elb.Listener(HTTP, LoadBalancerArn=Ref(BALANCER), Port=80, Protocol="HTTP", DefaultActions=default)
    )
    if secure:
        resources += _secured(ingress, hosts)
    if site.front and site.front.cdn:
        resources.append(_secret(site))
    return Part(tuple(resources), (_address(site),))


def _secured(ingress: Ingress, hosts: Sequence[str]) -> Iterable[Any]:
    domain = ingress.domain or ""
    named = [domain, *sorted(set(hosts) - {domain})]
    certificate: Any = ingress.certificate
    if not certificate:
        yield certificatemanager.Certificate(
            CERTIFICATE,
            DomainName=domain,
            **({"SubjectAlternativeNames": named[1:]} if named[1:] else {}),
            ValidationMethod="DNS",
            DomainValidationOptions=[
                certificatemanager.DomainValidationOption(DomainName=name, HostedZoneId=ingress.hosted_zone)
                for name in named
            ],
        )
        certificate = Ref(CERTIFICATE)
    yield elb.Listener(
        HTTPS,
        LoadBalancerArn=Ref(BALANCER),
        Port=443,
        Protocol="HTTPS",
        SslPolicy=TLS_POLICY,
        Certificates=[elb.Certificate(CertificateArn=certificate)],
        DefaultActions=[balancer.not_found()],
    )
    for name in named if ingress.hosted_zone else ():
        yield route53.RecordSetType(
            "IngressAlias" + ("" if name == domain else routing.of_host(name)),
            HostedZoneId=ingress.hosted_zone,
            Name=name,
            Type="A",
            AliasTarget=route53.AliasTarget(
                DNSName=GetAtt(BALANCER, "DNSName"),
                HostedZoneId=GetAtt(BALANCER, "CanonicalHostedZoneID"),
                EvaluateTargetHealth=False,
            ),
        )


def _secret(site: Site) -> Any:
    return secretsmanager.Secret(
        SECRET,
        Description=f"What the distribution of {site.stack} shows to the load balancer",
        GenerateSecretString=secretsmanager.GenerateSecretString(PasswordLength=32, ExcludePunctuation=True),
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
    )


def _address(site: Site) -> Any:
    assert site.front is not None
    base = value(f"{site.front.scheme}://", *site.front.host)
    return Output("IngressUrl", Description="The front door of the services behind it.", Value=intrinsic(public(base)))


def rules(workload: Workload[Model], site: Site, targets: Mapping[str | None, Sequence[str]]) -> Part:
    """Return the rules of a service, one a path and host, its way in, and its URLs.

    `targets` are logical ids of target groups by the port that they lead to; all requests go to the first of a port,
    and a deployment may shift them.
    """
    door = site.front
    assert door is not None
    spec, name = workload.spec, workload.name
    made: list[Any] = []
    for port in targets:
        opened = spec.port_of(port)
        assert opened is not None
        group = Door(Token(names.logical(name, "SecurityGroup")), opened.number)
        rule = names.logical(name, f"FromIngressPort{names.camel(port)}" if port else "FromIngress")
        made.append(security_groups.edge(rule, GROUP, group, f"public load balancer to {name}"))
    found = list(routing.routes(name, spec, door.domain))
    for route in found:
        made.append(
            elb.ListenerRule(
                route.logical_id,
                ListenerArn=Ref(door.listener),
                Priority=route.priority,
                Conditions=_conditions(route, door),
                Actions=[_forward(targets[route.port])],
                **({"Transforms": [_stripped(route.path)]} if spec.strip and route.path != "/" else {}),
            )
        )
    address = address_of(name, spec, door)
    assert address is not None
    about = ", ".join(spec.prefixes or spec.hosts)
    output = Output(
        names.logical(name, "Url"),
        Description=f"Where {name} answers: {about}.",
        Value=intrinsic(public(public_attributes(address)["public_url"])),
    )
    return Part(tuple(made), (output,))


def address_of(name: str, spec: Service, door: FrontDoor | None) -> PublicAddress | None:
    """Return where a service answers: its first host, or that of the front door."""
    first = next(routing.routes(name, spec, door.domain if door else None), None)
    if door is None or first is None:
        return None
    host: Text = (first.host,) if first.host else door.host
    return PublicAddress(door.scheme, host, first.path)


def target_group(
    workload: Workload[Model], port: str | None, logical_id: str, kind: str, number: int | None = None
) -> Any:
    """Return the target group of a port that paths lead to. `number` is the port of targets that name none."""
    spec = workload.spec
    found, probe = spec.port_of(port), workload.health
    assert found is not None
    assert probe is not None
    if port is not None:
        own = [each for each in spec.paths if each.port == port]
        asked = next((each.health for each in own if each.health), None)
        # Nothing is known of a further port but that it answers, unless its path says what to ask.
        usual_codes = probe.says.model_copy(update={"codes": usual().codes})
        probe = (
            Probe("http", usual_codes, asked) if asked else Probe("tcp", probe.says, "/" if spec.strip else own[0].path)
        )
    return balancer.target_group(logical_id, number or found.number, kind, found.protocol, probe, spec.sticky)


def _conditions(route: routing.Route, door: FrontDoor) -> list[Any]:
    found = []
    if route.host:
        found.append(elb.Condition(Field="host-header", HostHeaderConfig=elb.HostHeaderConfig(Values=[route.host])))
    if route.patterns or not (route.host or door.cdn):
        patterns = list(route.patterns) or ["/*"]
        found.append(elb.Condition(Field="path-pattern", PathPatternConfig=elb.PathPatternConfig(Values=patterns)))
    if door.cdn:
        shown = elb.HttpHeaderConfig(HttpHeaderName=HEADER, Values=[intrinsic(door.cdn.secret)])
        found.append(elb.Condition(Field="http-header", HttpHeaderConfig=shown))
    return found


def _stripped(path: str) -> Any:
    """Return what takes a prefix off: `/api` and `/api/x` become `/` and `/x`. A prefix has few characters that mean
    something in a regular expression."""
    # fact: rule-transforms
    escaped = "".join(f"\\{character}" if character in ".$+" else character for character in path)
    rewrite = elb.RewriteConfig(Regex=f"^{escaped}/?(.*)$", Replace="/$1")
    return elb.Transform(Type="url-rewrite", UrlRewriteConfig=elb.RewriteConfigObject(Rewrites=[rewrite]))


def _forward(targets: Sequence[str]) -> Any:
    if len(targets) == 1:
        return elb.ListenerRuleAction(Type="forward", TargetGroupArn=Ref(targets[0]))
    weights = [
        elb.TargetGroupTuple(TargetGroupArn=Ref(target), Weight=0 if number else 100)
        for number, target in enumerate(targets)
    ]
    return elb.ListenerRuleAction(Type="forward", ForwardConfig=elb.ForwardConfig(TargetGroups=weights))


def rule_ids(workload: Workload[Model]) -> tuple[str, ...]:
    """Logical ids of the rules of a service."""
    return tuple(route.logical_id for route in routing.routes(workload.name, workload.spec, None))
