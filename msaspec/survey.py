"""All that is wrong with a manifest, also behind what hides it.

A fault of YAML or of shape ends the reading, one of meaning the compilation, so that later stages do not run.
Here they do: the manifest is repaired in two ways, read and compiled. What is found both ways is reported, since it
does not follow from a repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from msaspec import checks
from msaspec.compile import main, patch, plan
from msaspec.compile.blame import NOT_COMPILED
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, errors, ordered
from msaspec.manifest.repair import Repair, Way
from msaspec.manifest.root import read
from msaspec.source.document import Document
from msaspec.template.stack import Stack

ROUNDS = 8
"""How often a manifest is repaired before the rest of it is given up."""


@dataclass(frozen=True)
class Compiled:
    """One environment of a manifest, compiled."""

    plan: Plan
    stack: Stack
    warnings: tuple[Diagnostic, ...]


class Faulty(Invalid):
    """Every fault that can be reported; and the manifest as it compiles when it is repaired, both ways, or in none."""

    def __init__(self, diagnostics: Iterable[Diagnostic], repaired: Sequence[Compiled] = ()) -> None:
        super().__init__(diagnostics)
        self.repaired = tuple(repaired)


def resolved(document: Document, environment: str | None) -> tuple[Plan, list[Diagnostic]]:
    """Return the plan of a merged tree, with all that the checks say. Raise Invalid for faults of shape."""
    planned, unresolved = plan.plan(read(document, environment))
    return planned, [document.place(diagnostic) for diagnostic in (*unresolved, *checks.run(planned))]


def compiled(planned: Plan, warnings: Iterable[Diagnostic]) -> Compiled:
    """Return a plan as a patched stack, with what the checks say of that. Raise Invalid if it cannot be made."""
    stack = patch.apply(main.compile_plan(planned), planned)
    found = ordered([*warnings, *map(planned.manifest.document.place, checks.run_on_stack(stack))])
    return Compiled(planned, stack, tuple(found))


def faulty(
    document: Document, environment: str | None, shape: Sequence[Diagnostic] = (), before: Sequence[Diagnostic] = ()
) -> Faulty:
    """Return all that is wrong with a merged document, without what is a consequence of something else.

    `shape` are the faults for which it cannot be read; `before` what was found before.
    """
    looks = [_Look(document, environment, way) for way in Way]
    for look in looks:
        look.take(shape)
    rest = both(*(look.found for look in looks))
    stacks = [look.compiled for look in looks if look.compiled]
    return Faulty(ordered([*before, *shape, *rest]), stacks if len(stacks) == len(looks) else ())


def both(one: Iterable[Diagnostic], other: Iterable[Diagnostic], *, worded: bool = True) -> list[Diagnostic]:
    """Return what is found in a manifest that is repaired one way, and also if it is repaired the other way.

    Unless `worded`, in whatever words: those of cfn-lint name a Region, which may be what was repaired.
    """

    def key(diagnostic: Diagnostic) -> tuple[object, ...]:
        return diagnostic.code, diagnostic.span, diagnostic.message if worded else None

    keys = set(map(key, other))
    return [diagnostic for diagnostic in one if key(diagnostic) in keys]


class _Look:
    """What is found in a manifest that is repaired one way."""

    def __init__(self, document: Document, environment: str | None, way: Way) -> None:
        self.found: list[Diagnostic] = []
        self.compiled: Compiled | None = None
        self._document = document
        self._environment = environment
        self._way = way
        self._repair = Repair(document, way)

    def take(self, shape: Sequence[Diagnostic]) -> None:
        """Repair faults of shape, and look at all the rest."""
        planned = self._read() if self._repair.mend(shape) else None
        if self._way is Way.OTHER and (wrong := errors(self.found)):
            planned = self._read(silent=True) if self._repair.cut(wrong) else None
        for _ in range(ROUNDS):
            if planned is None:
                return
            try:
                self.compiled = compiled(planned, ())
            except Invalid as invalid:
                found = [each for each in invalid.diagnostics if each.code != NOT_COMPILED.id]
                self._note(_independent(found, planned))
                failed = [each for each in found if each.path[:1] == ("patches",) and len(each.path) > 1]
                planned = self._read(silent=True) if failed and self._repair.cut(failed) else None
            else:
                self._note(self.compiled.warnings)
                return

    def _read(self, *, silent: bool = False) -> Plan | None:
        """Return the plan of the repaired manifest; None where there is none."""
        for _ in range(ROUNDS):
            document = replace(self._document, root=self._repair.root)
            try:
                planned, found = resolved(document, self._environment)
            except Invalid as invalid:
                self._note(() if silent else invalid.diagnostics)
                if not self._repair.mend(invalid.diagnostics):
                    return None
            else:
                self._note(() if silent else found)
                return planned
        return None

    def _note(self, found: Iterable[Diagnostic]) -> None:
        """Note what is found, unless it is about what the user did not write."""
        self.found += self._repair.told(found)


def _independent(found: Sequence[Diagnostic], planned: Plan) -> Iterator[Diagnostic]:
    """Without patches that fail for want of what an earlier one should have made."""
    missing: list[str] = []
    for each in found:
        if each.path[:1] == ("patches",) and len(each.path) == 3 and isinstance(number := each.path[1], int):
            operation = planned.root.patches[number]
            makes = operation.op in ("add", "copy", "move")
            pointer = operation.from_ if each.path[2] == "from" else operation.path
            needed = (pointer or "").rpartition("/")[0] if makes and each.path[2] == "path" else pointer
            if any(f"{needed}/".startswith(f"{above}/") for above in missing):
                continue
            missing += [operation.path] if makes else []
        yield each
