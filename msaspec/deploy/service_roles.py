"""The service-linked roles that a new account lacks, made before something needs them.

A service makes its own when it is first used. ECS then fails, because it uses the role at once, before IAM knows it
everywhere; others fail where whoever deploys may not make roles. In the template they cannot be: creating one that
exists fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.compile import aws_types
from msaspec.deploy.aws import fault
from msaspec.deploy.context import Context
from msaspec.deploy.obstacles import Looked
from msaspec.diagnostics.printable import sentence
from msaspec.language.aws_type import ServiceRole
from msaspec.messages.deploying import RoleLacking, RoleMade, RoleRefused

PATH = "/aws-service-role/"


def make(context: Context, looked: Looked) -> None:
    """Make the roles that what is new in a stack needs and the account lacks. Costs one request where none is lacking,
    and none where nothing is new. Whoever may not make one is told the command for somebody who may."""
    made = False
    for role in missing(context, looked):
        refusal = _created(context, role)
        made = made or refusal is None
        if refusal is None:
            context.reporter.say(RoleMade(role.name))
        else:
            command = context.aws.cli("iam", "create-service-linked-role", "--aws-service-name", role.service)
            context.reporter.say(RoleRefused(role.name, refusal, command))
    if made:
        # fact: service-linked-roles. IAM needs some seconds until the service can assume it.
        context.aws.pace.sleep(2 * context.aws.pace.most)


def report(context: Context, looked: Looked) -> None:
    """Say which roles a deployment would make."""
    for role in missing(context, looked):
        context.reporter.say(RoleLacking(role.name))


def missing(context: Context, looked: Looked) -> tuple[ServiceRole, ...]:
    """Return the roles that what is new in a stack needs and the account lacks; none where nobody may ask."""
    needed = _needed(looked.stack.template) - _needed(looked.template)
    there: set[str] | None = None
    if needed:
        with fault.tolerated():
            pages = context.aws.client("iam").get_paginator("list_roles").paginate(PathPrefix=PATH)
            there = {role["RoleName"] for page in pages for role in page["Roles"]}
    if there is None:
        return ()
    return tuple(role for role in sorted(needed, key=lambda role: role.name) if role.name not in there)


def _needed(template: Mapping[str, Any]) -> set[ServiceRole]:
    kinds = {resource.get("Type", "") for resource in template.get("Resources", {}).values()}
    return {role for kind in kinds if (role := aws_types.of(kind).service_role)}


def _created(context: Context, role: ServiceRole) -> str | None:
    """Make a role; returns what AWS says against it, None where it is there."""
    from botocore.exceptions import ClientError

    try:
        context.aws.client("iam").create_service_linked_role(AWSServiceName=role.service)
    except ClientError as error:
        # Somebody else made it meanwhile, or the answer to a first request was lost.
        if fault.code_of(error) == "InvalidInput" and "has been taken" in fault.message_of(error):
            return None
        if fault.is_passing(error):
            raise
        return sentence(fault.message_of(error))
    return None
