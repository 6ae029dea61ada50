"""From pydantic's errors to diagnostics: where they are, in words, with a hint."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path, render
from msaspec.diagnostics.spelling import nearest, plain, suggest
from msaspec.language.base import NAME_PATTERN, Model
from msaspec.manifest import foreign, misshapen

UNKNOWN_KEY = Code(
    "MSA201",
    "A key that the language does not have",
    """
    The language has no such key at this place: it is misspelt, at the wrong level, or from another tool. msaspec never
    ignores unknown keys. `msaspec schema` prints everything that is allowed, for completion in an editor.
    """,
)
MISSING_KEY = Code(
    "MSA202", "A required key is missing", "The map at this place requires the key that the message names."
)
WRONG_TYPE = Code(
    "MSA203",
    "A value of the wrong type",
    """
    The value has the wrong type for this place. msaspec converts nothing: `"8080"` is text and `8080` is a number,
    `version: 17` is a number and `version: "17"` is text.
    """,
)
BAD_VALUE = Code(
    "MSA204",
    "A value that the language does not allow",
    """
    The value has the right type, but is out of range, lacks its unit (`20 GiB`, `30 s`, `7 days`), is not one of the
    allowed words, or has the wrong format. The message says which.
    """,
)
UNKNOWN_VERSION = Code("MSA205", "An unknown version of the language", "This msaspec reads version 1: `msaspec: 1`.")

_OF_TAGS = r"^[\w .:/=+@-]"
"""How the patterns of keys and values of tags begin."""
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


def custom(kind: str, message: str) -> PydanticCustomError:
    """Return a validator's own error. `message` is a clause without its full stop."""
    return PydanticCustomError(cast(Any, kind), "{message}", {"message": message})


def diagnostics(fault: ValidationError, prefix: Path, model: type[BaseModel]) -> Iterator[Diagnostic]:
    """One diagnostic an error, placed under `prefix`."""
    found = fault.errors(include_url=False)
    misspelt = {meant for error in found if (meant := _meant(error, prefix, model))}
    keys: set[tuple[str | int, ...]] = set()
    for error in found:
        if error["type"] == "missing" and error["loc"] in misspelt:
            continue  # It is there, by a name that has an error of its own.
        if error["type"] == "too_short" and error["input"]:
            continue  # Only because pydantic left out the entries that are wrong; they have errors of their own.
        location: list[str | int] = list(error["loc"])
        of_key = "[key]" in location
        if of_key:
            # What follows are the forms that a key may have, each with an error of its own.
            location = location[: location.index("[key]")]
            if tuple(location) in keys:
                continue
            keys.add(tuple(location))
        path = (*prefix, *location)
        yield _diagnostic(error, path, model, tuple(location), of_key=of_key)


def _meant(error: ErrorDetails, prefix: Path, model: type[BaseModel]) -> tuple[str | int, ...] | None:
    """Return the place of the known key that an unknown one may be a misspelling of."""
    if error["type"] != "extra_forbidden":
        return None
    *above, key = error["loc"]
    near = meant((*prefix, *above), str(key), _fields(model, tuple(above)))
    return (*above, near) if near else None


def meant(path: Path, key: str, known: Collection[str]) -> str | None:
    """Return the key that an unknown one in the map at a path is perhaps meant for: a slip, or a word of another tool.

    `known` are the keys that the map may have.
    """
    if foreign.find(path, key) and not any(plain(key) == plain(each) for each in known):
        return foreign.meant(path, key, known)
    return nearest(key, known)


