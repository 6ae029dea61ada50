"""A template as text: YAML for people, JSON for programs. Same template, same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from msaspec.diagnostics import printable
from msaspec.diagnostics.place import render
from msaspec.template.scripts import MAPPING
from msaspec.template.stack import Stack

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that steer a terminal or turn the direction of text around. YAML allows some of them as they are."""
_WITHOUT_SHORT_FORM = frozenset({"Fn::ForEach", "Fn::GetStackOutput", "Fn::Length", "Fn::ToJsonString"})
FLOW_WIDTH = 140
"""Small maps and lists are written on one line when they are no longer than this."""


class _Dumper(_BASE):  # type: ignore[misc]
    """Short intrinsics, literal blocks for text of several lines, small leaves on one line, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return the same value twice is written twice."""
        return True


def _string(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """Return a literal block for several lines; quotes with escapes where a terminal or a CI log would obey the
    text."""
    if printable.obeyed(text) or _STEERING.search(text):
        return '"'
    return "|" if "\n" in text else None


def _mapping(dumper: Any, data: Mapping[str, Any]) -> Any:
    if len(data) == 1:
        ((name, argument),) = data.items()
        if name == "Ref" and isinstance(argument, str):
            return dumper.represent_scalar("!Ref", argument, style=_style(argument))
        if name == "Fn::GetAtt" and isinstance(argument, list) and list(map(type, argument)) == [str, str]:
            attribute = ".".join(argument)
            return dumper.represent_scalar("!GetAtt", attribute, style=_style(attribute))
        if name.startswith("Fn::") and name not in _WITHOUT_SHORT_FORM and not _is_intrinsic(argument):
            return _tagged(dumper, "!" + name.removeprefix("Fn::"), argument)
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=_fits(data))


def _sequence(dumper: Any, data: list[Any]) -> Any:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=_fits(data))


def _tagged(dumper: Any, tag: str, argument: Any) -> Any:
    if isinstance(argument, str):
        return dumper.represent_scalar(tag, argument, style=_style(argument))
    if isinstance(argument, Mapping):
        return dumper.represent_mapping(tag, argument.items(), flow_style=_fits(argument))
    if isinstance(argument, list):
        return dumper.represent_sequence(tag, argument, flow_style=_fits(argument))
    return dumper.represent_scalar(tag, json.dumps(argument))


def _is_intrinsic(argument: Any) -> bool:
    """Whether an intrinsic's argument is one too: YAML has one tag a node, so the outer one is spelled out."""
    if not isinstance(argument, Mapping) or len(argument) != 1:
        return False
    name = next(iter(argument))
    return name == "Ref" or str(name).startswith("Fn::")


def _fits(data: Any) -> bool:
    """Whether a map or a list is small enough for one line. A resource never is."""
    return (
        not (isinstance(data, Mapping) and "Type" in data and "Properties" in data)
        and _width(data, FLOW_WIDTH) <= FLOW_WIDTH
    )


def _width(data: Any, budget: int) -> int:
    """About how wide a value is on one line; more than the budget as soon as that is known."""
    if isinstance(data, str):
        return budget + 1 if "\n" in data else len(data) + 2
    if isinstance(data, Mapping):
        children = [part for item in data.items() for part in item]
    elif isinstance(data, list):
        children = data
    else:
        return 5
    total = 2
    for child in children:
        total += _width(child, budget - total) + 1
        if total > budget:
            break
    return total


_Dumper.add_representer(str, _string)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def to_yaml(stack: Stack) -> str:
    """Return the template as YAML, with a comment in front of the resources of each manifest entry."""
    template = dict(stack.template)
    programs = template.pop("Mappings") if _holds_programs(template.get("Mappings")) else {}
    return _headed(_dump(template) + (_programs(programs) if programs else ""), stack)


def _dump(data: Mapping[str, Any]) -> str:
    text = str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**20))
    # Both occur within double quotes only, by `_style`.
    text = printable.MARK.sub(r"\\x23", text)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _holds_programs(mappings: Any) -> bool:
    """Whether the mappings are as the compiler makes them. A patch may have put anything in."""
    if not isinstance(mappings, Mapping) or set(mappings) != {MAPPING}:
        return False
    texts = [text for entries in mappings[MAPPING].values() for text in entries.values()]
    return all(
        isinstance(text, str) and text.isascii() and text[:1] not in " \n" and text[-1:] == "\n" for text in texts
    )


def _programs(mappings: Mapping[str, Any]) -> str:
    """Return the mapping of programs by the least indentation: it is paid for on every line."""
    lines = ["Mappings:", f" {MAPPING}:"]
    for name, attributes in mappings[MAPPING].items():
        lines.append(f"  {name}:")
        for attribute, text in attributes.items():
            lines += [f"   {attribute}: |", *(f"    {line}" for line in text[:-1].split("\n"))]
    return "".join(f"{line}\n" for line in lines)


def to_json(stack: Stack) -> str:
    """Return the template as JSON."""
    return printable.to_json(stack.template, indent=2) + "\n"


def _headed(text: str, stack: Stack) -> str:
    """Sections apart, and the resources of one manifest entry under its name."""
    lines: list[str] = []
    section, entry = "", None
    for line in text.rstrip("\n").split("\n"):
        if line[:1].isalpha() and line.endswith(":"):
            section, entry = line[:-1], None
            lines.append("")
        elif section == "Resources" and line[:2] == "  " and line[2:3].isalnum():
            origin = stack.origins.get(line[2:].partition(":")[0], ())[:2]
            if origin and origin != entry:
                entry = origin
                lines += [f"  # {render(entry)}"] if lines[-1] == "Resources:" else ["", f"  # {render(entry)}"]
        lines.append(line)
    return "\n".join(lines) + "\n"
