"""`python -m tests.fuzz`: thousands of manifests, on as many processes as one likes; `scripts/fuzz` calls it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import click

from tests.fuzz.blocks import Count, blocks, run
from tests.fuzz.judge import WAYS, Case, judge, shorter


def told(count: Count) -> str:
    """A count in words."""
    ways = ", ".join(f"{count.cases[way]} {way} ({count.compiled[way]} compile)" for way in WAYS if count.cases[way])
    cases = sum(count.cases.values())
    lines = [f"{cases} manifests: {ways}; {count.linted} stacks linted; {count.seconds:.0f} s of CPU."]
    lines += [f"FAULT {fault}\n      {' '.join(cases)}" for fault, cases in sorted(count.faults.items())]
    return "\n".join([*lines, f"{len(count.faults)} faults."])


@click.group()
def main() -> None:
    """Fuzz msaspec."""


@main.command()
@click.argument("count", type=int, default=100_000)
@click.option("--first", default=0, help="The number of the first case of each way.")
@click.option("--jobs", default=1, help="Processes.")
@click.option("--way", "ways", multiple=True, type=click.Choice(list(WAYS)), help="All by default.")
@click.option("--lint-every", default=100, help="cfn-lint looks at each N-th; 0 for none.")
@click.option("--results", default="build/fuzz", type=click.Path(path_type=Path))
def many(count: int, first: int, jobs: int, ways: Sequence[str], lint_every: int, results: Path) -> None:
    """Judge COUNT manifests. Ends with 1 if one has a fault; the manifests with faults are in the folder of results."""
    results.mkdir(parents=True, exist_ok=True)
    whole = Count()
    # Not an executor: with `max_tasks_per_child` it can wait for ever (python/cpython#115634).
    with get_context("spawn").Pool(jobs, maxtasksperchild=20) as pool:
        for found in pool.imap_unordered(run, blocks(first, count, ways or list(WAYS), lint_every)):
            for fault in found.faults.keys() - whole.faults.keys():
                case = found.faults[fault][0]
                click.echo(f"{case}: {fault}")
                way, _, number = case.partition(":")
                (results / f"{way}-{number}.yaml").write_bytes(Case(way, int(number)).manifest())
            whole.add(found)
            shown = {"cases": sum(whole.cases.values()), "compiled": sum(whole.compiled.values()), **vars(whole)}
            (results / "count.json").write_text(json.dumps(shown, indent=1), "utf-8")
    click.echo(told(whole))
    sys.exit(bool(whole.faults))


@main.command()
@click.argument("case")
@click.option("--lint/--no-lint", "linted", default=True)
@click.option("--short", is_flag=True, help="Leave out the lines that the fault does not need.")
def one(case: str, linted: bool, short: bool) -> None:
    """Print the manifest of CASE, such as `tree:17`, and its faults."""
    way, _, number = case.partition(":")
    manifest = Case(way, int(number)).manifest()
    faults = judge(manifest, int(number), linted=linted).faults
    if short and faults:
        wanted = _kind(faults[0])
        manifest = shorter(
            manifest,
            lambda text: any(_kind(each) == wanted for each in judge(text, int(number), linted=linted).faults),
        )
    click.echo(manifest)
    for fault in faults:
        click.echo(f"FAULT {fault}")
    sys.exit(bool(faults))


def _kind(fault: str) -> str:
    return " ".join(fault.split()[:4])


if __name__ == "__main__":
    main()
