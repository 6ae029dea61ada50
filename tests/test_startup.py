"""What the list of commands is made of, and what it loads."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from click.testing import CliRunner

from msaspec.cli import commands, main

ROOT = Path(__file__).parent.parent
PROGRAM = """\
import sys
from msaspec import __main__
sys.argv = ["msaspec", *sys.argv[1:]]
try:
    __main__.run()
finally:
    print("loaded", *sorted(sys.modules), flush=True)
"""


def loaded(*words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    command = [sys.executable, "-c", PROGRAM, *words]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(said.rpartition("loaded ")[2].split())


def test_compile_reads_no_distributions() -> None:
    """What reads the metadata of distributions takes longer than reading the example; pydantic asks for plugins where a
    stand-in answers."""
    modules = loaded("compile", "examples/msa.yaml")
    assert modules.isdisjoint({"importlib.metadata", "email", "zipfile"})
    assert callable(import_module("pydantic.plugin._loader").get_plugins)


def test_help_loads_no_command() -> None:
    """The list of commands is made of the first lines of their modules, which are not run for that."""
    modules = loaded("--help")
    own = {name for name in modules if name.startswith("msaspec")}
    assert not any(name.startswith("msaspec.cli.") and name != "msaspec.cli.commands" for name in own)
    assert len(own) <= 8
    assert modules.isdisjoint({"yaml", "rich", "email", "hashlib", "importlib.metadata"})


@pytest.mark.parametrize("module", sorted(each.name for each in iter_modules(commands.__path__)))
def test_every_command_says_what_it_does(module: str) -> None:
    """The first line of its module is a sentence that fits into the list, and stands there."""
    doc = str(import_module(f"{commands.__name__}.{module}").__doc__).partition("\n")[0]
    assert doc.endswith(".")
    assert len(doc) <= 70
    assert doc in " ".join(CliRunner().invoke(main, ["--help"]).output.split())
