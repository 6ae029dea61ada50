"""The database servers that the manifest names: whether their secrets and security groups are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.aws.database import Database
from msaspec.deploy.asking import GONE
from msaspec.deploy.evidence import Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code, Diagnostic

NOT_THERE = Code(
    "MSA689",
    "An existing database server that is not as the manifest says",
    """
    The secret or the security group that `existing` names is not in the account and Region, or the group is in another
    VPC than the services. The deployment would fail.
    """,
)


class ExistingDatabases(Precondition):
    """Looks at what a deployment uses of each server, where it is new."""

    services = ("ec2", "secretsmanager")

    def look(self, needs: Needs) -> Checking:
        """Ask for each secret and each group."""
        found: list[Diagnostic] = []
        specs = ((entry.path, entry.spec) for _, entries in needs.plan.entries for entry, _ in entries)
        for path, spec in specs:
            server = spec.existing if isinstance(spec, Database) else None
            if server is None or (needs.uses(server.secret) and needs.uses(server.security_group)):
                continue
            answer = yield Ask("secretsmanager", "describe_secret", {"SecretId": server.secret})
            if answer is GONE or (answer or {}).get("DeletedDate"):
                message = f"The secret `{server.secret}` does not exist in {needs.region}."
                hint = f"List those that do: {needs.context.aws.cli('secretsmanager', 'list-secrets')}"
                found.append(NOT_THERE.at((*path, "existing", "secret"), message, hint=hint))
            words = {"Filters": [{"Name": "group-id", "Values": [server.security_group]}]}
            groups = yield Ask("ec2", "describe_security_groups", words)
            if groups is not None and (why := _unfit(needs, groups)):
                message = f"The security group `{server.security_group}` {why}."
                hint = f"List those that are: {needs.context.aws.cli('ec2', 'describe-security-groups')}"
                found.append(NOT_THERE.at((*path, "existing", "security_group"), message, hint=hint))
        return found


def _unfit(needs: Needs, groups: Mapping[str, Any]) -> str | None:
    """Return what speaks against a security group."""
    there = groups.get("SecurityGroups", ())
    if not there:
        return f"does not exist in {needs.region}"
    vpc, own = there[0]["VpcId"], needs.plan.root.network.vpc
    return f"is in the VPC `{vpc}`, and the services are in `{own}`" if own and vpc != own else None
