"""The one value that is said: a class for each kind of message, whose instances are frozen.

    class Deployed(Message, code="MSG201"):
        "A stack is deployed."

        said = "The stack {stack} is deployed."
        stack: str

`said` is the sentence for people. Its fields are filled in as they are: what they hold is never read as a format.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, ClassVar, dataclass_transform


class Level(StrEnum):
    """What a message is for."""

    RESULT = "result"
    """What was asked for."""
    PROGRESS = "progress"
    """How far an operation is."""
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    QUESTION = "question"
    """The user answers it on the terminal."""


@dataclass_transform(frozen_default=True)
class Message:
    """Something that a command says. A subclass is one kind of it."""

    code: ClassVar[str]
    """Stable; `msaspec explain` knows it."""
    event: ClassVar[str]
    """The name of the kind, for programs."""
    level: ClassVar[Level]
    said: ClassVar[str] = ""
    """The sentence, with the names of fields in braces. A result has none: its fields say all."""

    names: ClassVar[tuple[str, ...]] = ()
    """The fields of the payload."""

    def __init_subclass__(cls, *, code: str, level: Level = Level.INFO, event: str = "") -> None:
        """Register a kind of message. `event` is the name of the class in kebab case, unless it is given."""
        cls.code, cls.level = code, level
        cls.event = event or re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        cls.names = tuple(inspect.get_annotations(cls))

    def __init__(self, *values: Any, **named: Any) -> None:
        # As `dataclass` would, whose classes take too long to make for a command that says little.
        given = dict(zip(self.names, values, strict=False)) | named
        if len(values) + len(named) != len(self.names) or set(given) != set(self.names):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(self.names)}")
        vars(self).update((name, given[name]) for name in self.names)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: what is said stays as it is."""
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        """Return whether another message says the same."""
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        """Hash the kind and the sentence."""
        return hash((self.code, self.sentence()))

    def __repr__(self) -> str:
        """Show the kind and its fields."""
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def sentence(self) -> str:
        """Return what people read."""
        return self.said.format_map(self.payload())

    def payload(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return dict(vars(self))

    def as_object(self) -> dict[str, Any]:
        """Return what programs read."""
        sentence = {"message": self.sentence()} if self.said else {}
        return {"code": self.code, "event": self.event, "level": str(self.level), **sentence, **plain(self.payload())}


def plain(thing: Any) -> Any:
    """Return a value of a payload as JSON has it.

    >>> plain((1, {"a": ("b",)}))
    [1, {'a': ['b']}]
    """
    if is_dataclass(thing) and not isinstance(thing, type):
        return {each.name: plain(getattr(thing, each.name)) for each in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    return [plain(each) for each in thing] if isinstance(thing, list | tuple) else thing


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
