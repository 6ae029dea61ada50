"""`python -m tests.chaos`: all of it, for hours, on as many processes as one likes; `scripts/chaos` calls it."""

from __future__ import annotations

import pickle
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import click

from tests import generated
from tests.chaos import matrix
from tests.chaos.cases import Undisturbed, Verdict
from tests.chaos.oracle import Reference
from tests.chaos.report import counted
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stories import Story, shorter, written
from tests.chaos.worlds import Crashed, Work, Worker

FAULTS, KILLS, STORIES = 1200, 340, 100
"""How many the whole run has. Some of the faults are at calls that do not come."""

F = TypeVar("F", bound=Callable[..., None])


class Results:
    """Verdicts in a file, a line each, by which a run that was broken off goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.verdicts = {each.case: each for each in self._read()}

    def _read(self) -> Iterable[Verdict]:
        if self.path.exists():
            for line in self.path.read_text("utf-8").splitlines():
                yield Verdict.read(line)

    def add(self, verdict: Verdict) -> None:
        """Keep one."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(verdict.line() + "\n")
            self.verdicts[verdict.case] = verdict


class References:
    """What scenarios come to where nothing goes wrong, kept for as long as the code is the same."""

    def __init__(self, folder: Path) -> None:
        digest = sha256()
        for path in sorted(
            path for place in ("msaspec", "tests/chaos") for path in (generated.ROOT / place).rglob("*.py")
        ):
            digest.update(path.read_bytes())
        self._folder, self._place = folder, folder / f"references-{digest.hexdigest()[:16]}"
        self._place.mkdir(parents=True, exist_ok=True)

    def of(self, names: Sequence[str], jobs: int) -> dict[str, Reference]:
        """Those of some scenarios."""

        def keep(work: Work, found: Reference) -> None:
            temporary = self._place / f"{self._name(work)}.{threading.get_ident()}"
            temporary.write_bytes(pickle.dumps(found))
            temporary.replace(self._place / self._name(work))

        missing = [name for name in names if not (self._place / self._name(Undisturbed(name))).exists()]
        run_all([Undisturbed(name) for name in missing], keep, jobs, self._folder / "verdicts")
        kept = {name: self._place / self._name(Undisturbed(name)) for name in names}
        if absent := [name for name, path in kept.items() if not path.exists()]:
            raise click.ClickException(f"Nothing is known of {', '.join(absent)}. Run it again.")
        return {name: pickle.loads(path.read_bytes()) for name, path in kept.items()}

    def _name(self, work: Work) -> str:
        return str(work).replace("/", "-")


