"""The escape hatch: RFC 6902 operations on a compiled template, before it is linted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from msaspec.compile import exceptions
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.manifest.root import Patch
from msaspec.template import owner
from msaspec.template.stack import Stack

FAILED = Code(
    "MSA410",
    "A patch that cannot be applied",
    """
    `patches` are RFC 6902 operations on the compiled template, applied in order. This patch names a path that does not
    exist, or its test fails. `msaspec compile` without the patch shows the template that it applies to. Logical IDs
    depend only on names in the manifest.
    """,
)
BROKEN = Code(
    "MSA411",
    "Patches that leave no valid template",
    """
    The result of the patches is not a CloudFormation template: `Resources` must be a map of resources, each with a
    `Type` and with `Properties` that are a map, and the other sections must be maps of maps.
    """,
)

_SECTIONS = ("Resources", "Parameters", "Outputs", "Mappings", "Conditions", "Rules", "Metadata")


def apply(stack: Stack, plan: Plan) -> Stack:
    """Return the stack with the manifest's patches. Raises Invalid at the line of each patch that fails."""
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
        operation = patch.model_dump(by_alias=True, exclude_unset=True, exclude={"why"})
        try:
            template = JsonPatch([operation]).apply(template)
            if patch.op == "move" and patch.from_ is not None:
                written.append((tuple(JsonPointer(patch.from_).parts), at))
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
    _tell([name for name in added if name in template["Resources"]], template)
    patched = replace(stack, template=template, origins={**stack.origins, **added}, patched=tuple(written))
    return exceptions.written(patched, stack.template, [patch.why for patch in plan.root.patches])


def _tell(added: Sequence[str], template: Any) -> None:
    """Record in the template which of its resources a patch added, since their IDs do not show it."""
    record = owner.recorded(template)
    resources = record.get("resources", {}) if record else None
    if added and isinstance(record, dict) and isinstance(resources, dict):
        record["resources"] = {**resources, **dict.fromkeys(added, "patches")}


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
        yield (), "The patches leave a template that is not a map."
        return
    if not template.get("Resources"):
        yield ("Resources",), "The patches leave no resources."
    for section in _SECTIONS:
        things = template.get(section, {})
        if not isinstance(things, dict):
            yield (section,), f"The patches leave a section `{section}` that is not a map."
            continue
        for name, thing in things.items() if section in ("Resources", "Parameters", "Outputs", "Mappings") else ():
            # A loop or a macro is not what CloudFormation makes of it.
            if not name.startswith("Fn::"):
                yield from (((section, name), message) for message in _misshapen(section, name, thing))


def _misshapen(section: str, name: str, thing: Any) -> Iterator[str]:
    if not isinstance(thing, dict):
        yield f"The patches leave `{name}` under `{section}` that is not a map."
    elif section == "Mappings" and not all(isinstance(values, dict) for values in thing.values()):
        yield f"The patches leave a mapping `{name}` that is not a map of maps."
    elif section == "Resources" and not isinstance(thing.get("Type"), str):
        yield f"The patches leave the resource `{name}` without a `Type`."
    elif section == "Resources" and not isinstance(thing.get("Properties", {}), dict):
        yield f"The patches leave the resource `{name}` with `Properties` that are not a map."


def _blamed(path: Path, touched: Sequence[tuple[Path, Path]]) -> Path:
    """Return the last patch that touched, or came above or below, a path of the template."""
    for there, patch in reversed(touched):
        shorter = min(len(there), len(path))
        if there[:shorter] == path[:shorter]:
            return patch
    return ("patches",)


_REASONS = (
    ("'from' member", "it needs the key `from`"),
    ("'value' member", "it needs the key `value`"),
    ("must start with", "a pointer is empty or starts with `/`"),
    ("not equal to", "the value there is different"),
    ("outside of list", "the list is shorter"),
    ("sequence index", "a list is indexed by positions, or `-` for its end"),
)
"""A part of what jsonpatch says, whose own words may hold the whole template; and the reason in plain words."""


def _reason(fault: Exception) -> str:
    return next((reason for part, reason in _REASONS if part in str(fault)), "nothing is there")


def _nowhere(patch: Patch, template: Any) -> tuple[str, str | None]:
    """Return the key whose pointer leads nowhere, and a hint."""
    if patch.from_ is not None and patch.op in ("move", "copy"):
        hint = _hint(patch.from_, template)
        if hint or not patch.from_.startswith("/"):
            return "from", hint
    below = patch.op in ("add", "move", "copy")  # Only its container must exist.
    return "path", _hint(patch.path.rpartition("/")[0] if below else patch.path, template)


def _hint(pointer: str, template: Any) -> str | None:
    """Return the nearest key at the first step of the pointer that leads nowhere."""
    from jsonpointer import unescape

    current = template
    for key in map(unescape, pointer.split("/")[1:]):
        if isinstance(current, dict) and key not in current:
            return suggest(key, current, f"Nothing is named `{key}` there.")
        current = current[key] if isinstance(current, dict) else None
    return None
