"""What msaspec is expected to write, byte for byte: cases, examples, logical ids. Tests compare, `update` rewrites.

A case is a folder of `tests/cases` with a `msa.yaml` and, beside it, all that it yields: `expected.txt`, the
diagnostics as people see them, and `expected.yaml`, the template, if it compiles. A file `args` may hold

    --env NAME          the environment
    --stack registry    the stack of the image repositories
    --show PATTERN ...  only the parts of the template whose logical ids match (`-` for none: no `expected.yaml`)

The files of a site are in the folder `site`.

Programs in the template (`Mappings`) are tested elsewhere, so a case leaves them out.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.diagnostics.reports import text as report
from msaspec.template import render
from msaspec.template.role import REGISTRY
from msaspec.template.stack import Stack
from tests.template import registry_of

TESTS = Path(__file__).parent
CASES = TESTS / "cases"
GOLDENS = TESTS / "goldens"
EXAMPLES = TESTS.parent / "examples"
SYSTEMS = EXAMPLES / "systems"
BOOTED = (EXAMPLES / "bank", EXAMPLES / "grocer", EXAMPLES / "vote")
"""Examples that the system test boots, beside the shop."""

_ARGUMENTS = argparse.ArgumentParser()
_ARGUMENTS.add_argument("--env")
_ARGUMENTS.add_argument("--stack", choices=("main", "registry"), default="main")
_ARGUMENTS.add_argument("--show", nargs="+", default=["*"])


@dataclass(frozen=True)
class Golden:
    """A file that should hold `text`; with None, a file that should not be."""

    path: Path
    text: str | None

    @property
    def found(self) -> str | None:
        """What the file holds, None where there is none."""
        return self.path.read_text("utf-8") if self.path.exists() else None


def cases() -> list[Path]:
    """The folders that are tests."""
    return sorted(path.parent for path in CASES.glob("*/msa.yaml"))


def with_diagnostics() -> list[Path]:
    """Those of them that yield diagnostics."""
    return [folder for folder in cases() if (folder / "expected.txt").exists()]


def of_case(folder: Path) -> list[Golden]:
    """The two files that a case yields."""
    args = folder / "args"
    chosen = _ARGUMENTS.parse_args(shlex.split(args.read_text("utf-8")) if args.exists() else [])
    template, diagnostics = _outcome((folder / "msa.yaml").read_bytes(), chosen.env, chosen.stack, chosen.show)
    return [Golden(folder / "expected.yaml", template), Golden(folder / "expected.txt", diagnostics)]


def _outcome(text: bytes, environment: str | None, stack: str, show: list[str]) -> tuple[str | None, str | None]:
    try:
        document = pipeline.load(text, "msa.yaml")
        if stack == "main":
            compiled = pipeline.compile_main(document, environment)
            built, warnings = compiled.stack, compiled.warnings
        else:
            system = pipeline.compile_system(document, environment, (REGISTRY,))
            (built,), warnings = system.stacks, system.warnings
    except Invalid as invalid:
        return None, click.unstyle(report.render(invalid.diagnostics)) + "\n"
    said = click.unstyle(report.render(warnings)) + "\n" if warnings else None
    return None if show == ["-"] else render.to_yaml(_shown(built, show)), said


def _shown(stack: Stack, patterns: list[str]) -> Stack:
    template: dict[str, Any] = {key: value for key, value in stack.template.items() if key != "Mappings"}
    if patterns != ["*"]:
        template = {key: template[key] for key in ("Parameters", "Resources", "Outputs") if key in template}
        for key, section in list(template.items()):
            template[key] = {
                name: part for name, part in section.items() if any(fnmatch(name, pattern) for pattern in patterns)
            }
        template = {key: section for key, section in template.items() if section}
    resources = {}
    for name, part in template.get("Resources", {}).items():
        properties = part.get("Properties", {})
        if "Revision" in properties:
            part = {**part, "Properties": {**properties, "Revision": "(hash of the programs)"}}
        resources[name] = part
    return replace(stack, template={**template, "Resources": resources} if resources else template)


def examples() -> list[Path]:
    """The manifests of the folder `examples` that have goldens: not the public systems, nor those that are booted."""
    apart = {SYSTEMS, *BOOTED}
    return sorted(each for each in EXAMPLES.rglob("msa.yaml") if apart.isdisjoint(each.parents))


def name_of(example: Path) -> str:
    """What the goldens of an example are called: its folder; for the one at the top, its system."""
    folder = example.parent.relative_to(EXAMPLES)
    if folder.parts:
        return "-".join(folder.parts)
    return str(pipeline.load(example.read_bytes(), example.name).data()["name"])


def of_example(example: Path) -> Iterator[Golden]:
    """The whole templates of an example: its main stack in every environment, and its registry stack."""
    document = pipeline.load(example.read_bytes(), example.name)
    name = name_of(example)
    for environment in (None, *pipeline.environments(document)):
        stack = pipeline.compile_main(document, environment).stack
        yield Golden(GOLDENS / f"{name}{f'-{environment}' if environment else ''}.yaml", render.to_yaml(stack))
    registry = registry_of(document)
    yield Golden(GOLDENS / f"{name}-registry.yaml", render.to_yaml(registry) if registry else None)


def logical_ids() -> Golden:
    """Every logical id of the example with its type. Changing one replaces a resource that people have."""
    document = pipeline.load((EXAMPLES / "msa.yaml").read_bytes(), "msa.yaml")
    registry = registry_of(document)
    assert registry
    lines = []
    for stack in (pipeline.compile_main(document).stack, registry):
        lines += [f"# {stack.name}"]
        lines += [f"{name} {part['Type']}" for name, part in sorted(stack.template["Resources"].items())]
    return Golden(GOLDENS / "logical-ids.txt", "\n".join(lines) + "\n")


def everything() -> Iterator[Golden]:
    """All goldens."""
    for folder in cases():
        yield from of_case(folder)
    for example in examples():
        yield from of_example(example)
    yield logical_ids()


def update() -> list[Path]:
    """Writes what differs, and removes what should not be; returns the files."""
    changed = []
    GOLDENS.mkdir(exist_ok=True)
    wanted = list(everything())
    leftover = set(GOLDENS.glob("*")) - {golden.path for golden in wanted}
    for golden in [*wanted, *(Golden(path, None) for path in sorted(leftover))]:
        if golden.found != golden.text:
            changed.append(golden.path)
            if golden.text is None:
                golden.path.unlink()
            else:
                golden.path.write_text(golden.text, "utf-8")
    return changed
