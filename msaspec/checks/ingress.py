"""The front door: its domain, its certificate, its CDN, and the rules on its load balancer."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.plan import Plan

NO_CERTIFICATE = Code(
    "MSA306",
    "A domain without a certificate",
    """
    HTTPS on `ingress.domain` needs a certificate: either `hosted_zone`, the Route 53 zone of the domain, in which
    msaspec validates a new one and makes the alias records, or `certificate`, the ARN of an existing one in ACM.
    """,
)
HOST_OUTSIDE = Code(
    "MSA360",
    "A host outside of the domain",
    """
    The certificate and the alias records are those of `ingress.domain` and of hosts under it. A host of `hosts` is the
    domain itself or ends with it.
    """,
)
PLAIN_HTTP = Code(
    "MSA361",
    "A front door without HTTPS",
    """
    Without `ingress.domain` the load balancer speaks HTTP only, on a name of AWS: what is sent can be read on the way.
    Give it a domain, or put it behind the CDN with `ingress: {cdn: true}`.
    """,
    Severity.WARNING,
)
NOTHING_BEHIND = Code(
    "MSA362",
    "A front door with nothing behind it",
    """
    `ingress` describes the public load balancer, which is made for services with `paths` or `hosts` on `autoscaling` or
    `fargate`. On `instance` a service is its own front door, of which only `allow` is honoured.
    """,
    Severity.WARNING,
)
CDN_OF_WHAT = Code(
    "MSA363",
    "A CDN that is not there, or there more than once",
    """
    `ingress: {cdn: true}` puts the services' paths on the system's CloudFront distribution, which is that of the one
    bucket with `cdn: true`. The path `/` is the bucket's; hosts belong to the distribution's own certificate.
    `ingress.domain` then is a name of the load balancer for the distribution alone.
    """,
)
MANY_NAMES = Code(
    "MSA368",
    "More names than a certificate has by default",
    """
    A certificate of ACM has ten names until the quota of the account is raised, and the domain and every host is one.
    The deployment would fail at the certificate.
    """,
    Severity.WARNING,
)
MANY_BEHAVIOURS = Code(
    "MSA369",
    "More paths than a distribution has by default",
    """
    Behind the CDN every path of a service is two cache behaviours, itself and what lies under it, and a distribution
    has 25 unless the account's quota is higher. The deployment would fail at the distribution.
    """,
    Severity.WARNING,
)
SHUT_OUT = Code(
    "MSA380",
    "A CDN that may not come in",
    """
    Behind the CDN the load balancer is asked by CloudFront, whose addresses are in none of the blocks of
    `ingress.allow`: every request would fail, and viewers, who come to CloudFront, would not be held back. A secret
    header already keeps everybody but the distribution out.
    """,
)
LONG_DOMAIN = Code(
    "MSA381",
    "A domain that is too long for a certificate",
    """
    The first name of a certificate has at most 64 characters (ACM API, RequestCertificate), and that is
    `ingress.domain`. Hosts may be longer. Take a shorter domain with the long names under `hosts`, or a certificate of
    your own.
    """,
)

NAMES = 10
CHARACTERS = 64
"""Of a certificate's first name."""
EVERYBODY = "0.0.0.0/0"
BEHAVIOURS = 25


def check(plan: Plan) -> Iterator[Diagnostic]:
    """What the front door needs, and what its rules must not do."""
    ingress = plan.root.ingress
    yield from _certificate(plan)
    fronted = [(runtime, w) for runtime, w in plan.workloads if runtime.behind_balancer and w.spec.public]
    if not fronted:
        for key in ("domain", "hosted_zone", "certificate", "cdn"):
            if getattr(ingress, key):
                message = f"`ingress.{key}` belongs to a load balancer, and no service stands behind one."
                hint = "Remove it, or run a service with `paths` on `autoscaling` or `fargate`."
                yield NOTHING_BEHIND.at(("ingress", key), message, hint=hint, key=True)
    elif not ingress.domain and not ingress.cdn:
        message = "The front door has no domain, so it speaks HTTP only."
        hint = "Set `ingress: {domain: ..., hosted_zone: ...}`, or `ingress: {cdn: true}`."
        first = fronted[0][1]
        yield PLAIN_HTTP.at((*first.path, "paths" if first.spec.paths else "hosts"), message, hint=hint, key=True)
    for _, workload in fronted:
        for number, host in enumerate(workload.spec.hosts):
            if not ingress.domain or not _under(host, ingress.domain):
                message = f"The host `{host}` of `{workload.name}` is not under `ingress.domain`."
                hint = (
                    f"Set `ingress.domain` to a domain of which `{host}` is a part."
                    if not ingress.domain
                    else (f"Take a name under `{ingress.domain}`.")
                )
                yield HOST_OUTSIDE.at((*workload.path, "hosts", number), message, hint=hint)
    hosts = {host for _, workload in fronted for host in workload.spec.hosts} | {ingress.domain}
    if not ingress.certificate and len(hosts) > NAMES:
        message = f"The certificate would have {len(hosts)} names; an account has {NAMES} a certificate by default."
        yield MANY_NAMES.at(("ingress", "domain"), message, hint="Ask AWS to raise the quota before deploying.")
    if fronted and ingress.cdn:
        yield from _cdn(plan)