def run_all(works: Iterable[Work], keep: Callable[[Any, Any], None], jobs: int, verdicts: Path) -> None:
    """Run works in some processes at once; `keep` is called with each and what it gave.

    A process stays with the account that its first work begins with for as long as there are such works, for it takes
    as long to prepare one as to run some.
    """
    left: dict[str, list[Work]] = {}
    for work in works:
        left.setdefault(work.base, []).append(work)
    total = sum(map(len, left.values()))
    lock, busy = threading.Lock(), Counter[str]()

    def taken(base: str) -> Work | None:
        with lock:
            if not left.get(base):
                return None
            count = sum(map(len, left.values())) - 1
            if count % 50 == 0:
                click.echo(f"{total - count} of {total}", err=True)
            return left[base].pop(0)

    def chosen() -> str | None:
        with lock:
            waiting = [base for base, found in left.items() if found]
            base = max(waiting, key=lambda each: len(left[each]) / (1 + busy[each]), default=None)
            busy[base or ""] += 1
            return base

    def serve() -> None:
        with Worker(verdicts) as worker:
            while base := chosen():
                while work := taken(base):
                    try:
                        keep(work, worker.run(work))
                    except Crashed as crash:
                        click.echo(f"crashed: {crash}", err=True)
                with lock:
                    busy[base] -= 1

    threads = [threading.Thread(target=serve) for _ in range(min(jobs, total))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@click.group()
def main() -> None:
    """Put faults between msaspec and an emulated AWS, and judge what it makes of them."""


def _options(function: F) -> F:
    for option in (
        click.option("--seed", default=1, show_default=True),
        click.option("--jobs", default=1, show_default=True),
        click.option("--results", type=click.Path(path_type=Path), default=Path("build/chaos"), show_default=True),
        click.option("--only", multiple=True, help="Scenarios; all by default."),
        click.option("--limit", type=int, help="Run no more cases than this."),
    ):
        function = option(function)
    return function


@main.command()
@_options
def faults(seed: int, jobs: int, results: Path, only: tuple[str, ...], limit: int | None) -> None:
    """The matrix of operations, faults and scenarios."""
    found = matrix.faults(References(results).of(only or list(SCENARIOS), jobs), seed)
    sys.exit(not _went_well({"faults": matrix.shuffled(found, seed)[:limit]}, seed, jobs, results))


@main.command()
@_options
@click.option("--each", default=24, show_default=True, help="Kills for each scenario that changes something.")
def kills(seed: int, jobs: int, results: Path, only: tuple[str, ...], limit: int | None, each: int) -> None:
    """Signals at calls."""
    found = matrix.kills(References(results).of(only or list(SCENARIOS), jobs), seed, each)
    sys.exit(not _went_well({"kills": matrix.shuffled(found, seed)[:limit]}, seed, jobs, results))


@main.command()
@_options
@click.option("--count", default=200, show_default=True, help="Stories, with seeds from `--seed` on.")
@click.option("--length", default=9, show_default=True, help="Steps of each.")
def stories(
    seed: int, jobs: int, results: Path, only: tuple[str, ...], limit: int | None, count: int, length: int
) -> None:
    """Stories of edits, deployments, kills, faults and hands in the account, in any order."""
    found = [Story(written(number, length)) for number in range(seed, seed + count)]
    sys.exit(not _went_well({"stories": found[:limit]}, seed, jobs, results))


@main.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--jobs", default=1, show_default=True)
@click.option("--results", type=click.Path(path_type=Path), default=Path("build/chaos"), show_default=True)
def whole(seed: int, jobs: int, results: Path) -> None:
    """Faults, kills and stories, as many as the page of the reference is to count; then the page."""
    references = References(results).of(list(SCENARIOS), jobs)
    works: Mapping[str, Sequence[Work]] = {
        "kills": matrix.shuffled(matrix.kills(references, seed, 24), seed)[:KILLS],
        "faults": matrix.shuffled(matrix.faults(references, seed), seed)[:FAULTS],
        "stories": [Story(written(number)) for number in range(seed, seed + STORIES)],
    }
    well = _went_well(works, seed, jobs, results)
    _write(seed, results)
    sys.exit(not well)


@main.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--results", type=click.Path(path_type=Path), default=Path("build/chaos"), show_default=True)
def page(seed: int, results: Path) -> None:
    """Count the verdicts of a seed, and write docs/reference/faults.md."""
    _write(seed, results)


def _write(seed: int, results: Path) -> None:
    def verdicts(what: str) -> Iterable[Verdict]:
        return Results(results / f"{what}-{seed}.jsonl").verdicts.values()

    today = datetime.now(UTC).strftime("%Y-%m-%d")
    count = counted([*verdicts("faults"), *verdicts("kills")], verdicts("stories"), today, seed)
    count.write()
    name = "docs/reference/faults.md"
    (generated.ROOT / name).write_text(generated.faults(), "utf-8")
    click.echo(f"Wrote {name}: {count.lies}")


@main.command()
@click.argument("story")
@click.option("--verdicts", type=click.Path(path_type=Path), default=Path("build/chaos/verdicts"), show_default=True)
def story(story: str, verdicts: Path) -> None:
    """Play STORY, a text or a seed; make it shorter as long as it fails."""
    text = written(int(story)) if story.isdigit() else story
    with Worker(verdicts) as worker:
        verdict = worker.run(Story(text))
        candidates = list(shorter(text)) if verdict.problems else []
        while candidates:
            found = worker.run(Story(candidates.pop(0)))
            if found.problems:
                verdict, candidates = found, list(shorter(found.case))
    click.echo(f"{verdict.case}\n" + "\n".join(verdict.problems) + f"\n{verdict.said}")
    sys.exit(bool(verdict.problems))


def _went_well(works: Mapping[str, Sequence[Work]], seed: int, jobs: int, folder: Path) -> bool:
    """Run what has no verdict yet, and tell what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {what: Results(folder / f"{what}-{seed}.jsonl") for what in works}
    place = {str(work): results[what] for what, found in works.items() for work in found}

    def keep(work: Work, verdict: Verdict) -> None:
        place[str(work)].add(verdict)
        if verdict.problems:
            click.echo(f"{verdict.case}: {'; '.join(verdict.problems)}")

    every = [work for found in works.values() for work in found]
    run_all([each for each in every if str(each) not in place[str(each)].verdicts], keep, jobs, folder / "verdicts")
    well = True
    for what, found in works.items():
        verdicts = [results[what].verdicts[str(case)] for case in found if str(case) in results[what].verdicts]
        reached = sum(each.hits > 0 for each in verdicts)
        failed = sum(bool(each.problems) for each in verdicts)
        click.echo(f"{len(verdicts)} {what} of {len(found)}: {reached} reached what goes wrong, {failed} failed.")
        well = well and not failed and len(verdicts) == len(found)
    return well


if __name__ == "__main__":
    main()
