"""Volumes: one copy where one may write, and mounts that hide nothing else of a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import Model
from msaspec.language.container import ReadOnly
from msaspec.language.files import is_below
from msaspec.language.runtime import AnyRuntime, Workload

SEVERAL_COPIES = Code(
    "MSA466",
    "Several copies of the one writer of a volume",
    """
    A volume without `shared: true` has a single writer, of which one copy runs. A service with a higher `scale` would
    write with several copies, and so would a job, since two runs of it may overlap.

    Wrong: `volumes: {data: {}}`, `services: {db: {scale: 2, uses: {data: /var/lib/db}, ...}}`
    Right: `scale: 1`, or `volumes: {data: {shared: true}}` if the program is made for it
    """,
)
COVERED = Code(
    "MSA467",
    "A mount that hides something else",
    """
    A volume hides what the container has in its folder. `files`, writable folders under `read_only.except` and other
    volumes cannot be there too. Choose another folder for one of them.

    Wrong: `files: {/data/app.conf: ./app.conf}` and `uses: {data: {mount: /data}}`
    Right: `files: {/conf/app.conf: ./app.conf}` and `uses: {data: {mount: /data}}`
    """,
)
TWO_AT_A_TIME = Code(
    "MSA469",
    "The one writer of a volume on a runtime that runs two versions at a time",
    """
    On `instance`, CloudFormation starts the host of a new version before it removes the old one, so both would write
    the volume for some minutes. `fargate` and `autoscaling` stop the old version first. If the program is made to write
    beside another copy, write `shared: true`.

    Wrong: `services: {db: {uses: {data: /var/lib/db}, ...}}`
    Right: `services: {db: {runtime: fargate, uses: {data: /var/lib/db}, ...}}`
    """,
)
NOT_USED = Code(
    "MSA498",
    "A sidecar with a volume that its service does not use",
    """
    `mounts` of a sidecar names volumes that the service has under `uses`. The sidecar reaches them with the same
    rights.
    """,
)
OVERLAPS = Code(
    "MSA499",
    "A deployment that runs two versions of the one writer of a volume",
    """
    `rolling`, `blue-green`, `canary` and `linear` start the new version while the old one still runs. The one writer of
    a volume is deployed by `recreate`, which is its default: the old copy stops, then the new one starts. Nothing
    answers in between.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Look at each service and job that has volumes."""
    for runtime, workload in plan.workloads:
        used = [mount.volume for mount in workload.mounts]
        for name, each in workload.spec.sidecars.items():
            for volume in each.mounts:
                if volume not in used:
                    at = (*workload.path, "sidecars", name, "mounts", volume)
                    usual = f"Write `uses: {{{volume}: {{mount: {each.mounts[volume]}}}}}` in `{workload.name}`."
                    message = f"`{workload.name}` does not use the volume `{volume}`."
                    yield NOT_USED.at(at, message, hint=suggest(volume, used, usual), key=True)
        if workload.mounts:
            yield from _alone(runtime, workload)
            yield from _hidden(workload)


def _alone(runtime: AnyRuntime, workload: Workload[Model]) -> Iterator[Diagnostic]:
    """Yield whatever would let two copies of a single writer run."""
    mount = next((each for each in workload.mounts if each.alone), None)
    if mount is None:
        return
    name, volume, scale = workload.name, mount.volume, workload.spec.scale
    shared = f"`volumes: {{{volume}: {{shared: true}}}}` if they may write side by side"
    if workload.job:
        message = f"Two runs of `{name}` may overlap, and `{volume}` has a single writer."
        hint = f"Write `access: read`, or {shared}."
        yield SEVERAL_COPIES.at(mount.path, message, hint=hint, key=True)
        return
    if scale and scale.max > 1:
        message = f"`{name}` has up to {scale.max} copies, and `{volume}` has a single writer."
        yield SEVERAL_COPIES.at((*workload.path, "scale"), message, hint=f"Write `scale: 1`, or {shared}.", key=True)
    if runtime.overlaps:
        message = f"A new version of `{name}` runs before the old one stops, and `{volume}` has a single writer."
        hint = f"Write `runtime: fargate` or `runtime: autoscaling`, or {shared}."
        yield TWO_AT_A_TIME.at(mount.path, message, hint=hint, key=True)
    strategy = runtime.strategy(workload.options)
    if strategy not in (None, "recreate"):
        message = f"`{strategy}` runs two versions of `{name}`, and `{volume}` has a single writer."
        at = (*workload.path, "runtime", "deploy")
        yield OVERLAPS.at(at, message, hint=f"Write `deploy: recreate`, or {shared}.", key=True)


def _hidden(workload: Workload[Model]) -> Iterator[Diagnostic]:
    """Yield what mounts hide in the container of the service, and in those of its sidecars."""
    spec, path = workload.spec, workload.path
    own = {each.volume: each.folder for each in workload.mounts}
    at = {each.volume: (*each.path, "mount") for each in workload.mounts}
    yield from _covers(own, at, [*spec.files], spec.read_only)
    for name, each in spec.sidecars.items():
        places: dict[str, Path] = {volume: (*path, "sidecars", name, "mounts", volume) for volume in each.mounts}
        yield from _covers(each.mounts, places, [*each.files], each.read_only)


def _covers(
    mounts: dict[str, str], places: dict[str, Path], files: Iterable[str], read_only: ReadOnly | None
) -> Iterator[Diagnostic]:
    for number, (volume, folder) in enumerate(mounts.items()):
        for other, its in [*mounts.items()][:number]:
            if _meet(folder, its):
                message = f"`{volume}` is mounted at `{folder}`, and `{other}` at `{its}`."
                yield COVERED.at(places[volume], message, hint="Choose a folder beside it.")
        hidden = [("the file", file) for file in files if is_below(file, folder)]
        writable = read_only.except_ if read_only else ()
        hidden += [("the writable folder", each) for each in writable if _meet(each, folder)]
        for what, place in hidden:
            message = f"`{volume}` is mounted at `{folder}`, which hides {what} `{place}`."
            yield COVERED.at(places[volume], message, hint="Choose another folder for one of the two.")


def _meet(one: str, other: str) -> bool:
    return one == other or is_below(one, other) or is_below(other, one)
