"""What cfn-lint said about templates, remembered: the same template is linted once.

Linting takes seconds and importing cfn-lint half a second, so the answer to "has this been linted?" must not need
cfn-lint. A `key` is a hash over all that a verdict depends on. A verdict holds findings in terms of the template and
not lines of the manifest, since lines move while the template stays. It is a sealed file in the user's cache folder.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msaspec.diagnostics.place import Path as Keys
from msaspec.linting import inputs
from msaspec.linting.sealed import Sealed

if TYPE_CHECKING:
    from msaspec.linting.configuration import Configuration


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
        self._files = Sealed("verdicts", folder)
        self.folder = Path(self._files.folder)

    def get(self, key: str) -> tuple[Finding, ...] | None:
        """Return the findings under a key; None where there is no verdict, or none that this user made."""
        data = self._files.get(key)
        try:
            return None if data is None else tuple(_finding(written) for written in json.loads(data))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def put(self, key: str, findings: Iterable[Finding]) -> None:
        """Remembers a verdict, if that can be done. Another process sees all of it or nothing."""
        self._files.put(key, json.dumps([asdict(finding) for finding in findings]).encode())


def surroundings(configuration: Configuration) -> str | None:
    """Return what all verdicts depend on, as a hash, found without importing cfn-lint.

    That is the configuration in force, cfn-lint and its dependencies, its schemas, what it makes of the day, and how
    msaspec asks it. None if the configuration refers to rules or schemas in other files: such a verdict is not
    remembered.
    """
    if configuration.reads:
        return None
    since, _ = inputs.span(time.strftime("%Y-%m-%d"))
    variables = (os.environ.get(name, "") for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    return _hash(
        *(fact.encode() for fact in (sys.version, since, *variables)),
        *(b"named" if configuration.named else b"", configuration.text),
        *inputs.installed(),
        *inputs.sources(os.path.dirname(__file__)),
        *inputs.schemas(),
    )


def key(template: bytes, regions: Sequence[str], around: str) -> str:
    """Return the name of a verdict: a hash over the template, the Regions and the `surroundings`."""
    return _hash(around.encode(), *(region.encode() for region in regions), template)


def _hash(*parts: bytes) -> str:
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def _finding(written: dict[str, Any]) -> Finding:
    """Return a finding as it was written. Raises KeyError, TypeError or ValueError for anything else."""
    path = tuple(written["path"])
    texts = (written["rule"], written["severity"], written["message"])
    hint = written["hint"]
    if not all(isinstance(text, str) for text in (*texts, hint or "")) or texts[1] not in ("error", "warning"):
        raise ValueError("not a finding")
    if not all(isinstance(step, str | int) for step in path):
        raise ValueError("not a path")
    return Finding(path, *texts, hint)