def _diagnostic(error: ErrorDetails, path: Path, model: type[BaseModel], location: Path, *, of_key: bool) -> Diagnostic:
    kind, written = error["type"], error["input"]
    if (field := error.get("ctx", {}).get("field")) and isinstance(written, dict) and field in written:
        message, hint = _value(error, of_key=False)
        return BAD_VALUE.at((*path, field), f"{_place((*path, field))} {message}.", hint=hint, key=True)
    if kind == "extra_forbidden":
        message = f"{_place(path[:-1])} has no key `{path[-1]}`."
        return UNKNOWN_KEY.at(path, message, hint=_instead(path, written, model, location), key=True)
    if kind == "missing":
        needed = f"{_place(path[:-1])} needs the key `{path[-1]}`."
        return MISSING_KEY.at(path[:-1], needed, hint=f"Add `{path[-1]}:` to it.", key=True)
    if kind == "no_image":
        needed = f"{_place(path)} needs the key `image` or `build`."
        add = f"Add `image: {path[-1]}:1.0`, or `build:` with the folder of its Dockerfile."
        return MISSING_KEY.at(path, needed, hint=add, key=True)
    if kind == "version":
        return UNKNOWN_VERSION.at(path, _sentence(error["msg"]), hint="Write `msaspec: 1`.")
    better = None if of_key or kind in ("together", "order") else _better(error, path, model, location)
    if kind in _TYPES:
        message = f"{_place(path)} must be {_TYPES[kind]}, not {_described(written)}."
        hint = better or _quote(kind, written) or (None if of_key else _like(model, location))
        return WRONG_TYPE.at(path, message, hint=hint, key=of_key)
    message, hint = _value(error, of_key=of_key)
    if kind == "string_pattern_mismatch" and error.get("ctx", {})["pattern"] != NAME_PATTERN:
        hint = _like(model, location, of_key=of_key) or hint
    hint = better or hint
    subject = _place(path) if not of_key else f"The name `{path[-1]}`" if path[-1] else "An empty name"
    return BAD_VALUE.at(path, f"{subject} {message}.", hint=hint, key=of_key)


def _instead(path: Path, written: Any, model: type[BaseModel], location: Path) -> str:
    """Return what to write instead of a key that the language does not have."""
    key, known = str(path[-1]), _fields(model, location[:-1])
    near, word = meant(path[:-1], key, known), foreign.find(path[:-1], key)
    if word and (near is None or near == word.key):
        better = near and _shown((*path[:-1], near), written, model, (*location[:-1], near))
        return f"Write `{near}: {better}`." if better else word.says
    if near:
        return f"Did you mean `{near}`?"
    return f"The keys here are {_words(known)}." if known else "Remove it."


def _better(error: ErrorDetails, path: Path, model: type[BaseModel], location: Path) -> str | None:
    """Return a hint with the value that a wrong one is meant for, as far as that can be known."""
    written = error["input"]
    if error["type"] == "unit":
        better = misshapen.measure(written, error["ctx"]["units"])
        better = better if better is not None and _accepts(model, location, better) else None
    else:
        better = _shown(path, written, model, location) if misshapen.corrected(path, written) != written else None
    if better is None:
        return None
    key, holder = path[-1], _holder(model, location[:-1])
    # A value may be short for the map that it is the one field of.
    short = isinstance(holder, type) and issubclass(holder, Model) and holder.shorthand == key
    return f"Write `{better}`." if short or isinstance(key, int) else f"Write `{key}: {better}`."


def _shown(path: Path, written: Any, model: type[BaseModel], location: Path) -> str | None:
    """Return the corrected value of a field in words, if the field accepts it."""
    better = misshapen.corrected(path, written)
    if better is None or not _accepts(model, location, better):
        return None
    return misshapen.flow(better)


def _accepts(model: type[BaseModel], location: Path, value: Any) -> bool:
    """Return whether a value may stand at a place. Entries of lists and maps are tried with what holds them."""
    if not location:
        return _valid(TypeAdapter(model), value)
    while location:
        holder = _holder(model, location[:-1])
        if holder is not None and isinstance(key := location[-1], str):
            return key in _keys(holder) and _valid(_adapter(holder, key), value)
        value = [value] if isinstance(location[-1], int) else {location[-1]: value}
        location = location[:-1]
    return False


