"""The stacks of one system that need each other: the image repositories, and the environments that pull from them."""

from __future__ import annotations

from dataclasses import replace

from msaspec import names
from msaspec.deploy import state
from msaspec.deploy.here import Here
from msaspec.deploy.state import Standing
from msaspec.deploy.target import Aws
from msaspec.diagnostic import Code, Diagnostic, Severity

PULLED = Code(
    "MSA632",
    "Services still pull from the repositories",
    """
    The stack of the image repositories is one for all environments of a system. Where the repositories go, no instance
    and no task can pull its image any more: nothing is replaced, scaled or started again. Those that stay in the
    account go on to be pulled from, but belong to no stack. Destroy the environments first.
    """,
    Severity.WARNING,
)


def pulling(aws: Aws, system: str, here: Here) -> list[Diagnostic]:
    """A warning where environments of a system stand, of whose repositories the stack is to go; by the names of stacks
    and their parameters. Nothing where AWS does not list them."""
    from botocore.exceptions import ClientError

    try:
        pages = list(aws.client("cloudformation").get_paginator("describe_stacks").paginate())
    except ClientError:
        return []
    gone = (Standing.ABSENT, Standing.PROPOSED)
    found = sorted(
        each["StackName"]
        for page in pages
        for each in page["Stacks"]
        if (each["StackName"] == system or each["StackName"].startswith(f"{system}-"))
        and state.standing(each["StackStatus"]) not in gone
        and any(parameter["ParameterKey"].endswith(names.IMAGE_TAG) for parameter in each.get("Parameters", []))
    )
    if not found:
        return []
    message = f"Services still pull their images from these repositories: those of {', '.join(found)}."
    theirs = [replace(here, registry=False, environment=name[len(system) + 1 :] or None) for name in found]
    hint = f"Destroy those first: {', '.join(each.command('destroy') for each in theirs)}"
    return [PULLED.at((), message, hint=hint)]


def registry_left(aws: Aws, system: str, here: Here) -> str | None:
    """That the stack of the image repositories stays, and the command that deletes it; None where there is none."""
    name = names.registry_stack(system)
    deployed = state.describe(aws, name)
    if deployed is None or deployed.standing in (Standing.ABSENT, Standing.PROPOSED):
        return None
    command = replace(here, registry=True).command("destroy")
    return f"the stack {name} with the images, which is one for all environments. Delete it: {command}"
