"""The benchmark compares like with like."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from msaspec import pipeline
from msaspec.checks.of_the_template import limits
from msaspec.template import nesting

ROOT = Path(__file__).parent.parent


def benchmark(name: str = "run") -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("benchmark", ROOT / "benchmarks" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_raw_program_makes_the_same_resources(tmp_path: Path) -> None:
    """The troposphere program beside msaspec prints a template with the example's resources, but for the custom one."""
    example = ROOT / "examples" / "msa.yaml"
    template = pipeline.compile_main(pipeline.load(example.read_bytes(), "msa.yaml")).stack.template
    (tmp_path / "raw.py").write_text(benchmark().raw_program(template), "utf-8")
    printed = subprocess.run([sys.executable, str(tmp_path / "raw.py")], check=True, capture_output=True, text=True)
    wanted = {name for name, entry in template["Resources"].items() if not entry["Type"].startswith("Custom::")}
    lines = printed.stdout.splitlines()
    assert {line[2:-1] for line in lines if line[:2] == "  " and line[2:3].isalpha()} >= wanted


def test_systems_of_any_size_compile() -> None:
    """The systems that growth is measured on are valid, and as large as they say."""
    for services in (1, 30):
        text = benchmark().system_of(services)
        compiled = pipeline.compile_main(pipeline.load(text, "msa.yaml"))
        assert len(compiled.plan.workloads) == services == len(yaml.safe_load(text)["services"])


@pytest.mark.parametrize("runtime", ["fargate", "instance"])
def test_two_hundred_services_with_a_database_each_are_one_system(runtime: str) -> None:
    """The whole fits into one deployment, and each of its templates into CloudFormation."""
    stack = pipeline.compile_main(pipeline.load(benchmark("large").system_of(200, runtime), "msa.yaml")).stack
    pieces = nesting.pieces(stack.template, stack.entry_of)
    assert {f"Service{number:03}Nested" for number in range(200)} <= set(pieces.nested)
    assert list(limits.too_large(stack, pieces)) == []


def test_large_systems_use_one_another() -> None:
    """The manifests of several systems share what the one before uses: each names a parameter for every value that the
    next one has as an output."""
    large = benchmark("large")
    stacks = []
    for number in range(large.SYSTEMS):
        document = pipeline.load(large.neighbour_of(25, number).encode(), "msa.yaml")
        stacks.append(pipeline.compile_main(document).stack)
    for number, stack in enumerate(stacks):
        following = stacks[(number + 1) % large.SYSTEMS]
        wanted = {each.output for each in stack.taken.values()}
        assert len(wanted) == 3 * large.SHARED
        assert wanted <= set(following.template["Outputs"])


def test_programs_of_other_tools_are_measured_beside(tmp_path: Path) -> None:
    """That of troposphere always, that of the CDK where it is installed."""
    words = [sys.executable, str(ROOT / "benchmarks" / "rivals.py"), "3"]
    printed = subprocess.run(
        words, check=True, capture_output=True, text=True, env={**os.environ, "CDK": str(tmp_path)}
    )
    assert [line.split(",")[0] for line in printed.stdout.splitlines()[1:]] == ["msaspec compile", "raw troposphere"]
