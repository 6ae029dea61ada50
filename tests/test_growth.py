"""The work of every stage grows with the number of services and not with its square: lines that run are counted."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from msaspec import checks, pipeline
from msaspec.compile import main, patch
from msaspec.drawing import picture
from msaspec.template import origin, render
from msaspec.update import changes, hazards, losses

HEAD = """\
msaspec: 1
name: shop
region: eu-west-1
network: {placement: public}
databases: {main: {size: db.r7g.16xlarge}}
buckets: {media: {}}
services:
"""
SMALL = 5
"""Services of the smallest system; the others have twice and four times as many."""


def system(services: int, runtime: str) -> str:
    """A manifest whose services each use the database, the bucket and the service before."""
    lines = [HEAD]
    for number in range(services):
        before = f", s{number - 1:03}: {{}}" if number else ""
        lines.append(f"  s{number:03}:\n    image: own:1\n    port: 8{number:03}\n    runtime: {runtime}\n")
        uses = f"{{main: {{}}, media: {{prefix: s{number:03}/}}{before}}}"
        lines.append(f"    paths: [/p{number:03}]\n    uses: {uses}\n")
    return "".join(lines)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts the lines that run of msaspec in the block, by file; every round of a loop is one."""
    found: Counter[str] = Counter()

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        found[frame.f_code.co_filename.rpartition("msaspec/")[2]] += event == "line"
        return local

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        return local if "/msaspec/" in frame.f_code.co_filename.replace("\\", "/") else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield found
    finally:
        sys.settrace(before)


def stages(services: int, runtime: str) -> dict[str, Counter[str]]:
    """The lines that each stage runs for a system."""
    found: dict[str, Counter[str]] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        with counted() as lines:
            made = work()
        found[name] = lines
        return made

    text = system(services, runtime)
    document = stage("read", lambda: pipeline.load(text, "msa.yaml"))
    planned, _ = stage("plan", lambda: pipeline.plan_of(document))
    stack = stage("compile", lambda: patch.apply(main.compile_plan(planned), planned))
    stage("check", lambda: list(checks.run_on_stack(stack)))
    stage("render", lambda: render.to_yaml(stack))
    entry_of = stage("index", lambda: origin.reader(stack.template))
    stage("find entries", lambda: [entry_of(name) for name in stack.template["Resources"]])
    compiled = pipeline.compile_main(document)
    stage("draw", lambda: picture.picture(compiled))
    other = main.compile_plan(pipeline.plan_of(pipeline.load(text.replace("port: 8", "port: 9"), "msa.yaml"))[0])
    changed = stage("compare", lambda: changes.between(stack.template, other.template, origins=other.origins))
    told = [changed, losses.found(changed), hazards.found(stack.template, other.template, changed)]
    stage("judge", lambda: [list(each) for each in told])
    return found


@pytest.mark.parametrize("runtime", ["instance", "fargate"])
def test_work_is_linear(runtime: str) -> None:
    """From two to four times the services takes twice the work that one to two times takes; with a square part it would
    be up to four times. What is done once, such as loading a module, falls out of the difference."""
    stages(2, runtime)
    small, double, fourfold = (stages(SMALL * factor, runtime) for factor in (1, 2, 4))
    for name in small:
        first = double[name].total() - small[name].total()
        second = fourfold[name].total() - double[name].total()
        worst = {
            file: (fourfold[name][file] - double[name][file]) / max(1, double[name][file] - small[name][file])
            for file, _ in fourfold[name].most_common(20)
        }
        ranked = sorted(worst.items(), key=lambda each: -each[1])[:3]
        assert second <= first * 2.05 + 20, f"{name}: {first} lines for {SMALL} more, {second} for twice that; {ranked}"
