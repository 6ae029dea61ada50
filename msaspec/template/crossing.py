"""What crosses from one stack of a system to another: references as texts have them, and the policy of hosts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Template = Mapping[str, Any]
Homes = Mapping[str, str]
"""The nested stack of a resource, by logical ids; what is in the root is left out."""

_VARIABLE = re.compile(r"\$\{\s*([^!\s}][^\s}]*)\s*\}")
_SIGNAL = "cloudformation:SignalResource"
_OF_THE_ROOT = {"Ref": "AWS::StackId"}
_OF_NESTED = {
    "Fn::Sub": "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}"
    ":stack/${AWS::StackName}-*Nested-*/*"
}
"""The nested stacks of services, by the names that CloudFormation gives them."""


@dataclass(frozen=True)
class Pieces:
    """A template as CloudFormation gets it."""

    root: Template
    nested: Mapping[str, Template]
    """By the logical ids of the nested stacks; none where one template is enough."""

    def all(self) -> Iterator[Template]:
        """Yield every template, the root first."""
        yield self.root
        yield from self.nested.values()

    def at(self, url: Callable[[str], str]) -> Pieces:
        """Return the same with the templates of the nested stacks at other places."""
        parts = dict(self.root["Resources"])
        for home in self.nested:
            properties = {**parts[home]["Properties"], "TemplateURL": url(home)}
            parts[home] = {**parts[home], "Properties": properties}
        return Pieces({**self.root, "Resources": parts}, self.nested)


def is_list(parameter: Any) -> bool:
    """Whether a parameter is a list."""
    kind = str(parameter.get("Type")) if isinstance(parameter, Mapping) else ""
    return kind == "CommaDelimitedList" or "List<" in kind


def attribute_of(argument: Any) -> tuple[str, str] | None:
    """Return the resource and the attribute that the argument of a GetAtt names."""
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if isinstance(parts, list) and len(parts) > 1 and all(isinstance(part, str) for part in parts):
        return parts[0], ".".join(parts[1:])
    return None


def spelled(reference: Mapping[str, Any]) -> str:
    """Return a reference as a variable of a text.

    >>> spelled({"Ref": "Vpc"}), spelled({"Fn::GetAtt": ["Vpc", "CidrBlock"]})
    ('Vpc', 'Vpc.CidrBlock')
    """
    ((_, argument),) = reference.items()
    return argument if isinstance(argument, str) else ".".join(argument)


def substituted(argument: Any, variable: Callable[[str], str], value: Callable[[Any], Any]) -> Any:
    """Return the argument of a Sub with other variables, but for those that it defines itself."""
    text, own = argument if isinstance(argument, list) and len(argument) == 2 else (argument, None)
    if not isinstance(text, str):
        return argument
    known = own if isinstance(own, Mapping) else {}

    def replaced(found: re.Match[str]) -> str:
        name = found[1]
        other = name if name in known else variable(name)
        return found[0].replace(name, other, 1)

    written = _VARIABLE.sub(replaced, text)
    return written if own is None else [written, value(own)]


def _signals(part: Any, before: Any, after: Any) -> Any:
    """Return a policy with another resource of the statement by which hosts signal; anything else as it is."""
    if not isinstance(part, Mapping) or part.get("Type") != "AWS::IAM::ManagedPolicy":
        return part
    document = (part.get("Properties") or {}).get("PolicyDocument")
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    if not isinstance(statements, list) or not isinstance(document, Mapping):
        return part
    changed = [
        {**each, "Resource": after}
        if isinstance(each, Mapping) and each.get("Action") == _SIGNAL and each.get("Resource") == before
        else each
        for each in statements
    ]
    return {**part, "Properties": {**part["Properties"], "PolicyDocument": {**document, "Statement": changed}}}


def signalling(part: Any) -> Any:
    """Let hosts signal the nested stacks too, where they may signal their own."""
    return _signals(part, _OF_THE_ROOT, [_OF_THE_ROOT, _OF_NESTED])


def signalling_no_more(part: Any) -> Any:
    """Undo `signalling`."""
    return _signals(part, [_OF_THE_ROOT, _OF_NESTED], _OF_THE_ROOT)


def awaited(part: Mapping[str, Any]) -> list[str]:
    """Return what a resource waits for by its own word."""
    named = part.get("DependsOn", [])
    return [named] if isinstance(named, str) else [each for each in named if isinstance(each, str)]
