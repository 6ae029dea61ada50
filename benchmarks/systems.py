"""CPU seconds and memory of compiling the public systems of `examples/systems`, each in a process of its own.

    python benchmarks/systems.py

Ends with 1 where all of them together take more than the goal.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MOST = 10.0
"""CPU seconds that all of them together take at most."""


def measured() -> Any:
    """What measures one command, of the benchmark of large systems."""
    spec = importlib.util.spec_from_file_location("large", ROOT / "benchmarks" / "large.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.measured


def main() -> int:
    """Print a table."""
    measure, total, most = measured(), 0.0, 0
    os.environ["PYTHONPATH"] = str(ROOT)
    print(f"{'':24} {'CPU s':>7} {'s':>7} {'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MSASPEC_CACHE_DIR"] = f"{folder}/cache"
        for manifest in sorted((ROOT / "examples" / "systems").glob("*/msa.yaml")):
            cpu, seconds, memory = measure("compile", str(manifest), "-o", f"{folder}/made.yaml")
            total, most = total + cpu, max(most, memory)
            print(f"{manifest.parent.name:24} {cpu:7.2f} {seconds:7.2f} {memory:6}", flush=True)
    print(f"{'all':24} {total:7.2f} {'':7} {most:6}")
    return int(total > MOST)


if __name__ == "__main__":
    sys.exit(main())
