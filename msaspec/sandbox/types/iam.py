"""IAM: roles, users, policies, instance profiles."""

from __future__ import annotations

import json
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Refused, Resource, only, resource

NO_PRINCIPAL = "At least one of [Groups,Roles,Users] must be non-empty."


@resource("AWS::IAM::Role")
class Role(Resource):
    """A role with its policies."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("RoleName") or at.name()
        trust = json.dumps(new["AssumeRolePolicyDocument"])
        words = only(new, "Description", "Path", "PermissionsBoundary", "Tags")
        made = at.api("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust, **words)
        self._policies(at.api("iam"), name, {}, new)
        return self._made(name, made["Role"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change trust and policies."""
        trust = json.dumps(new["AssumeRolePolicyDocument"])
        at.api("iam").update_assume_role_policy(RoleName=id, PolicyDocument=trust)
        self._policies(at.api("iam"), id, old, new)
        if new.get("Tags"):
            at.api("iam").tag_role(RoleName=id, Tags=new["Tags"])
        return self._made(id, at.api("iam").get_role(RoleName=id)["Role"])

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

    def _made(self, name: str, role: dict[str, Any]) -> Made:
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take away those of its policies that it still has, and remove it. A policy that a person attached stays, and
        IAM refuses to delete the role."""
        iam = at.api("iam")
        own = {policy["PolicyName"] for policy in old.get("Policies", [])}
        for policy in own & set(iam.list_role_policies(RoleName=id)["PolicyNames"]):
            iam.delete_role_policy(RoleName=id, PolicyName=policy)
        attached = {each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=id)["AttachedPolicies"]}
        for arn in attached & set(old.get("ManagedPolicyArns", [])):
            iam.detach_role_policy(RoleName=id, PolicyArn=arn)
        iam.delete_role(RoleName=id)


@resource("AWS::IAM::ManagedPolicy")
class ManagedPolicy(Resource):
    """A policy for several roles; each change is a new version."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("ManagedPolicyName") or at.name(128)
        document = json.dumps(new["PolicyDocument"])
        made = at.api("iam").create_policy(
            PolicyName=name, PolicyDocument=document, **only(new, "Description", "Path")
        )["Policy"]
        return Made(made["Arn"], {"PolicyArn": made["Arn"], "PolicyId": made["PolicyId"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Make another version the one in force, and remove the one before."""
        iam = at.api("iam")
        former = iam.get_policy(PolicyArn=id)["Policy"]["DefaultVersionId"]
        iam.create_policy_version(PolicyArn=id, PolicyDocument=json.dumps(new["PolicyDocument"]), SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=id, VersionId=former)
        return Made(id, {"PolicyArn": id, "PolicyId": iam.get_policy(PolicyArn=id)["Policy"]["PolicyId"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("iam").delete_policy(PolicyArn=id)


@resource("AWS::IAM::InstanceProfile")
class InstanceProfile(Resource):
    """The role of a host."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("InstanceProfileName") or at.name(128)
        made = at.api("iam").create_instance_profile(InstanceProfileName=name, **only(new, "Path"))
        return self._roles(at, name, {}, new, made["InstanceProfile"]["Arn"])

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the role."""
        found = at.api("iam").get_instance_profile(InstanceProfileName=id)["InstanceProfile"]
        there = [role["RoleName"] for role in found["Roles"]]  # the one that was in it may have been deleted
        return self._roles(at, id, {"Roles": there}, new, found["Arn"])

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
        """Take out whatever role is in it, and remove it."""
        iam = at.api("iam")
        for role in iam.get_instance_profile(InstanceProfileName=id)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=id, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=id)


@resource("AWS::IAM::Policy")
class Policy(Resource):
    """An inline policy of roles, users and groups."""

    def create(self, at: At, new: Properties) -> Made:
        """Put it into each of them."""
        id = at.name(64)
        try:
            return self.update(at, id, {}, new)
        except Refused as fault:
            fault.made = Made(id, {})
            raise

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Put it into those that are named, and take it out of others."""
        iam, document = at.api("iam"), json.dumps(new["PolicyDocument"])
        if not _holders(new):
            raise Refused(NO_PRINCIPAL)
        for kind, name in _holders(new):
            put = getattr(iam, f"put_{kind}_policy")
            put(PolicyName=new["PolicyName"], PolicyDocument=document, **{f"{kind.capitalize()}Name": name})
        for kind, name in set(_holders(old)) - set(_holders(new)):
            self._take(iam, kind, name, old["PolicyName"])
        return Made(id, {"Id": id})

    def _take(self, iam: Any, kind: str, name: str, policy: str) -> None:
        getattr(iam, f"delete_{kind}_policy")(PolicyName=policy, **{f"{kind.capitalize()}Name": name})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take it out of each of them. One that was in none cannot be removed, as it could not be made."""
        if not _holders(old):
            raise Refused(NO_PRINCIPAL)
        for kind, name in _holders(old):
            self._take(at.api("iam"), kind, name, old["PolicyName"])


def _holders(properties: Properties) -> list[tuple[str, str]]:
    """Return what a policy is attached to: kind and name."""
    kinds = ("role", "Roles"), ("user", "Users"), ("group", "Groups")
    return [(kind, name) for kind, key in kinds for name in properties.get(key, [])]


@resource("AWS::IAM::User")
class User(Resource):
    """A user with its policies."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("UserName") or at.name()
        at.api("iam").create_user(UserName=name, **only(new, "Path", "PermissionsBoundary", "Tags"))
        return self.update(at, name, {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its policies."""
        iam = at.api("iam")
        inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in new.get("Policies", [])}
        for policy in {policy["PolicyName"] for policy in old.get("Policies", [])} - inline.keys():
            iam.delete_user_policy(UserName=id, PolicyName=policy)
        for policy, document in inline.items():
            iam.put_user_policy(UserName=id, PolicyName=policy, PolicyDocument=json.dumps(document))
        before, after = set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", []))
        for arn in sorted(before - after):
            iam.detach_user_policy(UserName=id, PolicyArn=arn)
        for arn in sorted(after - before):
            iam.attach_user_policy(UserName=id, PolicyArn=arn)
        return Made(id, {"Arn": iam.get_user(UserName=id)["User"]["Arn"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take its policies away and remove it."""
        self.update(at, id, old, {})
        at.api("iam").delete_user(UserName=id)
