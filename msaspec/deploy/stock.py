"""What a stack has that is to be deleted, and what becomes of each part: found, judged, said before the question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from msaspec.deploy import erasure, inventory, neighbours, settable, slowness
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.context import Context
from msaspec.deploy.inventory import Fate, Item
from msaspec.deploy.overview import entries
from msaspec.deploy.settable import Kept
from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.messages import destroying as said
from msaspec.template.role import Named

DATA_WOULD_GO = Code(
    "MSA618",
    "Data would be lost",
    """
    Deleting the stack would delete data without a copy: its `DeletionPolicy` is `Delete`. Pass `--delete-data NAME` if
    you want that.
    """,
)


NOT_STUCK = Code(
    "MSA637",
    "Nothing that could be retained",
    """
    CloudFormation leaves a resource in the account when it deletes a stack only after it has tried to delete the
    resource and failed. `msaspec destroy --retain NAME` names such a resource, by its logical id, its id in AWS or its
    manifest entry. Data stays without this option: buckets, repositories and logs stay, and databases leave a
    snapshot.
    """,
)


@dataclass(frozen=True)
class DestroyOptions:
    """Options of `msaspec destroy`."""

    data: frozenset[str] = frozenset()
    """Names of entries whose data is to go too."""
    yes: bool = False
    role_arn: str | None = None
    retained: frozenset[str] = frozenset()
    """Names of what could not be deleted, and is left in the account."""
    force: bool = False
    """Whether whatever cannot be deleted is left in the account."""


@dataclass(frozen=True)
class DestroyContext(Context):
    """The surroundings of a step of a deletion."""

    system: str = field(kw_only=True)
    named: Named = field(kw_only=True)
    """The stack that is to go."""
    others: tuple[Named, ...] = field(default=(), kw_only=True)
    """The other stacks of the system."""
    options: DestroyOptions = field(default_factory=DestroyOptions, kw_only=True)

    @property
    def stack(self) -> str:
        """The name of the stack that is to go."""
        return self.named.name


@dataclass(frozen=True)
class Stock:
    """What a stack has, and what becomes of each part when it is deleted."""

    stack_id: str
    template: Mapping[str, Any]
    items: tuple[Item, ...]
    given_up: tuple[Item, ...]
    """Those whose data the user gave up."""
    retained: tuple[Item, ...] = ()
    """Those that could not be deleted and are left, by the user's word."""
    announced: frozenset[str] = frozenset()
    """What stays, as the user was told before the question."""
    keys: tuple[Kept, ...] = ()
    """What people set of its secrets, and stays."""
    keys_given_up: tuple[Kept, ...] = ()
    """That of it which the user gave up."""

    @property
    def going(self) -> tuple[Item, ...]:
        """What CloudFormation removes. What stays, or is gone already, is named in a sentence of its own."""
        return tuple(item for item in self.items if item.fate not in (Fate.STAYS, Fate.GONE))


def take_stock(context: DestroyContext, stack_id: str, template: Mapping[str, Any]) -> Stock:
    """Find what the stack has, and what the user gave up of it. Raises Invalid for words that name no data."""
    listed = inventory.items(state.resources(context.aws, stack_id), template, entries(template))
    items = tuple(_looked_for(context, item) for item in listed)
    given_up, strangers = inventory.chosen(items, context.options.data)
    # What is gone already, or has not come to be, may be named all the same.
    declared = inventory.items(_declared(template), template, entries(template))
    _, strangers = inventory.chosen(declared, strangers)
    keys = _keys(context)
    if strangers := tuple(word for word in strangers if word not in {each.name for each in keys}):
        data = [item for item in (*items, *declared) if item.fate is not Fate.GOES]
        known = sorted({min(item.names, key=len) for item in data} | {each.name for each in keys})
        message = f"`--delete-data` names entries without data in {context.stack}: {', '.join(strangers)}."
        hint = f"These do: {', '.join(known)}." if known else "Nothing in the stack holds data."
        raise Invalid([DATA_WOULD_GO.at((), message, hint=hint)])
    gone = tuple(each for each in keys if each.name in context.options.data)
    kept = tuple(each for each in keys if each not in gone)
    return Stock(stack_id, template, items, given_up, keys=kept, keys_given_up=gone)


def _keys(context: DestroyContext) -> tuple[Kept, ...]:
    """Return what people set of the secrets of the stack; nothing where that may not be read."""
    if not context.named.role.shared:
        with fault.tolerated():
            return settable.kept(context.aws, context.stack)
    return ()


