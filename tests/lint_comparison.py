"""Findings of cfn-lint as it is, and with `msaspec.linting.speedups`, in a form that can be compared."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from msaspec.linting import speedups

REGIONS = ("us-east-1", "eu-central-1")


class Comparison:
    """Two sets of rules that see the same templates in the same order, since rules keep things from one to the next."""

    def __init__(self) -> None:
        from cfnlint.config import ConfigMixIn
        from cfnlint.runner import Runner

        options = {"include_checks": ["I"], "include_experimental": True, "regions": list(REGIONS)}
        self._config = lambda: ConfigMixIn(["--", "-"], templates=[], **options)
        self._rules = {fast: Runner(self._config()).rules for fast in (False, True)}
        self.seconds = {False: 0.0, True: 0.0}
        """CPU seconds of linting, without and with replacements."""

    def of(self, text: str) -> tuple[list[Any], list[Any]]:
        """The findings in a template: cfn-lint's own, and those with replacements."""
        return self.findings(text, False), self.findings(text, True)

    def findings(self, text: str, fast: bool) -> list[Any]:
        """The findings in a template, with replacements or without."""
        from cfnlint.decode import decode_str
        from cfnlint.runner import run_template_by_data

        template, matches = decode_str(text)
        if matches:
            return [plain(match) for match in matches]
        rules = self._rules[fast]
        begun = time.process_time()
        try:
            with speedups.replaced(rules) if fast else nullcontext():
                matches = list(run_template_by_data(template, self._config(), rules))
        except Exception as fault:  # what cfn-lint itself stumbles over, it stumbles over both ways
            return [type(fault).__name__, str(fault)]
        self.seconds[fast] += time.process_time() - begun
        return [plain(match) for match in matches]


def plain(value: Any) -> Any:
    """All that a finding holds, as lists and text."""
    if isinstance(value, Mapping):
        return [[plain(key), plain(item)] for key, item in value.items()]
    if isinstance(value, str) or not isinstance(value, Sequence):
        if hasattr(value, "shortdesc"):
            return value.id
        return plain(vars(value)) if hasattr(value, "__dict__") and not isinstance(value, str) else repr(value)
    return [plain(item) for item in value]
