"""A stack taken away: first said what goes and what stays, then asked, then done, then said what is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from msaspec.deploy import deletion, erasure, failure, inventory, latecomers, safeguards, systems
from msaspec.deploy.attendance import watch
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.events import Event, Feed
from msaspec.deploy.aws.state import Deployed, Resource, Standing
from msaspec.deploy.context import Context
from msaspec.deploy.inventory import Item
from msaspec.deploy.obstacles import BUSY
from msaspec.deploy.operation import Unwatched
from msaspec.deploy.overview import NO_STACK, entries
from msaspec.deploy.ownership import own
from msaspec.deploy.progress import Progress
from msaspec.deploy.remains import Gone, again, erase, report_left
from msaspec.deploy.reporter import Declined
from msaspec.deploy.stock import DestroyContext, Stock, announce, judge, retain, take_stock
from msaspec.deploy.watch import Outcome, follow
from msaspec.language.aws_type import Deletion
from msaspec.messages import destroying as said
from msaspec.messages.deploying import Unprotected
from msaspec.messages.message import Message

CREATING, DELETING = "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"
LEFT = ("DELETE_FAILED", "DELETE_SKIPPED")
"""What a deletion by force says of a resource that it left in the account."""


@dataclass(frozen=True)
class Agreed:
    """A deletion to which the user said yes."""

    stock: Stock
    deployed: Deployed


def destroy(context: DestroyContext) -> None:
    """Delete the stack, and the data that was given up.

    Raises Invalid for a stack of another, and where data would be lost that the user did not name; Fault where AWS
    refuses or something will not go; Declined when the user says no.
    """
    deployed = state.describe(context.aws, context.stack)
    if deployed is None:
        gone = _rest(context)
    else:
        template = own(context, context.named, deployed).template
        if deployed.status == DELETING:
            gone = _join(context, deployed, template)
        else:
            gone = delete(context, confirm(context, _judged(context, deployed, template), deployed))
    with _unfinished(context):
        if deployed:
            context.reporter.say(said.StackDeleted(context.stack))
        open_ends = erase(context, gone)
        if deployed:
            open_ends += report_left(context, gone)
    if open_ends:
        raise fault.Fault(*open_ends)


def _judged(context: DestroyContext, deployed: Deployed, template: Mapping[str, Any]) -> Stock:
    """Return what goes and what stays, shown. Raises Fault where it cannot be deleted now, Invalid where data would be
    lost that the user did not name."""
    if deployed.standing is Standing.BUSY and deployed.status != CREATING:
        message = f"The stack {context.stack} is {deployed.status}: another operation is in progress."
        raise fault.new(BUSY, message, f"Watch it: {context.command('status', '--follow')}")
    systems.refuse_deletion(context, deployed, template)
    stock = retain(context, take_stock(context, deployed.id, template))
    judge(context, stock)
    if stock.going:
        context.reporter.proposed(context.stack, inventory.as_changes(stock.going))
    stock = announce(context, stock)
    if deployed.status == CREATING:
        context.reporter.say(said.CreationStopped(context.stack))
    return stock


def confirm(context: DestroyContext, stock: Stock, deployed: Deployed) -> Agreed:
    """Ask, unless the user said yes beforehand. Raises Declined."""
    _ask(context, said.MayDelete(context.stack, context.aws.region, context.aws.account))
    return Agreed(stock, deployed)


def _ask(context: DestroyContext, question: Message) -> None:
    if not context.options.yes and not context.reporter.asks(question):
        raise Declined


def delete(context: DestroyContext, agreed: Agreed) -> Gone:
    """Delete the stack, with as many attempts as that may take. Raises Fault where something will not go."""
    stock, deployed = agreed.stock, agreed.deployed
    creating = deployed.status == CREATING
    with _unfinished(context), safeguards.restored_on_failure(context, deployed, stock.template):
        _lift(context, stock, deployed)
        latecomers.remove_all(context, context.stack, stock.template, {item.resource.id or "" for item in stock.items})
        outcomes = [_deleted(context, stock, _still_there(context, stock))]
        if outcomes[-1].status == "DELETE_FAILED" and creating:
            # What was still being made when the protections were lifted has its own now.
            stock = _anew(context, stock)
            _lift(context, stock, deployed)
            outcomes.append(_deleted(context, stock))
        if outcomes[-1].status == "DELETE_FAILED":
            stock, more = _without_what_is_left(context, stock)
            outcomes += more
        if outcomes[-1].status != "DELETE_COMPLETE":
            raise _failed(context, stock, outcomes[-1])
    if creating:
        stock = _anew(context, stock)  # What came to be meanwhile may stay too.
    return Gone(stock, next(filter(None, (_began(outcome.events) for outcome in outcomes)), None))


def _anew(context: DestroyContext, stock: Stock) -> Stock:
    """Take stock once more."""
    return replace(take_stock(context, stock.stack_id, stock.template), announced=stock.announced)


def _still_there(context: Context, stock: Stock) -> list[str]:
    """Return the logical ids of what is retained by the user's word, and was not left before."""
    left = ("DELETE_COMPLETE", "DELETE_SKIPPED")
    wanted = {item.resource.logical_id for item in stock.retained}
    if not wanted:
        return []
    return [
        each.logical_id
        for each in state.resources(context.aws, stock.stack_id)
        if each.logical_id in wanted and each.status not in left
    ]


