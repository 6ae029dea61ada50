"""A value of a template as YAML text: short intrinsics, literal blocks, small leaves on one line, no anchors.

This makes the events for PyYAML's emitter in one walk. PyYAML's own representer and serializer make a node of each
value and resolve its tag twice, which took most of the time. Templates repeat the same texts thousands of times, so
the events of texts are cached.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from math import inf
from typing import Any

import yaml
from yaml import events
from yaml.representer import RepresenterError, SafeRepresenter
from yaml.resolver import Resolver

from msaspec.diagnostics import printable

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that steer a terminal or turn the direction of text around. YAML allows some of them as they are."""
_WITHOUT_SHORT_FORM = frozenset({"Fn::ForEach", "Fn::GetStackOutput", "Fn::Length", "Fn::ToJsonString"})
FLOW_WIDTH = 140
"""Small maps and lists are written on one line when they are no longer than this."""
_RESOLVER: Any = Resolver()
_TAG = "tag:yaml.org,2002:"
_STR, _MAP, _SEQ = _TAG + "str", _TAG + "map", _TAG + "seq"
_END_OF_MAP, _END_OF_SEQ = events.MappingEndEvent(), events.SequenceEndEvent()
_BEGINS = events.StreamStartEvent(), events.DocumentStartEvent(explicit=False)
_ENDS = events.DocumentEndEvent(explicit=False), events.StreamEndEvent()
_OF_NUMBERS = 5
"""The approximate width of a number, a truth value or null."""

Event = events.Event


def to_text(data: Any) -> str:
    """Return a value as YAML."""
    made: list[Event] = [*_BEGINS]
    _add(made, data)
    text = str(yaml.emit([*made, *_ENDS], Dumper=_BASE, allow_unicode=True, width=2**20))
    # Both occur within double quotes only, by `_style`.
    text = printable.MARK.sub(r"\\x23", text)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _add(made: list[Event], data: Any) -> float:
    """Add the events of a value; return about how wide it is on one line."""
    if isinstance(data, str):
        event, width = _text(data)
        made.append(event)
        return width
    if isinstance(data, dict):
        if len(data) == 1:
            ((name, argument),) = data.items()
            if (inner := _add_intrinsic(made, name, argument)) is not None:
                return 2 + len(name) + 2 + 1 + inner + 1
        return _add_map(made, _MAP, data)
    if isinstance(data, list):
        return _add_list(made, _SEQ, data)
    made.append(_plain(repr(data), data))
    return _OF_NUMBERS


def _add_intrinsic(made: list[Event], name: str, argument: Any) -> float | None:
    """Add an intrinsic in its short form; return how wide its argument is, or None where it has no such form."""
    if name == "Ref" and isinstance(argument, str):
        return _add_scalar(made, "!Ref", argument)
    if not name.startswith("Fn::"):
        return None
    if name == "Fn::GetAtt" and isinstance(argument, list) and list(map(type, argument)) == [str, str]:
        _add_scalar(made, "!GetAtt", ".".join(argument))
        return 2 + sum(_text(each)[1] + 1 for each in argument)
    if name in _WITHOUT_SHORT_FORM or _is_intrinsic(argument):
        return None
    tag = "!" + name.removeprefix("Fn::")
    if isinstance(argument, str):
        return _add_scalar(made, tag, argument)
    if isinstance(argument, dict):
        return _add_map(made, tag, argument)
    if isinstance(argument, list):
        return _add_list(made, tag, argument)
    _add_scalar(made, tag, json.dumps(argument))
    return _OF_NUMBERS


def _add_map(made: list[Event], tag: str, data: dict[str, Any]) -> float:
    at, width = len(made), 2.0
    made.append(_END_OF_MAP)  # The width, which is known at the end, decides what stands here.
    for key, value in data.items():
        width += _add(made, key) + 1 + _add(made, value) + 1
    # A resource never is on one line.
    flow = width <= FLOW_WIDTH and not ("Type" in data and "Properties" in data)
    made[at] = _start(events.MappingStartEvent, tag, flow=flow)
    made.append(_END_OF_MAP)
    return width


def _add_list(made: list[Event], tag: str, data: list[Any]) -> float:
    at, width = len(made), 2.0
    made.append(_END_OF_SEQ)
    for value in data:
        width += _add(made, value) + 1
    made[at] = _start(events.SequenceStartEvent, tag, flow=width <= FLOW_WIDTH)
    made.append(_END_OF_SEQ)
    return width


def _add_scalar(made: list[Event], tag: str, text: str) -> float:
    event, width = _text(text, tag)
    made.append(event)
    return width


@cache
def _start(kind: Any, tag: str, *, flow: bool) -> Event:
    made: Event = kind(None, tag, tag in (_MAP, _SEQ), flow_style=flow)
    return made


@lru_cache(2**14)
def _text(text: str, tag: str = _STR) -> tuple[Event, float]:
    """Return a text, and how wide it is on one line: one of several lines is on none."""
    return _scalar(tag, text, _style(text)), inf if "\n" in text else len(text) + 2


@lru_cache(2**10)
def _plain(shown: str, value: Any) -> Event:
    """Return a number, a truth or nothing. How it is shown tells apart what is equal: 1 and True, 0.0 and -0.0."""
    node = SafeRepresenter().represent_data(value)
    if not isinstance(node, yaml.ScalarNode):
        raise RepresenterError("cannot represent an object", value)
    return _scalar(node.tag, node.value, node.style)


def _scalar(tag: str, text: str, style: str | None) -> Event:
    """Return a scalar, whose tag is left out where it follows from how it is written."""
    plain, quoted = (_RESOLVER.resolve(yaml.ScalarNode, text, way) == tag for way in ((True, False), (False, True)))
    return events.ScalarEvent(None, tag, (plain, quoted), text, style=style)


def _style(text: str) -> str | None:
    """Return a literal block for several lines; quotes with escapes where a terminal or a CI log would obey the
    text."""
    if printable.obeyed(text) or _STEERING.search(text):
        return '"'
    return "|" if "\n" in text else None


def _is_intrinsic(argument: Any) -> bool:
    """Whether an intrinsic's argument is one too: YAML has one tag a node, so the outer one is spelled out."""
    if not isinstance(argument, dict) or len(argument) != 1:
        return False
    name = next(iter(argument))
    return name == "Ref" or str(name).startswith("Fn::")
