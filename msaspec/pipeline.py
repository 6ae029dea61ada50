"""The stages in order. Each is one pure function in the module named after it; this file only strings them together.

    text -> Document -> (overlay, defaults) -> Manifest -> Plan -> (checks) -> Stack -> (patch) -> text

`source` turns YAML into a placed tree, `overlay` merges an environment and the defaults into it, `manifest` validates
the shape, `plan` resolves names, edges and references, `checks` look at the plan, `compile` makes the template, `patch`
applies the escape hatch, `render` writes it. A stage that finds errors raises `Invalid` with all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from msaspec import checks, compile, manifest, names, overlay, patch, plan, registry, salvage, source
from msaspec.compile import Stack
from msaspec.diagnostic import Diagnostic, Invalid, errors, ordered
from msaspec.plan import Plan
from msaspec.source import Document

SALVAGES = 4


@dataclass(frozen=True)
class Compiled:
    """One environment of a manifest, compiled."""

    plan: Plan
    stack: Stack
    warnings: tuple[Diagnostic, ...]


def load(text: str | bytes, file: str) -> Document:
    """The placed tree of a manifest. Raises Invalid with its faults, and with what else is wrong beside them."""
    document, faults = source.read(text, file)
    if faults:
        try:
            merged = replace(document, root=overlay.apply_defaults(document.root)[0])
        except Invalid as invalid:
            raise Invalid(ordered([*faults, *invalid.diagnostics])) from None
        raise Invalid(ordered([*faults, *_rest(merged, None, faults)]))
    return document


def environments(document: Document) -> tuple[str, ...]:
    """The names under `environments`, sorted."""
    named = document.data().get("environments")
    return tuple(sorted(name for name in named if isinstance(name, str))) if isinstance(named, dict) else ()


def plan_of(document: Document, environment: str | None = None) -> tuple[Plan, list[Diagnostic]]:
    """The plan of an environment, or of the file itself, with warnings. Raises Invalid with every error."""
    sections = [*(kind.section for kind in manifest.kinds()), "services"]
    root = document.root
    found: list[Diagnostic] = []
    try:
        if environment is not None:
            root, found = overlay.apply_environment(root, environment, sections)
        root, faulty = overlay.apply_defaults(root)
    except Invalid as invalid:
        raise Invalid(ordered(map(document.place, [*found, *invalid.diagnostics]))) from None
    found = [*found, *faulty]
    merged = replace(document, root=root)
    try:
        planned, resolved = _resolved(merged, environment)
    except Invalid as invalid:
        rest = _rest(merged, environment, invalid.diagnostics)
        raise Invalid(ordered([*map(merged.place, found), *invalid.diagnostics, *rest])) from None
    found = ordered([*map(merged.place, found), *resolved])
    if errors(found):
        raise Invalid(found)
    return planned, found


@dataclass(frozen=True)
class Identity:
    """What a system is called in AWS, and where it is."""

    system: str
    stack: str
    registry: str
    region: str | None


def identity(document: Document, environment: str | None = None) -> Identity:
    """Name and Region of an environment's stacks, also where something else in the manifest is wrong.

    Raises Invalid with every error where the name itself, or the environment, is.
    """
    root = document.root
    try:
        if environment is not None:
            root, _ = overlay.apply_environment(root, environment, [])
        data = replace(document, root=root).data()
        system = TypeAdapter(manifest.SystemName).validate_python(data.get("name"), strict=True)
    except (Invalid, ValidationError):
        system = plan_of(document, environment)[0].site.system
    region = data.get("region")
    stack, registry_stack = names.stack(system, environment), names.registry_stack(system)
    return Identity(system, stack, registry_stack, region if isinstance(region, str) else None)


def _resolved(document: Document, environment: str | None) -> tuple[Plan, list[Diagnostic]]:
    """The plan of a merged tree with all that the checks say. Raises Invalid for faults of shape."""
    planned, unresolved = plan.plan(manifest.read(document, environment))
    return planned, [document.place(diagnostic) for diagnostic in (*unresolved, *checks.run(planned))]


def _rest(document: Document, environment: str | None, faults: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What else is wrong, apart from what has a faulty shape, so that all is told at once."""
    root, cut = salvage.without(document.root, faults), list(faults)
    rest: list[Diagnostic] = []
    for _ in range(SALVAGES):
        if root is None:
            break
        try:
            return [*rest, *salvage.unrelated(_resolved(replace(document, root=root), environment)[1], cut)]
        except Invalid as invalid:
            # What misses what was cut out of it goes too.
            rest += salvage.beside(invalid.diagnostics, cut)
            root, cut = salvage.without(root, invalid.diagnostics), [*cut, *invalid.diagnostics]
    return rest


def compile_main(document: Document, environment: str | None = None) -> Compiled:
    """The main stack of an environment, patched. Raises Invalid with every error."""
    planned, warnings = plan_of(document, environment)
    stack = patch.apply(compile.compile_plan(planned), planned)
    found = ordered([*warnings, *map(planned.manifest.document.place, checks.run_on_stack(stack))])
    if errors(found):
        raise Invalid(found)
    return Compiled(planned, stack, tuple(found))


def compile_registry(document: Document, environment: str | None = None) -> tuple[Stack | None, tuple[Diagnostic, ...]]:
    """The registry stack of the file and all its environments; None where the system owns no image.

    All environments share it, so `environment` changes nothing; an unknown one is an error all the same.
    """
    names = dict.fromkeys((None, environment, *environments(document)))
    planned = [plan_of(document, name) for name in names]
    warnings = ordered(diagnostic for _, found in planned for diagnostic in found)
    return registry.compile_registry([plan for plan, _ in planned]), tuple(warnings)
