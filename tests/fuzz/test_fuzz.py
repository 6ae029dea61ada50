"""A sample of what `scripts/fuzz` tries for hours, and that its judge is no fool."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

from msaspec import pipeline
from msaspec.manifest import schema
from tests.fuzz import judge as judging
from tests.fuzz.blocks import SHARES, blocks
from tests.fuzz.judge import WAYS, Case, judge, shorter
from tests.fuzz.shapes import Maker

# CI tries the same ones every time, so that a change is judged by itself; everywhere else others each day.
FIRST = 0 if os.environ.get("CI") else time.gmtime().tm_yday * 1000
SOUND = b"msaspec: 1\nname: shop\nservices: {web: {image: 'web:1'}}\n"


@pytest.mark.parametrize("way", WAYS)
def test_a_manifest_ends_with_0_or_1(way: str) -> None:
    """No traceback, under 5 s, under 500 MB."""
    for number in range(FIRST, FIRST + (10 if way == "large" else 20)):
        case = Case(way, number)
        assert judge(case.manifest(), number).faults == (), f"scripts/fuzz one {case} --short"


def test_what_compiles_pleases_cfn_lint() -> None:
    """Unless a patch wrote it."""
    compiled = 0
    for number in range(FIRST, FIRST + 5):
        case = Case("sound", number)
        verdict = judge(case.manifest(), number, linted=True)
        assert verdict.faults == (), f"scripts/fuzz one {case} --short"
        compiled += verdict.linted
    assert compiled


def test_a_case_is_the_same_each_time() -> None:
    """So that a fault can be looked at."""
    for way in WAYS:
        assert Case(way, 7).manifest() == Case(way, 7).manifest()
        assert len({Case(way, number).manifest() for number in range(20)}) > 10


def test_shapes_are_what_the_schema_asks_for() -> None:
    """A generator that made wrong shapes would reach nothing behind the first check."""
    validator = Draft202012Validator(schema.schema())
    for number in range(60):
        made = Maker(Random(number), 0.3).manifest()
        assert [error.message for error in validator.iter_errors(made)] == []


def test_most_of_the_sound_ones_compile() -> None:
    """Or they would not be worth their name."""
    verdicts = [judge(Case("sound", number).manifest(), number) for number in range(40)]
    assert sum(verdict.compiled > 0 for verdict in verdicts) > 25


def test_every_section_is_reached() -> None:
    """In some of the sound ones each section of the language is used."""
    found: set[str] = set()
    for number in range(60):
        with suppress(yaml.reader.ReaderError):  # of a character that YAML has not, which is in few
            found |= yaml.safe_load(Case("sound", number).manifest()).keys()
    assert found >= schema.schema()["properties"].keys() - {"accept", "patches"}


# ---- The judge ----


def compiling(act: Callable[[], Any]) -> Callable[..., Any]:
    """A pipeline whose compilation does something else first."""
    usual = pipeline.compile_main

    def changed(*words: Any) -> Any:
        act()
        return usual(*words)

    return changed


def broken() -> None:
    """A fault of the program."""
    raise LookupError("no such thing")


def busy() -> None:
    """A computation that takes too long."""
    begun = time.process_time()
    while time.process_time() - begun < 0.3:
        pass


def large() -> None:
    """Pages that the process had not before: what it freed earlier may still count as its own."""
    with mmap.mmap(-1, 60 * 2**20) as pages:
        pages.write(bytes(len(pages)))


def ending() -> None:
    """An end with another exit code."""
    raise click.exceptions.Exit(3)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (broken, "LookupError"),
        (busy, "lint takes more than"),
        (ending, "lint ends with 3"),
        (large, "lint needs"),
        (lambda: click.echo("Traceback (most recent call last):"), "lint prints a traceback"),
    ],
)
def test_the_judge_sees(act: Callable[[], Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of fault, in a manifest that has none otherwise."""
    monkeypatch.setattr(judging, "SECONDS", 0.2)
    monkeypatch.setattr(judging, "MEBIBYTES", 30)
    judge(SOUND)
    monkeypatch.setattr(pipeline, "compile_main", compiling(act))
    assert any(fault.startswith(said) or said in fault for fault in judge(SOUND).faults)


def test_the_judge_sees_what_cfn_lint_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the compiler's own template, and not of what a patch wrote."""
    patch = b"patches: [{op: add, path: /Resources/Vpc/Properties/CidrBlock, value: 7.7.7.7.7/99}]\n"
    verdict = judge(SOUND + patch, linted=True)
    assert (verdict.linted > 0, verdict.faults) == (True, ())
    usual = pipeline.compile_main

    def spoilt(*words: Any) -> Any:
        compiled = usual(*words)
        compiled.stack.template["Resources"]["Vpc"]["Properties"]["CidrBlock"] = "7.7.7.7.7/99"
        return compiled

    monkeypatch.setattr(pipeline, "compile_main", spoilt)
    assert any(fault.startswith("cfn-lint E") for fault in judge(SOUND, linted=True).faults)


def test_a_fault_is_made_short() -> None:
    """Only the lines that it needs are left."""
    lines = b"".join(b"line %d\n" % number for number in range(100))
    assert shorter(lines, lambda text: b"line 42\n" in text and b"line 77\n" in text) == b"line 42\nline 77\n"


def test_blocks_are_as_many_cases_as_asked() -> None:
    """In the shares of their ways, each number once."""
    cases = [case for block in blocks(5, 1000, list(WAYS), 10) for case in block.cases()]
    assert len(cases) == len(set(cases)) == 1000
    assert {way: sum(case.way == way for case in cases) // 10 for way in WAYS} == SHARES
    assert min(case.number for case in cases) == 5
