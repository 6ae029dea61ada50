"""The domain of the front door: its certificate, its hosted zone, and records that are somebody else's."""

from __future__ import annotations

from msaspec.deploy.asking import GONE
from msaspec.deploy.evidence import Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code

CERTIFICATE = Code(
    "MSA673",
    "A certificate that cannot be used",
    """
    The load balancer needs a certificate that is issued, is in the same Region, and names the domain. A certificate
    for `*.example.com` covers `a.example.com`, and neither `example.com` nor `a.b.example.com`.
    """,
)
ZONE = Code(
    "MSA674",
    "A hosted zone that does not fit the domain",
    """
    msaspec writes the records of `ingress.domain` into `ingress.hosted_zone`, which must exist in this account and be a
    public zone of the domain or of a parent domain.
    """,
)
TAKEN = Code(
    "MSA675",
    "A record that exists already",
    """
    The hosted zone already has an address record of this name that the system's stack does not own. CloudFormation
    refuses to create another one.
    """,
)


class FrontDoor(Precondition):
    """Looks at the domain of the ingress."""

    services = ("acm", "route53")

    def look(self, needs: Needs) -> Checking:
        """Ask for the certificate, or for the zone and its records."""
        ingress = needs.plan.root.ingress
        if ingress is None or ingress.domain is None:
            return []
        hosts = [host for _, workload in needs.plan.workloads for host in workload.spec.hosts or ()]
        named = sorted({ingress.domain, *hosts})
        new = [name for name in named if not needs.uses(name)]
        found = []
        if ingress.certificate and (new or not needs.uses(ingress.certificate)):
            answer = yield Ask("acm", "describe_certificate", {"CertificateArn": ingress.certificate})
            path = ("ingress", "certificate")
            certificate = (answer or {}).get("Certificate", {})
            cli = needs.context.aws.cli("acm", "list-certificates", "--certificate-statuses", "ISSUED")
            if answer is GONE:
                found.append(CERTIFICATE.at(path, "The certificate does not exist.", hint=f"Those that exist: {cli}"))
            elif certificate:
                region = ingress.certificate.split(":")[3]
                if region != needs.region:
                    message = f"The certificate is in {region}, and the load balancer in {needs.region}."
                    found.append(CERTIFICATE.at(path, message, hint=f"Name one of this Region: {cli}"))
                status = str(certificate.get("Status", ""))
                if status and status != "ISSUED":
                    hint = "Validate it, or name another one. Those that are issued: " + cli
                    found.append(CERTIFICATE.at(path, f"The certificate is {status}.", hint=hint))
                covered = [certificate.get("DomainName", ""), *certificate.get("SubjectAlternativeNames", ())]
                for name in named:
                    if not any(_covers(each, name) for each in covered):
                        message = f"The certificate does not name `{name}`."
                        found.append(
                            CERTIFICATE.at(path, message, hint=f"It names: {', '.join(dict.fromkeys(covered))}.")
                        )
        if ingress.hosted_zone and (new or not needs.uses(ingress.hosted_zone)):
            found += yield from self._zone(needs, ingress.hosted_zone, new or named)
        return found

    def _zone(self, needs: Needs, zone: str, named: list[str]) -> Checking:
        path, found = ("ingress", "hosted_zone"), []
        answer = yield Ask("route53", "get_hosted_zone", {"Id": zone})
        cli = needs.context.aws.cli("route53", "list-hosted-zones")
        if answer is GONE:
            return [
                ZONE.at(path, f"There is no hosted zone `{zone}` in this account.", hint=f"Those that exist: {cli}")
            ]
        if answer is None:
            return []
        domain = str(answer["HostedZone"]["Name"]).rstrip(".")
        if answer["HostedZone"].get("Config", {}).get("PrivateZone"):
            found.append(ZONE.at(path, f"The hosted zone `{domain}` is private.", hint="Name a public one."))
        for name in named:
            if name != domain and not name.endswith(f".{domain}"):
                message = f"The hosted zone is of `{domain}`, which `{name}` is not in."
                found.append(ZONE.at(path, message, hint=f"Name the zone of its domain. Those that exist: {cli}"))
                continue
            words = {"HostedZoneId": zone, "StartRecordName": name, "StartRecordType": "A", "MaxItems": "2"}
            records = yield Ask("route53", "list_resource_record_sets", words)
            for record in (records or {}).get("ResourceRecordSets", ()):
                same = str(record["Name"]).rstrip(".") == name and record["Type"] in ("A", "CNAME")
                if same and name not in needs.own:
                    message = f"The hosted zone has a record {record['Type']} of `{name}` already."
                    hint = "Remove it, or name another domain. CloudFormation does not overwrite it."
                    found.append(TAKEN.at(("ingress", "domain"), message, hint=hint))
                    break
        return found


def _covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is good for a host.

    >>> _covers("*.example.com", "a.example.com"), _covers("*.example.com", "a.b.example.com")
    (True, False)
    """
    pattern, name = pattern.lower(), name.lower()
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])
