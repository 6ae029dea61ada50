"""EC2: networks, security groups, addresses."""

from __future__ import annotations

from typing import Any, ClassVar

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, only, resource, truth


def tagged(kind: str, properties: Properties) -> dict[str, Any]:
    """Return the tags of a new resource, as EC2's API takes them."""
    tags = [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags", [])]
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


class Ec2(Resource):
    """A resource of EC2: tags can change, and `own` says what else."""

    own: ClassVar[frozenset[str]] = frozenset()

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the tags, and what `own` names."""
        if {key for key in {*old, *new} if old.get(key) != new.get(key)} - self.own - {"Tags"}:
            return super().update(at, id, old, new)
        retag(at, id, old, new)
        self.change(at, id, old, new)
        return self.made(at, id, new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Change the properties that `own` names."""

    def made(self, at: At, id: str, new: Properties) -> Made:
        """Return the current resource."""
        return Made(id)


def retag(at: At, id: str, old: Properties, new: Properties) -> None:
    """Change the tags of a resource from the old to the new."""
    before, after = ({tag["Key"]: tag["Value"] for tag in p.get("Tags", [])} for p in (old, new))
    if gone := sorted(before.keys() - after.keys()):
        at.api("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in gone])
    if after and after != before:
        at.api("ec2").create_tags(Resources=[id], Tags=new["Tags"])


@resource("AWS::EC2::VPC")
class Vpc(Ec2):
    """A network."""

    own = frozenset({"EnableDnsHostnames", "EnableDnsSupport"})

    def create(self, at: At, new: Properties) -> Made:
        """Make it with its DNS settings."""
        id = at.api("ec2").create_vpc(CidrBlock=new["CidrBlock"], **tagged("vpc", new))["Vpc"]["VpcId"]
        self.change(at, id, {}, new)
        return self.made(at, id, new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Set the DNS settings."""
        for key in self.own & new.keys():
            at.api("ec2").modify_vpc_attribute(VpcId=id, **{key: {"Value": truth(new[key])}})

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With the group that every network has."""
        filters = [{"Name": "vpc-id", "Values": [id]}, {"Name": "group-name", "Values": ["default"]}]
        group = at.api("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
        return Made(id, {"VpcId": id, "CidrBlock": new["CidrBlock"], "DefaultSecurityGroup": group})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_vpc(VpcId=id)


@resource("AWS::EC2::Subnet")
class Subnet(Ec2):
    """A subnet."""

    own = frozenset({"MapPublicIpOnLaunch"})

    def create(self, at: At, new: Properties) -> Made:
        """Make it. AWS chooses a zone where the template names none; here that is the first of the Region, since not
        every one offers every type of host."""
        words = {"AvailabilityZone": f"{at.region}a"} | only(new, "VpcId", "CidrBlock", "AvailabilityZone")
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
        """Remove it."""
        at.api("ec2").delete_subnet(SubnetId=id)


@resource("AWS::EC2::InternetGateway")
class InternetGateway(Ec2):
    """A way to the internet."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = at.api("ec2").create_internet_gateway(**tagged("internet-gateway", new))["InternetGateway"]
        return self.made(at, made["InternetGatewayId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"InternetGatewayId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
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
class RouteTable(Ec2):
    """A route table."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = at.api("ec2").create_route_table(VpcId=new["VpcId"], **tagged("route-table", new))["RouteTable"]
        return self.made(at, made["RouteTableId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"RouteTableId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_route_table(RouteTableId=id)


@resource("AWS::EC2::Route")
class Route(Resource):
    """A route."""

    WHERE: ClassVar[tuple[str, str]] = ("RouteTableId", "DestinationCidrBlock")
    THROUGH: ClassVar[tuple[str, ...]] = ("GatewayId", "NatGatewayId", "TransitGatewayId")

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        at.api("ec2").create_route(**only(new, *self.WHERE, *self.THROUGH))
        return self._made(new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Leads it elsewhere."""
        at.api("ec2").replace_route(**only(new, *self.WHERE, *self.THROUGH))
        return self._made(new)

    def _made(self, new: Properties) -> Made:
        return Made(f"{new['RouteTableId']}|{new['DestinationCidrBlock']}", {"CidrBlock": new["DestinationCidrBlock"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_route(**only(old, *self.WHERE))


@resource("AWS::EC2::SubnetRouteTableAssociation")
class RouteTableAssociation(Resource):
    """The routes of a subnet."""

    def create(self, at: At, new: Properties) -> Made:
        """Give a subnet its route table."""
        id = at.api("ec2").associate_route_table(**only(new, "RouteTableId", "SubnetId"))["AssociationId"]
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take it away."""
        at.api("ec2").disassociate_route_table(AssociationId=id)


@resource("AWS::EC2::NatGateway")
class NatGateway(Ec2):
    """A NAT gateway."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = only(new, "AllocationId", "SubnetId")
        made = at.api("ec2").create_nat_gateway(**words, **tagged("natgateway", new))["NatGateway"]
        return self.made(at, made["NatGatewayId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id."""
        return Made(id, {"NatGatewayId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_nat_gateway(NatGatewayId=id)


@resource("AWS::EC2::VPCEndpoint")
class Endpoint(Ec2):
    """A way to a service of AWS that needs no internet."""

    own = frozenset({"RouteTableIds", "SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled"})
    LISTS: ClassVar[dict[str, str]] = {
        "RouteTableIds": "RouteTableIds",
        "SubnetIds": "SubnetIds",
        "SecurityGroupIds": "SecurityGroupIds",
    }

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = only(new, "VpcId", "VpcEndpointType", "ServiceName", *self.own)
        made = at.api("ec2").create_vpc_endpoint(**words, **tagged("vpc-endpoint", new))["VpcEndpoint"]
        return self.made(at, made["VpcEndpointId"], new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Add and take away route tables, subnets and groups."""
        words: dict[str, Any] = {}
        for key in self.LISTS:
            before, after = set(old.get(key, [])), set(new.get(key, []))
            words |= {f"Add{key}": sorted(after - before)} if after - before else {}
            words |= {f"Remove{key}": sorted(before - after)} if before - after else {}
        if words:
            at.api("ec2").modify_vpc_endpoint(VpcEndpointId=id, **words)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With its id, and when it was made."""
        (there,) = at.api("ec2").describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"]
        return Made(id, {"Id": id, "CreationTimestamp": f"{there['CreationTimestamp']:%a %b %d %H:%M:%S UTC %Y}"})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_vpc_endpoints(VpcEndpointIds=[id])


@resource("AWS::EC2::DHCPOptions")
class DhcpOptions(Ec2):
    """The DHCP options of a network."""

    def create(self, at: At, new: Properties) -> Made:
        """Make them."""
        spelling = {
            "DomainName": "domain-name",
            "DomainNameServers": "domain-name-servers",
            "NtpServers": "ntp-servers",
        }
        spelling |= {"NetbiosNameServers": "netbios-name-servers", "NetbiosNodeType": "netbios-node-type"}
        words = [
            {"Key": spelling[key], "Values": list(map(str, value)) if isinstance(value, list) else [str(value)]}
            for key, value in new.items()
            if key != "Tags"
        ]
        made = at.api("ec2").create_dhcp_options(DhcpConfigurations=words, **tagged("dhcp-options", new))
        return self.made(at, made["DhcpOptions"]["DhcpOptionsId"], new)

    def made(self, at: At, id: str, new: Properties) -> Made:
        """With their id."""
        return Made(id, {"DhcpOptionsId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove them."""
        at.api("ec2").delete_dhcp_options(DhcpOptionsId=id)


@resource("AWS::EC2::VPCDHCPOptionsAssociation")
class DhcpOptionsAssociation(Resource):
    """DHCP options in force."""

    def create(self, at: At, new: Properties) -> Made:
        """Put them into force."""
        at.api("ec2").associate_dhcp_options(**only(new, "DhcpOptionsId", "VpcId"))
        return Made(f"{new['DhcpOptionsId']}|{new['VpcId']}")

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Restore the default."""
        at.api("ec2").associate_dhcp_options(DhcpOptionsId="default", VpcId=old["VpcId"])


@resource("AWS::EC2::EIP")
class Address(Ec2):
    """A public address."""

    own = frozenset({"InstanceId"})

    def create(self, at: At, new: Properties) -> Made:
        """Take one, and give it to its instance."""
        made = at.api("ec2").allocate_address(Domain="vpc", **tagged("elastic-ip", new))
        self.change(at, made["PublicIp"], {}, new)
        return self.made(at, made["PublicIp"], new)

    def change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        """Give it to another instance."""
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
        """Give it back."""
        if "InstanceId" in old:
            at.api("ec2").disassociate_address(PublicIp=id)
        at.api("ec2").release_address(AllocationId=self._allocation(at, id))


@resource("AWS::EC2::FlowLog")
class FlowLog(Ec2):
    """A log of the packets of a network. It stays empty."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = {key: value for key, value in new.items() if key not in ("ResourceId", "Tags")}
        if "MaxAggregationInterval" in words:
            words["MaxAggregationInterval"] = int(words["MaxAggregationInterval"])
        said = at.api("ec2").create_flow_logs(ResourceIds=[new["ResourceId"]], **words, **tagged("vpc-flow-log", new))
        if refused := said.get("Unsuccessful"):
            raise Failed(refused[0]["Error"]["Message"])
        return Made(said["FlowLogIds"][0], {"Id": said["FlowLogIds"][0]})

    def made(self, at: At, id: str, new: Properties) -> Made:
        """Return it as it stands."""
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_flow_logs(FlowLogIds=[id])