def _certificate(plan: Plan) -> Iterator[Diagnostic]:
    ingress = plan.root.ingress
    if ingress.domain and not (ingress.hosted_zone or ingress.certificate):
        message = f"The domain `{ingress.domain}` has neither a hosted zone nor a certificate."
        hint = "Add `hosted_zone: Z...`, or `certificate: arn:aws:acm:...`."
        yield NO_CERTIFICATE.at(("ingress", "domain"), message, hint=hint, key=True)
    if ingress.domain and not ingress.certificate and len(ingress.domain) > CHARACTERS:
        message = f"The domain has {len(ingress.domain)} characters; the first name of a certificate has {CHARACTERS}."
        hint = "Take a shorter domain and name this one under `hosts`, or add `certificate: arn:aws:acm:...`."
        yield LONG_DOMAIN.at(("ingress", "domain"), message, hint=hint)
    region = (ingress.certificate or "").split(":")[3:4]
    if region and plan.root.region and region != [plan.root.region]:
        message = f"The certificate is in {region[0]}, and the load balancer in {plan.root.region}."
        hint = "A load balancer takes certificates of its own Region."
        yield NO_CERTIFICATE.at(("ingress", "certificate"), message, hint=hint)
    for key in ("hosted_zone", "certificate"):
        if getattr(ingress, key) and not ingress.domain:
            message = f"`ingress.{key}` is that of a domain, and there is none."
            yield NO_CERTIFICATE.at(("ingress", key), message, hint="Add `domain` to it.", key=True)


def _under(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _cdn(plan: Plan) -> Iterator[Diagnostic]:
    fronts = [
        entry
        for _, entries in plan.entries
        for entry, _ in entries
        if getattr(getattr(entry.spec, "cdn", None), "enabled", False)
    ]
    if len(fronts) != 1:
        has = f"{len(fronts)} buckets have" if fronts else "no bucket has"
        message = f"`ingress.cdn` needs one bucket with `cdn: true`, and {has} it."
        yield CDN_OF_WHAT.at(("ingress", "cdn"), message, hint="Say `cdn: true` under one bucket.", key=True)
    if EVERYBODY not in plan.root.ingress.allow:
        message = "`ingress.allow` keeps CloudFront out, by which all requests come with `ingress.cdn`."
        hint = "Remove `allow`: nobody but the distribution gets an answer. To restrict viewers, leave the CDN away."
        yield SHUT_OUT.at(("ingress", "allow"), message, hint=hint, key=True)
    patterns = plan.site.front.cdn.patterns if plan.site.front and plan.site.front.cdn else ()
    if len(patterns) > BEHAVIOURS:
        message = f"The distribution would have {len(patterns)} cache behaviours; it has {BEHAVIOURS} by default."
        hint = "Route shorter paths, or ask AWS to raise the quota before deploying."
        yield MANY_BEHAVIOURS.at(("ingress", "cdn"), message, hint=hint, key=True)
    for runtime, workload in plan.workloads:
        if not runtime.behind_balancer:
            continue
        for number, path in enumerate(workload.spec.paths):
            if path == "/":
                message = f"Behind the CDN the path `/` is the bucket's, and `{workload.name}` wants it."
                yield CDN_OF_WHAT.at((*workload.path, "paths", number), message, hint="Give it a longer path.")
        if workload.spec.hosts:
            message = f"`{workload.name}` has hosts of its own, which the CDN does not have."
            hint = "Name the hosts under the bucket's `cdn`, or leave the CDN away."
            yield CDN_OF_WHAT.at((*workload.path, "hosts"), message, hint=hint, key=True)