def _without_what_is_left(context: DestroyContext, stock: Stock) -> tuple[Stock, list[Outcome]]:
    """Delete a half deleted stack once more without what may be left: buckets and repositories that are not empty, and
    by force whatever would not go. Where something else is in the way, nothing is done."""
    failed = {r.logical_id for r in state.resources(context.aws, stock.stack_id) if r.status == "DELETE_FAILED"}
    full = [i for i in stock.items if i.resource.logical_id in failed and i.type.only_empty]
    force = context.options.force and len(full) < len(failed)
    if not failed or (len(full) < len(failed) and not force):
        return stock, []
    kept = [item for item in full if item not in stock.given_up]
    for item in full:
        if item in stock.given_up:
            # Only now, when the rest of the stack is gone: of a stack that stays, nothing is lost.
            erasure.empty(context.aws, item)
        else:
            context.reporter.say(said.NotEmpty(str(item)))
    if not force:
        ids = [item.resource.logical_id for item in kept]
        return stock, [_deleted(context, stock, [*ids, *_still_there(context, stock)])]
    context.reporter.say(said.Forced(tuple(sorted(failed - {item.resource.logical_id for item in full}))))
    outcome = _deleted(context, stock, force=True)
    there = {each.logical_id: each for each in state.resources(context.aws, stock.stack_id)}
    items = tuple(_left(item, there.get(item.resource.logical_id)) for item in stock.items)
    return replace(stock, items=items), [outcome]


def _left(item: Item, resource: Resource | None) -> Item:
    """Return an item after a deletion by force, which may have left it."""
    return replace(item, policy="Retain") if resource and resource.status in LEFT else item


def _lift(context: Context, stock: Stock, deployed: Deployed) -> None:
    """Turn off the protections, that of the stack first."""
    if deployed.protected:
        context.aws.client("cloudformation").update_termination_protection(
            StackName=deployed.id, EnableTerminationProtection=False
        )
    for item in stock.items:
        if erasure.unprotect(context.aws, item):
            context.reporter.say(Unprotected(str(item), removed=False))


def _deleted(context: DestroyContext, stock: Stock, retained: Sequence[str] = (), *, force: bool = False) -> Outcome:
    expected = {item.resource.logical_id: item.entry for item in stock.items}
    progress = Progress(context.stack, entries(stock.template), expected)
    # A creation may come to its end just before it is stopped.
    operation = deletion.begin(
        context, context.stack, stock.stack_id, retained=retained, force=force, role_arn=context.options.role_arn
    )
    return follow(context, operation, progress, ended=_is_deleted)


