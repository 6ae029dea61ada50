"""Stores between systems: what a user gets of one of another system, and what is made for others on one's own.

Of an entry of another system only its name is known, and what a use says. What is tokens inside of its own stack is
parameters here, under names that both sides derive from the entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msaspec.compile import files as beside
from msaspec.diagnostics.place import Path
from msaspec.language.base import Model
from msaspec.language.kind import AnyKind
from msaspec.language.lending import By
from msaspec.language.part import Entry, Offer, Place, Use
from msaspec.language.systems import ElsewhereFields, Share, split
from msaspec.language.value import Piece, Secret, Text, Token, Value
from msaspec.manifest.root import Manifest
from msaspec.manifest.sections import lent
from msaspec.template import names, sharing

Entries = tuple[tuple[AnyKind, tuple[tuple[Entry[Model], tuple[Use[Model], ...]], ...]], ...]
_SECRET = "Secret"


@dataclass(frozen=True)
class Passed:
    """A value of an entry that its users need."""

    word: str
    """What it is called."""
    output: str
    """What it is called in the stack that gives it."""
    target: str
    """The token that is it there."""


def kind_of(options: Model) -> AnyKind | None:
    """Return the kind of an entry of another system, as its use says it; None for a service."""
    return lent().get(options.noun or "") if isinstance(options, ElsewhereFields) else None


def called(target: str) -> str:
    """Return what logical ids call a use: ``ledger-of-payments``, or the name of an entry of this system."""
    found = split(target)
    return f"{found[1]}-of-{found[0]}" if found else target


def edge(manifest: Manifest, kind: AnyKind, use: Use[Model], place: Place) -> tuple[Use[Model], Offer]:
    """Return a use of a store of another system with the options of its kind, and what the user gets."""
    system, entry = parts(use.target)
    use = _plain(kind, use)
    there = _entry(kind, use)
    if kind.lent and kind.lent.by is By.GUESTS:
        guest = _guest(manifest, kind, use, place)
        offer = kind.offer(there, guest, place)
        return replace(use, texts=guest.texts), offer
    if kind.lent and kind.lent.by is By.USERS:
        use = replace(use, alone=_alone(manifest, kind, use.service))
    offer = kind.offer(there, _inside(kind, entry, use, place.system), place)

    def moved(value: Value) -> Value:
        return tuple(_moved(system, entry, place.system, piece) for piece in value)

    def text(value: Text) -> Text:
        return tuple(piece for piece in moved(value) if not isinstance(piece, Secret))

    found = replace(
        offer,
        attributes={name: moved(value) for name, value in offer.attributes.items()},
        variables={name: moved(value) for name, value in offer.variables.items()},
        statements=tuple(replace(each, resources=tuple(map(text, each.resources))) for each in offer.statements),
        doors=tuple(replace(each, group=_parameter(system, entry, place.system, each.group)) for each in offer.doors),
        after=(),
    )
    return use, found


def values(kind: AnyKind, use: Use[Model], place: Place) -> Iterator[Passed]:
    """Yield the values of a store of another system that a use of it needs."""
    _, entry = parts(use.target)
    use = _plain(kind, use)
    there = _entry(kind, use)
    if kind.lent and kind.lent.by is By.GUESTS:
        for word in kind.guided(there):
            yield Passed(word, word, "")
        return
    inside = _inside(kind, entry, use, place.system)
    yield from _tokens(entry, place.system, kind.offer(there, inside, place))


def words(kind: AnyKind, use: Use[Model]) -> str:
    """Return what a use says of a store of another system; nothing where it says nothing of it."""
    use = _plain(kind, use)
    return _said(kind, _entry(kind, use), _inside(kind, parts(use.target)[1], use, "").options)


def given(kind: AnyKind, entry: Entry[Any], share: Share, place: Place) -> Iterator[tuple[str, str]]:
    """Yield the values of an own store that other systems need: their names, and the tokens."""
    if kind.lent is None:
        return
    if kind.lent.by is By.GUESTS:
        yield from ((word, token.target) for word, token in kind.guided(entry).items())
    elif kind.lent.by is By.ROLES:
        widest = kind.options.model_validate({"access": kind.lent.access})
        use = Use[Model](entry.name, entry.name, widest, "plain", False, entry.path)
        named = Entry(entry.name, kind.model.model_validate(kind.lent.fields), entry.path)
        yield from ((each.output, each.target) for each in _tokens(entry.name, "", kind.offer(named, use, place)))
    else:
        uses = zip(sorted(share.with_), clients(kind, entry.name, share), strict=True)
        offers = ((system, kind.offer(entry, use, place)) for system, use in uses)
        yield from {
            each.output: each.target for system, offer in offers for each in _tokens(entry.name, system, offer)
        }.items()


def said(kind: AnyKind, entry: Entry[Any], share: Share) -> str:
    """Return what uses in other systems have to say of an own store."""
    users = kind.lent is not None and kind.lent.by is By.USERS
    return _said(kind, entry, _granted(kind, share) if users else kind.options.model_construct())


def clients(kind: AnyKind, entry: str, share: Share) -> Iterator[Use[Model]]:
    """Yield the uses for which a store has a user for each system that it is shared with."""
    if kind.lent and kind.lent.by is By.USERS:
        for system in sorted(share.with_):
            yield Use(client(system), entry, _granted(kind, share), "plain", False, ("shares", entry, kind.noun))


def granted(entries: Entries, entry: str, system: str) -> Use[Model] | None:
    """Return the use for which another system has a user of an entry; None where it has none. `entries` are those with
    what is made for them."""
    uses = (use for _, own in entries for _, uses in own for use in uses)
    return next((use for use in uses if (use.target, use.service) == (entry, client(system))), None)


def client(system: str) -> str:
    """Return the name of the user that another system has."""
    return f"system-{system}"


def made(manifest: Manifest, entries: Entries, place: Place) -> Entries:
    """Return the entries with all that is made for them: with users for other systems, and with the servers of other
    systems on which this one makes things of its own."""
    if not manifest.root.shares and not manifest.root.systems:
        return entries
    shares, guests = manifest.root.shares, _guests(manifest, place)
    return tuple(
        (
            kind,
            (
                *(
                    (entry, (*uses, *(clients(kind, entry.name, shares[entry.name]) if entry.name in shares else ())))
                    for entry, uses in own
                ),
                *guests.get(kind.section, ()),
            ),
        )
        for kind, own in entries
    )


def _guests(manifest: Manifest, place: Place) -> Mapping[str, Sequence[tuple[Entry[Model], tuple[Use[Model], ...]]]]:
    """Return the servers of other systems with what this system has on them, by section."""
    found: dict[str, dict[str, tuple[Entry[Model], list[Use[Model]]]]] = {}
    for user, uses in sorted(manifest.uses.items()):
        for target, options in sorted(uses.items()):
            kind = kind_of(options) if split(target) else None
            if kind and kind.lent and kind.lent.by is By.GUESTS:
                framework = manifest.containers[user].framework
                use = Use(user, target, options, framework, False, (*manifest.path(user), "uses", target))
                plain = _plain(kind, use)
                _, own = found.setdefault(kind.section, {}).setdefault(target, (_entry(kind, plain), []))
                own.append(_guest(manifest, kind, plain, place))
    return {
        section: [(entry, tuple(uses)) for entry, uses in by_target.values()] for section, by_target in found.items()
    }


def parts(target: str) -> tuple[str, str]:
    """Return the system and the entry of a use that names both."""
    found = split(target)
    assert found, "a use of another system names both"
    return found


def _plain(kind: AnyKind, use: Use[Model]) -> Use[Model]:
    """Return a use of another system with what it says of the entry."""
    return replace(use, options=getattr(use.options, kind.noun))


def _entry(kind: AnyKind, use: Use[Model]) -> Entry[Model]:
    """Return an entry of another system, of which is known what its use says."""
    system, name = parts(use.target)
    spec = kind.model.model_validate(kind.abroad(use.options))
    if kind.lent and kind.lent.by is By.GUESTS:
        return Entry(called(use.target), spec, ("systems", system), called=name)
    return Entry(name, spec, (kind.section, name))


def _inside(kind: AnyKind, entry: str, use: Use[Model], own: str) -> Use[Model]:
    """Return a use as the stack of its entry knows it: of a user that it makes, it is that one's."""
    if kind.lent is None or kind.lent.by is By.ROLES:
        return replace(use, target=entry)
    known = {name: value for name, value in use.options.model_dump().items() if name in kind.options.model_fields}
    options = kind.options.model_validate(known) if kind.lent.by is By.USERS else use.options
    return replace(use, service=client(own), target=entry, options=options)


