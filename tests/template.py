"""What CloudFormation does with a template, as far as the tests need it: reads its YAML, fills in its intrinsics."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from msaspec import pipeline
from msaspec.pipeline import Compiled
from msaspec.source.document import Document
from msaspec.template.role import REGISTRY
from msaspec.template.stack import Stack


def compiled(text: str, environment: str | None = None) -> Compiled:
    """A manifest, compiled as `msaspec compile` does."""
    return pipeline.compile_main(pipeline.load(text, "msa.yaml"), environment)


def registry_of(document: Document) -> Stack | None:
    """The stack of the image repositories, as `msaspec compile --stack registry` makes it; None where there is none."""
    return next(iter(pipeline.compile_system(document, None, (REGISTRY,)).stacks), None)


def template_of(text: str, environment: str | None = None) -> dict[str, Any]:
    """The template of a manifest as plain data."""
    return dict(compiled(text, environment).stack.template)


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short intrinsics, in their long spelling. Nothing of msaspec takes part."""


def _short(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        argument: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: argument}
    if suffix == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _short)  # type: ignore[no-untyped-call]
# Dates are text to CloudFormation.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:
    """A template's YAML as data."""
    return yaml.load(text, Loader=_Loader)


def nodes(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Everything in a template with its path."""
    yield path, data
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from nodes(value, (*path, key))
    elif isinstance(data, list):
        for position, value in enumerate(data):
            yield from nodes(value, (*path, position))


class Filled:
    """A template with values for what CloudFormation would fill in: `<Ref X>`, `<X.Attribute>` or those given."""

    def __init__(self, template: Mapping[str, Any], **values: str) -> None:
        self.template = template
        self.values = values

    def value(self, data: Any) -> Any:
        """The data with its intrinsics resolved."""
        if isinstance(data, list):
            return [self.value(item) for item in data]
        if not isinstance(data, Mapping):
            return data
        if len(data) == 1:
            ((name, argument),) = data.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return getattr(self, "_" + name.removeprefix("Fn::").lower())(argument)
        return {key: self.value(item) for key, item in data.items()}

    def _reference(self, name: str) -> str:
        return self.values.get(name, f"<{name}>")

    def _getatt(self, argument: list[str]) -> str:
        return self._reference(".".join(argument))

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def filled(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            assert re.fullmatch(r"[A-Za-z0-9:.]+", name), f"CloudFormation would refuse ${{{name}}}"
            return str(self.value(own[name])) if name in own else self._reference(name)

        return re.sub(r"\$\{([^}]*)\}", filled, text)

    def _join(self, argument: list[Any]) -> str:
        separator, items = argument
        found = self.value(items)
        return str(separator).join(map(str, found.split(",") if isinstance(found, str) else found))

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.value(then if self.value(self.template["Conditions"][condition]) else otherwise)

    def _not(self, argument: list[Any]) -> bool:
        return not self.value(argument[0])

    def _equals(self, argument: list[Any]) -> bool:
        return bool(self.value(argument[0]) == self.value(argument[1]))

    def _findinmap(self, argument: list[str]) -> Any:
        name, first, second = argument
        return self.template["Mappings"][name][first][second]

    def _base64(self, argument: Any) -> str:
        return base64.b64encode(str(self.value(argument)).encode()).decode()

    def _select(self, argument: list[Any]) -> Any:
        return self.value(argument[1])[int(argument[0])]

    def _split(self, argument: list[Any]) -> list[str]:
        return str(self.value(argument[1])).split(argument[0])

    def _getazs(self, argument: Any) -> list[str]:
        return ["zone-a", "zone-b", "zone-c"]


def user_data(template: Mapping[str, Any], launch_template: str, **values: str) -> str:
    """The user data of a launch template as its instance gets it."""
    data = template["Resources"][launch_template]["Properties"]["LaunchTemplateData"]["UserData"]
    return base64.b64decode(Filled(template, **values).value(data)).decode()


def settings(text: str) -> dict[str, Any]:
    """The JSON document in user data, between the markers of its heredoc."""
    match = re.search(r"<<'MSASPEC'\n(.*?)\nMSASPEC\n", text, re.DOTALL)
    assert match, "the user data has no settings"
    document: dict[str, Any] = json.loads(match[1])
    return document
