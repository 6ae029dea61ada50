"""The front door: its domain, its certificate, its CDN, and the rules on its load balancer."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity

NO_CERTIFICATE = Code(
    "MSA306",
    "A domain without a certificate",
    """
    HTTPS on `ingress.domain` needs a certificate: either `hosted_zone`, the Route 53 zone of the domain, in which
    msaspec validates a new certificate and creates the alias records, or `certificate`, the ARN of an existing one in
    ACM.
    """,
)
HOST_OUTSIDE = Code(
    "MSA360",
    "A host outside the domain",
    """
    The certificate and the alias records cover `ingress.domain` and hosts under it. Each entry of `hosts` must be the
    domain itself or end with it.
    """,
)
PLAIN_HTTP = Code(
    "MSA361",
    "A front door without HTTPS",
    """
    Without `ingress.domain` the load balancer has no certificate and speaks only HTTP, so traffic can be read on its
    way. With `ingress: {cdn: true}`, browsers reach CloudFront over HTTPS, and only the requests of CloudFront to the
    load balancer are plain. Set a domain for HTTPS on the whole way.
    """,
    Severity.WARNING,
)
NOTHING_BEHIND = Code(
    "MSA362",
    "A front door with nothing behind it",
    """
    `ingress` describes the public load balancer, which exists only for services with `paths` or `hosts` on
    `autoscaling` or `fargate`. On `instance` a service answers on its own address, and only `allow` has an effect.
    """,
    Severity.WARNING,
)
CDN_OF_WHAT = Code(
    "MSA363",
    "`ingress.cdn` without exactly one CDN",
    """
    `ingress: {cdn: true}` puts the services' paths on the system's CloudFront distribution, which belongs to the one
    bucket with `cdn: true`. The path `/` belongs to the bucket, and hosts belong to the distribution's own certificate.
    `ingress.domain` is then a name of the load balancer that only the distribution uses.
    """,
)
MANY_NAMES = Code(
    "MSA368",
    "More names than a certificate has by default",
    """
    An ACM certificate has at most ten names unless the quota of the account is raised; the domain and every host count
    as one each. The deployment would fail at the certificate.
    """,
    Severity.WARNING,
)
MANY_BEHAVIOURS = Code(
    "MSA369",
    "More paths than a distribution has by default",
    """
    Behind the CDN every path of a service takes two cache behaviours, one for the path and one for everything below it.
    A distribution has 25 unless the account's quota is higher. The deployment would fail at the distribution.
    """,
    Severity.WARNING,
)
SHUT_OUT = Code(
    "MSA380",
    "`ingress.allow` excludes the CDN",
    """
    Behind the CDN, requests reach the load balancer from CloudFront, whose addresses are in none of the blocks of
    `ingress.allow`. Every request would fail, and viewers, who connect to CloudFront, would not be restricted. A secret
    header already rejects everything except the distribution.
    """,
)
# fact: certificate-names
LONG_DOMAIN = Code(
    "MSA381",
    "A domain that is too long for a certificate",
    """
    The first name of a certificate has at most 64 characters (ACM API, RequestCertificate), and that name is
    `ingress.domain`. Hosts may be longer. Use a shorter domain with the long names under `hosts`, or your own
    certificate.
    """,
)

NAMES = 10
CHARACTERS = 64
"""Of a certificate's first name."""
EVERYBODY = "0.0.0.0/0"
BEHAVIOURS = 25


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Yield what the front door needs, and what its rules must not do."""
    ingress = plan.root.ingress
    yield from _certificate(plan)
    fronted = [(runtime, w) for runtime, w in plan.workloads if runtime.behind_balancer and w.spec.public]
    if not fronted:
        zone, certificate = ingress.hosted_zone, ingress.certificate
        without = {"domain": ingress.domain, "hosted_zone": zone, "certificate": certificate, "cdn": ingress.cdn}
        for key, written in without.items():
            if written:
                message = f"`ingress.{key}` applies to the load balancer, and no service is behind one."
                hint = "Remove it, or run a service with `paths` on `autoscaling` or `fargate`."
                yield NOTHING_BEHIND.at(("ingress", key), message, hint=hint, key=True)
    elif not ingress.domain and not ingress.cdn:
        message = "The front door has no domain, so it speaks HTTP only."
        hint = "Set `ingress: {domain: ..., hosted_zone: ...}`, or `ingress: {cdn: true}`."
        first = fronted[0][1]
        yield PLAIN_HTTP.at((*first.path, "paths" if first.spec.paths else "hosts"), message, hint=hint, key=True)
    elif not ingress.domain:
        message = "CloudFront reaches the load balancer over HTTP, because without a domain it has no certificate."
        hint = "Set `ingress.domain` and `ingress.hosted_zone` for HTTPS on the whole way."
        yield PLAIN_HTTP.at(("ingress", "cdn"), message, hint=hint, key=True)
    for _, workload in fronted:
        for number, host in enumerate(workload.spec.hosts):
            if not ingress.domain or not _under(host, ingress.domain):
                message = f"The host `{host}` of `{workload.name}` is not under `ingress.domain`."
                hint = (
                    f"Set `ingress.domain` to a parent domain of `{host}`."
                    if not ingress.domain
                    else (f"Use a name under `{ingress.domain}`.")
                )
                yield HOST_OUTSIDE.at((*workload.path, "hosts", number), message, hint=hint)
    hosts = {host for _, workload in fronted for host in workload.spec.hosts} | {ingress.domain}
    if not ingress.certificate and len(hosts) > NAMES:
        message = (
            f"The certificate would have {len(hosts)} names; the default quota is {NAMES} names for each certificate."
        )
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
        hint = "Use a shorter domain and put this one under `hosts`, or add `certificate: arn:aws:acm:...`."
        yield LONG_DOMAIN.at(("ingress", "domain"), message, hint=hint)
    region = (ingress.certificate or "").split(":")[3:4]
    if region and plan.root.region and region != [plan.root.region]:
        message = f"The certificate is in {region[0]}, and the load balancer in {plan.root.region}."
        hint = "Name a certificate in the Region of the load balancer."
        yield NO_CERTIFICATE.at(("ingress", "certificate"), message, hint=hint)
    for key, written in {"hosted_zone": ingress.hosted_zone, "certificate": ingress.certificate}.items():
        if written and not ingress.domain:
            message = f"`ingress.{key}` needs a domain, and none is set."
            yield NO_CERTIFICATE.at(("ingress", key), message, hint="Add `domain` under `ingress`.", key=True)


def _under(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _cdn(plan: Plan) -> Iterator[Diagnostic]:
    fronts = [entry for kind, entries in plan.entries for entry, _ in entries if kind.front(entry)]
    if len(fronts) != 1:
        has = f"{len(fronts)} buckets have" if fronts else "no bucket has"
        message = f"`ingress.cdn` needs one bucket with `cdn: true`, and {has} it."
        yield CDN_OF_WHAT.at(("ingress", "cdn"), message, hint="Set `cdn: true` on one bucket.", key=True)
    if EVERYBODY not in plan.root.ingress.allow:
        message = "`ingress.allow` excludes CloudFront, but with `ingress.cdn` all requests come from CloudFront."
        hint = "Remove `allow`: only the distribution gets an answer anyway. To restrict viewers, remove `cdn`."
        yield SHUT_OUT.at(("ingress", "allow"), message, hint=hint, key=True)
    patterns = plan.site.front.cdn.patterns if plan.site.front and plan.site.front.cdn else ()
    if len(patterns) > BEHAVIOURS:
        message = f"The distribution would have {len(patterns)} cache behaviours; it has {BEHAVIOURS} by default."
        hint = "Route shorter paths, or ask AWS to raise the quota before deploying."
        yield MANY_BEHAVIOURS.at(("ingress", "cdn"), message, hint=hint, key=True)
    for runtime, workload in plan.workloads:
        if not runtime.behind_balancer:
            continue
        for number, path in enumerate(workload.spec.prefixes):
            if path == "/":
                message = f"Behind the CDN the path `/` belongs to the bucket, and `{workload.name}` claims it."
                yield CDN_OF_WHAT.at((*workload.path, "paths", number), message, hint="Give it a longer path.")
        if workload.spec.hosts:
            message = f"`{workload.name}` has `hosts`, which the CDN does not serve."
            hint = "Put the hosts under the bucket's `cdn.hosts`, or remove `ingress.cdn`."
            yield CDN_OF_WHAT.at((*workload.path, "hosts"), message, hint=hint, key=True)
