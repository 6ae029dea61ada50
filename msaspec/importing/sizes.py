"""Sizes of tasks: the smallest of Fargate that has what another tool asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msaspec.manifest import misshapen
from msaspec.manifest.sections import runtimes


def fargate(cpu: str | None, memory: str | None) -> dict[str, str]:
    """Return `cpu` and `memory` of the runtime `fargate`; nothing where nothing is asked for, or too much.

    >>> fargate("256", "512"), fargate("0.3", "1g"), fargate(None, None)
    ({'cpu': '0.25 vCPU', 'memory': '512 MiB'}, {'cpu': '0.5 vCPU', 'memory': '1 GiB'}, {})
    """
    units, least = _units(cpu), _mebibytes(memory)
    if units is None and least is None:
        return {}
    for number, sizes in sorted(_sizes().items()):
        fitting = [size for size in sizes if size >= (least or 0)]
        if number >= (units or 0) and fitting:
            size = fitting[0]
            if least is None:
                return {"cpu": f"{number / 1024:g} vCPU"}
            return {
                "cpu": f"{number / 1024:g} vCPU",
                "memory": f"{size // 1024} GiB" if size >= 1024 else f"{size} MiB",
            }
    return {}


def _sizes() -> Mapping[int, Sequence[int]]:
    from msaspec.runtimes.fargate import MEMORY

    assert "fargate" in runtimes()
    return MEMORY


def _units(text: str | None) -> float | None:
    found = re.match(r"[\d.]+", misshapen.corrected(("services", "x", "runtime", "cpu"), text) or "") if text else None
    return float(found[0]) * 1024 if found else None


def _mebibytes(text: str | None) -> float | None:
    """Return a size in MiB. A bare number is MiB in Copilot, and bytes in compose; nobody means less than 4 MiB."""
    if not text or len(text) > 20:
        return None
    if text.isdigit() and int(text) >= 4 * 1024 * 1024:
        return int(text) / 1024 / 1024
    found = re.fullmatch(r"([\d.]+)\s*([kmgt]?)(i?b)?", text.lower())
    worth = {"k": 1 / 1024, "": 1, "m": 1, "g": 1024, "t": 1024 * 1024}
    return float(found[1]) * worth[found[2]] if found and found[1].replace(".", "", 1).isdigit() else None
