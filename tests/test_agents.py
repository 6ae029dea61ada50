"""`msaspec init --agents`: what coding agents are told is what this version does."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

import msaspec
from msaspec.cli import main
from msaspec.explain import agents, catalogue
from msaspec.manifest import schema
from msaspec.manifest.sections import kinds, runtimes

NAMES = ("SKILL.md", "reference.md", "diagnostics.md")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*words: str, code: int = 0) -> Result:
    """The command, in an empty folder."""
    result = CliRunner().invoke(main, ["init", "--agents", *words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def written() -> dict[str, str]:
    """What it wrote, by the name."""
    return {name: Path(agents.SKILL, name).read_text("utf-8") for name in NAMES} | {
        agents.FILE: Path(agents.FILE).read_text("utf-8")
    }


def test_it_writes_the_starter_too() -> None:
    """In an empty folder one command gives a manifest and the files for agents, and names each."""
    said = init().stderr
    assert msaspec.compile_main(msaspec.load(Path("msa.yaml").read_bytes(), "msa.yaml")).warnings == ()
    assert re.findall(r"Wrote (\S+)\.$", said, re.MULTILINE) == [
        "msa.yaml",
        "AGENTS.md",
        *(f"{agents.SKILL}/{name}" for name in NAMES),
    ]


def test_a_manifest_that_exists_stays() -> None:
    """The files for agents name it."""
    Path("shop.yaml").write_text("msaspec: 1\n")
    init("shop.yaml")
    assert Path("shop.yaml").read_text() == "msaspec: 1\n"
    assert "msaspec lint --format json shop.yaml" in written()[agents.FILE]


def test_commands_that_they_name_exist() -> None:
    """With each option; and every command is listed with what it does."""
    init()
    texts = written()
    for line in re.findall(r"`(msaspec [^`]+)`", texts[agents.FILE] + texts["SKILL.md"]):
        words = shlex.split(line)[1:]
        command = main.get_command(click.Context(main), words[0])
        if words[0].islower():
            assert command, line
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options | {"--help"}, line
    rows = re.findall(r"^\| `msaspec ([a-z-]+)` \| (.+) \|$", texts["SKILL.md"], re.MULTILINE)
    assert [name for name, _ in rows] == main.list_commands(None)  # type: ignore[arg-type]
    assert dict(rows)["lint"] == "Report every error, on manifest lines."
    named = [
        word
        for line in re.findall(r"Leave .*|Never use .*", texts[agents.FILE])
        for word in re.findall(r"`(.+?)`", line)
    ]
    every = {option for name, _ in rows for option in _options(name)}
    assert {word for word in named if word.startswith("--")} <= every
    assert {word for word in named if word.isalpha()} <= {name for name, _ in rows}


def _options(name: str) -> set[str]:
    command = main.get_command(click.Context(main), name)
    assert command
    return {option for parameter in command.params for option in parameter.opts}


def test_the_reference_has_every_key() -> None:
    """Of every model of the manifest, of every kind and runtime."""
    init()
    text = written()["reference.md"]
    definitions: dict[str, Any] = schema.models()
    missing = []
    for name, definition in definitions.items():
        forms = definition.get("anyOf", [definition])
        keys = [key for form in forms for key in form.get("properties", ())]
        missing += [f"{name}.{key}" for key in keys if not re.search(rf"^\| \*{{0,2}}`{key}`", text, re.MULTILINE)]
    assert missing == []
    skill = written()["SKILL.md"]
    assert [kind.section for kind in kinds() if f"| `{kind.section}` |" not in skill] == []
    assert [name for name in runtimes() if f"`{name}`" not in skill] == []


def test_every_diagnostic_is_listed() -> None:
    """With its title."""
    init()
    text = written()["diagnostics.md"]
    assert re.findall(r"^\| (MSA\d+) \|", text, re.MULTILINE) == list(catalogue.codes())
    assert all(code.title in text for code in catalogue.codes().values())


def test_the_skill_is_one() -> None:
    """Its head is what readers of skills want: the name of its folder, and a description that is not too long. Its
    manifest compiles, and the files that it names are there."""
    init()
    text = written()["SKILL.md"]
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["name"] == Path(agents.SKILL).name
    assert 0 < len(head["description"]) <= 1024
    (manifest,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert msaspec.compile_main(msaspec.load(manifest, "msa.yaml")).warnings == ()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert Path(agents.SKILL, target).exists()
    for target in re.findall(r"\]\(([^)#]+)\)", written()[agents.FILE]):
        assert Path(target).exists()


def test_the_loop_works_as_it_is_told() -> None:
    """A fault is an object with the fields that agents are told to read; the starter ends with 0."""
    init()
    Path("bad.yaml").write_text("msaspec: 1\nname: shop\nservices: {web: {image: 'web:1', prt: 80}}\n")
    for file, code in (("bad.yaml", 1), ("msa.yaml", 0)):
        result = CliRunner().invoke(main, ["lint", "--format", "json", file], catch_exceptions=False)
        assert result.exit_code == code
        for row in map(json.loads, result.stdout.splitlines()):
            told = re.findall(r"`(\w+)`", re.findall(r"is an object with (.*?)\. ", written()[agents.FILE])[0])
            assert row["event"] != "diagnostic" or set(told) <= set(row)


def test_what_others_wrote_stays() -> None:
    """A section of AGENTS.md is replaced where it stands, and nothing else of it; a second time changes nothing."""
    Path(agents.FILE).write_text("# Ours\n\nUse tabs.\n", "utf-8")
    init()
    first = written()
    assert first[agents.FILE].startswith("# Ours\n\nUse tabs.\n\n" + agents.BEGIN)
    Path(agents.FILE).write_text(first[agents.FILE].replace("Leave", "OLD") + "\nMore.\n", "utf-8")
    init()
    assert written()[agents.FILE] == first[agents.FILE] + "\nMore.\n"
    init()
    assert written() == {**first, agents.FILE: first[agents.FILE] + "\nMore.\n"}


def test_a_skill_of_somebody_else_is_refused() -> None:
    """Before anything is written; so are a link, text that is not UTF-8 and standard output."""
    Path(agents.SKILL).mkdir(parents=True)
    Path(agents.SKILL, "SKILL.md").write_text("mine")
    assert "is not msaspec's" in init(code=2).stderr
    assert not Path("msa.yaml").exists()
    assert not Path(agents.FILE).exists()
    init("--force")
    Path(agents.FILE).write_bytes(b"\xff")
    assert "cannot be read as UTF-8" in init(code=2).stderr
    Path(agents.FILE).unlink()
    Path("other.md").write_text("# Other\n")
    Path(agents.FILE).symlink_to("other.md")
    assert "symbolic link" in init(code=2).stderr
    assert Path("other.md").read_text() == "# Other\n"
    init("-", code=2)


def test_a_file_with_an_odd_name() -> None:
    """It is quoted for a shell, and ends no line."""
    init("my file\n.yaml")
    text = written()[agents.FILE]
    assert "\n.yaml" not in text
    assert "lint --format json 'my file" in text
