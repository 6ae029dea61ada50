"""CloudFormation's intrinsic functions: fills in a template's values."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msaspec.sandbox.cloudformation.resource import Failed
from msaspec.sandbox.cloudformation.wellformed import JOIN

_SUBSTITUTE = re.compile(r"\$\{([^}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:(secretsmanager|ssm|ssm-secure):([^}]*)\}\}")


class Unknown(str):
    """A value that is not known before the deployment. Equal to nothing else."""

    fault: str | None
    """What CloudFormation says of it in a change set with values, where it says something."""

    def __new__(cls, text: str, fault: str | None = None) -> Unknown:
        """Make one."""
        made = super().__new__(cls, text)
        made.fault = fault
        return made

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


def faults(data: Any) -> Iterator[str]:
    """Yield what CloudFormation says of the unknown values of some properties."""
    if isinstance(data, Unknown):
        yield from [data.fault] if data.fault else []
    elif isinstance(data, (list, Mapping)):
        for item in data.values() if isinstance(data, Mapping) else data:
            yield from faults(item)


def references(data: Any) -> Iterator[str]:
    """Every name that a part of a template refers to, parameters and pseudo parameters included."""
    if isinstance(data, list):
        for item in data:
            yield from references(item)
    elif isinstance(data, Mapping):
        for key, item in data.items():
            if key == "Ref" and isinstance(item, str):
                yield item
            elif key == "Fn::GetAtt":
                yield from (item.split(".") if isinstance(item, str) else item)[:1]
            elif key == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                names = _SUBSTITUTE.findall(text)
                yield from (n.split(".")[0] for n in names if n not in own and not n.startswith("!"))
                yield from references(own)
            else:
                yield from references(item)


def attributes_of(data: Any) -> Iterator[tuple[str, str]]:
    """Every attribute of a resource that a part of a template names, in `Fn::GetAtt` or `Fn::Sub`."""
    if isinstance(data, list):
        for item in data:
            yield from attributes_of(item)
    elif isinstance(data, Mapping):
        for key, item in data.items():
            if key == "Fn::GetAtt":
                name, attribute = item.split(".", 1) if isinstance(item, str) else item
                yield str(name), str(attribute)
            elif key == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                names = [name for name in _SUBSTITUTE.findall(text) if name not in own and not name.startswith("!")]
                yield from ((name, attribute) for name, dot, attribute in (n.partition(".") for n in names) if dot)
                yield from attributes_of(own)
            else:
                yield from attributes_of(item)


def resolved(data: Any, dynamic: Callable[[str, str], str]) -> Any:
    """Return some properties with their dynamic references filled in, by service and text.

    CloudFormation does so only when it makes or changes a resource: what it compares, and shows in change sets, are the
    references themselves.
    """
    if isinstance(data, str):
        return _DYNAMIC.sub(lambda match: dynamic(match[1], match[2]), data) if "{{resolve:" in data else data
    if isinstance(data, list):
        return [resolved(item, dynamic) for item in data]
    if isinstance(data, Mapping):
        return {key: resolved(item, dynamic) for key, item in data.items()}
    return data


_NOTHING = object()


@dataclass
class Values:
    """All that the intrinsics of one template draw from."""

    template: Mapping[str, Any]
    names: dict[str, Any]
    """What `Ref` gives for parameters and pseudo parameters."""
    attribute: Callable[[str, str | None], Any]
    """What `Fn::GetAtt`, and without an attribute `Ref`, give for a resource."""
    exports: Mapping[str, Any] = field(default_factory=dict)
    zones: Callable[[str], list[str]] = lambda region: []

    def of(self, data: Any) -> Any:
        """Return a part of a template with everything filled in."""
        value = self._of(data)
        return None if value is _NOTHING else value

    def holds(self, name: str) -> bool:
        """Whether a condition of the template is true."""
        return bool(self._of(self.template["Conditions"][name]))

    def chosen(self, data: Any) -> Any:
        """Return a part of a template where `Fn::If` is replaced by what it chooses."""
        if isinstance(data, list):
            return [self.chosen(item) for item in data]
        if not isinstance(data, Mapping):
            return data
        if set(data) == {"Fn::If"}:
            name, yes, no = data["Fn::If"]
            return self.chosen(yes if self.holds(name) else no)
        return {key: self.chosen(item) for key, item in data.items()}

    def _of(self, data: Any) -> Any:
        if isinstance(data, list):
            return [value for value in map(self._of, data) if value is not _NOTHING]
        if not isinstance(data, Mapping):
            return data
        if len(data) == 1:
            ((name, argument),) = data.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name.startswith("Fn::"):
                function = getattr(self, "_" + name.removeprefix("Fn::").lower(), None)
                if function is None:
                    raise Failed(f"The sandbox has no {name}.")
                return function(argument)
        return {key: value for key, item in data.items() if (value := self._of(item)) is not _NOTHING}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        return self.names[name] if name in self.names else self.attribute(name, None)

    def _getatt(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.attribute(name, self._of(attribute))

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        unknown: list[Unknown] = []

        def filled(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            value = self._of(own[name]) if name in own else None
            if value is None:
                value = self._getatt(name) if "." in name else self._ref(name)
            unknown.extend([value] if isinstance(value, Unknown) else [])
            return _text(value)

        done = self._of(_SUBSTITUTE.sub(filled, text))
        return Unknown(done) if unknown else str(done)

    def _join(self, argument: list[Any]) -> str:
        items = self._of(argument[1])
        if isinstance(items, Unknown):
            return Unknown("", fault=f"Template error: {JOIN}")
        joined = str(argument[0]).join(map(_text, items))
        return Unknown(joined) if any(isinstance(item, Unknown) for item in items) else joined

    def _select(self, argument: list[Any]) -> Any:
        items, index = self._of(argument[1]), int(self._of(argument[0]))
        if isinstance(items, Unknown):
            return items
        if not 0 <= index < len(items):
            raise Failed(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return items[index]

    def _split(self, argument: list[Any]) -> Any:
        text = self._of(argument[1])
        return text if isinstance(text, Unknown) else text.split(argument[0])

    def _if(self, argument: list[Any]) -> Any:
        return self._of(argument[1 if self.holds(argument[0]) else 2])

    def _equals(self, argument: list[Any]) -> bool:
        return _text(self._of(argument[0])) == _text(self._of(argument[1]))

    def _not(self, argument: list[Any]) -> bool:
        return not self._of(argument[0])

    def _and(self, argument: list[Any]) -> bool:
        return all(map(self._of, argument))

    def _or(self, argument: list[Any]) -> bool:
        return any(map(self._of, argument))

    def _findinmap(self, argument: list[Any]) -> Any:
        name, first, second = map(self._of, argument[:3])
        try:
            return self._of(self.template["Mappings"][name][first][second])
        except KeyError:
            raise Failed(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None

    def _base64(self, argument: Any) -> str:
        text = self._of(argument)
        encoded = base64.b64encode(str(text).encode()).decode()
        return Unknown(encoded) if isinstance(text, Unknown) else encoded

    def _getazs(self, argument: Any) -> list[str]:
        return self.zones(self._of(argument) or self.names["AWS::Region"])

    def _importvalue(self, argument: Any) -> Any:
        name = self._of(argument)
        if name not in self.exports:
            raise Failed(f"No export named {name} found.")
        return self.exports[name].value

    def _tojsonstring(self, argument: Any) -> str:
        return json.dumps(self._of(argument))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
