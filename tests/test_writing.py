"""A template's YAML is that of PyYAML's own dumper, told of the same styles, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from yaml.representer import RepresenterError

from msaspec.diagnostics import printable
from msaspec.template import writing
from tests import goldens, template


class Dumper(writing._BASE):  # type: ignore[misc]
    """Says of each value how it is to be written; PyYAML makes nodes of that, and their tags."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def string(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=writing._style(text))


def mapping(dumper: Any, data: Mapping[str, Any]) -> Any:
    if len(data) == 1:
        ((name, argument),) = data.items()
        if name == "Ref" and isinstance(argument, str):
            return dumper.represent_scalar("!Ref", argument, style=writing._style(argument))
        if name == "Fn::GetAtt" and isinstance(argument, list) and list(map(type, argument)) == [str, str]:
            attribute = ".".join(argument)
            return dumper.represent_scalar("!GetAtt", attribute, style=writing._style(attribute))
        short = name.startswith("Fn::") and name not in writing._WITHOUT_SHORT_FORM
        if short and not writing._is_intrinsic(argument):
            return tagged(dumper, "!" + name.removeprefix("Fn::"), argument)
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=fits(data))


def sequence(dumper: Any, data: list[Any]) -> Any:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=fits(data))


def tagged(dumper: Any, tag: str, argument: Any) -> Any:
    if isinstance(argument, str):
        return dumper.represent_scalar(tag, argument, style=writing._style(argument))
    if isinstance(argument, Mapping):
        return dumper.represent_mapping(tag, argument.items(), flow_style=fits(argument))
    if isinstance(argument, list):
        return dumper.represent_sequence(tag, argument, flow_style=fits(argument))
    return dumper.represent_scalar(tag, json.dumps(argument))


Dumper.add_representer(str, string)
Dumper.add_representer(dict, mapping)
Dumper.add_representer(list, sequence)


def fits(data: Any) -> bool:
    resource = isinstance(data, Mapping) and "Type" in data and "Properties" in data
    return not resource and width(data) <= writing.FLOW_WIDTH


def width(data: Any) -> float:
    if isinstance(data, str):
        return float("inf") if "\n" in data else len(data) + 2
    if isinstance(data, Mapping):
        return 2 + sum(width(part) + 1 for item in data.items() for part in item)
    return 2 + sum(width(part) + 1 for part in data) if isinstance(data, list) else 5


def of_the_dumper(data: Any) -> str:
    text = str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=2**20))
    text = printable.MARK.sub(r"\\x23", text)
    return writing._STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


NAMES = ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::ToJsonString", "Type", "Properties", "yes", "1", "~", "#a"]
WORDS = ["", " ", "no", "1e3", "2001-01-01", "a: b", "- a", "two\nlines\n", "##[group]", "::set-output", "\u202ea", "é"]
TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(WORDS), st.text("ab:#\n {}[]&*!'\"", max_size=60))
LEAVES = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), TEXTS), inner, max_size=4),
        st.builds(lambda name, each: {name: each}, st.sampled_from(NAMES), inner),
        st.builds(lambda one, other: {"Fn::GetAtt": [one, other]}, TEXTS, TEXTS),
    ),
    max_leaves=30,
)


@given(VALUES)
@example([0.0, -0.0, 1, True, 1.0, False, 0])
@example([date(2026, 1, 1), None])
@example(["a" * 135])
@example(["a" * 136])
@example({"Fn::Sub": None})
@example({"Fn::Sub": {"Fn::Join": ["", []]}})
def test_any_value_is_as_the_dumper_writes_it(data: Any) -> None:
    """Whatever a patch puts into a template."""
    assert writing.to_text(data) == of_the_dumper(data)


@pytest.mark.parametrize("golden", sorted(goldens.GOLDENS.glob("*.yaml")), ids=lambda file: str(file.stem))
def test_templates_are_as_the_dumper_writes_them(golden: Path) -> None:
    """All of the compiled examples."""
    data = template.load(golden.read_text("utf-8"))
    assert writing.to_text(data) == of_the_dumper(data)


def test_what_yaml_has_no_words_for_is_refused() -> None:
    """As the dumper refuses it: a template with it would be read as something else."""
    with pytest.raises(RepresenterError):
        writing.to_text({"Resources": {"A": object()}})
