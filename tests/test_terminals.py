"""Colours, width and pictures on real terminals of several sizes, and what variables of the environment say of them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msaspec.diagnostics import printable, terminal
from tests import hostile, sampling

BROKEN = """\
msaspec: 1
name: small
network: {placement: public}
services:
  web: {image: 'docker.io/library/nginx:1', port: 8080, paths: [/web], env: {A: 'a long text of many words ${media.x}'}}
  漢字: {image: 'docker.io/library/nginx:1', prt: 8080}
"""
GOOD = (
    "msaspec: 1\nname: small\nnetwork: {placement: public}\nservices: {web: {image: 'docker.io/nginx:1', port: 80}}\n"
)
VARIABLES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "CI")
BUSY = re.compile(r"\x1b\[\?25l(.*?)\x1b\[\?25h\r\x1b\[1A\x1b\[2K", re.DOTALL)
"""A line that says what is being done, until it is removed."""
STYLE = re.compile(r"\x1b\[\d+m")
COMMANDS = (
    ("lint", "broken.yaml"),
    ("lint", "broken.yaml", "--no-cache"),
    ("explain", "web", "good.yaml"),
    ("explain", "MSA201"),
    ("diff", "good.yaml", "--against", "other.yaml"),
    ("deploy", "broken.yaml", "--sandbox", "--yes"),
    ("compile", "broken.yaml"),
    ("deplyo",),
    ("lint", "--format", "nonsense"),
    ("status", "good.yaml", "--region", "eu-west-1", "--profile", "nobody"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with manifests, and none of the variables of who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "broken.yaml").write_text(BROKEN, "utf-8")
    (tmp_path / "good.yaml").write_text(GOOD, "utf-8")
    (tmp_path / "other.yaml").write_text(GOOD.replace("port: 80", "port: 81"), "utf-8")
    return tmp_path


def shown(*words: str, columns: int = 80, **variables: str) -> str:
    """What a command leaves on a terminal of some columns."""
    return BUSY.sub("", painted(*words, columns=columns, **variables))


def painted(*words: str, columns: int = 80, **variables: str) -> str:
    """What a command writes on a terminal of some columns."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "msaspec", *words]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment) as running:
        os.close(inner)
        written = b"".join(_read(outer))
    os.close(outer)
    assert running.returncode in (0, 1, 2, 3)
    text = written.decode().replace("\r\n", "\n")
    assert "Traceback" not in text
    return text


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            found = os.read(terminal, 65536)
        except OSError:  # Nobody has the other end any more.
            return
        if not found:
            return
        yield found


def piped(*words: str, **variables: str) -> str:
    """The same in a pipe."""
    command = [sys.executable, "-m", "msaspec", *words]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_deployment_says_that_it_checks() -> None:
    """A line on a terminal, which is gone before anything else is written; elsewhere a line that stays."""
    words = ("deploy", "broken.yaml", "--sandbox", "--yes")
    first, *others = BUSY.findall(painted(*words))
    assert ("Checking broken.yaml ..." in first, others) == (True, [])
    assert "Checking" not in shown(*words)
    assert piped(*words).startswith("Checking broken.yaml ...\n")


def narrow_terminals() -> Iterator[tuple[tuple[str, ...], int]]:
    """Each command on a narrow terminal and on a wider one; on one of them by turns where not everything is tried."""
    for number, words in enumerate(COMMANDS):
        for position, columns in enumerate((40, 72)):
            if sampling.WHOLE or (number + position) % 2 == 0:
                yield words, columns


@pytest.mark.parametrize(("words", "columns"), list(narrow_terminals()), ids=str)
def test_text_keeps_to_the_terminal(words: tuple[str, ...], columns: int) -> None:
    """No line is wider, but for one piece that is not broken; nothing is lost, and no word is cut."""
    narrow, wide = (STYLE.sub("", shown(*words, columns=each)) for each in (columns, 500))
    for line in narrow.splitlines():
        begin = line.strip().removeprefix("= hint: ")
        pieces = terminal._PIECE.findall(begin)
        assert terminal.columns(line) <= columns or len(pieces) == 1 or "Usage: " in line, line
    quoted = re.compile(r"^ +\d* \| .*$", re.MULTILINE)  # lines of the manifest are cut to what is shown
    assert quoted.sub("", narrow).split() == quoted.sub("", wide).split()
    for line in narrow.splitlines():
        if quoted.match(line):
            assert terminal.columns(line) <= columns, line


