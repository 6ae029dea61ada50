"""IAM: roles, managed policies, instance profiles."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.resource import At, Made, Properties, Resource, only, resource


@resource("AWS::IAM::Role")
class Role(Resource):
    """A role with its policies."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        name = new.get("RoleName") or at.name()
        trust = json.dumps(new["AssumeRolePolicyDocument"])
        words = only(new, "Description", "Path", "PermissionsBoundary", "Tags")
        at.api("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, **words)
        self._policies(at.api("iam"), name, {}, new)
        return self._made(at, name)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes trust and policies."""
        trust = json.dumps(new["AssumeRolePolicyDocument"])
        at.api("iam").update_assume_role_policy(RoleName=id, PolicyDocument=trust)
        self._policies(at.api("iam"), id, old, new)
        if new.get("Tags"):
            at.api("iam").tag_role(RoleName=id, Tags=new["Tags"])
        return self._made(at, id)

    def _policies(self, iam: Any, name: str, old: Properties, new: Properties) -> None:
        inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in new.get("Policies", [])}
        for policy in {policy["PolicyName"] for policy in old.get("Policies", [])} - inline.keys():
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        before, after = set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", []))
        for arn in sorted(before - after):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(after - before):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def _made(self, at: At, name: str) -> Made:
        role = at.api("iam").get_role(RoleName=name)["Role"]
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Takes its policies away and removes it."""
        self._policies(at.api("iam"), id, old, {})
        at.api("iam").delete_role(RoleName=id)


@resource("AWS::IAM::ManagedPolicy")
class ManagedPolicy(Resource):
    """A policy for several roles; each change is a new version."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        name = new.get("ManagedPolicyName") or at.name(128)
        document = json.dumps(new["PolicyDocument"])
        made = at.api("iam").create_policy(
            PolicyName=name, PolicyDocument=document, **only(new, "Description", "Path")
        )["Policy"]
        return Made(made["Arn"], {"PolicyArn": made["Arn"], "PolicyId": made["PolicyId"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Makes another version the one in force, and removes the one before."""
        iam = at.api("iam")
        former = iam.get_policy(PolicyArn=id)["Policy"]["DefaultVersionId"]
        iam.create_policy_version(PolicyArn=id, PolicyDocument=json.dumps(new["PolicyDocument"]), SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=id, VersionId=former)
        return Made(id, {"PolicyArn": id, "PolicyId": iam.get_policy(PolicyArn=id)["Policy"]["PolicyId"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("iam").delete_policy(PolicyArn=id)


@resource("AWS::IAM::InstanceProfile")
class InstanceProfile(Resource):
    """The role of a host."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        name = new.get("InstanceProfileName") or at.name(128)
        made = at.api("iam").create_instance_profile(InstanceProfileName=name, **only(new, "Path"))
        return self._roles(at, name, {}, new, made["InstanceProfile"]["Arn"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes the role."""
        arn = at.api("iam").get_instance_profile(InstanceProfileName=id)["InstanceProfile"]["Arn"]
        return self._roles(at, id, old, new, arn)

    def _roles(self, at: At, name: str, old: Properties, new: Properties, arn: str) -> Made:
        before, after = old.get("Roles", []), new.get("Roles", [])
        for role in before:
            if role not in after:
                at.api("iam").remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
        for role in after:
            if role not in before:
                at.api("iam").add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return Made(name, {"Arn": arn})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Takes the role out and removes it."""
        self._roles(at, id, old, {}, "")
        at.api("iam").delete_instance_profile(InstanceProfileName=id)
