"""What CloudFormation puts into a system that nobody sees here: macros, templates and functions of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.template.weakness import Group, Kind, Template, Weakness, items_of

UNSEEN = Kind(Group.SILENT)
_PLAIN = "AWS::LanguageExtensions"
"""The one transform that adds nothing from elsewhere."""


def find(view: Template) -> Iterator[Weakness]:
    """Yield what no checker can look into."""
    transforms = view.data.get("Transform")
    for each in transforms if isinstance(transforms, list) else [transforms]:
        name = each.get("Name") if isinstance(each, Mapping) else each
        if name is not None and name != _PLAIN:
            what = f"The macro `{name}` changes the template where no checker sees it"
            yield Weakness(UNSEEN, "", what, ("Transform",), detail=str(each))
    for entry in view.entries:
        for name in _macros(entry.body):
            what = f"The macro `{name}` changes {entry.noun} where no checker sees it"
            yield Weakness(UNSEEN, entry.name, what, ("Resources", entry.name))
    for entry in view.of("AWS::CloudFormation::Stack"):
        if "TemplateURL" in entry.properties:
            what = f"No checker sees the template of {entry.noun}"
            yield Weakness(UNSEEN, entry.name, what, entry.at("TemplateURL"))


def _macros(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        transform = value.get("Fn::Transform")
        if isinstance(transform, Mapping):
            yield str(transform.get("Name"))
        for each in value.values():
            yield from _macros(each)
    for each in items_of(value):
        yield from _macros(each)
