"""Cuts a release of msaspec from a clean checkout of main.

    scripts/release VERSION [--documents ADDRESS] [--dry-run] [--no-tests]

1. Writes VERSION into pyproject.toml and msaspec/__init__.py, and gives what is unreleased in CHANGELOG.md its heading.
   With --documents it writes the address where the site of `scripts/docs` is published, which diagnostics then name.
2. Runs scripts/test, and commits.
3. Builds the wheel and the source distribution twice, and requires the same bytes.
4. Installs the wheel into an empty environment, with the locked dependencies, and lints and compiles the example.
5. Writes beside them a bill of materials (CycloneDX), a provenance statement (in-toto, SLSA 1) and SHA256SUMS.
6. Tags the commit, signed where git has a key. Pushes nothing; it prints the commands that do.

With --dry-run steps 1 to 5 happen in a clone that is removed, and their results are left in build/release.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / os.environ.get("TOOLS", ".venv-tools") / "bin"
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?")


def main() -> None:
    """Run the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--no-tests", action="store_true", help="skip scripts/test, which CI ran on this commit")
    parser.add_argument("--documents", metavar="ADDRESS", help="where the site of scripts/docs is published")
    chosen = parser.parse_args()
    if chosen.documents and not re.fullmatch(r"https://[\w.~:/-]+", chosen.documents, re.ASCII):
        sys.exit(f"{chosen.documents} is no address such as https://docs.example.com/msaspec.")
    if not VERSION.fullmatch(chosen.version):
        sys.exit(f"{chosen.version} is no version such as 0.2.0 or 0.2.0rc1.")
    if git(ROOT, "status", "--porcelain"):
        sys.exit("The checkout has changes. Commit or stash them.")
    if git(ROOT, "tag", "--list", f"v{chosen.version}"):
        sys.exit(f"The tag v{chosen.version} exists.")
    if not chosen.dry_run:
        if git(ROOT, "branch", "--show-current") != "main":
            sys.exit("Releases are cut from main.")
        release(ROOT, chosen.version, ROOT / "dist", tests=not chosen.no_tests, documents=chosen.documents)
        tag(chosen.version)
        return
    results = ROOT / "build" / "release"
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "msaspec")
        git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
        release(clone, chosen.version, results, tests=not chosen.no_tests, documents=chosen.documents)
    print(f"A dry run: nothing was committed or tagged. The results are in {results.relative_to(ROOT)}.")


def release(root: Path, version: str, results: Path, *, tests: bool, documents: str | None) -> None:
    """Steps 1 to 5, in a checkout; what is released is in the folder of results afterwards."""
    stamp(root, version)
    if documents:
        replace_once(root / "msaspec/diagnostics/pages.py", r'^PUBLISHED = ".*"$', f'PUBLISHED = "{documents}"')
    if tests:
        execute(root, "scripts/test")
    git(root, "commit", "--quiet", "--all", "--message", f"Release {version}")
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    for file in built(root):
        shutil.copy2(file, results)
    (wheel,) = results.glob("*.whl")
    check(root, wheel, version)
    materials = execute(
        root,
        TOOLS / "cyclonedx-py",
        "requirements",
        "--output-reproducible",
        "--pyproject",
        "pyproject.toml",
        "requirements/sandbox.lock",
    )
    (results / f"msaspec-{version}.cdx.json").write_text(materials, "utf-8")
    statement = provenance(root, version, sorted(results.glob("msaspec-*")))
    (results / f"msaspec-{version}.intoto.json").write_text(json.dumps(statement, indent=2) + "\n", "utf-8")
    sums = "".join(f"{digest(file)}  {file.name}\n" for file in sorted(results.iterdir()))
    (results / "SHA256SUMS").write_text(sums, "utf-8")


def stamp(root: Path, version: str) -> None:
    """Write the version and the day into the files that tell them."""
    for name, before, after in (
        ("pyproject.toml", r'^version = ".*"$', f'version = "{version}"'),
        ("msaspec/__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"'),
        (
            "CHANGELOG.md",
            r"^## Unreleased\n(?=\n*###)",
            f"## Unreleased\n\n## {version} - {datetime.now(UTC):%Y-%m-%d}\n",
        ),
    ):
        replace_once(root / name, before, after)


def replace_once(path: Path, before: str, after: str) -> None:
    """Replace the one line of a file that a pattern matches."""
    text, number = re.subn(before, after, path.read_text("utf-8"), flags=re.MULTILINE)
    if number != 1:
        sys.exit(f"{path.name} has no place for `{after.strip()}`, or nothing is unreleased.")
    path.write_text(text, "utf-8")


def built(root: Path) -> list[Path]:
    """The wheel and the source distribution, of which a second build has the same bytes."""
    when = git(root, "log", "-1", "--format=%ct")
    kinds = []
    for name in ("one", "two"):
        shutil.rmtree(root / "dist", ignore_errors=True)
        execute(root, sys.executable, "-m", "hatchling", "build", SOURCE_DATE_EPOCH=when)
        shutil.move(root / "dist", root / "build" / name)
        kinds.append({file.name: digest(file) for file in (root / "build" / name).iterdir()})
    if kinds[0] != kinds[1]:
        sys.exit(f"Two builds differ: {kinds}")
    return sorted((root / "build" / "one").iterdir())


def check(root: Path, wheel: Path, version: str) -> None:
    """Install the wheel as a user does, and use it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        execute(root, *pip, "--require-hashes", "--requirement", "requirements/sandbox.lock")
        execute(root, *pip, "--no-deps", wheel)
        program = Path(folder, "bin", "msaspec")
        said = execute(Path(folder), program, "--version").strip()
        if said != f"msaspec {version}":
            sys.exit(f"The wheel says that it is {said}.")
        execute(Path(folder), program, "lint", "--no-cache", root / "examples" / "msa.yaml")
        execute(Path(folder), program, "deploy", "--sandbox", "--yes", root / "examples" / "msa.yaml")


def provenance(root: Path, version: str, files: list[Path]) -> dict[str, object]:
    """What was built, of which source, with which dependencies and by which commands: SLSA Provenance 1, unsigned."""
    commit = git(root, "rev-parse", "HEAD")
    locks = sorted((root / "requirements").glob("*.lock"))
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": {"sha256": digest(file)}} for file in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://slsa.dev/provenance/v1#scripts/release",
                "externalParameters": {"version": version, "tag": f"v{version}"},
                "internalParameters": {"python": sys.version.split()[0], "platform": sys.platform},
                "resolvedDependencies": [
                    {"uri": f"git+msaspec@v{version}", "digest": {"gitCommit": commit}},
                    *({"name": f"requirements/{lock.name}", "digest": {"sha256": digest(lock)}} for lock in locks),
                ],
            },
            "runDetails": {
                "builder": {"id": "scripts/release.py"},
                "metadata": {"finishedOn": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")},
            },
        },
    }


def tag(version: str) -> None:
    """Tag the commit, with a signature where git has a key, and print what publishes it."""
    key = subprocess.run(["git", "-C", ROOT, "config", "user.signingkey"], capture_output=True, check=False).stdout
    git(ROOT, "tag", "--sign" if key else "--annotate", f"v{version}", "--message", f"msaspec {version}")
    print(f"Tagged v{version}. Publish it: git push origin main v{version}")
    print("Attach the files in dist/ to the release of that tag.")


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def git(root: Path, *words: str) -> str:
    """What git says in a checkout."""
    return execute(root, "git", *words).strip()


def execute(root: Path, *words: object, **variables: str) -> str:
    """The output of a program that runs in a folder. Ends with its message where it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=root,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
