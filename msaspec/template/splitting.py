"""One template into a root and nested stacks. A value that crosses is an output there and a parameter here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msaspec.template.crossing import (
    Homes,
    Pieces,
    Template,
    attribute_of,
    awaited,
    is_list,
    signalling,
    spelled,
    substituted,
)
from msaspec.template.owner import METADATA
from msaspec.template.references import Reference, sources

NESTED = "AWS::CloudFormation::Stack"


def split(template: Template, homes: Homes, url: Callable[[str], str] = lambda home: f"{home}.yaml") -> Pieces:
    """Return a template as a root and nested stacks; `url` says where that of a nested stack is found."""
    if not homes:
        return Pieces(template, {})
    return _Split(template, homes).pieces(url)


class _Split:
    """One template being split."""

    def __init__(self, template: Template, homes: Homes) -> None:
        self._whole = template
        self._parts: Template = template["Resources"]
        self._homes = homes
        self._outputs: dict[str, dict[str, Any]] = {home: {} for home in dict.fromkeys(homes.values())}
        """What each nested stack gives, by the names of its outputs."""

    def pieces(self, url: Callable[[str], str]) -> Pieces:
        bodies = {home: _Piece(self, home) for home in self._outputs}
        for name, part in self._parts.items():
            if home := self._homes.get(name):
                bodies[home].add(name, part)
        root = _Piece(self, None)
        order = list(self._parts)
        resources: dict[str, Any] = {}
        for name in order:
            home = self._homes.get(name)
            if home is None:
                root.add(name, self._parts[name])
            elif home not in resources:
                resources[home] = None
        nested = {home: self._stack(bodies[home], url(home)) for home in self._outputs}
        outputs = {name: root.rewritten(each) for name, each in (self._whole.get("Outputs") or {}).items()}
        children = {home: self._child(home, piece) for home, piece in bodies.items()}
        return Pieces(self._root(root, bodies, nested, outputs), children)

    def _stack(self, piece: _Piece, url: str) -> dict[str, Any]:
        """Return a nested stack as a resource of the root."""
        given: dict[str, Any] = {key: self.seen(None, *piece.needs[key]) for key in sorted(piece.needs)}
        for name in sorted(piece.parameters):
            value: Any = {"Ref": name}
            given[name] = {"Fn::Join": [",", value]} if is_list(self._whole["Parameters"][name]) else value
        referred = {source.name for source in sources(given) if isinstance(source, Reference)}
        waits = {self._homes.get(each, each) for name in piece.after for each in awaited(self._parts[name])}
        after = sorted(waits - referred - {piece.home})
        return {
            "Type": NESTED,
            **({"DependsOn": after} if after else {}),
            "Properties": {"TemplateURL": url, **({"Parameters": given} if given else {})},
        }

    def seen(self, home: str | None, name: str, attribute: str | None) -> Any:
        """Return a value of a resource as its own stack, or the root, refers to it."""
        there = self._homes.get(name)
        if there is None or there == home:
            return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
        return {"Fn::GetAtt": [there, f"Outputs.{self.output(name, attribute)}"]}

    def output(self, name: str, attribute: str | None) -> str:
        """Return the name of the output that a value of a nested stack has; there is one from now on."""
        key, home = self.key(name, attribute), self._homes[name]
        self._outputs[home][key] = {"Value": self.seen(home, name, attribute)}
        return key

    def key(self, name: str, attribute: str | None) -> str:
        """Return what a value is called outside of its stack."""
        if attribute is None:
            return name
        key = f"{name}Dot{''.join(each for each in attribute if each.isalnum())}"
        return f"{key}X" if key in self._parts or key in self._whole.get("Parameters", {}) else key

    def crosses(self, name: str, home: str | None) -> bool:
        """Whether a resource is in another stack."""
        return name in self._parts and self._homes.get(name) != home

    def is_parameter(self, name: str) -> bool:
        """Whether a name is that of a parameter."""
        return name in self._whole.get("Parameters", {})

    def condition(self, name: str) -> Any:
        """Return a condition of the template."""
        return (self._whole.get("Conditions") or {}).get(name)

    def _child(self, home: str, piece: _Piece) -> Template:
        about = {"nested": home, **({"after": piece.after} if piece.after else {})}
        template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
        template["Description"] = f"{home}, a nested stack. Compiled by msaspec; change the manifest, not this."
        template["Metadata"] = {METADATA: about}
        declared = self._whole.get("Parameters", {})
        parameters: dict[str, Any] = {key: {"Type": "String"} for key in piece.needs}
        for name in piece.parameters:
            kind = "CommaDelimitedList" if is_list(declared[name]) else "String"
            hidden = {"NoEcho": declared[name]["NoEcho"]} if "NoEcho" in declared[name] else {}
            parameters[name] = {"Type": kind, **hidden}
        template |= {"Parameters": {key: parameters[key] for key in sorted(parameters)}} if parameters else {}
        template |= {"Conditions": piece.conditions} if piece.conditions else {}
        template["Resources"] = piece.resources
        outputs = self._outputs[home]
        template |= {"Outputs": {key: outputs[key] for key in sorted(outputs)}} if outputs else {}
        return template | self._mapped(piece.mappings)

    def _mapped(self, names: set[str]) -> dict[str, Any]:
        every = self._whole.get("Mappings") or {}
        found = {name: every[name] for name in every if name in names}
        return {"Mappings": found} if found else {}

    def _root(self, root: _Piece, bodies: Mapping[str, _Piece], nested: Template, outputs: dict[str, Any]) -> Template:
        used = {"Conditions": set(), "Mappings": set()}  # type: dict[str, set[str]]
        for piece in bodies.values():
            used["Conditions"] |= set(piece.conditions)
            used["Mappings"] |= piece.mappings
        here = {"Conditions": set(root.conditions), "Mappings": root.mappings}
        made: dict[str, Any] = {}
        for section, value in self._whole.items():
            if section == "Resources":
                made[section] = {name: signalling(part) for name, part in {**root.resources, **nested}.items()}
            elif section == "Outputs":
                made[section] = outputs
            elif section in used:
                elsewhere = used[section] - here[section]
                kept = {name: each for name, each in value.items() if name not in elsewhere}
                made |= {section: kept} if kept else {}
            elif section == "Metadata" and isinstance(value, Mapping):
                made[section] = self._described(value, root)
            else:
                made[section] = value
        return made

    def _described(self, metadata: Mapping[str, Any], root: _Piece) -> dict[str, Any]:
        own = metadata.get(METADATA)
        said = {key: each for key, each in own.items() if key != "homes"} if isinstance(own, Mapping) else {}
        return {**metadata, METADATA: {**said, **({"after": root.after} if root.after else {})}}


class _Piece:
    """What one stack gets of a template."""

    def __init__(self, whole: _Split, home: str | None) -> None:
        self.home = home
        self.resources: dict[str, Any] = {}
        self.needs: dict[str, tuple[str, str | None]] = {}
        """Values of resources that are elsewhere, by the names of parameters."""
        self.parameters: set[str] = set()
        """Parameters of the template."""
        self.conditions: dict[str, Any] = {}
        self.mappings: set[str] = set()
        self.after: dict[str, Any] = {}
        """What resources wait for, where something of it is elsewhere."""
        self._whole = whole

    def add(self, name: str, part: Mapping[str, Any]) -> None:
        """Take in a resource."""
        waits = awaited(part)
        made = {key: self.rewritten(value) for key, value in part.items() if key != "DependsOn"}
        if isinstance(condition := part.get("Condition"), str):
            self._use(condition)
        if any(self._whole.crosses(each, self.home) for each in waits):
            self.after[name] = part["DependsOn"]
            near = [each for each in waits if not self._whole.crosses(each, self.home)]
            if self.home is None:
                near += sorted({self._whole._homes[each] for each in waits if each not in near})
            made |= {"DependsOn": near} if near else {}
        elif "DependsOn" in part:
            made["DependsOn"] = part["DependsOn"]
        self.resources[name] = {key: made[key] for key in part if key in made}

    def _use(self, condition: str) -> None:
        if condition not in self.conditions and (said := self._whole.condition(condition)) is not None:
            self.conditions[condition] = said
            self.conditions[condition] = self.rewritten(said)

    def _refer(self, name: str, attribute: str | None) -> Any:
        """Return what a reference becomes."""
        if self._whole.crosses(name, self.home):
            if self.home is None:
                return self._whole.seen(None, name, attribute)
            key = self._whole.key(name, attribute)
            self.needs[key] = name, attribute
            return {"Ref": key}
        if self.home is not None and self._whole.is_parameter(name):
            self.parameters.add(name)
        return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}

    def rewritten(self, value: Any) -> Any:
        """Return a value with its references to other stacks."""
        if isinstance(value, list):
            return [self.rewritten(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" and isinstance(argument, str):
                return self._refer(argument, None)
            if function == "Fn::GetAtt" and (attribute := attribute_of(argument)):
                near = not self._whole.crosses(attribute[0], self.home)
                return value if near else self._refer(*attribute)
            if function == "Fn::Sub":
                return {function: substituted(argument, self._variable, self.rewritten)}
            if function == "Fn::FindInMap" and isinstance(argument, list) and argument and isinstance(argument[0], str):
                self.mappings.add(argument[0])
            if function == "Fn::If" and isinstance(argument, list) and argument and isinstance(argument[0], str):
                self._use(argument[0])
            if function == "Condition" and isinstance(argument, str):
                self._use(argument)
        return {key: self.rewritten(item) for key, item in value.items()}

    def _variable(self, name: str) -> str:
        target, _, attribute = name.partition(".")
        if not (self._whole.crosses(target, self.home) or self._whole.is_parameter(target)):
            return name
        return spelled(self._refer(target, attribute or None))
