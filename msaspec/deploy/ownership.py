"""Whether a stack is the system's own. Whoever would change, take over or delete one asks here first.

A stack is known by what its template says of itself (`template/owner.py`). One that was only proposed has no template
yet; there its change sets tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msaspec.deploy.aws import state
from msaspec.deploy.aws.state import Deployed, Standing
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.aws.token import PREFIX
from msaspec.deploy.context import Context
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid, Severity
from msaspec.template.owner import Claim, claim
from msaspec.template.role import Named

NOT_OURS = Code(
    "MSA621",
    "A stack that is not this system's",
    """
    A stack is named after the system, with the environment behind a dash. A stack of that name already exists, and its
    template says that it belongs to another system or environment, or was not compiled by msaspec. msaspec changes and
    deletes only stacks of its own system and environment. Usually the Region, the account or the name is wrong.
    `msaspec deploy --adopt STACK` makes the stack part of this system: the update brings it to the state in the
    manifest, and removes resources that the manifest does not have. msaspec shows the change set first, and protects
    data as usual. `msaspec destroy` never deletes a stack of another owner.
    """,
)


@dataclass(frozen=True)
class Own:
    """A stack of the system's own."""

    template: Mapping[str, Any]
    """Empty where none was deployed yet, or nobody can read it."""
    adopted: bool = False
    """Whether it was another's until now, by the user's word."""


def own(
    context: Context, owner: Named, deployed: Deployed, *, adopted: Collection[str] | None = None, aws_cli: str = ""
) -> Own:
    """Return the template of a stack of one's own. Raises Invalid for a stack of another, unless `adopted` names it.

    `adopted` is None where a command cannot adopt anything. `aws_cli` is the command of CloudFormation in the AWS CLI
    that does the same to any stack.
    """
    if deployed.standing is Standing.PROPOSED:
        template: Mapping[str, Any] = {}
        claims = _proposed(context.aws, deployed)
    else:
        template = state.template_of(context.aws, deployed.id)
        # A proposed stack that is being deleted, as after a dry run, has no template that could say whose it was.
        proposed = not template and deployed.status == "DELETE_IN_PROGRESS"
        claims = [] if proposed else [claim(template)]
    found = stranger(context.aws, deployed, claims, owner)
    if found is None:
        return Own(template)
    if deployed.name not in (adopted or ()):
        hint = "Nothing was changed. Check the Region, the account, `name` and --env."
        if adopted is not None:
            hint += f" To make the stack part of this system: {context.command('deploy', '--adopt', deployed.name)}"
        if aws_cli:
            words = ("cloudformation", aws_cli, "--stack-name", deployed.name)
            hint += f" If you still want to: {context.aws.cli(*words)}"
        raise Invalid([context.placed(replace(found, hint=hint))])
    hint = f"With --adopt it becomes {owner}. Resources that are in no manifest are removed."
    context.reporter.diagnosed([context.placed(replace(found, severity=Severity.WARNING, hint=hint))])
    return Own(template, adopted=True)


def stranger(aws: Aws, deployed: Deployed, claims: Collection[Claim], owner: Named) -> Diagnostic | None:
    """Return what is wrong with taking a stack for that of an owner, by what its templates say; None where nothing
    is."""
    found = next((each for each in claims if each.contradicts(owner)), None)
    if found is None:
        return None
    whose = f"belongs to {found.owner}" if found.owner else "was not made by msaspec"
    about = f', described as "{" ".join(deployed.description.split())}"' if deployed.description else ""
    made = f", created {deployed.created:%Y-%m-%d %H:%M} UTC" if deployed.created else ""
    message = (
        f"The stack {deployed.name} in {aws.region}, account {aws.account}, {whose}: it is"
        f" {deployed.status}{made}{about}. This command is about {owner}."
    )
    return NOT_OURS.at(("name",), message, hint=None)


def _proposed(aws: Aws, deployed: Deployed) -> list[Claim]:
    """Return what the change sets say of a stack that has nothing but them: msaspec's own where there are some, else
    those of other tools. A stack without any is nobody's, and empty."""
    pages = aws.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=deployed.id)
    found = [summary for page in pages for summary in page["Summaries"]]
    made = [summary["ChangeSetId"] for summary in found if summary["ChangeSetName"].startswith(PREFIX)]
    templates = [state.template_of(aws, deployed.id, id) for id in made]
    # One that is not made yet, or was refused, may have no template.
    return [claim(each) if each else Claim(True) for each in templates] or [Claim(False) for _ in found]
