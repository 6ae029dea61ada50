"""The sources as a template carries them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from msaspec.aws import lambdas
from msaspec.template import scripts

SOURCES = sorted(path for path in Path(lambdas.__file__).parent.glob("*.py") if path.name != "__init__.py")


def without_docstrings(source: str) -> str:
    """The syntax tree of a program, but for its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            del node.body[0]
    return ast.dump(tree)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_squeezing_takes_nothing_but_docstrings(path: Path) -> None:
    """The functions that run on Lambda are those that the tests run, and are programs at all."""
    source = path.read_text("ascii")
    squeezed = scripts.squeeze(source, 4)
    compile(squeezed, path.name, "exec")
    assert without_docstrings(squeezed) == without_docstrings(source)
    assert ast.dump(ast.parse(squeezed)) == without_docstrings(source)


def test_sources_leave_room_in_the_template() -> None:
    """Each line costs its text, its end, and the indentation in YAML. A template has 51,200 bytes for everything."""
    bootstrap = [path for path in SOURCES if path.stem in ("database_handler", "database_runner")]
    lines = [line for path in bootstrap for line in scripts.squeeze(path.read_text("ascii"), 4).splitlines()]
    assert sum(len(line) + 5 for line in lines) <= 12_200
