"""CPU seconds of `msaspec lint`: cold, warm and unchanged, beside stock cfn-lint and `msaspec compile`.

    python benchmarks/lint.py [RUNS]

For systems of several sizes, medians of user + system time of whole processes over RUNS runs (default 5) that are taken
in turn, so that a machine that slows down slows all of them. Read the ratios. *Cold* has no cache; *warm* is after a
change that changes no template; *unchanged* is the same lint again. Stock cfn-lint reads the compiled template from a
file. The findings of cfn-lint as it is and as msaspec runs it are compared in every field. Ends with 1 where they
differ, or where a goal is not met.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from run import EXAMPLE, cpu, system_of  # noqa: E402

from tests.lint_comparison import Comparison  # noqa: E402

SIZES = (10, 30)
"""Services of the systems that are made for it; the example is a third."""
PROGRAMS = Path(sys.executable).parent
COLD = 0.65
"""At most this share of stock cfn-lint's time takes a cold lint."""
WARM = 0.1
"""At most these seconds more than compiling takes a warm lint."""
UNCHANGED = 0.06
"""At most these seconds takes a lint of what has not changed."""


class Lints:
    """The ways to lint one manifest, each a function that runs once and returns CPU seconds."""

    def __init__(self, manifest: Path, environment: dict[str, str]) -> None:
        self.manifest = manifest
        self.environment = environment
        self.template = manifest.with_suffix(".template.yaml")
        self.region: str = yaml.safe_load(manifest.read_text("utf-8"))["region"]
        self._changes = 0
        self._run("msaspec", "compile", str(manifest), "-o", str(self.template))

    def ways(self) -> Mapping[str, Callable[[], float]]:
        """Each way by its name."""
        lint = "msaspec", "lint", str(self.manifest)
        return {
            "stock": lambda: self._run("cfn-lint", "--regions", self.region, "--", str(self.template)),
            "cold": lambda: self._run(*lint, "--no-cache"),
            "compile": lambda: self._run("msaspec", "compile", str(self.manifest)),
            "warm": lambda: self._changed() or self._run(*lint),
            "unchanged": lambda: self._run(*lint),
        }

    def _changed(self) -> None:
        self._changes += 1
        with self.manifest.open("a", encoding="utf-8") as stream:
            stream.write(f"# change {self._changes}\n")

    def _run(self, program: str, *words: str) -> float:
        return cpu([str(PROGRAMS / program), *words], self.environment)


def main() -> int:
    """Print a table of medians and ratios, and return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    missed = []
    comparison = Comparison()
    print(f"{'CPU s':14} {'stock':>7} {'cold':>7} {'compile':>8} {'warm':>7} {'unchanged':>10}   cold/stock  findings")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTHONPATH")}
        environment |= {"MSASPEC_CACHE_DIR": str(place / "cache"), "HOME": str(place), "XDG_STATE_HOME": str(place)}
        texts = {"example": EXAMPLE.read_text("utf-8"), **{f"{size} services": system_of(size) for size in SIZES}}
        for name, text in texts.items():
            manifest = place / f"{name.replace(' ', '-')}.yaml"
            manifest.write_text(text, "utf-8")
            lints = Lints(manifest, environment)
            ways = lints.ways()
            for way in ways.values():
                way()
            taken: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(runs):
                for way, lint in ways.items():
                    taken[way].append(lint())
            found = {way: statistics.median(times) for way, times in taken.items()}
            # Within a run, where the machine is as fast for all of them.
            ratio = statistics.median(c / s for c, s in zip(taken["cold"], taken["stock"], strict=True))
            more = statistics.median(w - c for w, c in zip(taken["warm"], taken["compile"], strict=True))
            before, after = comparison.of(lints.template.read_text("utf-8"))
            same = f"{len(before)} the same" if before == after else "they differ"
            print(
                f"{name:14} {found['stock']:7.3f} {found['cold']:7.3f} {found['compile']:8.3f} {found['warm']:7.3f}"
                f" {found['unchanged']:10.3f} {ratio:12.2f}  {same}"
            )
            missed += [f"{name}: {what}" for what, met in _goals(ratio, more, found["unchanged"]).items() if not met]
            missed += [f"{name}: findings differ"] if before != after else []
    bare = statistics.median(cpu([sys.executable, "-c", "pass"], environment) for _ in range(runs))
    print(f"Python itself: {bare:.3f}. Goals: cold/stock {COLD}, warm compile + {WARM}, unchanged {UNCHANGED}.")
    print("\n".join(f"Missed: {goal}" for goal in missed) or "All are met.")
    return 1 if missed else 0


def _goals(ratio: float, more: float, unchanged: float) -> dict[str, bool]:
    return {
        f"cold takes {ratio:.2f} of stock": ratio <= COLD,
        f"warm takes {more:.3f} s more than compile": more <= WARM,
        f"unchanged takes {unchanged:.3f} s": unchanged <= UNCHANGED,
    }


if __name__ == "__main__":
    sys.exit(main())
