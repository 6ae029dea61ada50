"""EC2: networks, security groups, addresses."""

from __future__ import annotations

from typing import Any, ClassVar

from msaspec.sandbox.resource import At, Made, Properties, Resource, only, resource, truth


def tagged(kind: str, properties: Properties) -> dict[str, Any]:
    """The tags of a new resource, as EC2's API takes them."""
    tags = properties.get("Tags", [])
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


class _Ec2(Resource):
    """A resource of EC2: tags can change, and `own` says what else."""

    own: ClassVar[frozenset[str]] = frozenset()

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes the tags, and what `own` names."""
        if {key for key in {*old, *new} if old.get(key) != new.get(key)} - self.own - {"Tags"}:
            return super().update(at, id, old, new)
        retag(at, id, old, new)
        self.change(at, id, old, new)
        return self.made(at, id, new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Changes the properties that `own` names."""

    def made(self, at: At, id: str, new: Properties) -> Made:
        """The resource as it stands."""
        return Made(id)


def retag(at: At, id: str, old: Properties, new: Properties) -> None:
    """Brings the tags of a resource from the old to the new."""
    before, after = ({tag["Key"]: tag["Value"] for tag in p.get("Tags", [])} for p in (old, new))
    if gone := sorted(before.keys() - after.keys()):
        at.api("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in gone])
    if after and after != before:
        at.api("ec2").create_tags(Resources=[id], Tags=new["Tags"])


@resource("AWS::EC2::VPC")
class Vpc(_Ec2):
    """A network."""

    own = frozenset({"EnableDnsHostnames", "EnableDnsSupport"})

    def create(self, at: At, new: Properties) -> Made:
        """Makes it with its DNS settings."""
        id = at.api("ec2").create_vpc(CidrBlock=new["CidrBlock"], **tagged("vpc", new))["Vpc"]["VpcId"]
        self.change(at, id, {}, new)
        return self.made(at, id, new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Sets the DNS settings."""
        for key in self.own & new.keys():
            at.api("ec2").modify_vpc_attribute(VpcId=id, **{key: {"Value": truth(new[key])}})

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With the group that every network has."""
        filters = [{"Name": "vpc-id", "Values": [id]}, {"Name": "group-name", "Values": ["default"]}]
        group = at.api("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
        return Made(id, {"VpcId": id, "CidrBlock": new["CidrBlock"], "DefaultSecurityGroup": group})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_vpc(VpcId=id)


@resource("AWS::EC2::Subnet")
class Subnet(_Ec2):
    """A subnet."""

    own = frozenset({"MapPublicIpOnLaunch"})

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        words = only(new, "VpcId", "CidrBlock", "AvailabilityZone")
        id = at.api("ec2").create_subnet(**words, **tagged("subnet", new))["Subnet"]["SubnetId"]
        self.change(at, id, {}, new)
        return self.made(at, id, new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Whether instances get public addresses."""
        public = bool(truth(new.get("MapPublicIpOnLaunch", False)))
        at.api("ec2").modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch={"Value": public})

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its zone."""
        subnet = at.api("ec2").describe_subnets(SubnetIds=[id])["Subnets"][0]
        return Made(id, {"SubnetId": id, **{k: subnet[k] for k in ("AvailabilityZone", "CidrBlock", "VpcId")}})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_subnet(SubnetId=id)


@resource("AWS::EC2::InternetGateway")
class InternetGateway(_Ec2):
    """A way to the internet."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        made = at.api("ec2").create_internet_gateway(**tagged("internet-gateway", new))["InternetGateway"]
        return self.made(at, made["InternetGatewayId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"InternetGatewayId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_internet_gateway(InternetGatewayId=id)


@resource("AWS::EC2::VPCGatewayAttachment")
class GatewayAttachment(Resource):
    """An internet gateway in a network."""

    def create(self, at: At, new: Properties) -> Made:
        """Attaches it."""
        at.api("ec2").attach_internet_gateway(**only(new, "InternetGatewayId", "VpcId"))
        return Made(f"IGW|{new['VpcId']}", {"AttachmentType": "IGW"})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Detaches it."""
        at.api("ec2").detach_internet_gateway(**only(old, "InternetGatewayId", "VpcId"))


@resource("AWS::EC2::RouteTable")
class RouteTable(_Ec2):
    """A route table."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        made = at.api("ec2").create_route_table(VpcId=new["VpcId"], **tagged("route-table", new))["RouteTable"]
        return self.made(at, made["RouteTableId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"RouteTableId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_route_table(RouteTableId=id)


@resource("AWS::EC2::Route")
class Route(Resource):
    """A route."""

    WHERE: ClassVar[tuple[str, str]] = ("RouteTableId", "DestinationCidrBlock")
    THROUGH: ClassVar[tuple[str, str]] = ("GatewayId", "NatGatewayId")

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        at.api("ec2").create_route(**only(new, *self.WHERE, *self.THROUGH))
        return self._made(new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Leads it elsewhere."""
        at.api("ec2").replace_route(**only(new, *self.WHERE, *self.THROUGH))
        return self._made(new)

    def _made(self, new: Properties) -> Made:
        return Made(f"{new['RouteTableId']}|{new['DestinationCidrBlock']}", {"CidrBlock": new["DestinationCidrBlock"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_route(**only(old, *self.WHERE))


@resource("AWS::EC2::SubnetRouteTableAssociation")
class RouteTableAssociation(Resource):
    """The routes of a subnet."""

    def create(self, at: At, new: Properties) -> Made:
        """Gives a subnet its route table."""
        id = at.api("ec2").associate_route_table(**only(new, "RouteTableId", "SubnetId"))["AssociationId"]
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Takes it away."""
        at.api("ec2").disassociate_route_table(AssociationId=id)


@resource("AWS::EC2::NatGateway")
class NatGateway(_Ec2):
    """A NAT gateway."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        words = only(new, "AllocationId", "SubnetId")
        made = at.api("ec2").create_nat_gateway(**words, **tagged("natgateway", new))["NatGateway"]
        return self.made(at, made["NatGatewayId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"NatGatewayId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_nat_gateway(NatGatewayId=id)


@resource("AWS::EC2::VPCEndpoint")
class Endpoint(_Ec2):
    """A way to a service of AWS that needs no internet."""

    own = frozenset({"RouteTableIds", "SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled"})
    LISTS: ClassVar[dict[str, str]] = {
        "RouteTableIds": "RouteTableIds",
        "SubnetIds": "SubnetIds",
        "SecurityGroupIds": "SecurityGroupIds",
    }

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        words = only(new, "VpcId", "VpcEndpointType", "ServiceName", *self.own)
        made = at.api("ec2").create_vpc_endpoint(**words, **tagged("vpc-endpoint", new))["VpcEndpoint"]
        return self.made(at, made["VpcEndpointId"], new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Adds and takes away route tables, subnets and groups."""
        words: dict[str, Any] = {}
        for key in self.LISTS:
            before, after = set(old.get(key, [])), set(new.get(key, []))
            words |= {f"Add{key}": sorted(after - before)} if after - before else {}
            words |= {f"Remove{key}": sorted(before - after)} if before - after else {}
        if words:
            at.api("ec2").modify_vpc_endpoint(VpcEndpointId=id, **words)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("ec2").delete_vpc_endpoints(VpcEndpointIds=[id])


@resource("AWS::EC2::DHCPOptions")
class DhcpOptions(_Ec2):
    """What a network tells its hosts."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes them."""
        spelling = {"DomainName": "domain-name", "DomainNameServers": "domain-name-servers"}
        words = [
            {"Key": spelling[key], "Values": value if isinstance(value, list) else [value]}
            for key, value in new.items()
            if key != "Tags"
        ]
        made = at.api("ec2").create_dhcp_options(DhcpConfigurations=words, **tagged("dhcp-options", new))
        return self.made(at, made["DhcpOptions"]["DhcpOptionsId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With their id."""
        return Made(id, {"DhcpOptionsId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes them."""
        at.api("ec2").delete_dhcp_options(DhcpOptionsId=id)


@resource("AWS::EC2::VPCDHCPOptionsAssociation")
class DhcpOptionsAssociation(Resource):
    """DHCP options in force."""

    def create(self, at: At, new: Properties) -> Made:
        """Puts them into force."""
        at.api("ec2").associate_dhcp_options(**only(new, "DhcpOptionsId", "VpcId"))
        return Made(f"{new['DhcpOptionsId']}|{new['VpcId']}")

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Goes back to the default."""
        at.api("ec2").associate_dhcp_options(DhcpOptionsId="default", VpcId=old["VpcId"])


@resource("AWS::EC2::EIP")
class Address(_Ec2):
    """A public address."""

    own = frozenset({"InstanceId"})

    def create(self, at: At, new: Properties) -> Made:
        """Takes one, and gives it to its instance."""
        made = at.api("ec2").allocate_address(Domain="vpc", **tagged("elastic-ip", new))
        self.change(at, made["PublicIp"], {}, new)
        return self.made(at, made["PublicIp"], new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Gives it to another instance."""
        if "InstanceId" in new:
            at.api("ec2").associate_address(
                AllocationId=self._allocation(at, id), InstanceId=new["InstanceId"], AllowReassociation=True
            )
        elif "InstanceId" in old:
            at.api("ec2").disassociate_address(PublicIp=id)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its allocation."""
        return Made(id, {"PublicIp": id, "AllocationId": self._allocation(at, id)})

    def _allocation(self, at: At, id: str) -> str:
        return str(at.api("ec2").describe_addresses(PublicIps=[id])["Addresses"][0]["AllocationId"])

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Gives it back."""
        if "InstanceId" in old:
            at.api("ec2").disassociate_address(PublicIp=id)
        at.api("ec2").release_address(AllocationId=self._allocation(at, id))
