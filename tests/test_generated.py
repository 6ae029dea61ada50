"""Files that are made from the code are as the code makes them today."""

from __future__ import annotations

import re

import pytest

from tests.generated import FILES, ROOT


@pytest.mark.parametrize("name", FILES)
def test_it_is_fresh(name: str) -> None:
    """Otherwise: `python -m tests.update`, and read the difference."""
    assert (ROOT / name).read_text("utf-8") == FILES[name](), "run `python -m tests.update`"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".md")])
def test_links_lead_somewhere(name: str) -> None:
    """Every link inside a page has a heading of that name."""
    text = FILES[name]()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_tables_are_regular() -> None:
    """Every row of a table has as many cells as its head."""
    width = 0
    for line in FILES["docs/reference/manifest.md"]().splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (width and cells) or cells == width, line
        width = cells
