"""Route 53: records."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, number, resource, truth
from msaspec.sandbox.cloudformation.shapes import without


def zone(at: At, id: str, domain: str) -> str:
    """Return a hosted zone by its id, made where there is none.

    At AWS the zone of a manifest is there before any stack. A fresh sandbox has none, and Route 53's API makes up the
    ids of zones itself, so the emulation makes the zone when something is first put into it: for the last two labels
    of the domain, whichever the real one is.
    """
    from msaspec.sandbox.on_moto import zones  # which loads moto

    return zones.ensure(at.account, id, ".".join(domain.rstrip(".").split(".")[-2:]))


@resource("AWS::Route53::RecordSet")
class RecordSet(Resource):
    """A record."""

    def create(self, at: At, new: Properties) -> Made:
        """Write it; there may be none of its name and type."""
        self._change(at, "CREATE", new)
        return Made(new["Name"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Write it anew."""
        self._change(at, "UPSERT", new)
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        self._change(at, "DELETE", old)

    def _change(self, at: At, action: str, properties: Properties) -> None:
        change = {"Action": action, "ResourceRecordSet": self._record(properties)}
        at.api("route53").change_resource_record_sets(
            HostedZoneId=self._zone(at, properties), ChangeBatch={"Changes": [change]}
        )

    def _zone(self, at: At, properties: Properties) -> str:
        if "HostedZoneId" in properties:
            return zone(at, properties["HostedZoneId"], properties["Name"])
        name = properties["HostedZoneName"]
        found = at.api("route53").list_hosted_zones_by_name(DNSName=name)["HostedZones"]
        if not found:
            raise Failed(f"No hosted zone named {name} found")
        return str(found[0]["Id"])

    def _record(self, properties: Properties) -> dict[str, Any]:
        words = without(properties, "HostedZoneId", "HostedZoneName", "Comment")
        if "ResourceRecords" in words:
            words["ResourceRecords"] = [{"Value": value} for value in words["ResourceRecords"]]
        if "TTL" in words:
            words["TTL"] = number(words["TTL"])
        if "AliasTarget" in words:
            alias = words["AliasTarget"]
            words["AliasTarget"] = {**alias, "EvaluateTargetHealth": truth(alias.get("EvaluateTargetHealth", False))}
        return words
