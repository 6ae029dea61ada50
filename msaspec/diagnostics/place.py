"""Where something is: a path of keys inside a document, and a span of text in a file."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys and list positions from the root, such as ``("services", "cart", "paths", 0)``."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one line. `line` and `column` count from 1; `length` counts characters, at least 1."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def render(path: Path) -> str:
    """Return the path as people write it: ``services.cart.paths[0]``.

    >>> render(("services", "cart", "paths", 0))
    'services.cart.paths[0]'
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if text else key
    return text


def parse(text: str) -> Path:
    """Return the inverse of `render` for the paths msaspec writes into templates (names hold no dot or bracket).

    >>> parse("services.cart.paths[0]")
    ('services', 'cart', 'paths', 0)
    """
    keys: list[str | int] = []
    for part in text.split(".") if text else ():
        name, *positions = part.split("[")
        keys.append(name)
        keys.extend(int(position.rstrip("]")) for position in positions)
    return tuple(keys)


def pointed(pointer: str) -> Path:
    """Return the path that a JSON pointer names, its numbers as numbers. The first `/` may be missing.

    >>> pointed("/Properties/Tags/0/a~1b~0"), pointed("Properties/²"), pointed("")
    (('Properties', 'Tags', 0, 'a/b~'), ('Properties', '²'), ())
    """
    from jsonpointer import unescape

    steps = filter(None, pointer.split("/"))
    return tuple(int(step) if step.isascii() and step.isdigit() else str(unescape(step)) for step in steps)
