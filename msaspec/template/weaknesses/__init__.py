"""What makes a deployed template weaker than it need be: one file, one family, found by being here.

A weakness is judged of a template alone. What a template has that another had not was brought in by a step
between the two, such as a patch. Values that only CloudFormation knows are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec import discover
from msaspec.template.weakness import Template, Weakness


def found(template: Mapping[str, Any]) -> Iterator[Weakness]:
    """Yield every weakness of a template."""
    view = Template(template)
    for module in discover.modules(__name__):
        yield from module.find(view)


def brought(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Weakness]:
    """Return what a template has that another, from which it was made, had not."""
    known, there = set(found(before)), {entry.name for entry in Template(before).entries}
    new = dict.fromkeys(
        weakness
        for weakness in found(after)
        if weakness not in known and not (weakness.by_default and weakness.resource not in there)
    )
    for module in discover.modules(__name__):
        if hasattr(module, "gone"):
            new |= dict.fromkeys(module.gone(Template(before), Template(after)))
    return list(new)
