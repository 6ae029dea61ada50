"""What people write as values stays data: on no way through the template is it read as anything else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from msaspec import pipeline
from msaspec.pipeline import Compiled
from msaspec.template import render
from tests import template
from tests.template import Filled, nodes, user_data

NASTY = [
    "",
    " ",
    "'",
    '"',
    "\\",
    "`touch /tmp/x`",
    "$(touch /tmp/x)",
    "${AWS::Region}",
    "${!AWS::Region}",
    "${x}",
    "$",
    "$$",
    "${",
    "a$",
    "%{http_code} %s 100 %",
    "MSASPEC\n}\nrm -rf /",
    "line\nline\r\nline\n",
    "tab\tand \x07 and \x7f and \x1b[31m",
    "\u2028 \u2029 \x85 \ufeff \u00a0",
    "😀 한국어 é",
    "{{resolve:ssm:/shop/key}}",
    "{{resolve:ssm-secure:/shop/key:1}}",
    "{{resolve:secretsmanager:shop:SecretString:password}}",
    "{{{resolve:ssm:x}}}",
    "{{",
    "yes",
    "0x1F",
    "1e3",
    "2026-01-01",
    "~",
    "- a",
    "a: b",
    "# no comment",
    "!Ref Vpc",
    "&a *a",
    "|",
    "<<",
    '{"Ref": "Vpc"}',
    "Fn::Sub",
]
TEXT = st.sampled_from(NASTY) | st.text(
    # Without what no environment carries, and without `user:password@`, which is refused as a credential.
    st.characters(exclude_categories=["Cs"], exclude_characters="\0@"),
    max_size=40,
)
VALUES = st.dictionaries(st.from_regex(r"V[A-Z]{1,3}", fullmatch=True), TEXT, min_size=1, max_size=4)
VARIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def quoted(data: Any) -> str:
    """The data as YAML in ASCII, every text in double quotes: JSON, but with escapes for whole characters."""
    text = json.dumps(data, ensure_ascii=False)
    return "".join(c if " " <= c < "\x7f" else f"\\U{ord(c):08x}" for c in text)


def manifest(env: dict[str, str], command: list[str]) -> str:
    """A system whose only service has these values; every `$` is doubled, so that none begins a reference."""
    service = {
        "image": "cart:1",
        "env": {name: value.replace("$", "$$") for name, value in env.items()},
        "command": command,
    }
    data = {"msaspec": 1, "name": "shop", "services": {"cart": service}}
    return quoted(data)


def compiled(env: dict[str, str], command: list[str]) -> Compiled:
    """The system, compiled."""
    return template.compiled(manifest(env, command))


def intrinsics(data: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Every intrinsic of a template, and every name that Fn::Sub would fill in, with its place."""
    found = []
    for path, node in nodes(data):
        if isinstance(node, dict):
            found += [(path, key) for key in node if key == "Ref" or str(key).startswith("Fn::")]
        elif isinstance(node, str) and "Fn::Sub" in path:
            found += [(path, token) for token in re.findall(r"\$\{[^}]*\}?", node)]
    return found


@VARIED
@given(VALUES, st.lists(TEXT, max_size=3))
@example({"V": "{{resolve:ssm:/shop/key}}"}, ["{{resolve:ssm:/shop/key}}"])
def test_no_value_becomes_an_intrinsic(env: dict[str, str], command: list[str]) -> None:
    """A template has the intrinsics and the substitutions of the same manifest with harmless values, and no other."""
    nasty = compiled(env, command).stack.template
    harmless = compiled(dict.fromkeys(env, "harmless"), ["harmless"] * len(command)).stack.template
    assert intrinsics(nasty) == intrinsics(harmless)