def _guest(manifest: Manifest, kind: AnyKind, use: Use[Model], place: Place) -> Use[Model]:
    """Return a use as the server knows it on which this stack makes things."""
    path: Path = (*use.path, kind.noun)
    texts = beside.texts(manifest, kind.files_of(use.options))
    alone = _alone(manifest, kind, use.service)
    return replace(use, target=called(use.target), path=path, texts=texts, guest=place.stack, alone=alone)


def _alone(manifest: Manifest, kind: AnyKind, user: str) -> bool:
    """Return whether a service has one use of a kind, here and elsewhere."""
    own = {entry.name for each, entries in manifest.entries if each is kind for entry in entries}
    uses = manifest.uses[user].items()
    return sum(target in own or (split(target) is not None and kind_of(each) is kind) for target, each in uses) == 1


def _granted(kind: AnyKind, share: Share) -> Model:
    """Return what a share lets the user of another system do."""
    return share.granted(kind.noun) or kind.options.model_validate({})


def _said(kind: AnyKind, entry: Entry[Any], options: Model) -> str:
    if kind.lent is None or kind.lent.options is None:
        return ""
    known = dict(kind.known(entry))
    if kind.lent.by is By.USERS:
        known |= {name: value for name, value in options.model_dump().items() if name in kind.lent.options.model_fields}
    written = {name: str(value).lower() if isinstance(value, bool) else value for name, value in known.items()}
    listed = ", ".join(f"{name}: {value}" for name, value in written.items())
    return f"{kind.noun}: {{{listed}}}"


