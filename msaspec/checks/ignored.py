"""Fields that a service's runtime cannot honour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.language.runtime import Runtime, Workload
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
IDLE = Code(
    "MSA382",
    "A field that does nothing as the others are",
    """
    The runtime honours the field, but not with what another field says: `scale.cpu` where `min` and `max` are one
    number, or a step of a deployment that is `rolling`. Without `max` there is one copy, so that `scale: {cpu: 60}`
    follows nothing. Change the other field or remove this one; what comes from `defaults` is removed from one service
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
        yield from _idle(runtime, workload)


def _idle(runtime: Runtime, workload: Workload) -> Iterator[Diagnostic]:
    for field, (where, hint) in runtime.idle(workload.options).items():
        keys = field.split(".")
        if _is_written(workload.options, keys):
            message = f"`runtime.{field}` of `{workload.name}` does nothing where {where}."
            yield IDLE.at((*workload.path, "runtime", *keys), message, hint=hint, key=True)
    scale = workload.spec.scale
    if scale is None or scale.max > scale.min:
        return
    for key in ("cpu", "memory", "requests"):
        if getattr(scale, key) and not {"scale", f"scale.{key}"} & set(runtime.ignores):
            message = f"`scale.{key}` of `{workload.name}` does nothing where `min` and `max` are {scale.max}."
            yield IDLE.at((*workload.path, "scale", key), message, hint="Remove it, or set a higher `max`.", key=True)


def _is_written(model: BaseModel, keys: list[str]) -> bool:
    current: Any = model
    for key in keys:
        if not isinstance(current, BaseModel) or key not in current.model_fields_set:
            return False
        current = getattr(current, key)
    return current not in (None, {})
