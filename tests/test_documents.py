"""What documents name exists: anchors of links, commands with their options, codes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from msaspec.cli import main
from msaspec.explain import catalogue

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
RETIRED = ROOT / "docs" / "decisions"
"""Decisions name what was there when they were made."""


def name_of(page: Path) -> str:
    """Where it is."""
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub and the usual generators make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_anchors_exist(page: Path) -> None:
    """Each link into a page leads to one of its headings."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text("utf-8")):
        there = page.parent / target if target else page
        assert anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_commands_can_be_typed(page: Path) -> None:
    """Each command of a guide exists, with every option that is shown with it."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in re.findall(r"^ *(msaspec .*)$", block, re.MULTILINE)]
    for line in lines + re.findall(r"`(msaspec [^`]*)`", text):
        words = shlex.split(line.partition(" # ")[0].replace("\\|", "|"), comments=False)
        command = main.get_command(click.Context(main), words[1])
        if words[1][0].isalpha() and words[1].islower():
            assert command, line
            options = {option for parameter in command.params for option in parameter.opts}
            alone = [word.strip("[]") for word in re.split(r"[ |]", " ".join(words[2:]))]
            # What comes behind `--` is a command of a container.
            alone = alone[: alone.index("--")] if "--" in alone else alone
            shown = {word.partition("=")[0] for word in alone if word.startswith("-")}
            assert shown <= options | {"--help", "-"}, line


@pytest.mark.parametrize("page", [page for page in PAGES if RETIRED not in page.parents], ids=name_of)
def test_codes_exist(page: Path) -> None:
    """Each code that a page names has a manual page."""
    named = set(re.findall(r"\bMSA\d{3}\b", page.read_text("utf-8")))
    assert named <= catalogue.codes().keys()


def test_decisions_are_numbered_without_a_gap() -> None:
    """Each decision has the next number, in its name and its title, and the list of them has its title."""
    files = sorted(path for path in RETIRED.glob("*.md") if path.name != "README.md")
    numbers = [f"{number:03}" for number in range(1, len(files) + 1)]
    assert [path.name[:3] for path in files] == numbers
    titles = [path.read_text("utf-8").partition("\n")[0].removeprefix("# ") for path in files]
    assert [title[:6] for title in titles] == [f"{number} · " for number in numbers]
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", (RETIRED / "README.md").read_text("utf-8"), re.MULTILINE)
    assert listed == [(title, path.name) for title, path in zip(titles, files, strict=True)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_decisions_that_are_named_exist(page: Path) -> None:
    """A decision that a page names by its number is one of those that there are."""
    there = {path.name[:3] for path in RETIRED.glob("0*.md")}
    assert set(re.findall(r"\b[Dd]ecision (0\d\d)\b", page.read_text("utf-8"))) <= there
