"""References that are known before anything is compiled, in fields that decide on what is compiled.

Names of rules, records and secrets depend on `hosts`, `ingress.domain` and `secrets`, so what stands there must be
whole when it is validated: `system.name` and `system.environment` are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msaspec.language import reference

NO_ENVIRONMENT = "default"
"""What `system.environment` is where the manifest itself is deployed."""
_ANY = "*"
_FIELDS = (
    ("ingress", "domain"),
    ("buckets", _ANY, "hosts", _ANY),
    ("secrets", _ANY, "from"),
    ("services", _ANY, "hosts", _ANY),
    ("services", _ANY, "secrets", _ANY),
    ("jobs", _ANY, "secrets", _ANY),
)


def fill(data: dict[str, Any], environment: str | None) -> dict[str, Any]:
    """Return a manifest's data with these references filled in; what is unknown stays as it is."""
    known = {"system.name": data.get("name"), "system.environment": environment or NO_ENVIRONMENT}
    names = {name: word for name, word in known.items() if isinstance(word, str)}
    for steps in _FIELDS:
        data = _filled(data, steps, names)
    return data


def _filled(data: Any, steps: Sequence[str], names: dict[str, str]) -> Any:
    if not steps:
        return reference.filled(data, names) if isinstance(data, str) and "${" in data else data
    step, rest = steps[0], steps[1:]
    if isinstance(data, dict):
        return {key: _filled(item, rest, names) if step in (key, _ANY) else item for key, item in data.items()}
    if isinstance(data, list) and step == _ANY:
        return [_filled(item, rest, names) for item in data]
    return data
