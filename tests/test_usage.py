"""Words of the command line that nobody knows: what was meant is said, with exit code 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from msaspec.cli import main, usage

GROUP = main
COMMANDS = GROUP.list_commands(click.Context(GROUP))


def command(name: str) -> click.Command:
    """A command by its name."""
    found = GROUP.get_command(click.Context(GROUP), name)
    assert found
    return found


def said(*words: str) -> str:
    """The sentence of a usage error."""
    result = CliRunner().invoke(main, list(words), prog_name="msaspec")
    assert result.exit_code == 2, result.output
    assert not result.stdout
    return result.stderr.partition("Error: ")[2].strip()


def choices() -> Iterator[tuple[str, str, list[str]]]:
    """Each option that takes some words: its command, itself, the words."""
    for name in COMMANDS:
        for each in command(name).params:
            if isinstance(each.type, click.Choice):
                yield name, each.opts[0], [str(choice) for choice in each.type.choices]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["deplyo"], "There is no command `deplyo`. Did you mean `msaspec deploy`?"),
        (["DEPLOY"], "There is no command `DEPLOY`. Did you mean `msaspec deploy`?"),
        (["down"], "There is no command `down`. Did you mean `msaspec destroy`?"),
        (["plan", "x.yaml"], "There is no command `plan`. Did you mean `msaspec diff`?"),
        (["help"], "There is no command `help`. Did you mean `msaspec --help`?"),
        (["lint", "--formt", "json"], "`msaspec lint` has no option `--formt`. Did you mean `--format`?"),
        (["deploy", "--yse"], "`msaspec deploy` has no option `--yse`. Did you mean `--yes`?"),
        (["deploy", "--dryrun=1"], "`msaspec deploy` has no option `--dryrun`. Did you mean `--dry-run`?"),
        (["lint", "-z"], "`msaspec lint` has no option `-z`. `msaspec lint --help` lists those that there are."),
        (["--vershun"], "`msaspec` has no option `--vershun`. Did you mean `--version`?"),
        (
            ["--env", "x", "lint"],
            "`msaspec` has no option `--env`. Write it after the command: `msaspec COMMAND --env`.",
        ),
        (["lint", "--yes"], "`msaspec lint` has no option `--yes`. These have it: "),
        (["compile", "--stack", "man"], "`man` is none of `main` and `registry`. Did you mean `main`?"),
        (["compile", "--stack", "zzz"], "`zzz` is none of `main` and `registry`."),
        (["lint", "--format", "jsn"], "Did you mean `json`?"),
        (["status", "--format", "Text"], "Did you mean `text`?"),
    ],
)
def test_what_was_meant(words: list[str], sentence: str) -> None:
    """The nearest word, what other tools call a command, the commands that have an option, the values there are."""
    assert sentence in said(*words)


def test_a_command_that_is_far_from_all() -> None:
    """All are listed."""
    found = said("zzz")
    assert all(f"`{name}`" in found for name in COMMANDS)


def test_a_process() -> None:
    """It is the same in a process of its own, with one line of it harmless."""
    done = subprocess.run([sys.executable, "-m", "msaspec", "depl\x1b[2Joy\n::error::"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "There is no command `depl\ufffd[2Joy\ufffd::error::`." in done.stderr
    assert "\x1b" not in done.stderr
    assert not any(line.startswith("::") for line in done.stderr.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_choices_are_of_the_one_kind(name: str) -> None:
    """No option escapes it."""
    assert all(
        isinstance(each.type, usage.Choice) for each in command(name).params if isinstance(each.type, click.Choice)
    )


def test_names_of_others_are_no_commands() -> None:
    """What other tools call a command leads to one that there is."""
    assert not set(usage.OTHERS) & set(COMMANDS)
    assert set(usage.OTHERS.values()) <= {*COMMANDS, "--help", "--version"}


WORDS = sorted(
    {
        *((name, None, name) for name in COMMANDS if len(name) > 5),
        *((name, None, option) for name in COMMANDS for option in usage.options(command(name)) if len(option) > 6),
        *((name, option, word) for name, option, words in choices() for word in words if len(word) > 5),
    },
    key=str,
)


@given(st.sampled_from(WORDS), st.data())
@settings(max_examples=120, deadline=None)
def test_two_letters_that_are_swapped(target: tuple[str, str | None, str], data: st.DataObject) -> None:
    """Of any command, option or value: the right one is named."""
    name, option, word = target
    at = data.draw(st.integers(3 if word.startswith("--") else 1, len(word) - 2))
    wrong = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    known = COMMANDS if word == name else usage.options(command(name))
    if wrong == word or wrong in known or wrong in usage.OTHERS:
        return
    before = [option] if option and option.startswith("-") else []  # an argument has no word before it
    found = said(wrong) if word == name else said(name, *before, wrong)
    assert f"Did you mean `{'msaspec ' if word == name else ''}{word}`?" in found