def _failed(context: DestroyContext, stock: Stock, outcome: Outcome) -> fault.Fault:
    """Return the first cause, and everything that is left, with the ways to go on."""
    found = failure.explained(context, entries(stock.template), context.stack, stock.stack_id, outcome)
    gone = ("DELETE_COMPLETE", "DELETE_SKIPPED")
    left = [each for each in state.resources(context.aws, stock.stack_id) if each.status not in gone]
    lines = [f"Left: {each.logical_id} ({each.type} {each.id or ''}) {each.status}" for each in left]
    first, *others = found.diagnostics
    stuck = [each.logical_id for each in left if each.status == "DELETE_FAILED"]
    if stuck and outcome.status == "DELETE_FAILED":
        words = chain(*(("--retain", name) for name in stuck))
        leaving = f"Or leave what will not go in the account, in no stack: {again(context, *words)}"
        first = replace(first, hint=f"Remove the cause, then run again: {again(context)}. {leaving}")
    return fault.Fault(first, *others, details=[*found.details, *lines])


def _join(context: DestroyContext, deployed: Deployed, template: Mapping[str, Any]) -> Gone:
    """Where the stack is being deleted already, that is watched, and what was given up of it removed then."""
    stock = take_stock(context, deployed.id, template)
    context.reporter.say(said.AlreadyDeleting(context.stack))
    if what := [f"the {each}" for each in (*stock.given_up, *stock.keys_given_up)]:
        _confirm_rest(context, what)
    with _unfinished(context):
        outcome = watch(context, deployed)
    if outcome.status != "DELETE_COMPLETE":
        raise _failed(context, stock, outcome)
    return Gone(stock, _began(outcome.events))


@contextmanager
def _unfinished(context: DestroyContext) -> Iterator[None]:
    """Says how to go on when the user stops watching: CloudFormation removes no data that was given up."""
    try:
        yield
    except (Unwatched, KeyboardInterrupt):
        if context.options.data:
            context.reporter.say(said.DataStillThere(again(context)))
        raise


def _rest(context: DestroyContext) -> Gone:
    """Where the stack is gone, what was given up of it may still be there: a run was interrupted."""
    stack_id = _last_deleted(context) if context.options.data else None
    deleted = state.describe(context.aws, stack_id) if stack_id else None
    if deleted is None:
        message = f"There is no stack {context.stack} in {context.aws.region} of the account {context.aws.account}."
        raise fault.new(NO_STACK, message, "Check the Region, the account and --env.")
    stock = take_stock(context, deleted.id, own(context, context.named, deleted).template)
    context.reporter.say(said.AlreadyDeleted(context.stack))
    gone = Gone(stock, _began(Feed.of_the_last_operation(context.aws, deleted.id)[1]))
    made = Deletion(context.stack, gone.began)
    remains = [what for item in stock.given_up for what in erasure.remains(context.aws, item, made)]
    _confirm_rest(context, [*remains, *(f"the {key}" for key in stock.keys_given_up)])
    return gone


def _confirm_rest(context: DestroyContext, remains: Sequence[str]) -> None:
    """Ask, with everything that will be removed by its name. Raises Declined."""
    for what in remains:
        context.reporter.say(said.ForGood(what))
    if not remains:
        context.reporter.say(said.NothingLeft())
    _ask(context, said.MayDeleteRest(context.stack, context.aws.region, context.aws.account))


def _last_deleted(context: DestroyContext) -> str | None:
    """Return the id of the stack of this name that was deleted last; CloudFormation remembers 90 days."""
    pages = (
        context.aws.client("cloudformation")
        .get_paginator("list_stacks")
        .paginate(StackStatusFilter=["DELETE_COMPLETE"])
    )
    found = [s for page in pages for s in page["StackSummaries"] if s["StackName"] == context.stack]
    return max(found, key=lambda each: each["DeletionTime"])["StackId"] if found else None


def _is_deleted(status: str) -> bool:
    """Whether a deletion ends with a status."""
    return status in ("DELETE_COMPLETE", "DELETE_FAILED")


def _began(events: Iterable[Event]) -> datetime | None:
    """When the deletion began that events tell of, after a creation perhaps; None where they tell of none."""
    return min((event.at for event in events if event.of_stack and event.status == DELETING), default=None)
