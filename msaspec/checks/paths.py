"""Public paths and health paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msaspec.diagnostic import Code, Diagnostic
from msaspec.language.runtime import Workload
from msaspec.place import Path
from msaspec.plan import Plan

SAME_PATH = Code(
    "MSA301",
    "Two services with one public path",
    """
    A request can go to one service only. Longer paths may lie below shorter ones (`/api` and `/api/users`): the longest
    wins.
    """,
)
HEALTH_OUTSIDE = Code(
    "MSA302",
    "A health path that is not routed",
    """
    A service with `paths` is asked for its health where its requests arrive, so the health path must lie under one of
    them: `/api/users/health` lies under `/api/users`, `/api/users-health` and `/health` do not.
    """,
)
PATHS_WITHOUT_PORT = Code(
    "MSA303",
    "A worker with paths, hosts or a health path",
    "A service without `port` is a worker: nothing can be routed to it or asked of it. Give it a `port`.",
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Paths are told apart, and health paths are routed."""
    first: dict[tuple[str | None, str], Path] = {}
    for _, workload in plan.workloads:
        spec = workload.spec
        for at, host, path in _routed(workload):
            # What has no host of its own is for the domain.
            other = first.setdefault((None if host == plan.root.ingress.domain else host, path), at)
            if other != at and other[1] != at[1]:
                what = f"`{path}`" if not host else f"`{path}` at `{host}`" if spec.paths else f"`{host}`"
                message = f"{what} is routed to `{other[1]}` already."
                yield SAME_PATH.at(at, message, hint="Give one of them another path or host.")
            elif other != at:
                yield SAME_PATH.at(at, f"`{path}` stands there twice.", hint="Remove one of the two.")
        if spec.port is None:
            for key in ("paths", "hosts", "health", "internal_port"):
                if getattr(spec, key):
                    message = f"`{workload.name}` has `{key}` but no `port`."
                    yield PATHS_WITHOUT_PORT.at(
                        (*workload.path, key), message, hint="Add the container's `port`.", key=True
                    )
        elif spec.paths and workload.health and not any(lies_under(workload.health, path) for path in spec.paths):
            message = f"The health path `{workload.health}` of `{workload.name}` lies under none of its paths."
            hint = f"Take one under {' or '.join(f'`{path}`' for path in spec.paths)}."
            yield HEALTH_OUTSIDE.at(_written(plan, (*workload.path, "health")), message, hint=hint)


def _routed(workload: Workload) -> Iterator[tuple[Path, str | None, str]]:
    """Where each host and path of a service is written, each once: the place is that of the path, or of the host."""
    spec = workload.spec
    hosts: Sequence[str | None] = spec.hosts or (None,)
    for number, path in enumerate(spec.paths):
        yield from (((*workload.path, "paths", number), host, path) for host in dict.fromkeys(hosts))
    if not spec.paths:
        for number, named in enumerate(spec.hosts):
            yield (*workload.path, "hosts", number), named, "/"


def _written(plan: Plan, health: Path) -> Path:
    """Where the health path stands: `health: /up` is short for `health: {path: /up}`."""
    document, inner = plan.manifest.document, (*health, "path")
    return inner if document.span(inner, key=True) != document.span(health, key=True) else health


def lies_under(path: str, prefix: str) -> bool:
    """Whether a request for `path` is routed by `prefix`.

    >>> lies_under("/api/users/health", "/api/users"), lies_under("/api/users-admin", "/api/users")
    (True, False)
    """
    bare = path.partition("?")[0]
    return prefix == "/" or bare == prefix or bare.startswith(prefix + "/")
