"""The commands that README and guides show: every line is one that msaspec takes, and a sample is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from msaspec.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = frozenset((">", "|", "&&", ";", "2>", ">>"))


def blocks(page: Path) -> list[str]:
    """The blocks of a page that are in no language."""
    return [text for language, text in FENCE.findall(page.read_text("utf-8")) if not language]


def shown() -> Iterator[tuple[str, list[str]]]:
    """Each command of msaspec in a block of a page, with the page: its words up to a comment or the shell's next."""
    for page in PAGES:
        for block in blocks(page):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"(\$ )?msaspec ", line):
                    words = shlex.split(line.removeprefix("$ "), comments=True)
                    end = next((number for number, word in enumerate(words) if word in SHELL), len(words))
                    yield page.name, words[1:end]


SHOWN = sorted({(page, tuple(words)) for page, words in shown()})


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=lambda each: each if isinstance(each, str) else " ".join(each))
def test_every_command_is_one_that_msaspec_takes(page: str, words: tuple[str, ...]) -> None:
    """The command exists and takes these options and arguments; nothing of it is run."""
    with click.Context(main, info_name="msaspec") as context:
        name, command, rest = main.resolve_command(context, list(words))  # type: ignore[attr-defined]
        assert command
        assert command.make_context(name, rest, parent=context)


def test_the_pages_show_commands() -> None:
    """The reader of the pages finds them: another form of blocks would leave nothing to test."""
    assert len(SHOWN) > 40
    assert {words[0] for _, words in SHOWN} >= {
        "init",
        "lint",
        "deploy",
        "destroy",
        "import",
        "policy",
        "push",
        "explain",
    }


def test_the_first_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the first guide work in their order, in an empty folder, up to the one that needs an account."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    block = blocks(ROOT / "docs" / "guides" / "first-system.md")[0]
    lines = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    assert lines.pop() == ["deploy"]
    assert lines.pop() == ["deploy", "--sandbox"]
    for words in lines:
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert result.exit_code == 0, (words, result.output)
    result = CliRunner().invoke(main, ["deploy", "--sandbox"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "ShopApiUrl" in result.stdout
