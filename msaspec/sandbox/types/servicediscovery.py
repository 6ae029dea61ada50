"""Cloud Map."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, made_for, number, only, resource


@resource("AWS::ServiceDiscovery::PrivateDnsNamespace")
class Namespace(Resource):
    """A namespace with a private zone."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        api = at.api("servicediscovery")
        words = only(new, "Name", "Vpc", "Description", "Tags")
        operation = api.create_private_dns_namespace(**words)["OperationId"]
        id = api.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]
        return self._made(at, id)

    def _made(self, at: At, id: str) -> Made:
        there = at.api("servicediscovery").get_namespace(Id=id)["Namespace"]
        zone = there.get("Properties", {}).get("DnsProperties", {}).get("HostedZoneId", "")
        return Made(id, {"Id": id, "Arn": there["Arn"], "HostedZoneId": zone})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the tags."""
        if {key for key in {*old, *new} if old.get(key) != new.get(key)} - {"Tags"}:
            return super().update(at, id, old, new)
        made = self._made(at, id)
        at.api("servicediscovery").tag_resource(ResourceARN=made.attributes["Arn"], Tags=new.get("Tags", []))
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("servicediscovery").delete_namespace(Id=id)


@resource("AWS::ServiceDiscovery::Service")
class Service(Resource):
    """A name in a namespace."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = {
            **only(new, "Name", "NamespaceId", "Description", "Type"),
            "Tags": [*new.get("Tags", []), *made_for(at)],
        }
        made = at.api("servicediscovery").create_service(**words, DnsConfig=_dns(new["DnsConfig"]))["Service"]
        return Made(made["Id"], {"Id": made["Id"], "Arn": made["Arn"], "Name": made["Name"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change description and records."""
        api = at.api("servicediscovery")
        records = {"DnsRecords": _dns(new["DnsConfig"])["DnsRecords"]}
        api.update_service(Id=id, Service={**only(new, "Description"), "DnsConfig": records})
        made = api.get_service(Id=id)["Service"]
        if new.get("Tags"):
            api.tag_resource(ResourceARN=made["Arn"], Tags=new["Tags"])
        return Made(id, {"Id": id, "Arn": made["Arn"], "Name": made["Name"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("servicediscovery").delete_service(Id=id)


def _dns(config: dict[str, Any]) -> dict[str, Any]:
    records = [{**record, "TTL": number(record["TTL"])} for record in config["DnsRecords"]]
    return {**config, "DnsRecords": records}


@resource("AWS::ServiceDiscovery::Instance")
class Instance(Resource):
    """An instance that is registered under a name."""

    def create(self, at: At, new: Properties) -> Made:
        """Register it."""
        at.api("servicediscovery").register_instance(
            ServiceId=new["ServiceId"], InstanceId=new["InstanceId"], Attributes=new["InstanceAttributes"]
        )
        return Made(new["InstanceId"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Register it with other attributes."""
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take it out."""
        at.api("servicediscovery").deregister_instance(ServiceId=old["ServiceId"], InstanceId=id)
