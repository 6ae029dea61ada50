"""KMS: keys and their aliases."""

from __future__ import annotations

import json

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, only, resource, truth


@resource("AWS::KMS::Key")
class Key(Resource):
    """A key."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in new.get("Tags", [])]
        words = only(new, "Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
        policy = {"Policy": json.dumps(new["KeyPolicy"])} if "KeyPolicy" in new else {}
        made = at.api("kms").create_key(**words, **policy, Tags=tags)["KeyMetadata"]
        return self.update(at, made["KeyId"], {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change description, policy, rotation, and whether it can be used."""
        api = at.api("kms")
        api.update_key_description(KeyId=id, Description=new.get("Description", ""))
        if old and "KeyPolicy" in new:
            api.put_key_policy(KeyId=id, PolicyName="default", Policy=json.dumps(new["KeyPolicy"]))
        (api.enable_key if truth(new.get("Enabled", True)) else api.disable_key)(KeyId=id)
        if truth(new.get("EnableKeyRotation", False)):
            api.enable_key_rotation(KeyId=id)
        there = api.describe_key(KeyId=id)["KeyMetadata"]
        return Made(id, {"Arn": there["Arn"], "KeyId": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Have it deleted in some days, in which it can be saved."""
        at.api("kms").schedule_key_deletion(KeyId=id, PendingWindowInDays=int(old.get("PendingWindowInDays", 30)))


@resource("AWS::KMS::Alias")
class Alias(Resource):
    """Another name of a key."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        at.api("kms").create_alias(AliasName=new["AliasName"], TargetKeyId=new["TargetKeyId"])
        return Made(new["AliasName"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Have it name another key."""
        at.api("kms").update_alias(AliasName=id, TargetKeyId=new["TargetKeyId"])
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("kms").delete_alias(AliasName=id)
