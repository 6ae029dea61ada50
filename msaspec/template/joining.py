"""A root and its nested stacks into one template again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.template.crossing import Template, attribute_of, signalling_no_more, spelled, substituted
from msaspec.template.owner import METADATA


def join(root: Template, nested: Mapping[str, Template]) -> Template:
    """Return the one template that a root and its nested stacks are made from. In its Metadata is noted where each
    resource was."""
    return _Join(root, nested).joined() if nested else root


class _Join:
    """A root and nested stacks being joined."""

    def __init__(self, root: Template, nested: Mapping[str, Template]) -> None:
        self._root, self._nested = root, nested
        self._given = {
            home: (root["Resources"][home].get("Properties") or {}).get("Parameters") or {} for home in nested
        }

    def joined(self) -> Template:
        made = {key: value for key, value in self._root.items() if key not in ("Resources", "Outputs", "Metadata")}
        metadata = self._root.get("Metadata") or {}
        about = dict(metadata.get(METADATA) or {})
        after = {**(about.pop("after", None) or {})}
        resources: dict[str, Any] = {}
        homes: dict[str, str] = {}
        for name, part in self._root["Resources"].items():
            if name not in self._nested:
                resources[name] = signalling_no_more(self._restored(part, None))
        for home, template in self._nested.items():
            own = (template.get("Metadata") or {}).get(METADATA) or {}
            after |= own.get("after") or {}
            for name, part in template.get("Resources", {}).items():
                resources[name], homes[name] = self._restored(part, home), home
            for section in ("Conditions", "Mappings"):
                for name, each in (template.get(section) or {}).items():
                    made[section] = {**(made.get(section) or {}), name: self._restored(each, home)}
        for name, waits in after.items():
            if name in resources:
                resources[name] = {**resources[name], "DependsOn": waits}
        made["Resources"] = resources
        if "Outputs" in self._root:
            made["Outputs"] = self._restored(self._root["Outputs"], None)
        made["Metadata"] = {**metadata, METADATA: {**about, "homes": homes}}
        return made

    def _restored(self, value: Any, home: str | None) -> Any:
        """Return a value of a stack as the one template has it."""
        if isinstance(value, list):
            return [self._restored(item, home) for item in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" and isinstance(argument, str):
                return self._meant(argument, None, home) or value
            if function == "Fn::GetAtt" and (attribute := attribute_of(argument)):
                return self._meant(*attribute, home) or value
            if function == "Fn::Sub":

                def variable(name: str) -> str:
                    target, _, attribute = name.partition(".")
                    meant = self._meant(target, attribute or None, home)
                    return spelled(meant) if meant else name

                return {function: substituted(argument, variable, lambda own: self._restored(own, home))}
        return {key: self._restored(item, home) for key, item in value.items()}

    def _meant(self, name: str, attribute: str | None, home: str | None) -> Any:
        """Return what a reference in a stack means in the one template; None where that is itself."""
        if home is not None:
            given = self._given[home].get(name)
            if attribute is not None or not isinstance(given, Mapping):
                return None
            if "Fn::Join" in given:
                return given["Fn::Join"][1]
            return self._restored(given, None)
        if name in self._nested and attribute and attribute.startswith("Outputs."):
            output = (self._nested[name].get("Outputs") or {}).get(attribute.removeprefix("Outputs."))
            return output["Value"] if isinstance(output, Mapping) else None
        return None