@VARIED
@given(VALUES, st.lists(TEXT, max_size=3))
@example({f"V{number}": text for number, text in enumerate(NASTY)}, NASTY)
def test_every_value_is_read_back_from_the_user_data(env: dict[str, str], command: list[str]) -> None:
    """Through YAML and Fn::Sub, the settings in the user data decode to exactly the texts that were written."""
    stack = compiled(env, command).stack
    for loaded in (template.load(render.to_yaml(stack)), json.loads(render.to_json(stack))):
        assert loaded == stack.template
        document = template.settings(user_data(loaded, "CartLaunchTemplate"))
        assert document.get("environment", {}) == env
        commands = [node["command"] for _, node in nodes(document) if isinstance(node, dict) and "command" in node]
        assert commands == ([command] if command else [])


@VARIED
@given(VALUES, st.lists(TEXT, max_size=3))
def test_no_value_is_a_dynamic_reference(env: dict[str, str], command: list[str]) -> None:
    """CloudFormation resolves `{{resolve:...}}` in any text of a property: what a person wrote must not look so."""
    stack = compiled(env, command).stack
    assert "{{" not in json.dumps({key: part for key, part in stack.template.items() if key != "Mappings"})


def texts(data: Any) -> set[str]:
    """Every text in some JSON."""
    return {node for _, node in nodes(data) if isinstance(node, str)}


@pytest.mark.parametrize("text", NASTY)
def test_a_value_beside_a_reference_stays_data(text: str) -> None:
    """Text around a reference is as safe as text alone: only the reference is filled in."""
    service = {
        "image": "cart:1",
        "uses": ["main"],
        "env": {
            "V": f"{text.replace('$', '$$')}${{main.host}}{text.replace('$', '$$')}",
            "W": f"${{main.password}}{text.replace('$', '$$')}",
        },
    }
    data = {"msaspec": 1, "name": "shop", "databases": {"main": {}}, "services": {"cart": service}}
    found = template.template_of(quoted(data))
    environment = template.settings(
        user_data(found, "CartLaunchTemplate", **{"MainDatabase.Endpoint.Address": "HOST", "CartToMainSecret": "ARN"})
    )["environment"]
    assert environment["V"] == f"{text}HOST{text}"
    secret, *rest = environment["W"]
    assert {"ARN", "password"} <= texts(secret)
    assert rest == ([text] if text else [])


@pytest.mark.parametrize("written", ["/shop/key", "/a/b.c-d_e"])
def test_the_name_of_a_parameter_stays_data(written: str) -> None:
    """What names a secret reaches the instance, and the policy, as it is written."""
    data = {"msaspec": 1, "name": "shop", "services": {"cart": {"image": "cart:1", "secrets": {"KEY": written}}}}
    found = template.template_of(quoted(data))
    assert written in texts(template.settings(user_data(found, "CartLaunchTemplate"))["environment"]["KEY"])
    statements = found["Resources"]["CartRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    arn = Filled(found).value(statements[-1]["Resource"])
    assert arn == f"arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter{written}"


@VARIED
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(NASTY))
@example("a\x85b\u2028c\x0cd")
@example("Vpc:\nVpc:\n")
def test_what_a_patch_writes_is_read_back(text: str) -> None:
    """A patch may write any text anywhere; the YAML that people get holds exactly that."""
    patches = [
        {"op": "add", "path": "/Resources/Topic", "value": {"Type": "AWS::SNS::Topic", "Properties": {"A": text}}},
        {"op": "add", "path": "/Resources/Topic/Metadata", "value": {text or "k": [text, {text or "k": text}]}},
        {"op": "remove", "path": "/Description"},
        {"op": "add", "path": "/Description", "value": text},
        {"op": "add", "path": "/Mappings/More", "value": {"a": {"b": text, "c": [text, "x"], "d": 1, text or "k": ""}}},
    ]
    data = {"msaspec": 1, "name": "shop", "services": {"cart": {"image": "cart:1"}}, "patches": patches}
    stack = pipeline.compile_main(pipeline.load(quoted(data), "msa.yaml")).stack
    assert template.load(render.to_yaml(stack)) == stack.template
    assert json.loads(render.to_json(stack)) == stack.template
