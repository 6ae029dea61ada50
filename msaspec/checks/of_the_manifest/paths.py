"""Public paths and health paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.base import Model
from msaspec.language.runtime import Workload

SAME_PATH = Code(
    "MSA301",
    "Two services with the same public path",
    """
    A path routes to one service only. Longer paths may be below shorter ones (`/api` and `/api/users`): the longest
    wins.
    """,
)
HEALTH_OUTSIDE = Code(
    "MSA302",
    "A health path that is not routed to the service",
    """
    Health checks of a service with `paths` arrive like its requests, so the health path must be under one of its paths:
    `/api/users/health` is under `/api/users`; `/api/users-health` and `/health` are not.
    """,
)
PATHS_WITHOUT_PORT = Code(
    "MSA303",
    "A worker with paths, hosts or a health path",
    """
    A service without `port` is a worker: it receives no requests, and no check can ask a port of it. Give it a `port`.
    A check that runs in its container needs none: `health: {command: [...]}`.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Check that paths differ, and that health paths are routed."""
    first: dict[tuple[str | None, str], Path] = {}
    for _, workload in plan.workloads:
        spec = workload.spec
        for at, host, path in _routed(workload):
            # What has no host of its own is for the domain.
            other = first.setdefault((None if host == plan.root.ingress.domain else host, path), at)
            if other != at and other[1] != at[1]:
                what = f"`{path}`" if not host else f"`{path}` at `{host}`" if spec.paths else f"`{host}`"
                message = f"{what} already routes to `{other[1]}`."
                yield SAME_PATH.at(at, message, hint="Give one of them another path or host.")
            elif other != at:
                yield SAME_PATH.at(at, f"`{path}` is listed twice.", hint="Remove one of the two.")
        if spec.port is None:
            for key in _without_port(plan, workload):
                message = f"`{workload.name}` has `{key}` but no `port`."
                instead = ", or write `health: {command: [...]}`" if key == "health" else ""
                hint = f"Add the container's `port`{instead}."
                yield PATHS_WITHOUT_PORT.at((*workload.path, key), message, hint=hint, key=True)
        elif _outside(workload):
            asked = workload.health.path if workload.health else ""
            message = f"The health path `{asked}` of `{workload.name}` is not under any of its paths."
            hint = f"Use one under {' or '.join(f'`{path}`' for path in _main(workload))}."
            yield HEALTH_OUTSIDE.at(_written(plan, (*workload.path, "health")), message, hint=hint)


def _without_port(plan: Plan, workload: Workload[Model]) -> Iterator[str]:
    """Yield what a worker has and only a service with a port may have. A `health` of `defaults` is for those alone."""
    spec, document = workload.spec, plan.manifest.document
    held = {"paths": spec.paths, "hosts": spec.hosts, "internal_port": spec.internal_port, "ports": spec.ports}
    yield from (key for key, written in held.items() if written)
    shared = document.span(("defaults", "health"), key=True)
    if spec.health and not spec.health.portless and document.span((*workload.path, "health"), key=True) != shared:
        yield "health"


def _main(workload: Workload[Model]) -> list[str]:
    """Return the paths that lead to the main port."""
    return [each.path for each in workload.spec.paths if each.port is None]


def _outside(workload: Workload[Model]) -> bool:
    own, probe = _main(workload), workload.health
    if not own or workload.spec.strip or probe is None or probe.by != "http":
        return False
    return not any(lies_under(probe.path, path) for path in own)


def _routed(workload: Workload[Model]) -> Iterator[tuple[Path, str | None, str]]:
    """Where each host and path of a service is written, each once: the place is that of the path, or of the host."""
    spec = workload.spec
    hosts: Sequence[str | None] = spec.hosts or (None,)
    for number, path in enumerate(spec.prefixes):
        yield from (((*workload.path, "paths", number), host, path) for host in dict.fromkeys(hosts))
    if not spec.paths:
        for number, named in enumerate(spec.hosts):
            yield (*workload.path, "hosts", number), named, "/"


def _written(plan: Plan, health: Path) -> Path:
    """Return the place of the health path: `health: /up` is short for `health: {path: /up}`."""
    document, inner = plan.manifest.document, (*health, "path")
    return inner if document.span(inner, key=True) != document.span(health, key=True) else health


def lies_under(path: str, prefix: str) -> bool:
    """Whether a request for `path` is routed by `prefix`.

    >>> lies_under("/api/users/health", "/api/users"), lies_under("/api/users-admin", "/api/users")
    (True, False)
    """
    bare = path.partition("?")[0]
    return prefix == "/" or bare == prefix or bare.startswith(prefix + "/")
