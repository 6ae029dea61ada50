"""References inside values of `env`: ``${NAME.ATTRIBUTE}``, with ``$$`` for a literal ``$``.

    text      = { "$$" | reference | character }
    reference = "${" name "." attribute "}"
    name      = lower-kebab, attribute = lower_snake

A ``$`` before anything else is itself: ``$(date)``, ``$HOME`` and ``costs 5 $`` need no escape. Braces that hold
what cannot be a reference (``${AWS::Region}``, ``${HOME:-x}``) are text as well, and `Loose` says that they were
met, so that a slip of the pen is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_ATTRIBUTE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


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


def parse(text: str) -> tuple[str | Reference | Loose, ...]:
    """Return the pieces of a text, in order; neighbouring literals joined.

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
            pieces.append(_braces(text[dollar:end], dollar))
        else:
            literal, at = literal + "$", dollar + 1
    if literal:
        pieces.append(literal)
    return tuple(pieces)


def _braces(written: str, offset: int) -> Reference | Loose:
    inside = written[2:-1] if written.endswith("}") else None
    if inside is None:
        return Loose(written, offset, mistaken=False)
    name, dot, attribute = inside.partition(".")
    if dot and name and attribute and set(name) <= _NAME and set(attribute) <= _ATTRIBUTE:
        return Reference(name, attribute, offset)
    return Loose(written, offset, mistaken=set(inside.strip()) <= _NAME | _ATTRIBUTE | {"."})
