"""Who reads a secret when it starts, by a template as plain data: what is to be started anew when it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.aws import secret_texts
from msaspec.template import references

SERVICE, GROUP, INSTANCE = "AWS::ECS::Service", "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::Instance"
_TASK, _TEMPLATE = "AWS::ECS::TaskDefinition", "AWS::EC2::LaunchTemplate"
# fact: refresh-bounds
NEW_FIRST: Mapping[str, int] = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110}
"""How an instance refresh starts a new host before it ends an old one, where a group says nothing itself."""


@dataclass(frozen=True)
class Readers:
    """What reads a secret, by logical ids."""

    services: Mapping[str, str]
    """ECS services, each with its cluster."""
    groups: Mapping[str, bool]
    """Auto scaling groups, and whether they say themselves how hosts are replaced."""
    instances: tuple[str, ...]
    texts: tuple[str, ...]
    """Secrets with texts that hold it."""


def of(resources: Mapping[str, Any], secret: str) -> Readers:
    """Return who reads a secret, by its logical id, or a parameter, by its name; or a text that holds one."""
    known = {name: body for name, body in resources.items() if isinstance(body, Mapping)}

    def having(*kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, body in known.items():
            if body.get("Type") in kinds and isinstance(body.get("Properties"), Mapping):
                yield name, body["Properties"]

    texts = tuple(
        str(each["SecretArn"]["Ref"])
        for _, each in having(secret_texts.SecretTexts.resource_type)
        if _names(each["Texts"], {secret})
    )
    read = {name for name, each in having(_TASK, _TEMPLATE) if _names(each, {secret, *texts})}

    def running(kind: str, field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return ((name, each) for name, each in having(kind) if _names(each.get(field), read))

    return Readers(
        {name: str(each["Cluster"]["Ref"]) for name, each in running(SERVICE, "TaskDefinition")},
        {name: "InstanceMaintenancePolicy" in each for name, each in running(GROUP, "LaunchTemplate")},
        tuple(name for name, _ in running(INSTANCE, "LaunchTemplate")),
        texts,
    )


def _names(value: Any, wanted: set[str]) -> bool:
    """Return whether a part of a template refers to some resources, or has the name of a parameter."""
    if any(isinstance(each, references.Reference) and each.name in wanted for each in references.sources(value)):
        return True
    paths = [re.compile(re.escape(each) + r"(?![\w./-])") for each in wanted if each.startswith("/")]
    return bool(paths) and any(path.search(text) for text in _texts(value) for path in paths)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
