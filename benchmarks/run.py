"""Whole-process CPU seconds of msaspec, beside a raw troposphere program that makes the same resources.

    python benchmarks/run.py [RUNS]

Figures are medians of user + system time over RUNS runs (default 7) taken in turn, so that a machine that slows down
slows all of them. Read the ratios; absolute seconds differ from machine to machine. Where valgrind is installed, the
instructions of one run of each command stand beside them, in millions: they are the same on a busy machine. Ends with
1 where a goal is not met.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "msa.yaml"
RAW = "raw troposphere, the example's resources"
HELP = "msaspec --help"
COMPILE = "msaspec compile, the example"
MOST_OF_RAW = 1.7
"""A compilation takes at most this many times the raw program, by instructions or by CPU seconds."""
MOST_FOR_HELP = 0.06
"""Seconds that `--help` takes at most."""


def cpu(command: list[str], environment: dict[str, str]) -> float:
    """User and system seconds of one finished process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def instructions(command: list[str], environment: dict[str, str]) -> float | None:
    """Millions of instructions of one process, outside the kernel. None where no valgrind is installed."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    counting = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    fixed = {**environment, "PYTHONHASHSEED": "0"}
    done = subprocess.run([*counting, *command], check=True, capture_output=True, text=True, env=fixed)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    return int(found[1].replace(",", "")) / 1e6 if found else None


def system_of(services: int) -> str:
    """The example with as many services as asked: each with a database, each calling the one before it."""
    manifest = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    manifest["services"] = {
        f"service-{number}": {
            "image": f"service-{number}:1.0",
            "port": 8000 + number,
            "paths": [f"/api/{number}"],
            "health": f"/api/{number}/up",
            "uses": {"main": {}, **({f"service-{number - 1}": {}} if number else {})},
        }
        for number in range(services)
    }
    return yaml.safe_dump(manifest)


def raw_program(template: dict[str, Any]) -> str:
    """A troposphere program of the same resources, as a person would have it: literal properties, then to_yaml."""
    imports, calls = [], []
    for name, entry in template["Resources"].items():
        service, kind = entry["Type"].split("::")[-2:]
        if not entry["Type"].startswith("Custom::"):
            module = {"Lambda": "awslambda"}.get(service, service.lower())
            imports.append(f"from troposphere import {module}")
            calls.append(f"t.add_resource({module}.{kind}.from_dict({name!r}, {literal(entry.get('Properties', {}))}))")
    fn = "class Fn(AWSHelperFn):\n    def __init__(self, data):\n        self.data = data"
    head = ["from troposphere import AWSHelperFn, Tags, Template", *dict.fromkeys(imports), fn, "t = Template()"]
    return "\n".join([*head, *calls, "print(t.to_yaml())", ""])


def literal(value: Any) -> str:
    """A property value as Python source, with intrinsics as troposphere's helper functions."""
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"
        return f"Fn({text})" if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")) else text
    pairs = isinstance(value, list) and all(isinstance(tag, dict) and {*tag} == {"Key", "Value"} for tag in value)
    if value and pairs and all(tag["Key"].isidentifier() for tag in value):
        return "Tags(" + ", ".join(f"{item['Key']}={item['Value']!r}" for item in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def main() -> int:
    """Print a table of medians and ratios, and return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {**os.environ, "MSASPEC_CACHE_DIR": str(place / "cache")}
        environment["PYTHONPYCACHEPREFIX"] = str(place / "pyc")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPATH"] = str(ROOT)
        compiled = subprocess.run(
            [python, "-m", "msaspec", "compile", str(EXAMPLE), "--format", "json"],
            check=True,
            capture_output=True,
            env=environment,
        )
        (place / "raw.py").write_text(raw_program(json.loads(compiled.stdout)["template"]), "utf-8")
        for services in (10, 20, 30):
            (place / f"{services}.yaml").write_text(system_of(services), "utf-8")
        msaspec = [python, "-m", "msaspec"]
        commands = {
            RAW: [python, str(place / "raw.py")],
            "python -c pass": [python, "-c", "pass"],
            HELP: [*msaspec, "--help"],
            COMPILE: [*msaspec, "compile", str(EXAMPLE)],
            "msaspec lint, cached verdicts": [*msaspec, "lint", str(EXAMPLE)],
            **{
                f"msaspec compile, {services} services": [*msaspec, "compile", str(place / f"{services}.yaml")]
                for services in (10, 20, 30)
            },
        }
        for command in commands.values():
            cpu(command, environment)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                taken[name].append(cpu(command, environment))
        counts = {name: instructions(command, environment) for name, command in commands.items()}
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"{'':42} {'CPU s':>7} {'ratio':>7} {'M instr.':>9} {'ratio':>7}")
    for name, seconds in medians.items():
        print(f"{name:42} {seconds:7.3f} {seconds / medians[RAW]:7.2f} {_counted(counts[name], counts[RAW])}")
    ratio = medians[COMPILE] / medians[RAW]
    if counts[COMPILE] and counts[RAW]:
        ratio = min(ratio, counts[COMPILE] / counts[RAW])
    # Of the shortest run: what else a machine does adds seconds to a run and takes none from it.
    help_seconds = min(taken[HELP])
    missed = []
    if ratio > MOST_OF_RAW:
        missed.append(f"compile takes {ratio:.2f} times the raw program, not {MOST_OF_RAW}")
    if help_seconds > MOST_FOR_HELP:
        missed.append(f"--help takes {help_seconds:.3f} s, not {MOST_FOR_HELP}")
    print("\n".join(f"Missed: {goal}" for goal in missed) or "All goals are met.")
    return 1 if missed else 0


def _counted(count: float | None, base: float | None) -> str:
    return f"{count:9.0f} {count / base:7.2f}" if count and base else f"{'-':>9} {'-':>7}"


if __name__ == "__main__":
    sys.exit(main())
