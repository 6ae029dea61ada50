"""What independent checkers find in compiled templates: the work of `scripts/audit`, which installs them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msaspec import pipeline
from msaspec.template import render

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "audit"
NUMBERS = ROOT / "tests" / "audit.json"
EXAMPLES: Mapping[str, tuple[str, str | None]] = {
    "shop": ("examples/msa.yaml", None),
    "autoscaling": ("examples/autoscaling/msa.yaml", None),
    "dev": ("examples/production/msa.yaml", "dev"),
    "prod": ("examples/production/msa.yaml", "prod"),
    "all": ("tests/cases/audited-in-full/msa.yaml", None),
}
"""The examples, by the word for each: the manifest, and the environment; `all` has every kind, engine and runtime.
Registry stacks are `NAME-registry`."""
SAME = ("autoscaling-registry", "dev-registry", "all-registry")
"""Registry stacks that are those of other examples."""
PILLAR = "wa-Security-Pillar"
Template = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing that a checker objects to."""

    rule: str
    resource: str
    """Its logical id."""
    explained: bool
    """Whether the template carries an exception for it."""


@dataclass(frozen=True)
class Checker:
    """A set of rules of one checker."""

    name: str
    run: Callable[[Mapping[str, Path]], Mapping[str, list[Finding]]]
    """Takes templates as JSON files by name, and returns what it finds in each."""
    missing: str | None = field(default=None)
    """Why it cannot run here."""


def checkers() -> Iterator[Checker]:
    """Yield every checker, whether it can run here or not."""
    nag = FOLDER / "npm" / "node_modules" / "cdk-nag"
    for pack in ("AwsSolutions", "NIST.800.53.R5", "PCI.DSS.321", "HIPAA.Security"):
        yield Checker(f"cdk-nag {pack}", lambda files, pack=pack: _nag(files)[pack], _absent(nag))  # type: ignore[misc]
    yield Checker("checkov", _checkov, _absent(_python().parent / "checkov"))
    guard, rules = _guard(), _registry()
    yield Checker("cfn-guard Control Tower", lambda files: _guarded(files, [guard[1]]), _absent(guard[0]))
    pillar = rules / "mappings" / f"rule_set_{PILLAR}.json"
    yield Checker(
        f"cfn-guard {PILLAR}",
        lambda files: _guarded(files, _mapped(pillar, rules)),
        _absent(guard[0]) or _absent(pillar),
    )
    validate = next(FOLDER.glob("python/lib/python3*/site-packages/cloudformation_validate"), FOLDER / "python")
    yield Checker("cloudformation-validate", _validate, _absent(validate))


def _absent(path: Path) -> str | None:
    return None if path.exists() else f"{path.name} is not installed; scripts/audit installs it"


def _python() -> Path:
    return FOLDER / "python" / "bin" / "python"


def _registry() -> Path:
    return Path(os.environ.get("GUARD_RULES") or FOLDER / "guard")


def _guard() -> tuple[Path, Path]:
    """Return the program of CloudFormation Guard that CDK's plugin brings along, and its rules."""
    package = FOLDER / "npm" / "node_modules" / "@cdklabs" / "cdk-validator-cfnguard"
    system = {"Darwin": "macos"}.get(platform.system(), "ubuntu")
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return package / "bin" / system / machine / "cfn-guard", package / "rules" / "control-tower" / "cfn-guard"


def _run(command: Sequence[str | Path], **words: Any) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **words)
    if not done.stdout.strip():
        raise RuntimeError(f"{command[0]} says nothing: {done.stderr.strip()[-500:]}")
    return done.stdout


_NAGGED: dict[tuple[str, ...], dict[str, dict[str, list[Finding]]]] = {}


def _nag(files: Mapping[str, Path]) -> Mapping[str, Mapping[str, list[Finding]]]:
    """Return what cdk-nag finds, by pack and template. It starts once for all packs."""
    key = tuple(map(str, files.values()))
    if key not in _NAGGED:
        modules = {
            **os.environ,
            "NODE_PATH": str(FOLDER / "npm" / "node_modules"),
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        }
        said = json.loads(_run(["node", ROOT / "scripts" / "audit.js", *files.values()], env=modules))
        packs: dict[str, dict[str, list[Finding]]] = {}
        for name, file in files.items():
            template = _read(file)
            for pack, rows in said[str(file)].items():
                packs.setdefault(pack, {})[name] = [
                    Finding(rule, resource, _excepted(template, resource, rule.partition("[")[0]))
                    for rule, resource, is_error in rows
                    if is_error
                ]
        _NAGGED[key] = packs
    return _NAGGED[key]


def _excepted(template: Template, resource: str, rule: str) -> bool:
    """Whether the Metadata of a resource has cdk-nag's exception for a rule."""
    metadata = template["Resources"].get(resource, {}).get("Metadata", {})
    listed = metadata.get("cdk_nag", {}).get("rules_to_suppress", [])
    return any(each["id"] == rule and each["reason"] for each in listed)


def _checkov(files: Mapping[str, Path]) -> Mapping[str, list[Finding]]:
    named = {file.name: name for name, file in files.items()}
    command = [_python(), "-m", "checkov.main", "--framework", "cloudformation", "--compact", "-o", "json"]
    offline = {**os.environ, "CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false", "LOG_LEVEL": "ERROR"}
    said = json.loads(_run([*command, "--skip-download", "-f", *files.values()], env=offline))
    found: dict[str, list[Finding]] = {name: [] for name in files}
    for word, explained in (("failed_checks", False), ("skipped_checks", True)):
        for row in (said[0] if isinstance(said, list) else said)["results"][word]:
            resource = row["resource"].rpartition(".")[2]
            found[named[Path(row["file_path"]).name]].append(Finding(row["check_id"], resource, explained))
    return found


