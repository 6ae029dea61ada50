"""CloudFront: distributions, functions and origin access controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, resource, truth


@resource("AWS::CloudFront::OriginAccessControl")
class OriginAccessControl(Resource):
    """How a distribution signs its requests to an origin."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = at.api("cloudfront").create_origin_access_control(
            OriginAccessControlConfig=new["OriginAccessControlConfig"]
        )
        id = made["OriginAccessControl"]["Id"]
        return Made(id, {"Id": id})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it."""
        at.api("cloudfront").update_origin_access_control(
            Id=id, OriginAccessControlConfig=new["OriginAccessControlConfig"]
        )
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("cloudfront").delete_origin_access_control(Id=id)


@resource("AWS::CloudFront::Function")
class Function(Resource):
    """A function of viewers' requests. Nothing runs it."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it, and publish it where the template says so."""
        api = at.api("cloudfront")
        made = api.create_function(Name=new["Name"], **_program(new))
        if truth(new.get("AutoPublish", False)):
            api.publish_function(Name=new["Name"], IfMatch=made["ETag"])
        return self._made(made)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its program."""
        api = at.api("cloudfront")
        there = api.describe_function(Name=new["Name"])["ETag"]
        made = api.update_function(Name=new["Name"], IfMatch=there, **_program(new))
        if truth(new.get("AutoPublish", False)):
            api.publish_function(Name=new["Name"], IfMatch=made["ETag"])
        return self._made(made)

    def _made(self, made: Mapping[str, Any]) -> Made:
        arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        return Made(arn, {"FunctionARN": arn, "FunctionMetadata.FunctionARN": arn, "Stage": "LIVE"})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        api, name = at.api("cloudfront"), old["Name"]
        api.delete_function(Name=name, IfMatch=api.describe_function(Name=name)["ETag"])


def _program(new: Properties) -> dict[str, Any]:
    config = {key: value for key, value in new["FunctionConfig"].items() if key in ("Comment", "Runtime")}
    return {"FunctionConfig": config, "FunctionCode": new["FunctionCode"].encode()}


@resource("AWS::CloudFront::Distribution")
class Distribution(Resource):
    """A distribution. It is deployed at once; nothing answers at its domain."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        config = {**_as_api(new["DistributionConfig"]), "CallerReference": at.name()}
        words = {"DistributionConfig": config, "Tags": {"Items": new.get("Tags", [])}}
        made = at.api("cloudfront").create_distribution_with_tags(DistributionConfigWithTags=words)["Distribution"]
        return self._made(made)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it."""
        api = at.api("cloudfront")
        there = api.get_distribution_config(Id=id)
        config = {
            **_as_api(new["DistributionConfig"]),
            "CallerReference": there["DistributionConfig"]["CallerReference"],
        }
        made = api.update_distribution(Id=id, IfMatch=there["ETag"], DistributionConfig=config)["Distribution"]
        if new.get("Tags"):
            api.tag_resource(Resource=made["ARN"], Tags={"Items": new["Tags"]})
        return self._made(made)

    def _made(self, made: Mapping[str, Any]) -> Made:
        return Made(made["Id"], {"Id": made["Id"], "DomainName": made["DomainName"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Switches it off and removes it."""
        api = at.api("cloudfront")
        there = api.get_distribution_config(Id=id)
        config = {**there["DistributionConfig"], "Enabled": False}
        api.update_distribution(Id=id, IfMatch=there["ETag"], DistributionConfig=config)
        api.delete_distribution(Id=id, IfMatch=api.get_distribution_config(Id=id)["ETag"])


_SPELLING = {
    "AcmCertificateArn": "ACMCertificateArn",
    "IamCertificateId": "IAMCertificateId",
    "SslSupportMethod": "SSLSupportMethod",
}


def _as_api(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as CloudFront's API spells it: lists with their length, and nothing missing."""
    found = {("IsIPV6Enabled" if key == "IPV6Enabled" else key): value for key, value in config.items()}
    found.setdefault("Comment", "")
    found["Origins"] = _counted([_origin(origin) for origin in config["Origins"]])
    found["DefaultCacheBehavior"] = _behaviour(config["DefaultCacheBehavior"])
    found["CacheBehaviors"] = _counted([_behaviour(item) for item in config.get("CacheBehaviors", [])])
    if "ViewerCertificate" in config:
        found["ViewerCertificate"] = {_SPELLING.get(k, k): value for k, value in config["ViewerCertificate"].items()}
    if "Aliases" in config:
        found["Aliases"] = _counted(config["Aliases"])
    return found


def _origin(origin: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(origin)
    if "CustomOriginConfig" in found:
        custom = {"HTTPPort": 80, "HTTPSPort": 443, **found["CustomOriginConfig"]}
        custom["OriginSslProtocols"] = _counted(custom.pop("OriginSSLProtocols", ["TLSv1.2"]))
        found["CustomOriginConfig"] = custom
    if "OriginCustomHeaders" in found:
        found["CustomHeaders"] = _counted(found.pop("OriginCustomHeaders"))
    return found


def _behaviour(behaviour: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(behaviour)
    if "AllowedMethods" in found:
        cached = found.pop("CachedMethods", ["GET", "HEAD"])
        found["AllowedMethods"] = {**_counted(found["AllowedMethods"]), "CachedMethods": _counted(cached)}
    if "FunctionAssociations" in found:
        found["FunctionAssociations"] = _counted(found["FunctionAssociations"])
    return found


def _counted(items: list[Any]) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": items}
