"""From pydantic's errors to diagnostics: where they are, in words, with a hint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.base import NAME_PATTERN
from msaspec.place import Path, render
from msaspec.spelling import suggest

UNKNOWN_KEY = Code(
    "MSA201",
    "A key that the language does not have",
    """
    The key is not part of the language at this place: misspelt, at the wrong level, or of another tool.
    msaspec never ignores what it does not know. `msaspec schema` prints everything that may be written, for an
    editor to complete.
    """,
)
MISSING_KEY = Code("MSA202", "A required key is missing", "The map at this place needs the key that the message names.")
WRONG_TYPE = Code(
    "MSA203",
    "A value of the wrong type",
    """
    The value is of another type than the language has at this place. Nothing is converted: `"8080"` is text and
    `8080` is a number, `version: 17` is a number and `version: "17"` is text.
    """,
)
BAD_VALUE = Code(
    "MSA204",
    "A value that the language does not allow",
    """
    The value has the right type, but is out of range, lacks its unit (`20 GiB`, `30 s`, `7 days`), is none of the
    words that may stand here, or is not spelled as its kind demands. The message says which.
    """,
)
UNKNOWN_VERSION = Code(
    "MSA205", "A version of the language that is not known", "This msaspec reads version 1: `msaspec: 1`."
)

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a map of names",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "tuple_type": "a list",
    "list_type": "a list",
}

_SYNONYMS = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}
"""What other tools call the words of the language."""


def custom(kind: str, message: str) -> PydanticCustomError:
    """A validator's own error. `message` is a clause without its full stop."""
    return PydanticCustomError(cast(Any, kind), "{message}", {"message": message})


def diagnostics(fault: ValidationError, prefix: Path, model: type[BaseModel]) -> Iterator[Diagnostic]:
    """One diagnostic an error, placed under `prefix`."""
    for error in fault.errors(include_url=False):
        if error["type"] == "too_short" and error["input"]:
            continue  # Only because pydantic left out the entries that are wrong; they have errors of their own.
        location: list[str | int] = list(error["loc"])
        of_key = bool(location) and location[-1] == "[key]"
        if of_key:
            location.pop()
        path = (*prefix, *location)
        yield _diagnostic(error, path, of_key, model, tuple(location))


def _diagnostic(error: ErrorDetails, path: Path, of_key: bool, model: type[BaseModel], location: Path) -> Diagnostic:
    kind, written = error["type"], error["input"]
    if kind == "extra_forbidden":
        known = list(_fields(model, location[:-1]))
        instead = suggest(str(path[-1]), known, f"The keys here are {_words(known)}." if known else "Remove it.")
        return UNKNOWN_KEY.at(path, f"{_place(path[:-1])} has no key `{path[-1]}`.", hint=instead, key=True)
    if kind == "missing":
        needed = f"{_place(path[:-1])} needs the key `{path[-1]}`."
        return MISSING_KEY.at(path[:-1], needed, hint=f"Add `{path[-1]}:` to it.", key=True)
    if kind == "version":
        return UNKNOWN_VERSION.at(path, _sentence(error["msg"]), hint="Write `msaspec: 1`.")
    if kind in _TYPES:
        return WRONG_TYPE.at(
            path,
            f"{_place(path)} must be {_TYPES[kind]}, not {_described(written)}.",
            hint=_quote(kind, written),
            key=of_key,
        )
    message, hint = _value(error, of_key)
    if kind == "string_pattern_mismatch" and error.get("ctx", {})["pattern"] != NAME_PATTERN:
        hint = _like(model, location) or hint
    subject = _place(path) if not of_key else f"The name `{path[-1]}`" if path[-1] else "An empty name"
    return BAD_VALUE.at(path, f"{subject} {message}.", hint=hint, key=of_key)


