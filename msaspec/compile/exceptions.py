"""What a patch weakens with a reason is an exception in the template, as checkers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from msaspec.diagnostics.place import Path
from msaspec.template import weaknesses
from msaspec.template.exception import write
from msaspec.template.references import Reference, sources
from msaspec.template.stack import Stack
from msaspec.template.weakness import Group, Weakness


def written(stack: Stack, unpatched: Mapping[str, Any], whys: Sequence[str | None]) -> Stack:
    """Return a patched stack that knows what its patches weaken, with an exception where one gives its reason."""
    weakened: list[tuple[Weakness, Path, str | None]] = []
    for weakness in weaknesses.brought(unpatched, stack.template):
        of_it = _of_resource(stack, weakness.resource)
        patch = stack.patch_of(weakness.path) or of_it or _neighbour(stack, unpatched, weakness.resource)
        why = whys[int(patch[1])] if patch else None
        weakened.append((weakness, patch or ("patches",), why))
    accepted = [(weakness, why) for weakness, _, why in weakened if why and weakness.kind.group is not Group.SILENT]
    template: Any = deepcopy(dict(stack.template)) if accepted else stack.template
    for weakness, why in accepted:
        resource = template["Resources"].get(weakness.resource)
        if isinstance(resource, dict):
            kind = weakness.kind
            write(resource, why, kind.cdk_nag, kind.checkov, kind.guard)
    return replace(stack, template=template, weakened=tuple(weakened))


def _of_resource(stack: Stack, resource: str) -> Path | None:
    """Return the last patch that wrote into a resource."""
    written = (patch for place, patch in reversed(stack.patched) if place[:2] == ("Resources", resource))
    return next(written, None)


def _neighbour(stack: Stack, unpatched: Mapping[str, Any], resource: str) -> Path | None:
    """Return the last patch that changed a resource which refers to another, such as the policy of a bucket."""
    resources = unpatched["Resources"]
    for written, patch in reversed(stack.patched):
        entry = resources.get(written[1]) if len(written) > 1 and written[0] == "Resources" else None
        if any(isinstance(each, Reference) and each.name == resource for each in sources(entry)):
            return patch
    return None
