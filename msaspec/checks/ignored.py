"""Fields that a service's runtime cannot honour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.plan import Plan

NOT_HONOURED = Code(
    "MSA305",
    "A field that the runtime cannot honour",
    """
    The language has the field, but the runtime of this service can do nothing with it. msaspec says so rather than
    staying silent. It is a warning, so that one manifest can run on `instance` in one environment and scale in another.
    Remove the field or take a runtime that honours it; a field that comes from `defaults` is removed from one service
    with `null`.
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Every field that is written is honoured, or it is said that it is not."""
    for runtime, workload in plan.workloads:
        for field, hint in runtime.ignores.items():
            keys = field.split(".")
            if _is_written(workload.spec, keys):
                message = f"`{workload.name}` runs on `{runtime.name}`, which cannot honour `{field}`."
                yield NOT_HONOURED.at((*workload.path, *keys), message, hint=hint, key=True)


def _is_written(model: BaseModel, keys: list[str]) -> bool:
    current: Any = model
    for key in keys:
        if not isinstance(current, BaseModel) or key not in current.model_fields_set:
            return False
        current = getattr(current, key)
    return current not in (None, {})
