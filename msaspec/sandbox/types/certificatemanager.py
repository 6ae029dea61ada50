"""ACM: certificates that are validated by records in a hosted zone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, resource
from msaspec.sandbox.cloudformation.shapes import shaped, tags_apart, without
from msaspec.sandbox.types.route53 import zone


@resource("AWS::CertificateManager::Certificate")
class Certificate(Resource):
    """A certificate. CloudFormation waits until it is issued."""

    def create(self, at: At, new: Properties) -> Made:
        """Request it, and write the records that prove whose its domains are."""
        api = at.api("acm")
        words = without(new, "DomainValidationOptions")
        arn = api.request_certificate(**shaped(api, "RequestCertificate", words))["CertificateArn"]
        for hosted_zone, record in self._records(at, arn, new):
            change = {"Action": "UPSERT", "ResourceRecordSet": record}
            at.api("route53").change_resource_record_sets(HostedZoneId=hosted_zone, ChangeBatch={"Changes": [change]})
        status = api.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
        if status != "ISSUED":
            raise Failed(f"The certificate {arn} stays in {status}: nothing validates its domains.")
        return Made(arn)

    def _records(self, at: At, arn: str, new: Properties) -> Iterator[tuple[str, dict[str, Any]]]:
        zones = {
            option["DomainName"]: option["HostedZoneId"]
            for option in new.get("DomainValidationOptions", [])
            if "HostedZoneId" in option
        }
        there = at.api("acm").describe_certificate(CertificateArn=arn)["Certificate"]
        for option in there["DomainValidationOptions"]:
            domain, record = option["DomainName"], option["ResourceRecord"]
            if domain in zones:
                records = [{"Value": record["Value"]}]
                words = {"Name": record["Name"], "Type": record["Type"], "TTL": 300, "ResourceRecords": records}
                yield zone(at, zones[domain], domain), words

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the tags."""
        if without(old, "Tags") != without(new, "Tags"):
            return super().update(at, id, old, new)
        gone, wanted = tags_apart(old, new)
        if gone:
            at.api("acm").remove_tags_from_certificate(CertificateArn=id, Tags=[{"Key": key} for key in gone])
        if wanted:
            at.api("acm").add_tags_to_certificate(CertificateArn=id, Tags=wanted)
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, unless a listener uses it. The records of its validation stay, as they do at AWS."""
        at.api("acm").delete_certificate(CertificateArn=id)
