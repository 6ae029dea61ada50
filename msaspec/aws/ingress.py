"""The front door: one public load balancer for all services behind it; by HTTP, HTTPS on a domain, behind the CDN."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from troposphere import GetAtt, Output, Ref, certificatemanager, route53, secretsmanager
from troposphere import elasticloadbalancingv2 as elb

from msaspec import names
from msaspec.aws import balancer, routing, security_groups
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.network import Ingress
from msaspec.language.part import Cdn, Door, FrontDoor, Part, Site
from msaspec.language.runtime import Workload
from msaspec.language.value import Text, Token, public, value

BALANCER, GROUP = "IngressLoadBalancer", "IngressSecurityGroup"
HTTP, HTTPS, CERTIFICATE, SECRET = "IngressHttpListener", "IngressHttpsListener", "IngressCertificate", "IngressSecret"
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2, the policy that Elastic Load Balancing recommends; without a policy it would be one of 2016."""
HEADER = "X-Origin-Secret"
"""What the distribution sends and the rules ask for, where only it may come in."""


def front_door(ingress: Ingress, distribution: str | None, routes: Iterable[routing.Route]) -> FrontDoor:
    """What services behind the balancer need to know of it. `distribution` is that of the system, if there is one."""
    secure = ingress.domain is not None
    host: Text = (ingress.domain,) if ingress.domain else (Token(f"{BALANCER}.DNSName"),)
    cdn = None
    if ingress.cdn and distribution:
        secret: Text = ("{{resolve:secretsmanager:", Token(SECRET), ":SecretString}}")
        patterns = {pattern for route in routes for pattern in route.patterns}
        cdn = Cdn(host, secret, tuple(sorted(patterns, key=lambda pattern: (-len(pattern), pattern))))
        host = (Token(f"{distribution}.DomainName"),)
    scheme = "https" if secure or cdn else "http"
    base = (f"{scheme}://", *host)
    return FrontDoor(HTTPS if secure else HTTP, Token(GROUP), base, scheme, ingress.domain, cdn)


def build(ingress: Ingress, hosts: Sequence[str], site: Site) -> Part:
    """The balancer with its listeners, and with a domain its certificate and alias records."""
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
    base = value(*site.front.base)
    return Output("IngressUrl", Description="The front door of the services behind it.", Value=intrinsic(public(base)))


def rules(workload: Workload, site: Site, targets: Sequence[str]) -> Part:
    """The rules of a service, one a path and host, its way in, and its URLs.

    `targets` are logical ids of target groups; all requests go to the first, and a deployment may shift them.
    """
    door = site.front
    assert door is not None
    spec, name = workload.spec, workload.name
    port = spec.port or 0
    group = Door(Token(names.logical(name, "SecurityGroup")), port)
    made: list[Any] = [
        security_groups.edge(names.logical(name, "FromIngress"), GROUP, group, f"public load balancer to {name}")
    ]
    found = list(routing.routes(name, spec, door.domain))
    for route in found:
        made.append(
            elb.ListenerRule(
                route.logical_id,
                ListenerArn=Ref(door.listener),
                Priority=route.priority,
                Conditions=_conditions(route, door),
                Actions=[_forward(targets)],
            )
        )
    first = found[0]
    base: Text = (f"{door.scheme}://{first.host}",) if first.host else door.base
    path = "" if first.path == "/" else first.path
    about = ", ".join(spec.paths or spec.hosts)
    output = Output(
        names.logical(name, "Url"),
        Description=f"Where {name} answers: {about}.",
        Value=intrinsic(public(value(*base, path))),
    )
    return Part(tuple(made), (output,))


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


def _forward(targets: Sequence[str]) -> Any:
    if len(targets) == 1:
        return elb.ListenerRuleAction(Type="forward", TargetGroupArn=Ref(targets[0]))
    weights = [
        elb.TargetGroupTuple(TargetGroupArn=Ref(target), Weight=0 if number else 100)
        for number, target in enumerate(targets)
    ]
    return elb.ListenerRuleAction(Type="forward", ForwardConfig=elb.ForwardConfig(TargetGroups=weights))


def rule_ids(workload: Workload) -> tuple[str, ...]:
    """Logical ids of the rules of a service."""
    return tuple(route.logical_id for route in routing.routes(workload.name, workload.spec, None))
