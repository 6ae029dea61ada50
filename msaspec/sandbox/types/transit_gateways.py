"""EC2: transit gateways, and the networks that are attached to them."""

from __future__ import annotations

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, resource
from msaspec.sandbox.cloudformation.shapes import shaped, without
from msaspec.sandbox.types.ec2 import Ec2, tagged


@resource("AWS::EC2::TransitGateway")
class TransitGateway(Ec2):
    """A transit gateway."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        options = without(new, "Description", "Tags")
        words = {"Options": options, **({"Description": new["Description"]} if "Description" in new else {})}
        api = at.api("ec2")
        made = api.create_transit_gateway(
            **shaped(api, "CreateTransitGateway", words), **tagged("transit-gateway", new)
        )["TransitGateway"]
        return self.made(at, made["TransitGatewayId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id and ARN."""
        found = at.api("ec2").describe_transit_gateways(TransitGatewayIds=[id])["TransitGateways"][0]
        return Made(id, {"Id": id, "TransitGatewayArn": found["TransitGatewayArn"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_transit_gateway(TransitGatewayId=id)


@resource("AWS::EC2::TransitGatewayAttachment")
class TransitGatewayAttachment(Ec2):
    """A network at a transit gateway."""

    own = frozenset({"SubnetIds"})

    def create(self, at: At, new: Properties) -> Made:
        """Attach it."""
        api = at.api("ec2")
        words = shaped(api, "CreateTransitGatewayVpcAttachment", without(new, "Tags"))
        made = api.create_transit_gateway_vpc_attachment(**words, **tagged("transit-gateway-attachment", new))
        return self.made(at, made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"], new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Attach it in other subnets."""
        before, after = set(old["SubnetIds"]), set(new["SubnetIds"])
        if before != after:
            at.api("ec2").modify_transit_gateway_vpc_attachment(
                TransitGatewayAttachmentId=id,
                AddSubnetIds=sorted(after - before),
                RemoveSubnetIds=sorted(before - after),
            )

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Detach it."""
        at.api("ec2").delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=id)
