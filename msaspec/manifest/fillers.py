"""Valid values to put in place of wrong ones in a manifest, so that the rest of it can be checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from msaspec.diagnostics.place import Path
from msaspec.language.systems import split
from msaspec.manifest.root import model
from msaspec.manifest.sections import CONTAINERS, kinds, other_use, runtimes

_POOL: tuple[Any, ...] = (
    *(
        "xx",
        "xxx",
        "/x",
        "/xx",
        "x.example.com",
        "xx.example.com",
        "10.0.0.0/16",
        "10.0.0.0/20",
        "1",
        "17",
        "x:1",
        "200",
        "a reason",
    ),
    *("30 s", "10 s", "5 min", "7 days", "30 days", "20 GiB", "100 GiB", "1 GiB", "512 MiB", "2 GiB", "10 min"),
    *("t4g.small", "t4g.micro", "db.t4g.micro", 1, 2, 3, 50, 100, 1024, 8080, 0.5, True, False),
)
"""Values of all the forms that the language has."""


@dataclass(frozen=True, eq=False)
class Field:
    """What a place may hold."""

    annotation: Any
    examples: tuple[Any, ...] = ()
    required: bool = False

    @cache  # noqa: B019 - there are as many as the language has places
    def below(self, step: str | int) -> Field | None:
        """Return what the next step of the path may hold; None where that is unknown."""
        inner = _plain(self.annotation)
        if is_model(inner):
            return fields(inner).get(str(step))
        arguments = get_args(inner)
        if get_origin(inner) is dict and isinstance(step, str):
            return Field(arguments[1])
        if get_origin(inner) in (tuple, list) and isinstance(step, int):
            return Field(arguments[0], tuple(each for example in self.examples for each in _items(example)))
        return None

    def is_valid(self, value: Any) -> bool:
        """Return whether the place may hold a value."""
        try:
            _adapter(self).validate_python(value)
        except (ValidationError, TypeError):
            return False
        return True


@cache
def _adapter(field: Field) -> TypeAdapter[Any]:
    plain = _plain(field.annotation)
    config = None if is_model(plain) or is_dataclass(plain) else ConfigDict(strict=True)
    return TypeAdapter(field.annotation, config=config)


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Return whether it is a map with keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


@cache
def root() -> Field:
    """Return the manifest."""
    return Field(model())


@cache
def fields(model: type[BaseModel]) -> Mapping[str, Field]:
    """Return what a model has, by key."""
    return {
        field.alias or name: Field(
            Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation,
            tuple(field.examples or ()),
            field.is_required() or name in getattr(model, "needs_one_of", ())[:1],
        )
        for name, field in model.model_fields.items()
    }


def at(path: Path, data: Any) -> Field | None:
    """Return what a path of a manifest with this `data` may hold; None where that is unknown."""
    if path[:1] == ("environments",):
        return at(path[2:], data) if len(path) > 2 else None
    found: Field | None = root()
    start = 0
    if path and path[0] in (*CONTAINERS, "defaults"):
        own = 1 if path[0] == "defaults" else 2
        if path[own : own + 1] == ("runtime",):
            return _runtime(path[own + 1 :], _value(data, path[: own + 1]))
        if path[own : own + 1] == ("uses",) and len(path) > own + 1:
            section = {name: kind for kind in kinds() for name in _map(_map(data).get(kind.section))}
            kind = section.get(str(path[own + 1]))
            form = other_use() if split(str(path[own + 1])) else kind.options if kind else None
            found, start = _whole(form) if form else None, own + 2
    for step in path[start:]:
        found = found and found.below(step)
    return found


def _runtime(rest: Path, written: Any) -> Field | None:
    if not rest or rest == ("type",):
        return _runtimes()
    known = runtimes().get(str(_map(written).get("type")))
    found = _whole(known.model) if known else None
    for step in rest:
        found = found and found.below(step)
    return found


@cache
def _runtimes() -> Field:
    return Field(Literal[tuple(runtimes())])


@cache
def _whole(model: type[BaseModel]) -> Field:
    return Field(model)


def keys(field: Field) -> Mapping[str, Field]:
    """Return the keys that a map may have, with what each may hold; none where any key is allowed."""
    inner = _plain(field.annotation)
    return fields(inner) if is_model(inner) else {}


@cache
def values(field: Field) -> tuple[Any, ...]:
    """Return up to two values that the place may hold, the first as small as possible."""
    found: list[Any] = []
    for value in _candidates(field):
        if value not in found and field.is_valid(value):
            found.append(value)
        if len(found) == 2:
            break
    return tuple(found)


def _candidates(field: Field) -> Iterator[Any]:
    inner = _plain(field.annotation)
    if is_model(inner):
        least = {key: values(each)[0] for key, each in fields(inner).items() if each.required and values(each)}
        yield least
        most = dict(least)
        for key, each in fields(inner).items():
            for value in each.examples[-1:]:
                if field.is_valid({**most, key: value}):
                    most[key] = value
        yield most
    yield from field.examples
    if get_origin(inner) is Literal:
        yield from get_args(inner)
    if get_origin(inner) is dict:
        yield {}
        for name in ("xx", "X"):
            yield from ({name: value} for value in values(Field(get_args(inner)[1])))
    if get_origin(inner) in (tuple, list):
        yield []
        yield from ([value] for value in values(Field(get_args(inner)[0])))
    for option in get_args(inner) if get_origin(inner) in (Union, UnionType) else ():
        yield from values(Field(option)) if option is not NoneType else ()
    yield from _POOL


def _items(example: Any) -> Sequence[Any]:
    return example if isinstance(example, list) else ()


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _value(data: Any, path: Path) -> Any:
    for step in path:
        data = _map(data).get(str(step))
    return data


def _plain(annotation: Any) -> Any:
    """Without `Annotated[...]` and `... | None`."""
    while True:
        arguments = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation = arguments[0]
        elif get_origin(annotation) in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
            annotation = next(each for each in arguments if each is not NoneType)
        else:
            return annotation
