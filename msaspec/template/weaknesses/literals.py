"""Credentials that a template holds in plain text: in variables, commands, parameters and properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.diagnostics import credentials
from msaspec.diagnostics.place import Path
from msaspec.template.weakness import Group, Kind, Template, Weakness, as_map, inner, items_of

LITERAL = Kind(
    Group.PLAIN,
    ("AwsSolutions-ECS2",),
    ("CKV_AWS_45", "CKV_AWS_46"),
    ("ECS_TASK_DEFINITION_ENVIRONMENT_SECRETS_CHECK",),
)
RESOLVED = Kind(Group.PLAIN)
_SECRET = ("{{resolve:secretsmanager:", "{{resolve:ssm-secure:")
_TOLD = ("MasterUserPassword", "SecretString")
"""Told by the weaknesses of stores."""
_NAMES = ("Name", "Key", "ParameterKey")
_VALUES = ("Value", "ParameterValue", "Default")


def find(view: Template) -> Iterator[Weakness]:
    """Yield the credentials that are known by the name before them."""
    for entry in view.entries:
        for path, name, value in _named(entry.properties, ()):
            if name not in _TOLD and any(_is_literal(name, each) for each in view.texts(value)):
                what = f"The value of `{name}` of {entry.noun} is in the template"
                yield Weakness(LITERAL, entry.name, what, entry.at(*path), hides=True)
    for entry in view.of("AWS::ECS::TaskDefinition"):
        for at, container in view.maps(entry.properties.get("ContainerDefinitions")):
            for key, words in (
                *((key, container.get(key)) for key in ("Command", "EntryPoint")),
                ("HealthCheck", inner(container, "HealthCheck", "Command")),
            ):
                for _, name in credentials.in_words(list(view.texts(words))):
                    what = f"The value of `{name}` in a command of {entry.noun} is in the template"
                    path = entry.at("ContainerDefinitions", *at, key)
                    yield Weakness(LITERAL, entry.name, what, path, hides=True)
            for _, variable in view.maps(container.get("Environment")):
                if any(word in text for text in _all(variable.get("Value")) for word in _SECRET):
                    what = f"A secret is a plain variable of a container of {entry.noun}"
                    yield Weakness(RESOLVED, entry.name, what, entry.at("ContainerDefinitions", *at, "Environment"))
    for entry in view.of("AWS::EC2::Instance", "AWS::EC2::LaunchTemplate", "AWS::AutoScaling::LaunchConfiguration"):
        data = as_map(entry.properties.get("LaunchTemplateData")) or entry.properties
        for text in _all(data.get("UserData")):
            for name, *_ in credentials.settings(text):
                what = f"The value of `{name}` in the user data of {entry.noun} is in the template"
                yield Weakness(LITERAL, entry.name, what, entry.at("UserData"), hides=True)
    for name, parameter in as_map(view.data.get("Parameters")).items():
        default = as_map(parameter).get("Default")
        if isinstance(default, str) and _is_literal(name, default):
            what = f"The default of the parameter `{name}` is in the template"
            yield Weakness(LITERAL, "", what, ("Parameters", name, "Default"), hides=True)
    for name, output in as_map(view.data.get("Outputs")).items():
        if any(word in text for text in _all(as_map(output).get("Value")) for word in _SECRET):
            yield Weakness(RESOLVED, "", f"The output `{name}` shows a secret", ("Outputs", name, "Value"))


def _is_literal(name: str, text: str) -> bool:
    plain = not text.startswith(("{{resolve:", "arn:", "/", "$", "!"))
    return plain and credentials.is_named(name, text)


def _named(value: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Yield the values in properties, each with the name before it, and its path."""
    if isinstance(value, Mapping):
        name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
        for key, item in value.items():
            if name is not None and key in _VALUES:
                yield (*path, key), name, item
            elif not isinstance(item, list) and not (isinstance(item, Mapping) and not _is_value(item)):
                yield (*path, str(key)), str(key), item
            yield from _named(item, (*path, str(key)))
    else:
        for position, item in enumerate(items_of(value)):
            yield from _named(item, (*path, position))


def _is_value(item: Mapping[str, Any]) -> bool:
    """Whether a map is an intrinsic that gives a text."""
    return len(item) == 1 and next(iter(item)) in (
        "Ref",
        "Fn::Sub",
        "Fn::Join",
        "Fn::If",
        "Fn::FindInMap",
        "Fn::Select",
    )


def _all(value: Any) -> Iterator[str]:
    """Every text at any depth."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else items_of(value):
        yield from _all(each)