def _mapped(mapping: Path, registry: Path) -> list[Path]:
    """Return the files of a set of rules of the registry."""
    return sorted({registry / each["guardFilePath"] for each in _read(mapping)["mappings"]})


def _guarded(files: Mapping[str, Path], rules: Iterable[Path]) -> Mapping[str, list[Finding]]:
    """Return the rules that fail, each once a template. Guard leaves out what a resource has an exception for, so it is
    asked a second time without the exceptions."""
    found: dict[str, list[Finding]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, file in files.items():
            template = _read(file)
            for body in template["Resources"].values():
                body.get("Metadata", {}).pop("guard", None)
            bare = Path(folder, file.name)
            bare.write_text(json.dumps(template), "utf-8")
            failing, all_of_them = (_failing(each, rules) for each in (file, bare))
            found[name] = [Finding(rule, "", rule not in failing) for rule in sorted(all_of_them)]
    return found


def _failing(file: Path, rules: Iterable[Path]) -> set[str]:
    program, _ = _guard()
    program.chmod(0o755)
    command = [program, "validate", "--structured", "--output-format", "json", "--show-summary", "none"]
    said = json.loads(_run([*command, "--data", file, "--rules", *rules]))
    return {each["Rule"]["name"] for report in said for each in report["not_compliant"] if "Rule" in each}


_VALIDATION = """
import json, sys
from cloudformation_validate import CompositeEngine

engine, found = CompositeEngine(), {}
for file in sys.argv[1:]:
    rows = engine.validate_template(file).diagnostics
    found[file] = [each.rule_id for each in rows if each.severity.name in ("ERROR", "FATAL", "WARN", "WARNING")]
print(json.dumps(found))
"""


def _validate(files: Mapping[str, Path]) -> Mapping[str, list[Finding]]:
    """Return its errors and warnings."""
    said = json.loads(_run([_python(), "-c", _VALIDATION, *files.values()]))
    return {name: [Finding(rule, "", False) for rule in said[str(file)]] for name, file in files.items()}


def _read(file: Path) -> Any:
    return json.loads(file.read_bytes())


def templates(systems: Mapping[str, tuple[str, str | None]], folder: Path) -> dict[str, Path]:
    """Compile systems into JSON files of a folder: for each its main stack, and its registry stack."""
    found = {}
    for name, (manifest, environment) in systems.items():
        document = pipeline.load((ROOT / manifest).read_text("utf-8"), manifest)
        for stack in pipeline.compile_system(document, environment).stacks:
            title = name if stack.role.word == "main" else f"{name}-{stack.role.word}"
            if title in SAME:
                continue
            found[title] = folder / f"{title}.json"
            found[title].write_text(render.to_json(stack), "utf-8")
    return found


def count(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return the numbers of findings: open ones by rule, and explained ones, in all and by rule."""
    listed = list(findings)
    explained = Counter(each.rule.partition("[")[0] for each in listed if each.explained)
    still = Counter(each.rule.partition("[")[0] for each in listed if not each.explained)
    return {"open": dict(sorted(still.items())), "explained": dict(sorted(explained.items()))}


def audit(files: Mapping[str, Path], chosen: Iterable[Checker]) -> dict[str, dict[str, Any]]:
    """Return the numbers of each checker, by template."""
    return {
        each.name: {name: count(found) for name, found in each.run(files).items()}
        for each in chosen
        if each.missing is None
    }


def table(numbers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Return the numbers as a table: findings without an exception, and those that the template explains."""
    names = list(dict.fromkeys(name for row in numbers.values() for name in row))
    width = max(map(len, numbers), default=0)
    lines = [" " * width + "".join(f"{name:>22}" for name in names)]
    for checker, row in numbers.items():
        cells = []
        for name in names:
            still, explained = (row[name][word] for word in ("open", "explained"))
            said = f"{sum(still.values())}" + (f" +{sum(explained.values())} in {len(explained)}" if explained else "")
            cells.append(f"{said:>22}")
        lines.append(f"{checker:<{width}}" + "".join(cells))
    about = "Findings without an exception, `+` those that the template explains `in` so many rules."
    return "\n".join([*lines, about])


def _written(numbers: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the numbers as JSON, a template a line."""
    rows = []
    for checker, row in numbers.items():
        cells = ",\n".join(f"  {json.dumps(name)}: {json.dumps(counted)}" for name, counted in row.items())
        rows.append(f" {json.dumps(checker)}: {{\n{cells}\n }}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main(arguments: Sequence[str]) -> int:
    """Print the table of the examples, or of a manifest, and what was found. Return the exit code."""
    update, words = "--update" in arguments, [each for each in arguments if each != "--update"]
    systems = {Path(words[0]).stem: (words[0], words[1] if len(words) > 1 else None)} if words else EXAMPLES
    every = list(checkers())
    with tempfile.TemporaryDirectory() as folder:
        files = templates(systems, Path(folder))
        numbers = audit(files, every)
    print(table(numbers))
    for each in every:
        if each.missing:
            print(f"{each.name} did not run: {each.missing}.")
    for checker, row in numbers.items():
        for name, counted in row.items():
            rules = ", ".join(f"{rule} {number}" for rule, number in counted["open"].items())
            print(f"{checker} in {name}: {rules}." if rules else f"{checker} in {name}: nothing without an exception.")
    if update and not words:
        NUMBERS.write_text(_written(numbers), "utf-8")
        print(f"Wrote {NUMBERS.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
