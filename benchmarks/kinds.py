"""CPU of compiling a system with every kind, database engine and runtime once, a resource, beside the shop.

    python benchmarks/kinds.py [RUNS]

Two rows of medians over RUNS runs (default 9) taken in turn. The first is of whole processes, most of which is their
start. The second is of the pipeline alone, in a process that is warm: it says what a resource more costs. Read the
ratios. Ends with 1 where one is over the goal.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = ROOT / "benchmarks" / "kinds.yaml"
SHOP = ROOT / "examples" / "msa.yaml"
MOST = 1.5
"""A resource of the system with every kind costs at most this many times one of the shop."""


def process(manifest: Path) -> float:
    """CPU seconds of one `msaspec compile`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "msaspec", "compile", str(manifest)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pipeline(manifest: Path) -> float:
    """CPU seconds of compiling and rendering in this process."""
    from msaspec import pipeline
    from msaspec.template import render

    began = time.process_time()
    render.to_yaml(pipeline.compile_main(pipeline.load(manifest.read_bytes(), "msa.yaml")).stack)
    return time.process_time() - began


def resources(manifest: Path) -> int:
    """How many resources the template of a manifest has."""
    from msaspec import pipeline

    stack = pipeline.compile_main(pipeline.load(manifest.read_bytes(), "msa.yaml")).stack
    return len(stack.template["Resources"])


def ratio(name: str, cost: Callable[[Path], float], runs: int) -> float:
    """Measure the cost of a resource of both systems, print it, and return how the two compare."""
    taken: dict[Path, list[float]] = {SHOP: [], KINDS: []}
    for manifest in taken:
        cost(manifest)
    for _ in range(runs):
        for manifest, costs in taken.items():
            costs.append(cost(manifest))
    shop, kinds = (statistics.median(costs) * 1000 / resources(manifest) for manifest, costs in taken.items())
    print(f"{name:22} {shop:9.3f} {kinds:11.3f} {kinds / shop:7.2f}", flush=True)
    return kinds / shop


def main() -> int:
    """Print a table, and return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    sys.path.insert(0, str(ROOT))
    os.environ["PYTHONPATH"] = str(ROOT)
    print(f"{'ms a resource':22} {'shop':>9} {'every kind':>11} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MSASPEC_CACHE_DIR"] = f"{folder}/cache"
        worst = max(ratio("msaspec compile", process, runs), ratio("the pipeline alone", pipeline, runs))
    print(f"Missed: {worst:.2f}, not {MOST}." if worst > MOST else "All goals are met.")
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
