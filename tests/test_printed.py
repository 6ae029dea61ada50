"""What is printed is data: no text of a manifest, a template or a file's name steers a terminal or a CI system."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from msaspec.cli import main
from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic, Severity
from msaspec.diagnostics.place import Span
from msaspec.diagnostics.reports import json as json_report
from msaspec.diagnostics.reports import text as text_report
from msaspec.template import reading, render
from msaspec.template.stack import Stack
from tests import hostile
from tests.goldens import EXAMPLES

PACKAGE = Path(__file__).parent.parent / "msaspec"

TEXTS = st.lists(st.sampled_from([*hostile.LINES, "::", "#", "[", "e", "\n", " ", "ä", "\t"])).map("".join) | st.text()


@given(TEXTS)
def test_a_line_is_one_line_and_harmless(text: str) -> None:
    """Its characters stay where they are, so that a caret below it points at the right one."""
    shown = printable.line(text)
    assert len(shown) == len(text)
    assert "\n" not in shown
    assert hostile.dangers(shown) == []
    assert printable.line(shown) == shown


@given(TEXTS, TEXTS)
def test_a_page_keeps_lines_and_styles_only(one: str, other: str) -> None:
    """Also where a style lies between the two halves of a command."""
    shown = printable.page(f"{one}{click.style(other, fg='red', bold=True)}")
    assert hostile.dangers(shown) == []
    assert hostile.dangers(click.unstyle(shown)) == []
    assert shown.count("\n") == one.count("\n") + other.count("\n")
    assert "\x1b[31m" in shown


@given(TEXTS)
def test_json_is_harmless_and_loses_nothing(text: str) -> None:
    """Programs get every character."""
    for ascii in (True, False):
        written = printable.to_json({text: [text]}, indent=2, ascii=ascii)
        assert hostile.dangers(written) == []
        assert json.loads(written) == {text: [text]}


@given(TEXTS)
def test_a_diagnostic_is_harmless_in_every_form(text: str) -> None:
    """Whoever made it, and wherever the text stands in it."""
    found = Diagnostic("E1", Severity.ERROR, text, text, (text, 1), span=Span(text, 1, 1), excerpt=text)
    assert hostile.dangers(printable.page(text_report.render([found]))) == []
    assert hostile.dangers(json_report.render([found])) == []
    assert "\n" not in found.message


@given(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS), min_size=1))
def test_a_template_is_harmless_and_loses_nothing(values: dict[str, Any]) -> None:
    """In YAML and in JSON: a template that is printed in a CI job is text of the manifest's author."""
    values = {key: value for key, value in values.items() if not key.startswith(("Ref", "Fn::", "Condition"))}
    references = {"Ref": hostile.ALL}, {"Fn::GetAtt": ["A", hostile.ALL]}, {"Fn::Sub": hostile.ALL}
    template = {"Resources": {"A": {"Type": "T", "Properties": {"v": values, "r": list(references)}}}}
    for write in (render.to_yaml, render.to_json):
        text = write(Stack("x", template, {}))
        assert [danger for danger in hostile.dangers(text) if danger.isprintable() and not danger.startswith("'")] == []
        assert not any(c in text for c in "\x1b\x9b\x07\r\x85\u2028\u202e")
        assert reading.load(text) == template


