"""Which messages of a topic a queue takes: a filter policy of SNS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from math import prod
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

# fact: filter-policies
MOST_ATTRIBUTES, MOST_COMBINATIONS = 5, 150
LARGEST = 10**9
"""SNS compares numbers up to this one."""
EITHER = "$or"
_ATTRIBUTE = re.compile(r"(?!Ref$|AWS\.|Amazon\.)[A-Za-z0-9_.-]{1,256}")
_BOUNDS = {"<", "<=", ">", ">="}
_EXAMPLES = {
    "anything-but": "{anything-but: [draft, deleted]}` or `{anything-but: {prefix: test-}}",
    "cidr": "{cidr: 10.0.0.0/24}",
    "equals-ignore-case": "{equals-ignore-case: paid}",
    "exists": "{exists: false}",
    "numeric": '{numeric: [">", 100]}` or `{numeric: [">=", 0, "<", 100]}',
    "prefix": "{prefix: order-}",
    "suffix": "{suffix: .png}",
}
_ON_TEXTS = ("prefix", "suffix", "equals-ignore-case")
_VALUES = "a value is a text, a number, true or false, or an operator such as `{prefix: order-}`"
_LIKE = "such as `{type: [created]}`"


def _refused(message: str, **words: str) -> PydanticCustomError:
    return PydanticCustomError("predicate", message, words)


def _filter(written: dict[str, Any]) -> dict[str, Any]:
    if not written:
        raise _refused(f"is no filter: a filter names an attribute with the values to take, {_LIKE}")
    for name in written:
        if name != EITHER and not _ATTRIBUTE.fullmatch(name):
            raise _refused(f"is no filter: an attribute has letters, digits and `_.-`, {_LIKE}")
    if EITHER in written:
        _alternatives(written[EITHER])
    return written


def _alternatives(written: Any) -> None:
    if not isinstance(written, tuple) or len(written) < 2 or not all(isinstance(each, dict) for each in written):
        raise _refused("is no filter: `$or` has two filters or more: `$or: [{type: [paid]}, {total: [0]}]`")


def _wanted(written: Any) -> Any:
    """Return what is wanted of one attribute: values, or a filter of what is inside of it."""
    if (
        isinstance(written, dict)
        and written
        and written.keys() <= _EXAMPLES.keys()
        and all(_fits(*one) for one in written.items())
    ):
        written = [written]
    if isinstance(written, dict):
        return _filter({name: _wanted(inner) for name, inner in written.items()})
    if isinstance(written, list | tuple) and written and all(_is_filter(each) for each in written):
        return tuple(_wanted(each) for each in written)  # of `$or`
    values = tuple(written) if isinstance(written, list | tuple) else (written,)
    if not values:
        raise PydanticKnownError("too_short", {"field_type": "List", "min_length": 1, "actual_length": 0})
    for each in values:
        if isinstance(each, dict):
            _operator(each)
        elif not _is_plain(each):
            raise _refused(f"holds what is no value: {_VALUES}")
    return values


def _is_filter(written: Any) -> bool:
    """Whether a map is a filter of its own, and no operator."""
    return (
        isinstance(written, dict)
        and bool(written)
        and all(isinstance(v, dict | list | tuple) for v in written.values())
        and not written.keys() & _EXAMPLES.keys()
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _operator(written: dict[str, Any]) -> None:
    if len(written) != 1 or not written.keys() <= _EXAMPLES.keys():
        words = ", ".join(f"`{word}`" for word in _EXAMPLES)
        raise _refused(
            "holds what is no operator: instead of a value a filter may have one of these, with values: {operators}",
            operators=words,
        )
    ((name, value),) = written.items()
    if not _fits(name, value):
        raise _refused(f"holds `{name}` with another value than it takes: write `{{example}}`", example=_EXAMPLES[name])


def _fits(name: str, value: Any) -> bool:
    if name in _ON_TEXTS:
        return isinstance(value, str)
    if name == "exists":
        return isinstance(value, bool)
    if name == "cidr":
        return isinstance(value, str) and _is_block(value)
    if name == "numeric":
        return isinstance(value, list) and _is_range(value)
    if isinstance(value, dict):
        return len(value) == 1 and all(each in _ON_TEXTS and isinstance(text, str) for each, text in value.items())
    values = value if isinstance(value, list) else [value]
    return bool(values) and (all(isinstance(each, str) for each in values) or all(map(_is_number, values)))


def _is_block(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _is_range(words: list[Any]) -> bool:
    """Whether words are a comparison, or a lower bound with an upper one behind it.

    >>> _is_range(["=", 1]), _is_range([">", 0, "<=", 5]), _is_range(["<", 5, ">", 0]), _is_range([">"])
    (True, True, False, False)
    """
    texts, numbers = words[::2], words[1::2]
    if len(words) not in (2, 4) or not all(map(_is_number, numbers)) or not all(isinstance(t, str) for t in texts):
        return False
    if len(words) == 2:
        return texts[0] in {"=", *_BOUNDS}
    return texts[0][:1] == ">" and texts[1][:1] == "<" and set(texts) <= _BOUNDS and bool(numbers[0] < numbers[1])


_SCHEMA = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            {"type": ["string", "boolean", "number", "object"]},
            {"type": "array", "minItems": 1, "items": {"type": ["string", "boolean", "number", "object"]}},
        ]
    },
}
Filter: TypeAlias = Annotated[
    dict[str, Annotated[tuple[Any, ...] | dict[str, Any], BeforeValidator(_wanted)]],
    AfterValidator(_filter),
    WithJsonSchema(_SCHEMA),
]


def is_nested(filter: Mapping[str, Any]) -> bool:
    """Whether a filter looks into what attributes hold, which messages have in their body only."""
    return any(
        any(map(is_nested, wanted)) if name == EITHER else isinstance(wanted, Mapping)
        for name, wanted in filter.items()
    )


def combinations(filter: Mapping[str, Any], level: int = 1) -> int:
    """Return how many combinations of values SNS counts: those of an attribute, times how deep it is.

    >>> combinations({"a": (1, 2)}), combinations({"a": {"b": {"c": (1, 2, 3, 4)}}, "d": {"e": (1, 2, 3)}})
    (2, 72)
    """
    return prod(_counted(name, wanted, level) for name, wanted in filter.items())


def _counted(name: str, wanted: Any, level: int) -> int:
    if name == EITHER:
        return sum(combinations(each, level) for each in wanted)
    return combinations(wanted, level + 1) if isinstance(wanted, Mapping) else len(wanted) * level


def attributes(filter: Mapping[str, Any]) -> Iterable[str]:
    """Yield the attributes that a filter names, without those inside of others."""
    for name, wanted in filter.items():
        if name == EITHER:
            yield from dict.fromkeys(each for one in wanted for each in attributes(one))
        else:
            yield name
