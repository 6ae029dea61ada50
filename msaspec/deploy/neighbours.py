"""The stacks of one system that need each other: those that environments share, and the environments themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.context import Context
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.template import names
from msaspec.template.owner import claim
from msaspec.template.role import MAIN, Named

PULLED = Code(
    "MSA632",
    "Services still pull from the repositories",
    """
    All environments of a system share the stack of the image repositories. Without the repositories, instances and
    tasks cannot pull their images, so nothing can be replaced, scaled or restarted. Repositories that stay in the
    account can still be pulled from, but belong to no stack. Destroy the environments first.
    """,
    Severity.WARNING,
)


def pulling(context: Context, system: str) -> list[Diagnostic]:
    """Warn if environments still pull images from the stack that is to be deleted; by the names of stacks and their
    parameters. Nothing where AWS does not list them."""
    pages = []
    with fault.tolerated():
        pages = list(context.aws.client("cloudformation").get_paginator("describe_stacks").paginate())
    gone = (Standing.ABSENT, Standing.PROPOSED)
    named = sorted(
        each["StackName"]
        for page in pages
        for each in page["Stacks"]
        if (each["StackName"] == system or each["StackName"].startswith(f"{system}-"))
        and state.standing(each["StackStatus"]) not in gone
        and any(parameter["ParameterKey"].endswith(names.IMAGE_TAG) for parameter in each.get("Parameters", []))
    )
    found = {name: owner for name in named if (owner := _environment(context.aws, system, name))}
    if not found:
        return []
    message = f"Services still pull their images from these repositories: those of {', '.join(found)}."
    own = context.about(MAIN).invocation
    theirs = [replace(own, environment=each.environment) for each in found.values()]
    hint = f"Destroy those first: {', '.join(each.command('destroy') for each in theirs)}"
    return [PULLED.at((), message, hint=hint)]


def _environment(aws: Aws, system: str, stack: str) -> Named | None:
    """Whose a stack is whose name begins as those of a system do; None for the stack of another. One that AWS does not
    show, or an older one that does not say it, is taken for what its name says."""
    from botocore.exceptions import ClientError

    by_name = Named(MAIN, system, stack[len(system) + 1 :] or None)
    try:
        said = claim(state.template_of(aws, stack))
    except ClientError:
        return by_name
    return None if said.contradicts(by_name) else by_name


def left(context: Context, stacks: Iterable[Named]) -> list[str]:
    """Say which stacks that environments share stay in the account, and the command that deletes each."""
    found = []
    for named in stacks:
        deployed = state.describe(context.aws, named.name) if named.role.shared else None
        if deployed is None or deployed.standing in (Standing.ABSENT, Standing.PROPOSED):
            continue
        if claim(state.template_of(context.aws, deployed.id)).contradicts(named):
            continue
        command = context.about(named.role).command("destroy")
        what = f"the stack {named.name} with {named.role.contents}, which is one for all environments"
        found.append(f"{what}. Delete it: {command}")
    return found