def test_only_one_place_prints() -> None:
    """Everything else goes through it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == PACKAGE / "diagnostics" / "printable.py" or "lambdas" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert name not in ("print", "click.echo", "click.secho", "echo", "secho"), f"{path}:{node.lineno}"


# --- Every command -----------------------------------------------------------------------------------------------

OFFLINE = {
    "completion": (["{hostile}"], ["bash", "{hostile}"]),
    "compile": (
        ["{file}"],
        ["{file}", "--env", hostile.ALL],
        ["{file}", "--format", "json"],
        ["{good}", "-o", "{dir}"],
    ),
    "diff": (
        ["{file}", "--against", "{good}"],
        ["{good}", "--against", "{file}"],
        ["{good}", "--against", hostile.ALL],
        ["{good}", "--against", f"git:{hostile.ALL}"],
        ["{good}", "--env", hostile.ALL, "--against", "{good}"],
    ),
    "export": (["compose", "{file}"], ["compose", "{good}"], ["compose", "{good}", "--format", "json"]),
    "import": (
        ["compose", "{compose}"],
        ["compose", "{compose}", "--format", "json"],
        ["compose", "{dir}"],
        ["compose", "{file}.absent"],
        ["copilot", "{hostile}"],
        ["{hostile}", "{file}"],
    ),
    "draw": (
        ["{file}"],
        ["{good}", "--format", "html"],
        ["{good}", "--format", "mermaid"],
        ["{good}", "--format", "{hostile}"],
        ["{good}", "-o", "{dir}"],
    ),
    "explain": (["{hostile}", "{good}"], ["web", "{file}"], ["{hostile}", "{file}"]),
    "init": (["{file}"], ["{dir}"]),
    "lint": (["{file}"], ["{file}", "--format", "json"], ["{file}.absent"], ["{dir}"]),
    "policy": (["{file}"], ["{file}", "--env", hostile.ALL], ["{file}", "--for", "{hostile}"]),
    "schema": (["-o", "{dir}"], ["{hostile}"]),
    "sandbox": (["--port", "{hostile}"], ["{hostile}"]),
}
"""What is tried of each command that needs no AWS; those that do are in tests/deploy/test_hostile.py."""
ONLINE = {
    "cancel",
    "clean",
    "continue-rollback",
    "deploy",
    "destroy",
    "jobs",
    "logs",
    "outputs",
    "push",
    "run",
    "secret",
    "status",
    "verify",
}


def manifest(text: str) -> dict[str, Any]:
    """A manifest with a text wherever one may stand."""
    return {
        "msaspec": 1,
        "name": "shop",
        "tags": {"team": text},
        "network": {"placement": "public"},
        "services": {
            "web": {
                "image": "docker.io/library/nginx:1",
                "port": 80,
                "env": {"TEXT": text},
                "command": ["run", text],
            }
        },
        "patches": [
            {"op": "add", "path": f"/Metadata/{text.replace('~', '').replace('/', '')}", "value": text},
            {"op": "add", "path": "/Outputs/Own", "value": {"Value": text, "Description": text}},
            {"op": "add", "path": "/Resources/Vpc/Properties/" + text.replace("/", ""), "value": text},
            {"op": "add", "path": "/Resources/Own" + text.replace("/", ""), "value": {"Type": text}},
        ],
    }


def compose_file(text: str) -> dict[str, Any]:
    """A compose file with a text wherever one may stand."""
    service = {
        "image": "docker.io/library/nginx:1",
        "command": ["run", text],
        "environment": {"TEXT": text},
        "volumes": [f"{text}:/data"],
        "x-" + text: text,
        text: text,
    }
    return {"name": text, "services": {"web": service, text: {"image": text}}, "volumes": {text: {"driver": text}}}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Files with hostile names, of which one is a sound manifest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / hostile.NAME).write_text(yaml.safe_dump(manifest(hostile.ALL)), "utf-8")
    (tmp_path / f"dir{hostile.NAME}"[:200]).mkdir()
    sound = manifest(hostile.LINES[2])
    del sound["patches"]
    (tmp_path / f"good{hostile.NAME}").write_text(yaml.safe_dump(sound), "utf-8")
    (tmp_path / f"compose{hostile.NAME}").write_text(yaml.safe_dump(compose_file(hostile.ALL)), "utf-8")
    return {
        "file": hostile.NAME,
        "dir": f"dir{hostile.NAME}"[:200],
        "good": f"good{hostile.NAME}",
        "compose": f"compose{hostile.NAME}",
        "hostile": hostile.ALL,
    }


def test_every_command_is_tried() -> None:
    """A new command comes with what is tried of it."""
    assert set(main.list_commands(click.Context(main))) == OFFLINE.keys() | ONLINE


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(name, words, id=f"{name}{number}")
        for name, all in OFFLINE.items()
        for number, words in enumerate(all)
    ],
)
def test_no_command_prints_what_is_obeyed(command: str, words: list[str], places: dict[str, str]) -> None:
    """Not of the manifest, its patches, the arguments, or the name of a file."""
    filled = [word.format(**places) if word.startswith("{") else word for word in words]
    result = hostile.run(command, *filled)
    hostile.check(result)
    assert "pwned" in result.output


def test_unknown_commands_and_options_are_quoted_harmlessly() -> None:
    """Usage errors quote what was typed."""
    for words in ([hostile.ALL], [f"--{hostile.ALL}"], ["lint", "--format", hostile.ALL]):
        hostile.check(hostile.run(*words), 2)


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every scalar and of every key."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*path, key)
        yield from leaves(value, (*path, key))


SHOP = yaml.safe_load((EXAMPLES / "msa.yaml").read_text("utf-8"))


@pytest.mark.parametrize("path", list(leaves(SHOP)), ids=lambda path: ".".join(map(str, path)))
def test_no_value_of_a_manifest_is_obeyed(path: tuple[Any, ...], tmp_path: Path) -> None:
    """Whether the text stands for a value or for a key, and whether it is taken or refused."""
    for as_key in (False, True):
        data = yaml.safe_load(yaml.safe_dump(SHOP))
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        if as_key and isinstance(holder, dict):
            holder[hostile.ALL] = holder.pop(path[-1])
        else:
            holder[path[-1]] = hostile.ALL
        (tmp_path / "msa.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
        result = hostile.run("compile", str(tmp_path / "msa.yaml"))
        assert hostile.dangers(result.stderr) == []
        assert hostile.dangers(result.stdout) == []
