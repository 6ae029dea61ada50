"""Answers of AWS as they were recorded, beside those of the sandbox: where the two differ.

In a recording, what differs from run to run is a placeholder: `<stack-id:1>` stands for the same value wherever it
stands, `datetime` for a time, 111111111111 for the account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PLACEHOLDER = re.compile(
    r"<[^<>\s]+>|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=_COMPLETE-)date|(?<=_PROGRESS-)date|(?<=_FAILED-)date|(?<=_SKIPPED-)date|(?<=-)(?:[A-Za-z0-9]{12,13}|[0-9a-f]{8})(?![A-Za-z0-9])"
)
"""What stands for something else in another run; ids of events are as they were."""
UNORDERED = frozenset({"Details", "Capabilities", "Scope", "Parameters"})
"""Lists whose order differs from recording to recording."""
IGNORED = frozenset({"ResponseMetadata"})
"""What says nothing of the service."""
YOUNGER = frozenset({"LastOperations", "OperationId"})
"""Members that AWS answers since later than the recordings."""
ACCOUNT, RECORDED_ACCOUNT = "123456789012", "111111111111"
MISSING = "(missing)"


@dataclass(frozen=True)
class Difference:
    """A place where two answers differ."""

    path: str
    recorded: Any
    answered: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.recorded!r} at AWS, {self.answered!r} here"


@dataclass
class Comparison:
    """The comparison of all answers of one scenario, so that placeholders mean the same in each of them."""

    replacements: list[tuple[re.Pattern[str], str]] = field(default_factory=list)
    """What the scenario itself says of its names: pattern and replacement."""
    sorting: list[tuple[str, str]] = field(default_factory=list)
    """Lists whose order says nothing: the name of the member, and by what member of its items to sort."""
    bound: dict[str, str] = field(default_factory=dict)

    def differences(self, recorded: Any, answered: Any, path: str = "") -> Iterator[Difference]:
        """Yield where an answer differs from the recorded one."""
        if isinstance(recorded, Mapping) and isinstance(answered, Mapping):
            answered = self._renamed(recorded, answered)
            for key in sorted({*recorded, *answered} - IGNORED, key=str):
                if key not in answered or key not in recorded:
                    if not (key in YOUNGER and key not in recorded):
                        pair = recorded.get(key, MISSING), answered.get(key, MISSING)
                        yield Difference(f"{path}.{key}", *pair)
                else:
                    pair = self.sorted(key, recorded[key]), self.sorted(key, answered[key])
                    yield from self.differences(*pair, f"{path}.{key}")
        elif isinstance(recorded, list) and isinstance(answered, (list, tuple)):
            if len(recorded) != len(answered):
                yield Difference(f"{path}[]", [_short(item) for item in recorded], [_short(item) for item in answered])
                return
            for number, (one, other) in enumerate(zip(recorded, answered, strict=True)):
                yield from self.differences(one, other, f"{path}[{number}]")
        elif not self._equal(recorded, answered) and recorded != _placeholder(path):
            yield Difference(path, recorded, answered)

    def _renamed(self, recorded: Mapping[Any, Any], answered: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """An answer whose keys are called as in the recording, where that has a placeholder for one."""
        strange = [key for key in answered if key not in recorded]
        names = {}
        for key in recorded:
            if key not in answered and "<" in str(key):
                fitting = [each for each in strange if each not in names and self._equal(key, each)]
                names |= {fitting[0]: key} if fitting else {}
        return {names.get(key, key): value for key, value in answered.items()}

    def sorted(self, key: Any, value: Any) -> Any:
        """Return a member in an order that does not differ from run to run, where its order says nothing."""
        if key in UNORDERED and isinstance(value, list):
            return sorted(value, key=lambda item: json.dumps(item, sort_keys=True, default=str))
        if key == "Changes" and isinstance(value, list):  # no document says their order
            return sorted(value, key=lambda row: str(row.get("ResourceChange", {}).get("LogicalResourceId")))
        by = next((by for name, by in self.sorting if name == key), None)
        if by is None or not isinstance(value, list):
            return value
        if callable(by):
            return sorted(value, key=by)
        return sorted(value, key=lambda item: str(item.get(by) if isinstance(item, Mapping) else item))

    def _equal(self, recorded: Any, answered: Any) -> bool:
        if isinstance(answered, datetime):
            return recorded in ("datetime", "timestamp")
        if not isinstance(recorded, str) or not isinstance(answered, (str, int, float)) or isinstance(answered, bool):
            return bool(recorded == answered)
        text = str(answered).replace(ACCOUNT, RECORDED_ACCOUNT).replace(" (reached max retries: 0)", "")
        for pattern, replacement in self.replacements:
            text = pattern.sub(replacement.replace("\\", r"\\"), text)
        if recorded == text:
            return True
        parts = PLACEHOLDER.split(recorded)
        return len(parts) > 1 and re.fullmatch(".*?".join(map(re.escape, parts)), text, re.DOTALL) is not None


def _placeholder(path: str) -> str:
    """What stands for a value that varies, where nothing else says which: the name of its member."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", re.split(r"[.\[]", path)[-1]).lower()


def _short(item: Any) -> Any:
    """What an item of a list is recognized by."""
    if not isinstance(item, Mapping):
        return item
    if "ResourceChange" in item:
        item = item["ResourceChange"]
    keys = "LogicalResourceId", "ResourceStatus", "Action", "OutputKey", "ParameterKey", "ChangeSource", "CausingEntity"
    return {key: item[key] for key in keys if key in item} or dict(item)
