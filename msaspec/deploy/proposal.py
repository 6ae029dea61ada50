"""What an update would do: the change set, made, read, shown and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from msaspec.checks.of_the_template import limits
from msaspec.deploy import changeset, gate, kept, obstacles, policy, repair, resumption, validation
from msaspec.deploy.aws import artifacts, fault, nested, refusals
from msaspec.deploy.aws.artifacts import Sent
from msaspec.deploy.changeset import ChangeSet
from msaspec.deploy.context import Context
from msaspec.deploy.flattening import flat, foreseen, still
from msaspec.deploy.obstacles import Looked
from msaspec.deploy.options import DeployContext
from msaspec.diagnostics.diagnostic import Invalid, Severity, errors, ordered
from msaspec.diagnostics.place import Path
from msaspec.messages.deploying import Nested, NotAsked, Uploaded
from msaspec.template import nesting
from msaspec.template.render import to_yaml
from msaspec.update import changes, hazards, objections, tagging


@dataclass(frozen=True)
class Judged:
    """Changes that were shown, with what the user let go of them."""

    changes: tuple[changes.Change, ...]
    released: frozenset[str]
    """Logical ids of what may be lost."""
    used: frozenset[str]
    """Words of `--allow-replace` that let something go."""


@dataclass(frozen=True)
class Proposal:
    """A change set that can be executed, and what it does."""

    looked: Looked
    change_set: ChangeSet
    judged: Judged
    uploaded: bool
    """Whether the template was put into a bucket."""


@dataclass(frozen=True)
class Unchanged:
    """Nothing is to change in the stack."""

    looked: Looked


def foresee(context: DeployContext, looked: Looked, values: Mapping[str, str]) -> Judged | None:
    """Show and judge what the templates tell, where CloudFormation could only be asked through a bucket that does not
    exist yet; None where it can be asked. Raises Invalid with what would be lost."""
    nested = bool(looked.homes)
    if not artifacts.needs_bucket(context.aws, "" if nested else to_yaml(looked.stack), nested=nested):
        return None
    judged = _judged(context, looked, values, _compared(looked, values))
    context.reporter.say(NotAsked(looked.stack.name, artifacts.LONGEST, artifacts.bucket_of(context.aws)))
    return judged


def propose(context: DeployContext, looked: Looked, system: str, values: Mapping[str, str]) -> Proposal | Unchanged:
    """Make the change set, show and judge it. `values` are those of the parameters.

    Raises Invalid with what would be lost, and Fault where CloudFormation refuses.
    """
    stack = looked.stack
    sent = _sent(context, looked, system)
    repairs = context.options.repair and not looked.first
    request = changeset.Request(
        stack.name,
        looked.first,
        sent.words,
        values,
        stack.tags,
        policy.capabilities(stack.template),
        context.options.role_arn,
        # fact: import-together
        # Nor is it documented whether an import goes together with a repair.
        imports=(stack.role.imports or bool(context.options.imports)) and not repairs,
        repairs=repairs,
    )
    change_set = obstacles.raced(context, stack.name, lambda: changeset.create(context.aws, request))
    if change_set.unchanged:
        withdraw(context, looked, change_set)
        if looked.resumes:
            raise _nothing_to_resume(context, looked)
        return Unchanged(looked)
    try:
        _validate(context, looked, change_set)
        if nested_in(looked):
            compared = _compared(looked, values)
            rows = flat(change_set.rows, looked.template, {change.logical_id for change in compared})
            if not compared and all(nesting.is_home(each["LogicalResourceId"], each["ResourceType"]) for each in rows):
                withdraw(context, looked, change_set)
                return Unchanged(looked)
            unseen = foreseen(compared, looked.homes) if request.imports else ()
            change_set = replace(change_set, rows=(*rows, *unseen), still=still(change_set.rows, rows))
        if looked.resumes:
            change_set = replace(change_set, rows=resumption.as_added(change_set.rows, looked.remains))
        again = repair.deleted(change_set.rows)
        change_set = replace(change_set, rows=repair.as_added(change_set.rows))
        entries = {row["LogicalResourceId"]: looked.entry_of(row["LogicalResourceId"]) for row in change_set.rows}
        found = changeset.reconciled(change_set, _compared(looked, values), *looked.sides(values), entries)
        found = changeset.valued(context.aws, change_set, found)
        judged = _judged(context, looked, values, found)
        # The stack policy may take what is made again for a replacement.
        judged = replace(judged, released=judged.released | again)
        context.reporter.diagnosed([*map(context.placed, repair.told(found, again))])
        if looked.resumes:
            _refuse_replacements(context, looked, found)
        if not stack.role.imports:
            if refused := list(kept.unasked(found, context.options.imports)):
                raise Invalid(map(context.placed, refused))
            stayed = [*map(context.placed, kept.found(context.aws, stack.name, found))]
            context.reporter.diagnosed([each for each in stayed if each.severity is not Severity.ERROR])
            if in_the_way := errors(stayed):
                raise Invalid(in_the_way)
        return Proposal(looked, change_set, judged, uploaded=bool(sent.place))
    except BaseException:
        with fault.tolerated():  # What went wrong first is what the user has to hear of.
            withdraw(context, looked, change_set)
        raise


def nested_in(looked: Looked) -> bool:
    """Whether a stack has, or gets, nested stacks of ours."""
    return bool(looked.homes or nesting.homes_of(looked.template))


def _sent(context: DeployContext, looked: Looked, system: str) -> Sent:
    """Upload what is too long to be sent, and say so. Raises Invalid where it does not fit into stacks."""
    stack = looked.stack
    homes = looked.homes
    if not homes:
        sent = artifacts.send(context.aws, system, to_yaml(stack))
    else:
        pieces = looked.layout.pieces
        if refused := list(limits.too_large(stack, pieces, deployed=not looked.first)):
            raise Invalid(map(context.placed, refused))
        texts = {home: to_yaml(replace(stack, template=each)) for home, each in pieces.nested.items()}
        for home, text in texts.items():
            nested.note(text, pieces.nested[home])
        urls = {home: artifacts.url_of(context.aws, system, text) for home, text in texts.items()}
        root = pieces.at(urls.__getitem__).root
        sent = artifacts.send(context.aws, system, to_yaml(replace(stack, template=root)), texts.values())
        context.reporter.say(Nested(stack.name, len(stack.template["Resources"]), len(texts), sent.uploaded))
    if sent.place:
        context.reporter.say(Uploaded(artifacts.LONGEST, sent.place, made=sent.made))
    return sent


def _refuse_replacements(context: DeployContext, looked: Looked, found: tuple[changes.Change, ...]) -> None:
    """Raise Fault where a creation that was kept would go on with a replacement."""
    hint = f"Undo that change, or start over: {context.command('deploy', '--rollback')}"
    if refused := list(resumption.refused(found, looked.remains, hint)):
        raise fault.Fault(*map(context.placed, refused))


def _nothing_to_resume(context: DeployContext, looked: Looked) -> fault.Fault:
    """Return the fault of a creation that CloudFormation does not go on with, although it is not complete."""
    message = f"The creation of the stack {looked.stack.name} failed, and CloudFormation has nothing to continue with."
    hint = f"Start over: {context.command('deploy', '--rollback')}"
    return fault.new(obstacles.CREATE_FAILED, message, hint)


def withdraw(context: Context, looked: Looked, change_set: ChangeSet) -> None:
    """Remove a change set that is not executed, with the empty stack that exists only for it."""
    changeset.remove(context.aws, change_set, with_stack=looked.deployed is None)


def foretell(context: Context, looked: Looked) -> None:
    """Say that termination protection is to go, which no change set shows."""
    if looked.deployed and looked.deployed.protected and not looked.stack.protected:
        context.reporter.diagnosed([context.placed(objections.unprotected(looked.stack.name))])


def _validate(context: DeployContext, looked: Looked, change_set: ChangeSet) -> None:
    """Report what CloudFormation's checks found. Raises Fault where it refuses the change set."""
    found = validation.findings(context, change_set.id, looked.stack)
    if change_set.status == "FAILED":
        reason = " ".join((change_set.reason or "It gives no reason.").split())
        message = f"CloudFormation refuses the change set of the stack {looked.stack.name}: {reason}"
        hint = refusals.hint(reason)
        if not errors(found):
            hint = hint or "Correct the cause, and run the command again."
        raise fault.Fault(changeset.FAILED.at((), message, hint=hint), *found)
    context.reporter.diagnosed(found)


