"""Lead the sandbox through all recorded scenarios, and tell how many it answers like AWS.

    python -m tests.parity.replay [FILE...]

`MSASPEC_RECORDED` names the folder: a checkout of LocalStack, whose programs are run, with the answers of AWS beside
them. Ends with 1 where anything differs without a reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parity.explained import apart

VARIABLE = "MSASPEC_RECORDED"
SCENARIOS = "tests/aws/services/cloudformation"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Scenario:
    """What came of a recorded scenario."""

    id: str
    answers: int
    """How many recorded answers were compared."""
    apart: str | None
    """Why it is not replayed to its end; None where it is."""
    faults: tuple[str, ...]
    """What is otherwise than at AWS without a reason."""
    explained: tuple[tuple[str, str], ...]
    """What is otherwise, and why."""


def place() -> Path | None:
    """Return the folder of what is recorded; None where the variable is not set."""
    return Path(os.environ[VARIABLE]).resolve() if os.environ.get(VARIABLE) else None


def programs(folder: Path) -> list[Path]:
    """Return the files of programs of a checkout."""
    return sorted((folder / SCENARIOS).rglob("test_*.py"))


def replay(folder: Path, files: Iterable[Path], processes: int = 2) -> list[Scenario]:
    """Run programs against sandboxes, and return what came of each scenario, in the order of their names."""
    parts = [part for part in (list(files)[number::processes] for number in range(processes)) if part]
    with ThreadPoolExecutor(processes) as pool:
        found = [each for several in pool.map(lambda part: _run(folder, part), parts) for each in several]
    return sorted(found, key=lambda each: each.id)


def _run(folder: Path, files: Sequence[Path]) -> list[Scenario]:
    with tempfile.TemporaryDirectory(prefix="msaspec-parity-") as scratch:
        results = Path(scratch, "results")
        settings = Path(scratch, "pytest.ini")
        settings.write_text("[pytest]\n")
        plugins = ("-p", "tests.parity.plugin", "-p", "tests.parity.processes", "-p", "no:cacheprovider")
        command = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            str(settings),
            "--noconftest",
            "--rootdir",
            str(folder),
            *plugins,
        )
        path = os.pathsep.join([str(ROOT), str(folder)])
        run = subprocess.run(
            [*command, *map(str, files)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "MSASPEC_PARITY_RESULTS": str(results)},
            capture_output=True,
            text=True,
        )
        lines = results.read_text("utf-8").splitlines() if results.exists() else []
        if run.returncode not in (0, 1, 5):
            said = f"The programs did not run: {run.stdout[-2000:]}{run.stderr[-500:]}"
            return [Scenario(file.relative_to(folder).as_posix(), 0, None, (said,), ()) for file in files]
        return [_scenario(json.loads(line)) for line in lines]


def _scenario(line: dict[str, Any]) -> Scenario:
    why = None if line["outcome"] == "passed" else apart(line["id"], [line["error"] or "", *line["failures"]])
    faults = list(line["differences"])
    if line["outcome"] != "passed" and why is None:
        faults.append(f"{' '.join(str(line['error']).split())[-500:]} {line['failures'][:3]} at {line['where']}")
    explained = tuple((each, reason) for each, reason in line["explained"])
    return Scenario(line["id"], line["compared"], why, tuple(faults), explained)


def told(scenarios: Sequence[Scenario]) -> str:
    """Return the count as text: what is replayed, what is apart and why, what differs and why."""
    replayed = [each for each in scenarios if each.apart is None]
    lines = [
        f"{len(replayed)} recorded scenarios replayed with {sum(each.answers for each in replayed)} answers of AWS;"
        f" {len(scenarios) - len(replayed)} apart."
    ]
    for title, found in (
        ("Apart", Counter(each.apart for each in scenarios if each.apart)),
        ("Otherwise with a reason", Counter(why for each in scenarios for why in {why for _, why in each.explained})),
    ):
        lines.append(f"\n{title}:")
        lines += [f"{number:5} {_line(why)}" for why, number in found.most_common()]
    faults = [each for each in scenarios if each.faults]
    lines.append(f"\n{len(faults)} scenarios with an unexplained difference.")
    for each in faults:
        lines += [f"  {each.id}", *(f"      {fault[:600]}" for fault in each.faults)]
    return "\n".join(lines)


def _line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


def main(names: Sequence[str]) -> int:
    """Replay what is named, or everything, and print the count."""
    folder = place()
    if folder is None or not programs(folder):
        sys.stderr.write(f"Set {VARIABLE} to a checkout of LocalStack: there are no programs at {folder}.\n")
        return 2
    files = [each for each in programs(folder) if not names or any(name in each.as_posix() for name in names)]
    found = replay(folder, files)
    sys.stdout.write(told(found) + "\n")
    return int(any(each.faults for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
