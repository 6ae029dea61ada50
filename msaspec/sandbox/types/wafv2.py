"""AWS WAF: lists of rules, and what they stand before. Nothing is ever blocked."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, resource
from msaspec.sandbox.cloudformation.shapes import shaped, without

_APART = "|"
"""What stands between the name, the id and the scope of a list in its physical id."""


def _api(at: At) -> Any:
    return at.api("wafv2")


@resource("AWS::WAFv2::WebACL")
class WebAcl(Resource):
    """A list of rules."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it. One for CloudFront is made in us-east-1 only."""
        if new["Scope"] == "CLOUDFRONT" and at.region != "us-east-1":
            raise Failed("The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT")
        words = {"Name": at.name(128), **new}
        made = _api(at).create_web_acl(**shaped(_api(at), "CreateWebACL", words))["Summary"]
        return self._made(at, made["Name"], made["Id"], new["Scope"])

    def _made(self, at: At, name: str, id: str, scope: str) -> Made:
        there = _api(at).get_web_acl(Name=name, Id=id, Scope=scope)["WebACL"]
        attributes = {"Arn": there["ARN"], "Id": id, "Capacity": there.get("Capacity", 0)}
        return Made(_APART.join((name, id, scope)), attributes)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its rules."""
        name, own, scope = id.split(_APART)
        lock = _api(at).get_web_acl(Name=name, Id=own, Scope=scope)["LockToken"]
        words = {**without(new, "Tags"), "Name": name, "Id": own, "LockToken": lock}
        _api(at).update_web_acl(**shaped(_api(at), "UpdateWebACL", words))
        return self._made(at, name, own, scope)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        name, own, scope = id.split(_APART)
        lock = _api(at).get_web_acl(Name=name, Id=own, Scope=scope)["LockToken"]
        _api(at).delete_web_acl(Name=name, Id=own, Scope=scope, LockToken=lock)


@resource("AWS::WAFv2::WebACLAssociation")
class WebAclAssociation(Resource):
    """A list of rules before something."""

    def create(self, at: At, new: Properties) -> Made:
        """Put it there."""
        _api(at).associate_web_acl(WebACLArn=new["WebACLArn"], ResourceArn=new["ResourceArn"])
        return Made(_APART.join((new["ResourceArn"], new["WebACLArn"])))

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take it away."""
        _api(at).disassociate_web_acl(ResourceArn=old["ResourceArn"])
