"""docs/reference/aws-facts.md and the places in the code that rely on it, found from both sides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "reference" / "aws-facts.md"
MARK = re.compile(r"\bfact: ([a-z0-9]+(?:-[a-z0-9]+)*)")
SOURCE = re.compile(
    r"(User|Developer) Guide|\bAPI, [A-Z]|\(CloudFormation, |its API, |registry schema of|not documented|[Nn]ot tried|"
    r"from memory|\b[a-z-]+/[a-z][a-z.-]+#\d{2,}"
)
"""How code names where it knows something of AWS from, or that it does not."""
NOT_OF_AWS = ("docker/cli",)
SURE = ("Documented", "Schema", "Measured", "Reported", "Assumed")


def rows() -> list[list[str]]:
    """Return the cells of each row of the table."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def marked() -> dict[str, list[str]]:
    """Return where each fact is relied on, by its name."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "msaspec").rglob("*")):
        if path.suffix in (".py", ".sh"):
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                for name in MARK.findall(line):
                    found.setdefault(name, []).append(f"{path.relative_to(ROOT)}:{number}")
    return found


def test_every_mark_is_a_row_and_every_row_is_marked() -> None:
    """A fact that the code relies on has its source; a fact that nothing relies on any more goes."""
    names = {row[0].strip("`") for row in rows()}
    assert names - set(marked()) == set(), "rows that no code relies on"
    assert {name: places for name, places in marked().items() if name not in names} == {}, "marks without a row"


def test_whoever_names_a_source_marks_the_fact() -> None:
    """What code knows from AWS's documents, from others, or only believes, has a mark near by."""
    missing = []
    for path in sorted((ROOT / "msaspec").rglob("*")):
        if path.suffix not in (".py", ".sh") or "sandbox" in path.parts:
            continue
        lines = path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines):
            if not SOURCE.search(line) or any(word in line for word in NOT_OF_AWS):
                continue
            near = [name for each in lines[max(0, number - 12) : number + 12] for name in MARK.findall(each)]
            if not near:
                missing.append(f"{path.relative_to(ROOT)}:{number + 1}")
    assert missing == []


def test_rows_are_sorted_and_told_apart() -> None:
    """A name stands for one fact, and is found where it belongs."""
    names = [row[0] for row in rows()]
    assert names == sorted(set(names))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0].strip("`"))
def test_a_row_says_where_the_fact_is_from(row: list[str]) -> None:
    """A sentence, its source, the year of that source, and one word for how sure it is."""
    _, fact, source, date, sure = row
    assert fact.endswith(".")
    assert len(source) > 10
    assert re.fullmatch(r"20\d\d(-\d\d)?", date)
    assert sure in SURE
