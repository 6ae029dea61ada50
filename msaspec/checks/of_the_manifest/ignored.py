"""Fields that a service's runtime cannot honour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.language.base import Model
from msaspec.language.runtime import AnyRuntime, Workload

NOT_HONOURED = Code(
    "MSA305",
    "A field that the runtime ignores",
    """
    The runtime of this service ignores the field. It is only a warning, so that one manifest can run on `instance` in
    one environment and scale in another. Remove the field, or choose a runtime that supports it. To remove a field that
    comes from `defaults` from one service, set it to `null`.
    """,
    Severity.WARNING,
)
IDLE = Code(
    "MSA382",
    "A field without effect",
    """
    The runtime supports the field, but another field turns it off: `scale.cpu` where `min` equals `max`, or `step` in a
    `rolling` deployment. Without `max` there is one copy, so `scale: {cpu: 60}` has no effect. Change the other field
    or remove this one. To remove a field that comes from `defaults` from one service, set it to `null`.
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Every field that is written is honoured, or it is said that it is not."""
    for runtime, workload in plan.workloads:
        for field, hint in runtime.ignored(workload.spec).items():
            keys = field.split(".")
            if _is_written(workload.spec, keys):
                message = f"`{workload.name}` runs on `{runtime.name}`, which ignores `{field}`."
                yield NOT_HONOURED.at((*workload.path, *keys), message, hint=hint, key=True)
        yield from _idle(runtime, workload)
        yield from _uncalled(plan, runtime, workload)


def _idle(runtime: AnyRuntime, workload: Workload[Model]) -> Iterator[Diagnostic]:
    for field, (where, hint) in runtime.idle(workload.options).items():
        keys = field.split(".")
        if _is_written(workload.options, keys):
            message = f"`runtime.{field}` of `{workload.name}` has no effect where {where}."
            yield IDLE.at((*workload.path, "runtime", *keys), message, hint=hint, key=True)
    spec = workload.spec
    if spec.strip and spec.public and set(spec.prefixes or ("/",)) == {"/"} and "strip" not in runtime.ignored(spec):
        message = f"`strip` of `{workload.name}` has no effect: its path is `/`."
        yield IDLE.at((*workload.path, "strip"), message, hint="Remove it, or write a prefix under `paths`.", key=True)
    scale = workload.spec.scale
    if scale is None or scale.max > scale.min:
        return
    for key, written in {"cpu": scale.cpu, "memory": scale.memory, "requests": scale.requests}.items():
        if written and not {"scale", f"scale.{key}"} & set(runtime.ignores):
            message = f"`scale.{key}` of `{workload.name}` has no effect where `min` and `max` are {scale.max}."
            yield IDLE.at((*workload.path, "scale", key), message, hint="Remove it, or set a higher `max`.", key=True)


def _uncalled(plan: Plan, runtime: AnyRuntime, workload: Workload[Model]) -> Iterator[Diagnostic]:
    """Yield the address of a service that no other uses, where the service itself says it and not `defaults`."""
    document, at = plan.manifest.document, (*workload.path, "address")
    own = document.span(at, key=True) != document.span(("defaults", "address"), key=True)
    if workload.spec.address and own and not workload.called and "address" not in runtime.ignored(workload.spec):
        message = f"`address` of `{workload.name}` has no effect: no other service uses it."
        yield IDLE.at(at, message, hint="Remove it, or name the service under `uses` of another.", key=True)


def _is_written(model: BaseModel, keys: list[str]) -> bool:
    current: Any = model
    for key in keys:
        if not isinstance(current, BaseModel) or key not in current.model_fields_set:
            return False
        current = dict(current)[key]
    return current is not False and current not in (None, {})