def test_a_caret_stays_below_its_place() -> None:
    """However little of the line is shown, and where characters are wide."""
    for columns in (30, 60, 100):
        lines = STYLE.sub("", shown("lint", "broken.yaml", columns=columns)).splitlines()
        carets = [number for number, line in enumerate(lines) if re.fullmatch(r" +\| +\^+", line)]
        marked = []
        for number in carets:
            above, below = lines[number - 1], lines[number]
            wide = "".join(c + "\0" * (terminal.columns(c) - 1) for c in above)
            marked.append(wide[below.index("^") :][: below.count("^")].replace("\0", ""))
        assert marked == ["${media.x}", "漢字", "prt"] or columns < 60, marked
        assert carets


def test_a_command_is_not_broken() -> None:
    """What is in backticks or at the end after a colon is there to be copied."""
    hint = "   = hint: Log in again with the other profile: aws sso login --profile a-very-long-name"
    assert terminal.wrapped(hint, 50).split("\n") == [
        "   = hint: Log in again with the other profile:",
        "           aws sso login --profile a-very-long-name",
    ]
    assert "`msaspec explain MSA201`" in terminal.wrapped("word " * 7 + "`msaspec explain MSA201` " + "word " * 9, 40)


@given(st.text(), st.integers(20, 60))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    """But blanks where lines are broken."""
    assert terminal.wrapped(text, width).split() == text.split()
    assert terminal.wrapped(text, None) == text


@given(st.lists(st.text(st.sampled_from("abc漢é"), min_size=1, max_size=9), min_size=1), st.integers(24, 60))
def test_lines_are_no_wider(words: list[str], width: int) -> None:
    """Whatever characters they have, also with styles between."""
    text = " ".join(click.style(word, fg="red") for word in words)
    assert all(terminal.columns(line) <= width for line in terminal.wrapped(text, width).split("\n"))


@given(st.lists(st.sampled_from([*hostile.LINES, "word", "::error::x", "some more words"]), min_size=1))
def test_no_line_begins_with_a_command(words: list[str]) -> None:
    """A system of CI that gives its jobs a terminal obeys what stands at the beginning of a line that was broken."""
    for width in (20, 30, 45):
        assert hostile.dangers(printable.broken(printable.page(" ".join(words), styled=False), width)) == []


def test_a_log_has_whole_lines() -> None:
    """In a pipe nothing is broken or coloured, whatever the width of a terminal around."""
    text = piped("lint", "broken.yaml", COLUMNS="40")
    assert "error MSA201: `services.漢字` has no key `prt`." in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("variables", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "3"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"CI": "true"}, True, False),
    ],
    ids=str,
)
def test_colours(variables: dict[str, str], on_terminal: bool, in_pipe: bool) -> None:
    """The environment decides before the stream."""
    assert ("\x1b[" in shown("compile", "broken.yaml", **variables)) is on_terminal
    assert ("\x1b[" in piped("compile", "broken.yaml", **variables)) is in_pipe


def test_colours_of_a_lint_that_is_remembered() -> None:
    """Its answer is kept without them."""
    first = [shown("lint", "broken.yaml"), piped("lint", "broken.yaml")]
    assert [shown("lint", "broken.yaml"), piped("lint", "broken.yaml")] == first
    assert ["\x1b[" in text for text in first] == [True, False]


def test_data_has_no_colours() -> None:
    """Not even where they are forced."""
    for words in (("compile", "good.yaml"), ("lint", "broken.yaml", "--format", "json")):
        assert "\x1b" not in piped(*words, FORCE_COLOR="1")


def test_a_terminal_without_a_picture() -> None:
    """In CI, and on a terminal that can only write, a deployment is lines; so nothing moves the cursor."""
    for variables in ({"CI": "1"}, {"TERM": "dumb"}):
        text = shown("deploy", "good.yaml", "--sandbox", "--yes", columns=100, **variables)
        assert STYLE.sub("", text).count("\x1b") == 0
        assert "CREATE_COMPLETE" in text


def test_nobody_sits_at_a_terminal_of_ci() -> None:
    """A question there would wait for ever."""
    text = shown("deploy", "good.yaml", "--region", "eu-west-1", columns=200, CI="true")
    assert "There is no terminal to ask on. Pass --yes to deploy without confirmation." in text