def _compared(looked: Looked, values: Mapping[str, str]) -> tuple[changes.Change, ...]:
    tags = tagging.changes(looked.deployed.tags, looked.stack.tags) if looked.deployed and not looked.first else ()
    return (*changes.between(*looked.sides(values), origins=looked.stack.origins), *tags)


def _judged(
    context: DeployContext, looked: Looked, values: Mapping[str, str], found: tuple[changes.Change, ...]
) -> Judged:
    """Change, shown and judged. Raises Invalid with what would be lost."""
    document, allowed = context.document, context.options.allowed

    def place(entry: Path) -> str:
        """Where an entry stands in the manifest; for what is written nowhere, the nearest that is."""
        span = document.span(entry, key=True)
        return f"{span.file}:{span.line}"

    context.reporter.proposed(looked.stack.name, found, place)
    judged = gate.judge(found, allowed, document.place_entry)
    context.reporter.diagnosed(judged.released)
    sides = looked.sides(values)
    risks = [*hazards.found(*sides, found)]
    if looked.deployed and not looked.first:
        risks += tagging.found(looked.deployed.tags, looked.stack.tags, *sides)
    context.reporter.diagnosed([*map(document.place_entry, risks)])
    if judged.refused:
        raise Invalid(ordered(judged.refused))
    return Judged(found, judged.ids, allowed - set(judged.unused))
