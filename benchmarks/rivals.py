"""CPU seconds and memory of large systems, beside programs of nested stacks as one writes them with other tools.

    python benchmarks/rivals.py [SERVICES ...]

Each system is that of large.py on `fargate`. The program in troposphere makes the same resources in the same stacks.
The program of the CDK (nested.js) has a nested stack for each service, with the constructs that its users take; it runs
where Node and aws-cdk-lib are installed: by `scripts/audit`, or in the folder that CDK names. Read the ratios.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from large import system_of
from run import literal

from msaspec.template import nesting, reading

HERE = Path(__file__).parent
ROOT = HERE.parent
SIZES = (30, 100, 200)
CDK = Path(os.environ.get("CDK", ROOT / "build" / "audit" / "npm"))


def program(templates: dict[str, dict[str, Any]]) -> str:
    """A troposphere program that writes templates to files: literal properties, then to_yaml."""
    imports, calls = [], []
    for home, template in templates.items():
        calls.append("t = Template()")
        for name, entry in template["Resources"].items():
            service, kind = entry["Type"].split("::")[-2:]
            if entry["Type"].startswith("Custom::"):
                continue
            module = {"Lambda": "awslambda"}.get(service, service.lower())
            imports.append(f"from troposphere import {module}")
            calls.append(f"t.add_resource({module}.{kind}.from_dict({name!r}, {literal(entry.get('Properties', {}))}))")
        for section, add in (("Parameters", "add_parameter(Parameter"), ("Outputs", "add_output(Output")):
            for name, entry in template.get(section, {}).items():
                said = {key: value for key, value in entry.items() if key != "Description"}
                calls.append(f"t.{add}({name!r}, **{literal(said)}))")
        calls.append(f"open({home + '.yaml'!r}, 'w').write(t.to_yaml())")
    fn = "class Fn(AWSHelperFn):\n    def __init__(self, data):\n        self.data = data"
    head = ["from troposphere import AWSHelperFn, Output, Parameter, Tags, Template", *dict.fromkeys(imports), fn]
    return "\n".join([*head, *calls, ""])


def templates_in(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """The templates that `msaspec compile -o` wrote: the root and what is nested in it."""
    root: dict[str, Any] = dict(reading.load((folder / name).read_text("utf-8")))
    inner = {home: (folder / url).read_text("utf-8") for home, url in nesting.nested_in(root).items()}
    return {"root": root} | {home: dict(reading.load(text)) for home, text in inner.items()}


def measured(folder: Path, *words: str) -> tuple[float, float, int]:
    """CPU seconds, seconds and megabytes of one command; ends where it fails."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NODE_PATH": str(CDK / "node_modules")}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(words, cwd=folder, stdout=said, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(words)} failed:\n{(folder / 'said').read_text('utf-8')[-2000:]}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss // 1024


def main() -> int:
    """Print a table."""
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    print(f"{'':40} {'CPU s':>7} {'ratio':>6} {'s':>7} {'MB':>6}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for size in sizes:
            manifest = folder / f"{size}.yaml"
            manifest.write_text(system_of(size, "fargate"), "utf-8")
            compiling = [sys.executable, "-m", "msaspec", "compile", str(manifest), "-o", str(folder / "made.yaml")]
            commands = {"msaspec compile": compiling}
            measured(folder, *compiling)
            (folder / "raw.py").write_text(program(templates_in(folder, "made.yaml")), "utf-8")
            commands["raw troposphere"] = [sys.executable, str(folder / "raw.py")]
            if shutil.which("node") and (CDK / "node_modules" / "aws-cdk-lib").is_dir():
                commands["CDK"] = ["node", str(HERE / "nested.js"), str(size), str(folder / "cdk.out")]
            taken = {name: measured(folder, *command) for name, command in commands.items()}
            for name, (cpu, seconds, memory) in taken.items():
                ratio = cpu / taken["raw troposphere"][0]
                print(f"{name + f', {size} services':40} {cpu:7.2f} {ratio:6.2f} {seconds:7.1f} {memory:6}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
