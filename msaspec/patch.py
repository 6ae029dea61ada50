"""The escape hatch: RFC 6902 operations on a compiled template, before it is linted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic, Invalid
from msaspec.manifest import Patch
from msaspec.place import Path
from msaspec.plan import Plan
from msaspec.spelling import suggest

FAILED = Code(
    "MSA410",
    "A patch that cannot be applied",
    """
    `patches` are RFC 6902 operations on the compiled template, applied in order. This one names what is not there, or
    its test does not hold. `msaspec compile` without the patch shows the template that it meets; logical ids depend on
    names of the manifest only.
    """,
)
BROKEN = Code(
    "MSA411",
    "Patches that leave no template",
    """
    What the patches leave is no CloudFormation template: `Resources` must be a map of resources, each with a `Type` and
    with `Properties` that are a map, and the other sections must be maps of maps.
    """,
)

_SECTIONS = ("Resources", "Parameters", "Outputs", "Mappings", "Conditions", "Rules", "Metadata")


def apply(stack: Stack, plan: Plan) -> Stack:
    """The stack with the manifest's patches. Raises Invalid at the line of each patch that fails."""
    if not plan.root.patches:
        return stack
    from jsonpatch import JsonPatch, JsonPatchException
    from jsonpointer import JsonPointer, JsonPointerException

    template: Any = deepcopy(dict(stack.template))
    written: list[tuple[Path, Path]] = []
    touched: list[tuple[Path, Path]] = []
    found: list[Diagnostic] = []
    for number, patch in enumerate(plan.root.patches):
        at: Path = ("patches", number)
        operation = patch.model_dump(by_alias=True, exclude_unset=True)
        try:
            template = JsonPatch([operation]).apply(template)
            if patch.op != "test":
                written.append((_written(JsonPointer(patch.path).parts, template), at))
            touched += [(tuple(JsonPointer(p).parts), at) for p in (patch.path, patch.from_) if p is not None]
        except (JsonPatchException, JsonPointerException) as fault:
            key, hint = _nowhere(patch, template)
            where = f"from `{patch.from_}`" if key == "from" else f"of `{patch.path}`"
            message = f"The patch `{patch.op}` {where} cannot be applied: {_reason(fault)}."
            found.append(FAILED.at((*at, key), message, hint=hint))
    found = found or [
        BROKEN.at((*_blamed(path, touched), "path"), message, hint="Let the patch write another path or value.")
        for path, message in _broken(template)
    ]
    if found:
        raise Invalid(map(plan.manifest.document.place, found))
    added = {name: at for path, at in written if len(path) == 2 for name in [str(path[1])] if name not in stack.origins}
    return replace(stack, template=template, origins={**stack.origins, **added}, patched=tuple(written))


def _written(steps: Sequence[str], template: Any) -> Path:
    """Where an operation wrote: `-` is the position of the item that now ends the list."""
    holder = template
    for step in steps[:-1] if steps[-1:] == ["-"] else ():
        holder = holder[int(step) if isinstance(holder, list) else step]
    ends = isinstance(holder, list) and steps[-1:] == ["-"]
    return (*steps[:-1], str(len(holder) - 1)) if ends else tuple(steps)


def _broken(template: Any) -> Iterator[tuple[Path, str]]:
    """Where the shape is none of a template, each place with a sentence."""
    if not isinstance(template, dict):
        yield (), "The patches leave no map of sections."
        return
    if not template.get("Resources"):
        yield ("Resources",), "The patches leave no resources."
    for section in _SECTIONS:
        things = template.get(section, {})
        if not isinstance(things, dict):
            yield (section,), f"The patches leave a section `{section}` that is no map."
            continue
        for name, thing in things.items() if section in ("Resources", "Parameters", "Outputs", "Mappings") else ():
            # A loop or a macro is not what CloudFormation makes of it.
            if not name.startswith("Fn::"):
                yield from (((section, name), message) for message in _misshapen(section, name, thing))


def _misshapen(section: str, name: str, thing: Any) -> Iterator[str]:
    if not isinstance(thing, dict):
        yield f"The patches leave `{name}` under `{section}` that is no map."
    elif section == "Mappings" and not all(isinstance(values, dict) for values in thing.values()):
        yield f"The patches leave a mapping `{name}` that is no map of maps."
    elif section == "Resources" and not isinstance(thing.get("Type"), str):
        yield f"The patches leave the resource `{name}` without a `Type`."
    elif section == "Resources" and not isinstance(thing.get("Properties", {}), dict):
        yield f"The patches leave the resource `{name}` with `Properties` that are no map."


def _blamed(path: Path, touched: Sequence[tuple[Path, Path]]) -> Path:
    """The last patch that touched, or came above or below, a path of the template."""
    for there, patch in reversed(touched):
        shorter = min(len(there), len(path))
        if there[:shorter] == path[:shorter]:
            return patch
    return ("patches",)


_REASONS = (
    ("'from' member", "it needs the key `from`"),
    ("'value' member", "it needs the key `value`"),
    ("must start with", "a pointer is empty or starts with `/`"),
    ("not equal to", "another value stands there"),
    ("outside of list", "the list is shorter"),
    ("sequence index", "a list has positions, and `-` for its end"),
)
"""A part of what jsonpatch says, whose own words may hold the whole template; and the reason in plain words."""


def _reason(fault: Exception) -> str:
    return next((reason for part, reason in _REASONS if part in str(fault)), "nothing stands there")


def _nowhere(patch: Patch, template: Any) -> tuple[str, str | None]:
    """The key whose pointer leads nowhere, and a hint."""
    if patch.from_ is not None and patch.op in ("move", "copy"):
        hint = _hint(patch.from_, template)
        if hint or not patch.from_.startswith("/"):
            return "from", hint
    below = patch.op in ("add", "move", "copy")  # Only what it lies in must be there.
    return "path", _hint(patch.path.rpartition("/")[0] if below else patch.path, template)


def _hint(pointer: str, template: Any) -> str | None:
    """The nearest key at the first step of the pointer that leads nowhere."""
    current = template
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(current, dict) and key not in current:
            return suggest(key, current, f"Nothing is named `{key}` there.")
        current = current[key] if isinstance(current, dict) else None
    return None
