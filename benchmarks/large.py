"""CPU seconds and memory of large systems: how they grow with the number of services.

    python benchmarks/large.py [--deploy] [SERVICES ...]

Each system has so many services on `fargate` and on `instance`: each uses a database and the two services before it,
every third is public. Read the seconds a service: they stay the same where the work grows with the system. `--deploy`
deploys those on `fargate` into the emulated AWS, as whole processes on this machine. The last rows are of the largest
size: the difference that one changed service makes, whose ratio is that to the compilation before it; with `--deploy`
the deployment of that change into an emulated AWS in a process of its own, whose CPU seconds stand in a row beside it;
and the compilation of five systems, each of which uses services of the next one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
SIZES = (3, 10, 30, 100, 200)
SYSTEMS, SHARED = 5, 20
"""How many systems use one another, and how many services of each are shared with the one before it."""
USERS = 25
"""Services of one database instance: its security group has 60 rules."""


def neighbour_of(services: int, number: int) -> str:
    """The manifest of one of several systems that use one another, all in the network of a platform."""
    made = yaml.safe_load(system_of(services, "fargate"))
    following = f"large-{(number + 1) % SYSTEMS}"
    shared = list(made["services"])[:SHARED]
    for name in shared:
        made["services"][name]["uses"][f"{following}/{name}"] = {}
    platform = {"vpc": "vpc-0123456789abcdef0", "cidr": "10.0.0.0/16"}
    subnets = {"public": subnets_of("a"), "private": subnets_of("b")}
    head = {"msaspec": 1, "name": f"large-{number}", "region": "eu-west-1", "systems": {following: None}}
    shares = {name: [f"large-{(number - 1) % SYSTEMS}"] for name in shared}
    return yaml.safe_dump({**made, **head, "network": {**platform, **subnets}, "shares": shares}, sort_keys=False)


def subnets_of(tier: str) -> list[str]:
    """Two subnets."""
    return [f"subnet-0123456789abcde{tier}{number}" for number in (1, 2)]


def system_of(services: int, runtime: str) -> str:
    """The manifest of a system."""
    found = {}
    for number in range(services):
        uses = {f"store-{number // USERS}": {"database": f"base_{number}"}}
        uses |= {f"service-{number - back:03}": {} for back in (1, 2) if number >= back}
        found[f"service-{number:03}"] = {
            "image": "docker.io/library/nginx:1.27",
            "port": 8000,
            "uses": uses,
            **({"paths": [f"/api/{number}"]} if number % 3 == 0 and runtime == "fargate" else {}),
        }
    databases = {f"store-{number}": {"size": "db.r7g.16xlarge"} for number in range(-(-services // USERS))}
    head = {"msaspec": 1, "name": "large", "region": "eu-west-1", "defaults": {"runtime": runtime}}
    return yaml.safe_dump({**head, "databases": databases, "services": found}, sort_keys=False)


def measured(*words: str, differs: bool = False) -> tuple[float, float, int]:
    """CPU seconds, seconds and megabytes of one command of msaspec; ends where it fails. One that `differs` ends with 1
    where all is well."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "msaspec", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != differs:
        sys.exit(f"msaspec {' '.join(words)} failed:\n{said[-2000:]}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss // 1024


def main() -> int:
    """Print a table."""
    words = [word for word in sys.argv[1:] if word != "--deploy"]
    sizes = [int(word) for word in words] or SIZES
    os.environ["PYTHONPATH"] = str(ROOT)
    print(f"{'':34} {'CPU s':>7} {'ms a service':>13} {'s':>7} {'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MSASPEC_CACHE_DIR"] = f"{folder}/cache"
        for runtime in ("fargate", "instance"):
            for size in sizes:
                manifest = Path(folder) / f"{runtime}-{size}.yaml"
                manifest.write_text(system_of(size, runtime), "utf-8")
                row(f"compile, {runtime}, {size}", size, "compile", str(manifest), "-o", f"{folder}/made.yaml")
                if "--deploy" in sys.argv and runtime == "fargate":
                    row(f"deploy --sandbox, {runtime}, {size}", size, "deploy", "--sandbox", "--yes", str(manifest))
        one_changed(Path(folder), sizes[-1], deploys="--deploy" in sys.argv)
        together(Path(folder), sizes[-1])
    return 0


def one_changed(folder: Path, size: int, *, deploys: bool) -> None:
    """Compare two versions of a system that differ in one service, and deploy one after the other."""
    before, after = folder / f"fargate-{size}.yaml", folder / "changed.yaml"
    made = yaml.safe_load(before.read_text("utf-8"))
    made["services"][f"service-{size // 2:03}"]["image"] += ".1"
    after.write_text(yaml.safe_dump(made, sort_keys=False), "utf-8")
    compiling = measured("compile", str(before), "-o", f"{folder}/made.yaml")[0]
    cpu, seconds, memory = measured("diff", str(after), "--against", str(before), differs=True)
    told(f"diff of one service, {size} ({cpu / compiling:.2f})", size, cpu, seconds, memory)
    if deploys:
        words = [sys.executable, "-m", "msaspec", "sandbox", "--port", "0"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
            deployed(server, before, after, size)
            server.send_signal(signal.SIGINT)


def deployed(server: subprocess.Popen[str], before: Path, after: Path, size: int) -> None:
    """Deploy two versions of a system into an emulated AWS that runs, and print what the second took."""
    assert server.stderr
    for line in server.stderr:  # which begin with the settings, and end with a command
        if found := re.match(r" +export (\w+)=(\S+)", line):
            os.environ[found[1]] = found[2]
        if line.strip().startswith("aws "):
            break
    told(f"deploy, fargate, {size}", size, *measured("deploy", "--yes", str(before)))
    there = cpu_of(server.pid)
    told(f"deploy of one service, {size}", size, *measured("deploy", "--yes", str(after)))
    print(f"{'  the emulated AWS meanwhile':34} {cpu_of(server.pid) - there:7.2f}", flush=True)


def cpu_of(process: int) -> float:
    """CPU seconds of a process that runs, as Linux tells them; none elsewhere."""
    try:
        numbers = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def together(folder: Path, size: int) -> None:
    """Compile several systems that use one another, and print what all of them took."""
    cpu, seconds, memory = 0.0, 0.0, 0
    for number in range(SYSTEMS):
        manifest = folder / f"large-{number}.yaml"
        manifest.write_text(neighbour_of(size, number), "utf-8")
        took = measured("compile", str(manifest), "-o", f"{folder}/made.yaml")
        cpu, seconds, memory = cpu + took[0], seconds + took[1], max(memory, took[2])
    told(f"compile, {SYSTEMS} systems of {size}", size * SYSTEMS, cpu, seconds, memory)


def row(what: str, services: int, *words: str) -> None:
    """Measure a command and print it."""
    told(what, services, *measured(*words))


def told(what: str, services: int, cpu: float, seconds: float, memory: int) -> None:
    """Print a row."""
    print(f"{what:34} {cpu:7.2f} {cpu / services * 1000:13.1f} {seconds:7.1f} {memory:6}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