def _valid(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _adapter(holder: type[BaseModel], key: str) -> TypeAdapter[Any]:
    field = _keys(holder)[key]
    inner = _without_wrapping(field.annotation)
    is_model = isinstance(inner, type) and issubclass(inner, BaseModel)
    return TypeAdapter(field.rebuild_annotation(), config=None if is_model else ConfigDict(strict=True))


def _value(error: ErrorDetails, *, of_key: bool) -> tuple[str, str | None]:
    """Return what is wrong with a value of the right type, as the end of a sentence, and a hint."""
    kind, context, written = error["type"], error.get("ctx", {}), error["input"]
    cannot = "is not possible" if of_key else f"cannot be {_described(written)}"
    match kind:
        case "literal_error":
            words = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
            known = f"Use {'one of ' if len(words) > 1 else ''}{_words(words)}."
            return cannot, suggest(str(written), words, known)
        case "string_pattern_mismatch" if context["pattern"] == NAME_PATTERN:
            return f"{cannot}: a name is lower case letters and digits, with single dashes between", _spelled(written)
        case "string_pattern_mismatch" if context["pattern"].startswith(_OF_TAGS):
            return f"{cannot}: a tag has letters, digits, spaces and `_ . : / = + - @`", None
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
        case "ports":
            number = misshapen.corrected(("services", "", "port"), written)
            return f"{cannot}: {error['msg']}", f"Write `port: {number}`." if number else None
        case "reserved_name":
            return "is taken: msaspec itself uses it", "Choose another name."
        case "taken_environment":
            return "is taken: the stack of that name holds the image repositories", "Choose another name."
    message = error["msg"].rstrip(".")
    if kind in ("together", "order"):
        return f"is inconsistent: {message}", None
    if kind == "predicate":
        return message, None
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
            return "a map" if written else "an empty map"
        case list() | tuple():
            return "a list" if written else "an empty list"
        case "":
            return "empty"
        case str():
            line = "".join(c if c.isprintable() else "\ufffd" for c in written.split("\n", 1)[0])
            return f"`{line}`" if len(line) <= 60 and "\n" not in written else f"`{line[:50]}...`"
    return f"the number {written}"


def _quote(kind: str, written: Any) -> str | None:
    """Return the hint for the commonest slip: a number or a word of YAML in place of text, or the reverse."""
    if kind == "string_type" and isinstance(written, bool | int | float):
        text = str(written).lower() if isinstance(written, bool) else str(written)
        return f'Put it in quotes: "{text}".'
    if kind.startswith("int") and isinstance(written, str) and written.isdigit():
        return f"Write it without quotes: {written}."
    return None


def _spelled(written: Any) -> str | None:
    name = respelled(written)
    return f"Write `{name}`." if name else None


def respelled(written: Any) -> str | None:
    """Return the valid name that is closest to a text."""
    if not isinstance(written, str):
        return None
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in written).lower().strip("-0123456789")
    return "-".join(word for word in words.split("-") if word) or None


def _like(model: type[BaseModel], location: Path, *, of_key: bool = False) -> str | None:
    """Return the field's own examples, which say more than its pattern."""
    shown = [text for each in _examples(model, location, of_key=of_key) if (text := misshapen.flow(each))]
    return f"Write it like {' or '.join(f'`{each}`' for each in dict.fromkeys(shown))}." if shown else None


def _examples(model: type[BaseModel], location: Path, *, of_key: bool = False) -> Iterator[Any]:
    """Yield the examples of a field; for an entry of a list or a map, what its examples have there."""
    if not location:
        return
    if field := _fields(model, location[:-1]).get(str(location[-1])):
        yield from field.examples or ()
        return
    for each in _examples(model, location[:-1]):
        if isinstance(each, list) and isinstance(location[-1], int):
            yield from each
        elif isinstance(each, dict) and isinstance(location[-1], str):
            yield from each if of_key else each.values()


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _fields(model: type[BaseModel], location: Path) -> dict[str, FieldInfo]:
    """Return what a map at `location` under `model` may have, by key."""
    holder = _holder(model, location)
    return _keys(holder) if holder else {}


def _keys(holder: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in holder.model_fields.items()}


def _holder(model: type[BaseModel], location: Path) -> type[BaseModel] | None:
    """Return the model of the map at `location` under `model`, found by walking the annotations."""
    current: Any = model
    for key in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = _keys(current)
            current = fields[str(key)].annotation if key in fields else None
        else:
            current = (get_args(current) or (None,))[-1 if isinstance(key, str) else 0]
        current = _without_wrapping(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _without_wrapping(annotation: Any) -> Any:
    """`Annotated[X, ...]` and `X | None` are X for a search of keys."""
    while True:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = arguments[0]
        elif origin in (Union, UnionType) and len(inner := [a for a in arguments if a is not NoneType]) == 1:
            annotation = inner[0]
        else:
            return annotation
