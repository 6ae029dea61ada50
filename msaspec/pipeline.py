"""The stages in order. Each is one pure function in the module named after it; this file only strings them together.

    text -> Document -> (overlay, defaults) -> Manifest -> Plan -> (checks) -> Stack -> (patch) -> text

`source` turns YAML into a placed tree, `overlay` merges an environment and the defaults into it, `manifest` validates
the shape, `plan` resolves names, edges and references, `checks` look at the plan, `compile` makes the template, `patch`
applies the escape hatch, `render` writes it. A stage that finds errors raises `Invalid` with all of them, and `survey`
adds those that later stages would find.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from msaspec import survey
from msaspec.compile import registry
from msaspec.compile.blame import NOT_COMPILED
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, errors, ordered
from msaspec.manifest import others, overlay
from msaspec.manifest.repair import Repair, Way
from msaspec.manifest.root import SystemName, misnamed
from msaspec.manifest.sections import sections
from msaspec.source import beside
from msaspec.source.beside import Reader
from msaspec.source.document import Document
from msaspec.source.document import read as read_source
from msaspec.survey import Compiled, Faulty, both
from msaspec.template import role
from msaspec.template.role import BASE, MAIN, ROLES, Named, Role
from msaspec.template.stack import Stack


@dataclass(frozen=True)
class System:
    """One environment of a manifest with the stacks that it needs."""

    plan: Plan
    stacks: tuple[Stack, ...]
    """In the order of deployment."""
    warnings: tuple[Diagnostic, ...]

    @property
    def document(self) -> Document:
        """The merged document, in which what only the environment writes has its line."""
        return self.plan.manifest.document


def load(text: str | bytes, file: str, read: Reader | None = None) -> Document:
    """Return the placed tree of a manifest. Raises Invalid with its faults, and with what else is wrong beside them.

    `read` returns the files beside it, as `msaspec.source.beside.reader(folder)` does; without it there are none.
    """
    document, faults = read_source(text, file)
    if read:
        document = replace(document, files=beside.gathered(document.data(), read))
    if another := others.recognized(document):
        raise Invalid([another])
    if faults:
        raise _faulty(document, faults)
    return document


def _faulty(document: Document, faults: Sequence[Diagnostic]) -> Faulty:
    """Return the faults of a text, with what else is wrong in its environments, or in the file itself without any."""
    repaired = [Repair(document, way) for way in Way]
    found: list[list[Diagnostic]] = []
    stacks: list[Compiled] = []
    if not all(each.mend(faults) for each in repaired):
        return Faulty(faults)
    for each in repaired:
        whole = replace(document, root=each.root)
        seen: list[Diagnostic] = []
        for number, name in enumerate(deployed(whole)):
            try:
                stack = compile_main(whole, name)
                seen += stack.warnings
                stacks += [] if number else [stack]
            except Invalid as invalid:
                seen += invalid.diagnostics
                stacks += invalid.repaired[:1] if isinstance(invalid, Faulty) and not number else []
        found.append(each.told(seen))
    return Faulty(ordered([*faults, *both(*found)]), stacks if len(stacks) == len(repaired) else ())


def environments(document: Document) -> tuple[str, ...]:
    """Return the names under `environments`, sorted."""
    named = document.data().get("environments")
    return tuple(sorted(name for name in named if isinstance(name, str))) if isinstance(named, dict) else ()


def deployed(document: Document, word: str | None = None) -> tuple[str | None, ...]:
    """Return the environments that `--env` names: all of them where it is left out. None is the file itself, which is
    meant where there are no environments, and where the word is `-`."""
    if word is None:
        return environments(document) or (None,)
    return (None if word == BASE else word,)


def plan_of(document: Document, environment: str | None = None) -> tuple[Plan, list[Diagnostic]]:
    """Return the plan of an environment, or of the file itself, with warnings. Raises Invalid with every error."""
    root = document.root
    found: list[Diagnostic] = []
    try:
        if environment is not None:
            root, found = overlay.apply_environment(root, environment, sections())
            found = [*map(document.place, misnamed(environment)), *found]
        root, faulty = overlay.apply_defaults(root)
    except Invalid as invalid:
        raise Invalid(ordered(map(document.place, [*found, *invalid.diagnostics]))) from None
    found = [*found, *faulty]
    merged = replace(document, root=root)
    found = [merged.place(each) for each in found]
    try:
        planned, warnings = survey.resolved(merged, environment)
    except Invalid as invalid:
        raise survey.faulty(merged, environment, invalid.diagnostics, found) from None
    if errors([*found, *warnings]):
        raise survey.faulty(merged, environment, before=found)
    return planned, ordered([*found, *warnings])


@dataclass(frozen=True)
class Identity:
    """What a system is called in AWS, and where it is."""

    system: str
    stacks: tuple[Named, ...]
    """In the order of deployment."""
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
        system = TypeAdapter(SystemName).validate_python(data.get("name"), strict=True)
    except (Invalid, ValidationError):
        system = plan_of(document, environment)[0].site.system
    region = data.get("region")
    return Identity(system, role.stacks(system, environment), region if isinstance(region, str) else None)


def compile_main(document: Document, environment: str | None = None) -> Compiled:
    """Return the main stack of an environment, patched. Raises Invalid with every error."""
    return _main(*plan_of(document, environment))


def _main(planned: Plan, warnings: Sequence[Diagnostic]) -> Compiled:
    manifest = planned.manifest
    try:
        made = survey.compiled(planned, warnings)
    except Invalid as invalid:
        if any(each.code == NOT_COMPILED.id for each in invalid.diagnostics):
            raise
        raise survey.faulty(manifest.document, manifest.environment, before=warnings) from None
    if errors(made.warnings):
        raise Faulty(made.warnings, [made, made])
    return made


def compile_system(document: Document, environment: str | None = None, roles: Collection[Role] = ROLES) -> System:
    """Compile the stacks of an environment that have one of these roles, in the order of deployment.

    Those that environments share are made for all of them: `environment` changes nothing there, and an error in any is
    one of all. The file itself counts among them where it compiles. A stack that the system does not need is left out.
    Raises Invalid with every error.
    """
    planned, warnings = plan_of(document, environment)
    own: list[Stack] = []
    if MAIN in roles:
        compiled = _main(planned, warnings)
        own, warnings = [compiled.stack], [*compiled.warnings]
    if not any(each.shared for each in roles):
        return System(planned, tuple(own), tuple(warnings))
    plans = []
    for name in dict.fromkeys((None, *environments(document))):
        try:
            plans.append(planned if name == environment else plan_of(document, name)[0])
        except Invalid:
            if name is not None:  # The file itself need not compile where only environments are deployed.
                raise
    return System(planned, (*shared(plans, roles), *own), tuple(ordered(warnings)))


def shared(plans: Sequence[Plan], roles: Collection[Role] = ROLES) -> tuple[Stack, ...]:
    """Compile the stacks that the environments of some plans share. The first plan is that of the file itself.

    Raises Invalid with every error.
    """
    made = registry.compile_registry(plans)
    return tuple(stack for stack in (made,) if stack and stack.role in roles)
