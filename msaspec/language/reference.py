"""References inside values of `env`: ``${NAME.ATTRIBUTE}``, with ``$$`` for a literal ``$``.

    text      = { "$$" | reference | character }
    reference = "${" name "." attribute "}"
    name      = lower-kebab, attribute = lower_snake

A ``$`` before anything else is itself: ``$(date)``, ``$HOME`` and ``costs 5 $`` need no escape. Braces that hold
what cannot be a reference (``${AWS::Region}``, ``${HOME:-x}``) are text as well, and `Loose` says that they were
met, so that a slip of the pen is reported. The name may be that of an entry of another system,
``${payments/ledger.url}``, where the manifest declares the system: a shell means something else by a slash.

The words of a command are read by `parse_word`: a shell may be what runs them, so every other ``$`` stays, and only
``$${NAME.ATTRIBUTE}`` is a literal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_ATTRIBUTE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_WORD = re.compile(r"(?P<escaped>\$?)\$\{(?P<name>[a-z0-9-]+(/[a-z0-9-]+)?)\.(?P<attribute>[a-z0-9_]+)\}")


@dataclass(frozen=True, slots=True)
class Reference:
    """``${name.attribute}`` as written at `offset` in the text."""

    name: str
    attribute: str
    offset: int


@dataclass(frozen=True, slots=True)
class Loose:
    """Braces after a ``$`` that are no reference. `mistaken` when they look like an attempt at one."""

    text: str
    offset: int
    mistaken: bool


def parse(text: str, systems: Collection[str] = ()) -> tuple[str | Reference | Loose, ...]:
    """Return the pieces of a text, in order; neighbouring literals joined. `systems` are the other systems that it may
    name.

    >>> parse("jdbc:${main.host}/$$x")
    ('jdbc:', Reference(name='main', attribute='host', offset=5), '/$x')
    """
    pieces: list[str | Reference | Loose] = []
    literal = ""
    at = 0
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0:
            literal += text[at:]
            break
        literal += text[at:dollar]
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            literal, at = literal + "$", dollar + 2
        elif following == "{":
            closing = text.find("}", dollar)
            end = closing + 1 if closing >= 0 else dollar + 2
            if literal:
                pieces.append(literal)
            literal, at = "", end
            pieces.append(_braces(text[dollar:end], dollar, systems))
        else:
            literal, at = literal + "$", dollar + 1
    if literal:
        pieces.append(literal)
    return tuple(pieces)


def parse_word(text: str, systems: Collection[str] = ()) -> tuple[str | Reference, ...]:
    """Return the pieces of a word of a command. No shell has a parameter with a dot in its name.

    >>> parse_word("--url=${web.public_url}$HOME$${a.b}$${A}")
    ('--url=', Reference(name='web', attribute='public_url', offset=6), '$HOME${a.b}$${A}')
    """
    pieces: list[str | Reference] = []
    literal, at = "", 0
    for found in _WORD.finditer(text):
        literal, at = literal + text[at : found.start()], found.end()
        if not _leads(found["name"], systems):
            literal += found[0]
            continue
        if found["escaped"]:
            literal += found[0][1:]
            continue
        pieces += [literal] if literal else []
        literal = ""
        pieces.append(Reference(found["name"], found["attribute"], found.start()))
    literal += text[at:]
    return (*pieces, literal) if literal or not pieces else tuple(pieces)


def literal_word(text: str) -> str:
    """Return a word of a command that means this text.

    >>> literal_word("${HOME} ${db.url} $$")
    '${HOME} $${db.url} $$'
    """
    return _WORD.sub(lambda found: found[0] if "/" in found["name"] else f"${found[0]}", text)


def filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the references filled in that are known from the start, such as ``system.name``.

    >>> filled("/shop/${system.environment}/key", {"system.environment": "prod"})
    '/shop/prod/key'
    """
    return "".join(
        piece
        if isinstance(piece, str)
        else known.get(f"{piece.name}.{piece.attribute}", f"${{{piece.name}.{piece.attribute}}}")
        for piece in parse_word(text)
    )


def _leads(name: str, systems: Collection[str]) -> bool:
    """Return whether a name can be that of a reference, with the other systems that the manifest declares."""
    system, slash, entry = name.partition("/")
    return not slash or (system in systems and bool(entry) and "/" not in entry)


def _braces(written: str, offset: int, systems: Collection[str]) -> Reference | Loose:
    inside = written[2:-1] if written.endswith("}") else None
    if inside is None:
        return Loose(written, offset, mistaken=False)
    name, dot, attribute = inside.partition(".")
    if (
        dot
        and name
        and attribute
        and set(name) <= _NAME | {"/"}
        and set(attribute) <= _ATTRIBUTE
        and _leads(name, systems)
    ):
        return Reference(name, attribute, offset)
    return Loose(written, offset, mistaken=set(inside.strip()) <= _NAME | _ATTRIBUTE | {"."})
