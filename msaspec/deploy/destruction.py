"""A stack taken away: first said what goes and what stays, then asked, then done, then said what is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from msaspec.deploy import erasure, fault, inventory, neighbours, state
from msaspec.deploy.attendance import watch
from msaspec.deploy.events import Event, Feed
from msaspec.deploy.failure import Failure
from msaspec.deploy.here import Here
from msaspec.deploy.inventory import ONLY_EMPTY, Fate, Item
from msaspec.deploy.obstacles import BUSY
from msaspec.deploy.overview import NO_STACK, entries
from msaspec.deploy.progress import Progress
from msaspec.deploy.state import Deployed, Resource, Standing
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller
from msaspec.deploy.watch import Outcome, Unwatched, follow
from msaspec.deploy.wish import Declined
from msaspec.diagnostic import Code, Invalid

DATA_WOULD_GO = Code(
    "MSA618",
    "Data would be lost",
    """
    Deleting the stack would delete data that nothing keeps: its `DeletionPolicy` is `Delete`. `--delete-data NAME` says
    that this is meant.
    """,
)

CREATING, DELETING = "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"


@dataclass(frozen=True)
class Sentence:
    """What the user wants gone."""

    data: frozenset[str] = frozenset()
    """Names of entries whose data is to go too."""
    yes: bool = False
    role_arn: str | None = None


@dataclass
class Destruction:
    """The deletion of one stack."""

    aws: Aws
    teller: Teller
    here: Here
    system: str
    stack: str
    sentence: Sentence
    items: tuple[Item, ...] = ()
    given_up: tuple[Item, ...] = ()
    began: datetime | None = None
    """When the deletion began: what was made before is not of its making."""

    def run(self) -> None:
        """Deletes the stack, and the data that was given up.

        Raises Invalid where data would be lost that the user did not name, Fault where AWS refuses or something will
        not go, Declined when the user says no.
        """
        deployed = state.describe(self.aws, self.stack)
        if deployed is None:
            self._rest()
            return
        if deployed.status == DELETING:
            self._join(deployed)
            return
        if deployed.standing is Standing.BUSY and deployed.status != CREATING:
            message = f"The stack {self.stack} is {deployed.status}: another operation is in progress."
            raise fault.raised(BUSY, message, f"Watch it: {self.here.command('status', '--follow')}")
        template = self._take_stock(deployed.id)
        self._judge()
        self.teller.proposed(self.stack, inventory.as_changes(self.items))
        self._announce()
        if deployed.status == CREATING:
            self.teller.note(f"The stack {self.stack} is being made: that is stopped, and what there is of it deleted.")
        self._confirm(f"Delete the stack {self.stack} in {self.aws.region}, account {self.aws.account}?")
        self._lift(deployed)
        with self._unfinished():
            self._delete(deployed, template)
        if deployed.status == CREATING:
            self._take_stock(deployed.id)  # What came to be meanwhile may stay too.
        self._erase()
        self._tell_left()

    def _join(self, deployed: Deployed) -> None:
        """Where the stack is being deleted already, that is watched, and what was given up of it removed then."""
        template = self._take_stock(deployed.id)
        self.teller.note(f"The stack {self.stack} is being deleted already; watching that.")
        if self.given_up:
            self._confirm_rest()
        with self._unfinished():
            outcome = watch(self.aws, self.teller, self.here, self.stack, deployed.id)
        if outcome.status != "DELETE_COMPLETE":
            raise self._failed(deployed, template, outcome)
        self.began = _began(outcome.events)
        self._erase()
        self._tell_left()

    @contextmanager
    def _unfinished(self) -> Iterator[None]:
        """Says how to go on when the user stops watching: CloudFormation removes no data that was given up."""
        try:
            yield
        except Unwatched:
            if words := sorted(self.sentence.data):
                again = self.here.command("destroy", *chain(*(("--delete-data", word) for word in words)))
                self.teller.note(f"What you gave up of its data is still there. Remove it then: {again}")
            raise

    def _take_stock(self, stack_id: str) -> dict[str, Any]:
        template = dict(state.template_of(self.aws, stack_id))
        found = state.resources(self.aws, stack_id)
        self.items = inventory.items(found, template, entries(template))
        self.given_up, strangers = inventory.chosen(self.items, self.sentence.data)
        # What is gone already, or has not come to be, may be named all the same.
        declared = inventory.items(_declared(template), template, entries(template))
        _, strangers = inventory.chosen(declared, strangers)
        if strangers:
            data = [item for item in (*self.items, *declared) if item.fate is not Fate.GOES]
            known = sorted({min(item.names, key=len) for item in data})
            message = f"`--delete-data` names what holds no data in {self.stack}: {', '.join(strangers)}."
            hint = f"These do: {', '.join(known)}." if known else "Nothing in it holds data."
            raise Invalid([DATA_WOULD_GO.at((), message, hint=hint)])
        return template

    def _judge(self) -> None:
        """What would be lost has to be named."""
        lost = [i for i in self.items if i.fate is Fate.LOST and i.resource.type not in ONLY_EMPTY]
        unnamed = [item for item in lost if item not in self.given_up]
        if unnamed:
            words = sorted(
                {str(item.entry[1] if len(item.entry) > 1 else item.resource.logical_id) for item in unnamed}
            )
            message = f"This would be lost, and nothing keeps a copy: {', '.join(map(str, unnamed))}."
            hint = f"If that is meant: {self.here.command('destroy', *chain(*(('--delete-data', w) for w in words)))}"
            raise Invalid([DATA_WOULD_GO.at((), message, hint=hint)])

    def _announce(self) -> None:
        """What stays, what goes for good."""
        for item in self.items:
            if item in self.given_up and not self._erasable(item):
                self.teller.note(f"Stays all the same: the {item}, which msaspec does not delete.")
            elif item in self.given_up:
                self.teller.note(f"Lost for good: the {item}, by your word.")
            elif item.fate is Fate.SNAPSHOT:
                self.teller.note(f"Stays: a last snapshot of the {item}, and its automated backups for as long as set.")
            elif item.fate is Fate.STAYS:
                self.teller.note(f"Stays: the {item}.")
            elif item.fate is Fate.LOST:
                self.teller.note(f"Goes if it is empty, else stays: the {item}.")
        if self.here.registry:
            self.teller.diagnosed(neighbours.pulling(self.aws, self.system, self.here))
        else:
            self._tell_registry("Stays")

    def _erasable(self, item: Item) -> bool:
        """Whether what stays of it can be removed here; what the deletion of the stack takes along needs no more."""
        return item.fate not in (Fate.STAYS, Fate.SNAPSHOT) or erasure.knows(item)

    def _confirm(self, question: str) -> None:
        if not self.sentence.yes and not self.teller.asks(question):
            raise Declined

    def _lift(self, deployed: Deployed) -> None:
        """The protections, and what keeps something that was given up from going."""
        if deployed.protected:
            self.aws.client("cloudformation").update_termination_protection(
                StackName=deployed.id, EnableTerminationProtection=False
            )
        for item in self.items:
            if erasure.unprotect(self.aws, item):
                self.teller.note(f"Lifted the deletion protection of the {item}.")
        for item in self.given_up:
            if item.fate is Fate.LOST and item.resource.type in ONLY_EMPTY:
                erasure.empty(self.aws, item)

    def _delete(self, deployed: Deployed, template: dict[str, Any]) -> None:
        outcome = self._deleted(deployed, template, ())
        if outcome.status == "DELETE_FAILED" and deployed.status == CREATING:
            # What was still being made when the protections were lifted has its own now.
            self._take_stock(deployed.id)
            self._lift(deployed)
            outcome = self._deleted(deployed, template, ())
        if outcome.status == "DELETE_FAILED" and (kept := self._not_empty(deployed)):
            for item in kept:
                self.teller.note(f"The {item} is not empty and stays in the account.")
            outcome = self._deleted(deployed, template, [item.resource.logical_id for item in kept])
        if outcome.status != "DELETE_COMPLETE":
            raise self._failed(deployed, template, outcome)

    def _deleted(self, deployed: Deployed, template: dict[str, Any], retained: Sequence[str]) -> Outcome:
        feed = Feed.from_now(self.aws, deployed.id)
        self.aws.client("cloudformation").delete_stack(
            StackName=deployed.id,
            **({"RetainResources": list(retained)} if retained else {}),
            **({"RoleARN": self.sentence.role_arn} if self.sentence.role_arn else {}),
        )
        entry_of = entries(template)
        expected = {item.resource.logical_id: item.entry for item in self.items}
        progress = Progress(self.stack, entry_of, expected)
        # A creation may come to its end just before it is stopped.
        outcome = follow(self.aws, feed, progress, self.teller, here=self.here, ended=_is_deleted)
        self.began = self.began or _began(outcome.events)
        return outcome

    def _not_empty(self, deployed: Deployed) -> list[Item]:
        """The buckets and repositories that would not go, where nothing else is in the way."""
        failed = {r.logical_id for r in state.resources(self.aws, deployed.id) if r.status == "DELETE_FAILED"}
        kept = [i for i in self.items if i.resource.logical_id in failed and i.resource.type in ONLY_EMPTY]
        return kept if failed and len(kept) == len(failed) else []

    def _failed(self, deployed: Deployed, template: dict[str, Any], outcome: Outcome) -> fault.Fault:
        """The first cause, and everything that is left."""
        found = Failure(self.aws, self.here, None, entries(template)).fault(self.stack, deployed.id, outcome)
        left = [
            r for r in state.resources(self.aws, deployed.id) if r.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
        ]
        lines = [f"Left: {each.logical_id} ({each.type} {each.id or ''}) {each.status}" for each in left]
        return fault.Fault(*found.diagnostics, details=[*found.details, *lines])

    def _erase(self) -> None:
        """Removes for good what was given up and stayed."""
        for item in self.given_up:
            for what in erasure.erase(self.aws, item, self.began):
                self.teller.note(f"Removed {what}.")

    def _tell_left(self) -> None:
        """What is left in the account, by name."""
        kept = [item for item in self.items if item not in self.given_up or not self._erasable(item)]
        self.teller.note(f"The stack {self.stack} is gone.")
        for item in kept:
            if item.fate is Fate.SNAPSHOT and item.resource.id:
                names = erasure.snapshots(self.aws, item.resource.id, self.began)
                self.teller.note(
                    f"Left: {', '.join(f'the snapshot {n}' for n in names) or 'no snapshot'} of the {item}."
                )
            elif item.fate is Fate.STAYS:
                self.teller.note(f"Left: the {item}.")
        if not self.here.registry:
            self._tell_registry("Left")

    def _tell_registry(self, what: str) -> None:
        if said := neighbours.registry_left(self.aws, self.system, self.here):
            self.teller.note(f"{what}: {said}")

    def _rest(self) -> None:
        """Where the stack is gone, what was given up of it may still be there: a run was interrupted."""
        gone = self._last_deleted() if self.sentence.data else None
        if gone is None:
            message = f"There is no stack {self.stack} in {self.aws.region} of the account {self.aws.account}."
            raise fault.raised(NO_STACK, message, "Is that the Region, the account and the environment?")
        self._take_stock(gone)
        self.teller.note(f"The stack {self.stack} is deleted already.")
        self._confirm_rest()
        self.began = _began(Feed.of_the_last_operation(self.aws, gone)[1])
        self._erase()

    def _confirm_rest(self) -> None:
        for item in self.given_up:
            self.teller.note(f"Lost for good: the {item}, by your word.")
        self._confirm(f"Remove what is left of {self.stack} in {self.aws.region}, account {self.aws.account}?")

    def _last_deleted(self) -> str | None:
        """The id of the stack of this name that was deleted last; CloudFormation remembers 90 days."""
        pages = (
            self.aws.client("cloudformation")
            .get_paginator("list_stacks")
            .paginate(StackStatusFilter=["DELETE_COMPLETE"])
        )
        found = [s for page in pages for s in page["StackSummaries"] if s["StackName"] == self.stack]
        return max(found, key=lambda each: each["DeletionTime"])["StackId"] if found else None


def _declared(template: Mapping[str, Any]) -> list[Resource]:
    """The resources that a template has, whatever became of them."""
    parts = template.get("Resources", {})
    return [Resource(name, str(part.get("Type")), "") for name, part in parts.items() if isinstance(part, Mapping)]


def _is_deleted(status: str) -> bool:
    """Whether a deletion ends with a status."""
    return status in ("DELETE_COMPLETE", "DELETE_FAILED")


def _began(events: Iterable[Event]) -> datetime | None:
    """When the deletion began that events tell of, after a creation perhaps; None where they tell of none."""
    return min((event.at for event in events if event.of_stack and event.status == DELETING), default=None)
