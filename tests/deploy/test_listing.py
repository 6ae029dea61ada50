"""Changes as a deployment shows them: `place` and `brief` of `msaspec.update.listing`."""

from __future__ import annotations

import click
import pytest

from msaspec.diagnostics.place import Path, render
from msaspec.update import changes, listing
from msaspec.update.changes import Action, Change, PropertyChange, Replaces
from tests import goldens, template

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
CART: Path = ("services", "cart")


def change(name: str, action: Action, kind: str = "AWS::EC2::Instance", **more: object) -> Change:
    """A change of a service."""
    return Change(name, kind, action, entry=CART, **more)  # type: ignore[arg-type]


def shown(*found: Change, brief: bool = True) -> list[str]:
    """The lines of a listing, without styles."""
    return click.unstyle(listing.to_text(found, brief=brief)).splitlines()


def added(*kinds: str) -> list[Change]:
    """Resources that come."""
    return [change(f"A{number}", Action.ADD, kind) for number, kind in enumerate(kinds)]


def test_many_that_come_are_counted() -> None:
    """Of more than three the entry tells how many there are and of which types, each once, in their order."""
    found = added("AWS::IAM::Role", "AWS::EC2::Instance", "AWS::IAM::Role", "AWS::EC2::EIP")
    assert shown(*found) == ["services.cart", "  + 4 added   Role, Instance, EIP"]


def test_few_that_come_are_listed() -> None:
    """Up to three stand by themselves."""
    found = added("AWS::IAM::Role", "AWS::EC2::Instance", "AWS::EC2::EIP")
    assert shown(*found) == shown(*found, brief=False)
    assert len(shown(*found)) == 1 + 3


def test_many_that_go_are_counted() -> None:
    """What goes without leaving anything is counted like what comes."""
    found = [change(f"A{number}", Action.REMOVE, retained="Delete") for number in range(5)]
    assert shown(*found) == ["services.cart", "  - 5 removed   Instance"]


@pytest.mark.parametrize(
    "lasting",
    [
        change("Data", Action.REMOVE, "AWS::RDS::DBInstance", retained="Snapshot", stateful=True),
        change("Data", Action.REMOVE, "AWS::S3::Bucket", retained="Delete", stateful=True),
        change("Data", Action.REMOVE, "AWS::Logs::LogGroup", retained="Retain"),
        change("Data", Action.REPLACE, properties=(PropertyChange(("A",), Replaces.YES),)),
        change("Data", Action.MODIFY, properties=(PropertyChange(("A",)),)),
    ],
)
def test_what_matters_is_never_counted(lasting: Change) -> None:
    """Data that goes, what stays behind, and every change keep lines of their own beside what is counted."""
    gone = [change(f"A{number}", Action.REMOVE, retained="Delete") for number in range(4)]
    (line,) = shown(lasting, brief=False)[1:]
    head, counted, own = shown(*gone[:2], lasting, *gone[2:])
    assert (head, counted) == ("services.cart", "  - 4 removed   Instance")
    assert own.split() == line.split()


def test_outputs_are_counted_without_a_type() -> None:
    """Parameters and outputs that come count, and have no type to tell."""
    found = [*added("AWS::EC2::EIP"), *(change(f"O{number}", Action.ADD, "Output") for number in range(3))]
    assert shown(*found) == ["services.cart", "  + 4 added   EIP"]
    assert shown(*found[1:], change("O", Action.ADD, "Parameter"))[1:] == ["  + 4 added"]


def test_entries_are_counted_each() -> None:
    """Two of one entry and two of another are listed."""
    other = [Change(f"B{number}", "T::T::T", Action.ADD, entry=("services", "user")) for number in range(2)]
    assert len(shown(*added("A::A::A", "A::A::A"), *other)) == 2 + 4


def test_the_place_stands_behind_the_entry() -> None:
    """Where the manifest says so is told, once an entry."""
    text = listing.to_text(added("A::A::A", "A::A::A"), place=lambda entry: f"msa.yaml:{len(render(entry))}")
    head, *rest = click.unstyle(text).splitlines()
    assert head == "services.cart   msa.yaml:13"
    assert not any("msa.yaml" in line for line in rest)


def test_without_words_nothing_is_counted() -> None:
    """The listing of `msaspec diff` has a line for every change and a head for every entry, without places."""
    found = changes.between({}, template.template_of(SHOP))
    lines = shown(*found, brief=False)
    entries = {change.entry[:2] for change in found}
    assert len(lines) == len(found) + len(entries)
    assert [line for line in lines if not line.startswith(" ")] == list(
        dict.fromkeys(render(change.entry[:2]) for change in found)
    )
    assert lines == click.unstyle(listing.to_text(found)).splitlines()


def test_brief_is_brief() -> None:
    """A whole system that comes takes a line an entry, and what is counted adds up."""
    found = changes.between({}, template.template_of(SHOP))
    rows = [line.split() for line in shown(*found)]
    counted = sum(int(row[1]) for row in rows if row[0] == "+" and row[1].isdigit())
    listed = sum(row[0] == "+" and not row[1].isdigit() for row in rows)
    assert counted + listed == len(found)
    assert len(rows) <= 2 * len({change.entry[:2] for change in found}) + listed


def test_an_object_may_have_a_place() -> None:
    """For programs, the place is null where it is not known."""
    one = change("A", Action.ADD)
    plain = listing.as_message("shop", one).payload()
    assert plain["place"] is None
    assert listing.as_message("shop", one, "msa.yaml:3").payload() == {**plain, "place": "msa.yaml:3"}
