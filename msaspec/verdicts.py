"""What cfn-lint said about templates, remembered: the same template is linted once.

Linting takes seconds and importing cfn-lint half a second, so the answer to "has this been linted?" must not need
cfn-lint. A `key` is a hash over all that a verdict depends on. A verdict holds findings in terms of the template and
not lines of the manifest, since lines move while the template stays. It is a small JSON file in the user's cache
folder; a cache that is broken, full or read-only is as good as an empty one and never an error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import msaspec
from msaspec.place import Path as Keys

CACHE_DIR = "MSASPEC_CACHE_DIR"
"""Environment variable that names another folder for the cache."""

MOST = 500
"""How many verdicts are kept, those that were asked for last."""

CONFIGURATIONS = (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
_ELSEWHERE = (b"append_rules", b"custom_rules", b"override_spec", b"registry_schemas")
"""Settings by which cfn-lint reads further files. What those hold is not in the key, so nothing is remembered."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a rule says about a place in a template."""

    path: Keys
    """Keys from the root of the template; empty where the rule names no place."""
    rule: str
    severity: str
    """`error` or `warning`."""
    message: str
    hint: str | None


class Verdicts:
    """Findings by key, in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or _folder()

    def get(self, key: str) -> tuple[Finding, ...] | None:
        """The findings under a key; None where there is no verdict, or none that can be read."""
        file = self._file(key)
        try:
            findings = tuple(_finding(written) for written in json.loads(file.read_bytes())["findings"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        with suppress(OSError):
            os.utime(file)
        return findings

    def put(self, key: str, findings: Iterable[Finding]) -> None:
        """Remembers a verdict, if that can be done. Another process sees all of it or nothing."""
        text = json.dumps({"findings": [asdict(finding) for finding in findings]})
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, unfinished = mkstemp(dir=self.folder, suffix=".unfinished")
            try:
                with open(handle, "w", encoding="utf-8") as stream:
                    stream.write(text)
                Path(unfinished).replace(self._file(key))
            except OSError:
                Path(unfinished).unlink(missing_ok=True)
                raise
            self._prune()

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _prune(self) -> None:
        """Removes what was asked for longest ago. Other processes may do the same at the same time."""
        kept = []
        for file in self.folder.iterdir():
            with suppress(FileNotFoundError):
                kept.append((file.stat().st_mtime_ns, file))
        for _, file in sorted(kept)[: max(0, len(kept) - MOST)]:
            file.unlink(missing_ok=True)


def key(template: bytes, regions: Sequence[str]) -> str | None:
    """The name of a verdict: a hash over all that it depends on, found without importing cfn-lint.

    That is the template, the regions, the user's configuration of cfn-lint, the versions of cfn-lint, its schemas and
    msaspec. None if the configuration refers to rules or schemas in other files: such a verdict is not remembered.
    """
    written = list(_configuration())
    if any(setting in text for _, text in written for setting in _ELSEWHERE):
        return None
    parts = [
        *(part.encode() for part in (msaspec.__version__, version("cfn-lint"), *regions)),
        *(os.environ.get(name, "").encode() for name in ("AWS_REGION", "AWS_DEFAULT_REGION")),
        *(_read(folder / "version.json") for folder in schema_folders()),
        *(part for name, text in written for part in (name.encode(), text)),
        template,
    ]
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def configuration() -> str:
    """A hash over the user's configuration of cfn-lint."""
    return sha256(repr(list(_configuration())).encode()).hexdigest()


def schema_folders() -> Iterator[Path]:
    """Where cfn-lint keeps schemas: its own, and the folder of `cfn-lint --update-specs`, the newer of which wins."""
    found = find_spec("cfnlint")
    for folder in (found.submodule_search_locations or ()) if found else ():
        yield Path(folder, "data", "schemas")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", os.path.expanduser("~\\AppData\\Local"))
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    yield Path(base, "aws", "cfn-lint", "schemas")


def _configuration() -> Iterator[tuple[str, bytes]]:
    """The configuration files of cfn-lint, the user's and the working directory's, where they exist."""
    for at, folder in (("home", Path(os.path.expanduser("~"))), ("here", Path())):
        for name in CONFIGURATIONS:
            if text := _read(folder / name):
                yield f"{at}/{name}", text


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _folder() -> Path:
    if chosen := os.environ.get(CACHE_DIR):
        return Path(chosen, "verdicts")
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("msaspec", appauthor=False), "verdicts")


def _finding(written: dict[str, Any]) -> Finding:
    """A finding as it was written. Raises KeyError, TypeError or ValueError for anything else."""
    path = tuple(written["path"])
    texts = (written["rule"], written["severity"], written["message"])
    hint = written["hint"]
    if not all(isinstance(text, str) for text in (*texts, hint or "")) or texts[1] not in ("error", "warning"):
        raise ValueError("not a finding")
    if not all(isinstance(step, str | int) for step in path):
        raise ValueError("not a path")
    return Finding(path, *texts, hint)
