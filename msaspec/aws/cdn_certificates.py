"""Certificates for CloudFront, which takes those of us-east-1 only, wherever the stack is; and records of its names.

A custom resource requests the certificate there and proves the domain in the hosted zone. So one stack has all of a
system, and plain CloudFormation can deploy it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from troposphere import GetAtt, route53
from troposphere.cloudformation import AWSCustomObject

from msaspec.aws import functions, iam, logs, routing
from msaspec.aws.data.route53 import RECORD_SET
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Part, Site, Statement
from msaspec.language.value import Text, Token
from msaspec.template import names
from msaspec.template.regions import OF_CLOUDFRONT

FUNCTION, ROLE, LOGS = "CdnCertificates", "CdnCertificatesRole", "CdnCertificatesLogs"
HANDLER_SECONDS, ANSWER_SECONDS = 900, 960
"""The function gives up first, then CloudFormation stops waiting. Lambda allows 900 seconds."""
# fact: cloudfront-alias-zone
ALIAS_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of all distributions, for alias records."""
MOST_NAMES, LONGEST_NAME = 10, 64
"""Names of a certificate unless the quota is raised, and characters of its first name."""
_TAG = "msaspec:stack"
_PROPERTIES = ("ServiceToken", "ServiceTimeout", "Names", "HostedZoneId", "Stack")


class CdnCertificate(AWSCustomObject):  # type: ignore[misc]
    """The custom resource: a certificate."""

    resource_type = "Custom::CdnCertificate"
    props: ClassVar[dict[str, tuple[type, bool]]] = dict.fromkeys(_PROPERTIES, (object, True))


TYPES = (
    functions.FUNCTION,
    AwsType(
        name=CdnCertificate.resource_type,
        noun="certificate",
        slow={"create": "2 to 15 minutes", "update": "2 to 15 minutes"},
    ),
    RECORD_SET,
    iam.ROLE,
    logs.GROUP,
)


def certificate(name: str) -> str:
    """Return the logical id of the certificate of a distribution."""
    return names.logical(name, "Certificate")


def build(name: str, hosts: Sequence[str], zone: str, distribution: str, site: Site) -> Part:
    """Return the certificate of a distribution, and the records that lead its names there."""
    return Part(
        (
            CdnCertificate(
                certificate(name),
                ServiceToken=GetAtt(FUNCTION, "Arn"),
                ServiceTimeout=ANSWER_SECONDS,
                Names=list(hosts),
                HostedZoneId=zone,
                Stack=site.stack,
                DependsOn=ROLE,
            ),
            *records(name, hosts, zone, distribution),
        )
    )


def records(name: str, hosts: Sequence[str], zone: str, distribution: str) -> Iterator[Any]:
    """Yield the alias records, of IPv4 and IPv6."""
    for host in hosts:
        for kind, suffix in (("A", ""), ("AAAA", "Ipv6")):
            yield route53.RecordSetType(
                names.logical(name, f"Alias{routing.of_host(host)}{suffix}"),
                HostedZoneId=zone,
                Name=host,
                Type=kind,
                AliasTarget=route53.AliasTarget(
                    DNSName=GetAtt(distribution, "DomainName"), HostedZoneId=ALIAS_ZONE, EvaluateTargetHealth=False
                ),
            )


def common(zones: Sequence[str], site: Site) -> Part:
    """Return the function that all certificates share. It may touch certificates with the tag of the stack only, and
    write records of proof only."""
    own: Text = ("arn:", Token("AWS::Partition"), f":acm:{OF_CLOUDFRONT}:", Token("AWS::AccountId"), ":certificate/*")
    asked = {"StringEquals": {f"aws:RequestTag/{_TAG}": site.stack}}
    tagged = {"StringEquals": {f"aws:ResourceTag/{_TAG}": site.stack}}
    cname = {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["CNAME"]}}
    proved = tuple(iam.arn("route53", (f"hostedzone/{zone}",), region=False, account=False) for zone in zones)
    return Part(
        (
            logs.group(LOGS, 30),
            iam.role(
                ROLE,
                "lambda.amazonaws.com",
                [
                    logs.writing(LOGS),
                    # fact: certificate-conditions
                    Statement(("acm:RequestCertificate", "acm:AddTagsToCertificate"), (("*",),), asked),
                    Statement(("acm:DescribeCertificate", "acm:DeleteCertificate"), (own,), tagged),
                    Statement(("route53:ChangeResourceRecordSets",), proved, cname),
                ],
            ),
            functions.function(FUNCTION, LOGS, HANDLER_SECONDS),
        ),
        scripts={FUNCTION: functions.source("cdn_certificates")},
    )
