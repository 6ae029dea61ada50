"""How Sphinx builds the site of the documents; `scripts/docs` runs it over the whole repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FIRST = ("installing", "first-system", "from-the-console")
"""The guides that come before the others, which are in the order of the alphabet."""

project = "msaspec"
author = copyright = "the authors of msaspec"
release = re.findall(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)[0]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/**/*.md", "examples/**/README.md"]
exclude_patterns = ["build", "dist", ".venv*", "**/node_modules", "tests"]
extensions = ["myst_parser"]
myst_heading_anchors = 4
nitpicky = True
html_theme = "furo"
html_title = f"msaspec {release}"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]


def pages() -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of the table of contents, each with its pages."""
    guides = sorted(path.stem for path in (ROOT / "docs/guides").glob("*.md"))
    ordered = [*(name for name in FIRST if name in guides), *(name for name in guides if name not in FIRST)]
    yield "Guides", [f"docs/guides/{name}" for name in ordered]
    yield "Reference", sorted(f"docs/reference/{path.stem}" for path in (ROOT / "docs/reference").glob("*.md"))
    yield "Examples", sorted(str(path.relative_to(ROOT).with_suffix("")) for path in ROOT.glob("examples/**/README.md"))
    yield "Project", ["docs/architecture", "CONTRIBUTING", "CHANGELOG", "SECURITY", "docs/decisions/README"]


def contents(app: Any, name: str, source: list[str]) -> None:
    """Add the table of contents to the first page, and the decisions to theirs; on GitHub the text has links."""
    if name == root_doc:
        source[0] += "".join(_table(part, there) for part, there in pages())
    elif name == "docs/decisions/README":
        numbered = sorted(path.stem for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
        source[0] += _table("", numbered)


def _table(caption: str, there: list[str]) -> str:
    lines = [":hidden:", *([f":caption: {caption}"] if caption else []), "", *there]
    return "\n\n```{toctree}\n" + "\n".join(lines) + "\n```\n"


def setup(app: Any) -> None:
    """Register what is above."""
    app.connect("source-read", contents)
