"""What stands under `uses`: names of the manifest, and entries of other systems such as ``payments/ledger``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from textwrap import fill
from typing import Any

from pydantic import ValidationError

from msaspec.diagnostics.diagnostic import WIDTH, Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.base import NAME_LENGTH, NAME_PATTERN, Model
from msaspec.language.job import Job
from msaspec.language.kind import AnyKind
from msaspec.language.service import Service, ServiceUse
from msaspec.language.systems import SEPARATOR, split
from msaspec.manifest import jobs, shape
from msaspec.manifest.sections import SYSTEMS, listed, other_use, quoted, sections, usable

UNKNOWN_NAME = Code(
    "MSA210",
    "An unknown name under `uses`",
    fill(
        f"`uses` names something that the manifest does not declare. {listed(sections(), 'and').capitalize()} share one"
        f" name space; what is used must be an entry of {listed(quoted(usable()), 'or')}.",
        WIDTH,
    ),
)
USES_ITSELF = Code(
    "MSA211", "A service uses itself", "A service reaches itself on `localhost`; it does not need `uses` for that."
)
USES_WORKER = Code(
    "MSA212",
    "A worker under `uses`",
    """
    A service without `port` is a worker: it has no address, so other services cannot call it. Give it a `port`, or
    remove it from `uses`.
    """,
)
UNKNOWN_SYSTEM = Code(
    "MSA540",
    "A use of a system that is not declared",
    """
    `uses: {payments/ledger: }` uses the entry `ledger` of the system `payments`. Declare the system under `systems`,
    with the name of its stack where that is not its name and the environment.

    Wrong: `uses: [payments/ledger]` without `systems`; `uses: [payments]`
    Right: `systems: {payments: payments-prod}` and `uses: [payments/ledger]`
    """,
)


def read(
    path: tuple[str, str], written: Any, data: Mapping[str, Any], declared: Mapping[str, AnyKind | None]
) -> tuple[dict[str, Model], list[Diagnostic]]:
    """Return the options of each use of a service or a job, and what is wrong with them. `data` is the manifest."""
    uses: dict[str, Model] = {}
    found: list[Diagnostic] = []
    others = data.get(SYSTEMS)
    systems = others if isinstance(others, dict) else ()
    if isinstance(written, list) and all(isinstance(target, str) for target in written):
        written = dict.fromkeys(written)
    for target, options in sorted(written.items()) if isinstance(written, dict) else ():
        at = (*path, "uses", target)
        if wrong := _elsewhere(path[1], target, at, systems):
            found.append(wrong)
            continue
        form: type[Model] = other_use()
        if split(target) is None:
            if target not in declared:
                hint = suggest(target, declared, f"Declare it under {listed(quoted(usable()), 'or')}.")
                message = f"`{path[1]}` uses `{target}`, but no entry has that name."
                found.append(UNKNOWN_NAME.at(at, message, hint=hint, key=True))
                continue
            kind = declared[target]
            form = kind.options if kind else ServiceUse
        try:
            uses[target] = form.model_validate(options)
        except ValidationError as fault:
            found += shape.diagnostics(fault, at, form)
    return uses, found


def _elsewhere(user: str, target: str, path: Path, systems: Collection[str]) -> Diagnostic | None:
    """Return what is wrong with a name under `uses` that is about another system; None where nothing is."""
    found = split(target)
    if found is None:
        message = f"`{user}` uses `{target}`, a system, and does not say what of it."
        hint = f"Name the entry: `{target}{SEPARATOR}NAME`."
        return UNKNOWN_SYSTEM.at(path, message, hint=hint, key=True) if target in systems else None
    system, entry = found
    if system not in systems:
        message = f"`{user}` uses `{target}`, but `systems` has no `{system}`."
        hint = suggest(system, systems, f"Declare it: `systems: {{{system}: }}`.")
        return UNKNOWN_SYSTEM.at(path, message, hint=hint, key=True)
    if not re.fullmatch(NAME_PATTERN, entry) or not 2 <= len(entry) <= NAME_LENGTH:
        message = f"`{target}` names no entry of the system `{system}`."
        hint = f"Write the name that the entry has in its manifest, such as `{system}{SEPARATOR}ledger`."
        return UNKNOWN_SYSTEM.at(path, message, hint=hint, key=True)
    return None


def uncallable(
    path: tuple[str, str], service: Service, services: Mapping[str, Service], tasks: Mapping[str, Job]
) -> Iterator[Diagnostic]:
    """Yield the uses of what has no address: of itself, of jobs and of workers."""
    name = path[1]
    for target in service.uses:
        at = (*path, "uses", target)
        if target == name:
            hint = "Remove the line: a service reaches itself on `localhost`."
            yield USES_ITSELF.at(at, f"`{name}` uses itself.", hint=hint, key=True)
        elif target in tasks:
            yield jobs.used(at, name, target)
        elif target in services and services[target].port is None:
            message = f"`{name}` uses `{target}`, a worker without `port`: it has no address."
            yield USES_WORKER.at(at, message, hint=f"Give `{target}` a `port`, or remove the line.", key=True)