def _value(error: ErrorDetails, of_key: bool) -> tuple[str, str | None]:
    """What is wrong with a value of the right type, as the end of a sentence, and a hint."""
    kind, context, written = error["type"], error.get("ctx", {}), error["input"]
    cannot = "is not possible" if of_key else f"cannot be {_described(written)}"
    match kind:
        case "literal_error":
            words = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
            meant = _SYNONYMS.get(str(written), str(written))
            known = f"Use {'one of ' if len(words) > 1 else ''}{_words(words)}."
            return cannot, suggest(meant, words, known)
        case "string_pattern_mismatch" if context["pattern"] == NAME_PATTERN:
            return f"{cannot}: a name is lower case letters and digits, with single dashes between", _respelled(written)
        case "string_pattern_mismatch":
            return cannot, f"It must match `{context['pattern']}`."
        case "greater_than_equal":
            return f"{cannot}: it is at least {context['ge']}", None
        case "less_than_equal":
            return f"{cannot}: it is at most {context['le']}", None
        case "string_too_long":
            return f"is too long: it has at most {context['max_length']} characters", None
        case "string_too_short" if not written:
            return "cannot be empty", None
        case "string_too_short":
            return f"is too short: it has at least {context['min_length']} characters", None
        case "too_long":
            return f"has too many entries: at most {context['max_length']}", None
        case "too_short":
            return "cannot be empty", "Add an entry, or remove the key."
        case "reserved_name":
            return "is taken: msaspec itself uses it", "Choose another name."
    message = error["msg"].rstrip(".")
    if kind in ("together", "order"):
        return f"does not hold together: {message}", None
    if isinstance(written, str) and written and message.startswith(f"{written} is "):
        message = message.removeprefix(f"{written} is ")
    return f"{cannot}: {message}", None


def _place(path: Path) -> str:
    return f"`{render(path)}`" if path else "The manifest"


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".") + "."


def _described(written: Any) -> str:
    match written:
        case None:
            return "empty"
        case bool():
            return str(written).lower()
        case dict():
            return "a map"
        case list() | tuple():
            return "a list"
        case "":
            return "empty"
        case str():
            line = "".join(c if c.isprintable() else "\ufffd" for c in written.split("\n", 1)[0])
            return f"`{line}`" if len(line) <= 60 and "\n" not in written else f"`{line[:50]}...`"
    return f"the number {written}"


def _quote(kind: str, written: Any) -> str | None:
    """The commonest slip: a number or a word of YAML where text is meant, or the other way round."""
    if kind == "string_type" and isinstance(written, bool | int | float):
        text = str(written).lower() if isinstance(written, bool) else str(written)
        return f'Put it in quotes: "{text}".'
    if kind.startswith("int") and isinstance(written, str) and written.isdigit():
        return f"Write it without quotes: {written}."
    return None


def _respelled(written: Any) -> str | None:
    if not isinstance(written, str):
        return None
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in written).lower().strip("-0123456789")
    name = "-".join(word for word in words.split("-") if word)
    return f"Write `{name}`." if name else None


def _like(model: type[BaseModel], location: Path) -> str | None:
    """The field's own examples, which say more than its pattern."""
    field = _fields(model, location[:-1]).get(str(location[-1])) if location else None
    return f"Write it like {' or '.join(f'`{each}`' for each in field.examples)}." if field and field.examples else None


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _fields(model: type[BaseModel], location: Path) -> dict[str, FieldInfo]:
    """What a map at `location` under `model` may have, by key, found by walking the annotations."""
    current: Any = model
    for key in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = fields[str(key)].annotation if key in fields else None
        else:
            current = (get_args(current) or (None,))[-1 if isinstance(key, str) else 0]
        current = _without_wrapping(current)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return {field.alias or name: field for name, field in current.model_fields.items()}
    return {}


def _without_wrapping(annotation: Any) -> Any:
    """`Annotated[X, ...]` and `X | None` are X for whoever looks for keys."""
    while True:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = arguments[0]
        elif origin in (Union, UnionType) and len(inner := [a for a in arguments if a is not NoneType]) == 1:
            annotation = inner[0]
        else:
            return annotation
