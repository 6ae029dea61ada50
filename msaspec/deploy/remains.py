"""What a deleted stack leaves: removed where the user gave it up, named where it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from msaspec.deploy import erasure, settable
from msaspec.deploy.aws import fault
from msaspec.deploy.inventory import Fate
from msaspec.deploy.stock import DestroyContext, Stock, erasable, report_shared
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.aws_type import Deletion
from msaspec.messages.deploying import Left
from msaspec.messages.destroying import LeftAsSaid, Removed

DATA_LEFT = Code(
    "MSA634",
    "Deleted, but a follow-up step failed",
    """
    The stack is deleted. Afterwards msaspec deletes the data that `--delete-data` names and lists the final snapshots.
    One of these steps failed. Run the same command again to complete it.
    """,
)


@dataclass(frozen=True)
class Gone:
    """A stack that is deleted."""

    stock: Stock
    began: datetime | None
    """When the deletion began: what was made before is not of its making."""


def erase(context: DestroyContext, gone: Gone) -> list[Diagnostic]:
    """Remove for good what was given up and stayed; return what could not be removed, and why."""
    left: list[Diagnostic] = []
    for item in gone.stock.given_up:
        with _noting(left, context, f"The {item} could not be deleted"):
            for what in erasure.erase(context.aws, item, Deletion(context.stack, gone.began)):
                context.reporter.say(Removed(what))
    for key in gone.stock.keys_given_up:
        with _noting(left, context, f"The {key}, could not be deleted"):
            if settable.remove(context.aws, key):
                context.reporter.say(Removed(f"the parameter {key.parameter}"))
    return left


@contextmanager
def _noting(found: list[Diagnostic], context: DestroyContext, what: str) -> Iterator[None]:
    """Note what AWS refuses in the block as what is left."""
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, fault.Fault) else fault.of(error, context.aws.region)
        if cause is None:
            raise
        why = " ".join(each.message for each in cause.diagnostics)
        hint = f"The stack {context.stack} is deleted. Correct the cause, then: {again(context)}"
        found.append(DATA_LEFT.at((), f"{what}: {why}", hint=hint))


def again(context: DestroyContext, *words: str) -> str:
    """Spell the same command again, with some more words; it removes what was given up and is still there."""
    data = chain(*(("--delete-data", word) for word in sorted(context.options.data)))
    retained = chain(*(("--retain", word) for word in sorted(context.options.retained)))
    return context.command("destroy", *data, *retained, *words)


def report_left(context: DestroyContext, gone: Gone) -> list[Diagnostic]:
    """Name what is left in the account; return what could not be looked for, and why."""
    stock, unseen, known = gone.stock, list[Diagnostic](), len(gone.stock.keys)
    for item in stock.items:
        if item in stock.given_up and erasable(item):
            continue
        if item.fate is Fate.SNAPSHOT and item.resource.id:
            with _noting(unseen, context, f"The final snapshot of the {item} could not be looked up"):
                names = erasure.snapshots(context.aws, item, Deletion(context.stack, gone.began))
                what = ", ".join(f"the snapshot {name}" for name in names) or "no snapshot"
                context.reporter.say(Left(f"{what} of the {item}"))
        elif item.fate is Fate.STAYS and str(item) in stock.announced:
            known += 1
        elif item.fate is Fate.STAYS:
            context.reporter.say(Left(f"the {item}"))
    if known:
        context.reporter.say(LeftAsSaid(known))
    if not context.named.role.shared:
        with fault.tolerated():
            report_shared(context)
    return unseen
