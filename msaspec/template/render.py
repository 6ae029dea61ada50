"""A template as text: YAML for people, JSON for programs. Same template, same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.diagnostics import printable
from msaspec.diagnostics.place import render
from msaspec.template.scripts import MAPPING
from msaspec.template.stack import Stack
from msaspec.template.writing import to_text


def to_yaml(stack: Stack) -> str:
    """Return the template as YAML, with a comment in front of the resources of each manifest entry."""
    template = dict(stack.template)
    programs = template.pop("Mappings") if _holds_programs(template.get("Mappings")) else {}
    return _headed(to_text(template) + (_programs(programs) if programs else ""), stack)


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