def _tokens(entry: str, own: str, offer: Offer) -> Iterator[Passed]:
    """Yield the values of an offer that are tokens in the stack of its entry."""
    values: list[Value] = [*offer.attributes.values(), *offer.variables.values()]
    values += [text for statement in offer.statements for text in statement.resources]
    values += [(door.group,) for door in offer.doors]
    found: dict[str, Passed] = {}
    for value in values:
        for piece in value:
            for token in piece.arn if isinstance(piece, Secret) else (piece,):
                if isinstance(token, Token) and not token.target.startswith("AWS::"):
                    word = _word(entry, token.target, own)
                    output = f"{word}For{names.camel(own)}" if word == _SECRET else word
                    found[word] = Passed(word, output, token.target)
    yield from found.values()


def _word(entry: str, target: str, own: str) -> str:
    """Return what the value of a token is called: ``QueueArn`` for ``OrdersQueue.Arn``."""
    if own and target == names.edge(client(own), entry, _SECRET):
        return _SECRET
    return target.replace(".", "").removeprefix(names.camel(entry))


def _moved(system: str, entry: str, own: str, piece: Piece) -> Piece:
    """Return a piece of a value, with the parameter in place of a token of the other stack."""
    if isinstance(piece, Secret):
        arn = tuple(_moved(system, entry, own, each) for each in piece.arn)
        return replace(piece, arn=tuple(each for each in arn if not isinstance(each, Secret)))
    if isinstance(piece, Token) and not piece.target.startswith("AWS::"):
        return _parameter(system, entry, own, piece)
    return piece


def _parameter(system: str, entry: str, own: str, token: Token) -> Token:
    return Token(sharing.parameter(system, entry, _word(entry, token.target, own)))