def _looked_for(context: Context, item: Item) -> Item:
    """Return an item that is not simply to go, with whether somebody deleted it already."""
    return item if item.fate is Fate.GOES else replace(item, gone=not erasure.is_there(context.aws, item))


def retain(context: DestroyContext, stock: Stock) -> Stock:
    """Leave what could not be deleted and is named by the user. Raises Invalid for names of anything else."""
    words = context.options.retained
    failed = [item for item in stock.items if item.resource.status == "DELETE_FAILED"]
    before = [item for item in stock.items if item.resource.status == "DELETE_SKIPPED"]
    if strangers := sorted(words - {name for item in (*failed, *before) for name in item.names}):
        message = f"`--retain` names what CloudFormation has not failed to delete: {', '.join(strangers)}."
        known = ", ".join(item.resource.logical_id for item in failed)
        hint = f"These would not go: {known}." if failed else "Nothing has failed yet; run it without --retain first."
        raise Invalid([NOT_STUCK.at((), message, hint=hint)])
    stays = {item.resource.logical_id for item in failed if item.names & words}
    kept = tuple(replace(i, policy="Retain") if i.resource.logical_id in stays else i for i in stock.items)
    return replace(stock, items=kept, retained=tuple(item for item in kept if item.resource.logical_id in stays))


def judge(context: Context, stock: Stock) -> None:
    """Raise Invalid where something would be lost that the user did not name."""
    lost = [i for i in stock.items if i.fate is Fate.LOST and not i.type.only_empty]
    unnamed = [item for item in lost if item not in stock.given_up]
    if unnamed:
        words = sorted({str(item.entry[1] if len(item.entry) > 1 else item.resource.logical_id) for item in unnamed})
        message = f"This data would be deleted without a copy: {', '.join(map(str, unnamed))}."
        option = chain(*(("--delete-data", word) for word in words))
        raise Invalid([DATA_WOULD_GO.at((), message, hint=f"If you want that: {context.command('destroy', *option)}")])


def announce(context: DestroyContext, stock: Stock) -> Stock:
    """Say what stays, and what goes for good. Return the stock with what was said to stay."""
    say = context.reporter.say
    announced = set()
    for item in stock.items:
        if item.fate is Fate.GONE:
            say(said.GoneAlready(str(item)))
        elif item in stock.given_up and not erasable(item):
            say(said.Stays(f"the {item}, which msaspec does not delete"))
        elif item in stock.given_up:
            parting = f", {item.type.parting}" if item.type.parting else ""
            say(said.ForGood(f"the {item}{parting}"))
        elif item.fate is Fate.SNAPSHOT:
            what = f"a final snapshot of the {item}, and its automated backups for their retention period"
            say(said.Stays(what))
        elif item.fate is Fate.STAYS:
            say(said.Stays(f"the {item}"))
            announced.add(str(item))
        elif item.fate is Fate.LOST:
            say(said.IfEmpty(str(item)))
    for key in stock.keys:
        say(said.Stays(f"the {key}; --delete-data {key.name} deletes it"))
    for key in stock.keys_given_up:
        say(said.ForGood(f"the {key}"))
    parts = stock.template.get("Resources", {})
    going = [
        (item.resource.type, parts.get(item.resource.logical_id, {}).get("Properties") or {})
        for item in stock.items
        if item.fate not in (Fate.STAYS, Fate.GONE)
    ]
    for usual in slowness.deletions(going):
        say(said.TakesAWhile(usual))
    if context.named.role.shared:
        context.reporter.diagnosed(neighbours.pulling(context, context.system))
    return replace(stock, announced=frozenset(announced))


def erasable(item: Item) -> bool:
    """Return whether what stays of it can be removed here; what the deletion of the stack takes along needs no more."""
    return item.fate not in (Fate.STAYS, Fate.SNAPSHOT) or erasure.knows(item)


def report_shared(context: DestroyContext) -> None:
    """Say which stacks that environments share are there."""
    for stack in neighbours.left(context, context.others):
        context.reporter.say(said.SharedStays(stack))


def _declared(template: Mapping[str, Any]) -> list[Resource]:
    """Return the resources that a template has, whatever became of them."""
    parts = template.get("Resources", {})
    return [Resource(name, str(part.get("Type")), "") for name, part in parts.items() if isinstance(part, Mapping)]
