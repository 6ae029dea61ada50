"""EC2's security groups and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, made_for, number, only, resource
from msaspec.sandbox.types.ec2 import retag, tagged

_ANY = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as EC2's API takes it."""
    found: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    found |= {key: number(rule[key]) for key in ("FromPort", "ToPort") if key in rule}
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    for key, name, inner in (
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
        ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
    ):
        if key in rule:
            found[name] = [{inner: rule[key], **described}]
    return found


@resource("AWS::EC2::SecurityGroup")
class SecurityGroup(Resource):
    """A security group with its inline rules."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it. Without rules of its own for the way out, it lets out everything."""
        made = at.api("ec2").create_security_group(
            GroupName=new.get("GroupName") or at.name(255),
            Description=new["GroupDescription"],
            **only(new, "VpcId"),
            **tagged("security-group", {"Tags": [*new.get("Tags", []), *made_for(at)]}),
        )
        self._change(at, made["GroupId"], {}, new)
        return self._made(at, made["GroupId"], new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its rules and tags."""
        retag(at, id, old, new)
        self._change(at, id, old, new)
        return self._made(at, id, new)

    def _made(self, at: At, id: str, new: Properties) -> Made:
        """Return what `Ref` gives of one in the default VPC is the group's id as well."""
        network = new.get("VpcId")
        if network is None:
            (there,) = at.api("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"]
            network = there["VpcId"]
        return Made(id, {"GroupId": id, "Id": id, "VpcId": network})

    def _change(self, at: At, id: str, old: Properties, new: Properties) -> None:
        api = at.api("ec2")
        for key, allow, revoke in (
            ("SecurityGroupIngress", api.authorize_security_group_ingress, api.revoke_security_group_ingress),
            ("SecurityGroupEgress", api.authorize_security_group_egress, api.revoke_security_group_egress),
        ):
            open_way = [_ANY] if key == "SecurityGroupEgress" else []
            before, after = ([permission(rule) for rule in p.get(key, [])] or open_way for p in (old, new))
            if gone := [rule for rule in before if rule not in after]:
                revoke(GroupId=id, IpPermissions=gone)
            if fresh := [rule for rule in after if rule not in before]:
                allow(GroupId=id, IpPermissions=fresh)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("ec2").delete_security_group(GroupId=id)


@resource("AWS::EC2::SecurityGroupIngress")
class Ingress(Resource):
    """A rule of its own, into a group."""

    def create(self, at: At, new: Properties) -> Made:
        """Open the way."""
        rules = at.api("ec2").authorize_security_group_ingress(GroupId=new["GroupId"], IpPermissions=[permission(new)])[
            "SecurityGroupRules"
        ]
        return Made(rules[0]["SecurityGroupRuleId"], {"Id": rules[0]["SecurityGroupRuleId"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Only the description can change: the rule is closed and opened again."""
        self.delete(at, id, old)
        return Made(id, self.create(at, new).attributes)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Close the way."""
        at.api("ec2").revoke_security_group_ingress(GroupId=old["GroupId"], IpPermissions=[permission(old)])


@resource("AWS::EC2::SecurityGroupEgress")
class Egress(Resource):
    """A rule of its own, out of a group."""

    def create(self, at: At, new: Properties) -> Made:
        """Open the way."""
        rules = at.api("ec2").authorize_security_group_egress(GroupId=new["GroupId"], IpPermissions=[permission(new)])
        id = rules["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Close the way."""
        at.api("ec2").revoke_security_group_egress(GroupId=old["GroupId"], IpPermissions=[permission(old)])
