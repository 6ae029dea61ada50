"""Seconds and memory of msaspec's own part of a deployment: the emulated AWS runs in a process of its own.

    python benchmarks/deploy.py [RUNS]

Each run deploys the example under another name, with cfn-lint's verdicts remembered, then without. Beside it stand a
compile of the same file, `msaspec diff` of two versions of it, and `msaspec deploy --sandbox`, where the emulated AWS
is in the same process. Read the differences; absolute seconds vary with the machine, and the seconds of a clock with
what else it does.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "examples" / "msa.yaml").read_text("utf-8")


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """A process that ends well, or with a difference: its user and system seconds, with those of its children, and the
    seconds of a clock."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode not in (0, 1) or (done.returncode and "diff" not in command):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - begun


def peak(command: list[str], environment: dict[str, str]) -> int:
    """The most memory that a process had, in MiB: told by a process between, whose only child it is."""
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, env=environment, check=True
    )
    return int(done.stdout)


def main() -> None:
    """Prints a table of medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    msaspec = [sys.executable, "-m", "msaspec"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {**os.environ, "MSASPEC_CACHE_DIR": str(place / "cache"), "PYTHONPATH": str(ROOT)}
        server = subprocess.Popen(
            [*msaspec, "sandbox", "--port", "0"], stderr=subprocess.PIPE, text=True, env=environment
        )
        try:
            assert server.stderr
            # Its key is new at each start.
            heard: dict[str, str] = {}
            while len(heard) < 3 and (line := server.stderr.readline()):
                heard |= re.findall(r"export (AWS_E\w+|AWS_[AS]\w+KEY\w*)=(\S+)", line)
            target = ["--endpoint-url", heard.pop("AWS_ENDPOINT_URL"), "--region", "ap-northeast-2", "--yes"]
            environment |= heard
            manifest = re.sub(r"image: (\S+):1.0", r"image: docker.io/library/\1:1.0", EXAMPLE)
            taken: dict[str, list[tuple[float, float]]] = {}
            memory = 0
            for number in range(runs):
                text = manifest.replace("name: shop", f"name: shop{number}")
                file, other = place / f"{number}.yaml", place / f"{number}-other.yaml"
                file.write_text(text, "utf-8")
                other.write_text(text.replace("8002", "8003"), "utf-8")
                commands = {
                    "compile": [*msaspec, "compile", str(file)],
                    "lint, nothing remembered": [*msaspec, "lint", "--no-cache", str(file)],
                    "diff of two versions": [*msaspec, "diff", str(other), "--against", str(file), "--stack", "main"],
                    "lint, to remember": [*msaspec, "lint", str(file)],
                    "deploy, cached verdicts": [*msaspec, "deploy", str(file), *target],
                    "deploy, no changes": [*msaspec, "deploy", str(file), *target],
                }
                for name, command in commands.items():
                    taken.setdefault(name, []).append(measured(command, environment))
                empty = {**environment, "MSASPEC_CACHE_DIR": str(place / f"empty{number}")}
                emulated = [*msaspec, "deploy", str(file), "--sandbox", "--yes"]
                taken.setdefault("deploy --sandbox", []).append(measured(emulated, environment))
                taken.setdefault("deploy --sandbox with lint", []).append(measured(emulated, empty))
                fresh = {**environment, "MSASPEC_CACHE_DIR": str(place / f"fresh{number}")}
                memory = max(memory, peak([*msaspec, "deploy", str(other), *target], fresh))
        finally:
            server.terminate()
            server.wait()
    for name, seconds in taken.items():
        cpu, clock = (statistics.median(column) for column in zip(*seconds, strict=True))
        print(f"{name:30} {cpu:7.3f} s CPU {clock:7.3f} s in all")
    print(f"{'deploy with lint, memory':30} {memory:7} MiB")


if __name__ == "__main__":
    main()
