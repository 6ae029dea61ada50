"""A system with every kind, engine and runtime once is small, clean, and costs no more a resource than the shop."""

from __future__ import annotations

import inspect
import io
import zipfile
from pathlib import Path

import yaml
from click.testing import CliRunner

from msaspec import discover, pipeline
from msaspec.aws import bootstrap, broker_bootstrap, functions
from msaspec.cli import main
from msaspec.language.engine import Engine
from msaspec.language.kind import Kind
from msaspec.language.runtime import Runtime
from msaspec.template import nesting, render
from msaspec.template.stack import Stack
from tests.test_growth import counted

ROOT = Path(__file__).parent.parent
KINDS = ROOT / "benchmarks" / "kinds.yaml"
SHOP = ROOT / "examples" / "msa.yaml"
MOST_INLINE = 4_000_000
"""Bytes of the archive that CloudFormation makes of inline source (its user guide, AWS::Lambda::Function Code)."""


def compiled(manifest: Path) -> Stack:
    """The main stack of a manifest."""
    return pipeline.compile_main(pipeline.load(manifest.read_bytes(), "msa.yaml")).stack


def zipped(source: str) -> int:
    """How many bytes the archive with a source has."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("index.py", source)
    return len(buffer.getvalue())


def test_it_has_every_kind_engine_and_runtime() -> None:
    """What is added to msaspec is added to it."""
    made = yaml.safe_load(KINDS.read_text("utf-8"))
    engines = [
        each
        for module in discover.modules("msaspec.engines")
        for _, each in inspect.getmembers(module, lambda each: isinstance(each, Engine))
    ]
    kinds = {each.section for each in discover.instances("msaspec.kinds", Kind)}
    assert kinds <= set(made)
    assert {each.get("engine", "postgres") for each in made["databases"].values()} == {each.name for each in engines}
    runtimes = {each.name for each in discover.instances("msaspec.runtimes", Runtime)}
    assert {each["runtime"] for each in made["services"].values()} == runtimes
    used = {name for each in (*made["services"].values(), *made["jobs"].values()) for name in each["uses"]}
    assert {name for kind in kinds for name in made[kind]} <= used
    assert len(engines) >= 6
    assert len(kinds) >= 9


def test_it_is_clean_and_one_stack() -> None:
    """Without a finding, and in a template that CloudFormation takes."""
    result = CliRunner().invoke(main, ["lint", str(KINDS)], catch_exceptions=False)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 file, 1 stack: no findings.")
    stack = compiled(KINDS)
    assert len(stack.template["Resources"]) < nesting.RESOURCES == 500
    assert nesting.pieces(stack.template, stack.entry_of).nested == {}


def test_a_resource_costs_no_more_than_one_of_the_shop() -> None:
    """The lines that run of msaspec for a resource, from the manifest to the text of the template."""
    costs = []
    for manifest in (SHOP, KINDS):
        count = len(compiled(manifest).template["Resources"])
        with counted() as lines:
            render.to_yaml(compiled(manifest))
        costs.append(lines.total() / count)
    assert costs[1] <= 1.5 * costs[0], costs


def test_all_bootstraps_together_are_less_than_one_function_takes() -> None:
    """In their largest form: with extensions, first SQL, rotation and servers that others use too."""
    texts: list[str] = []
    for module in discover.modules("msaspec.engines"):
        for _, engine in inspect.getmembers(module, lambda each: isinstance(each, Engine)):
            texts.extend(bootstrap.sources(engine.bootstrap, set_up=True, turns=True, guest=True))
    texts += [functions.source(each) for each in (broker_bootstrap.PROGRAMS.handler, broker_bootstrap.PROGRAMS.runner)]
    largest = max(map(zipped, texts))
    assert largest <= 20_000
    assert zipped("".join(dict.fromkeys(texts))) <= 100_000 < MOST_INLINE


def test_the_shop_carries_nothing_of_it() -> None:
    """Its template has the programs of hosts and of PostgreSQL only, and still fits into a request."""
    stack = compiled(SHOP)
    assert {*stack.template["Mappings"]["Scripts"]} == {"Boot", "DatabaseBootstrapHandler", "DatabaseBootstrapRunner"}
    assert len(render.to_yaml(stack).encode()) <= 51_200
