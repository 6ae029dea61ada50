"""What `audit` and `encryption` add to a compiled template: resources of their own, and properties of others by type.

They are cross-cutting, so no kind and no runtime knows of them: each works on the template as plain data, and a new
kind whose types are listed here is audited and encrypted like the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]
"""A resource as a template has it."""


@dataclass
class Hardened:
    """The resources of a template that is being made, which the measures change."""

    resources: dict[str, Body]
    region: str | None
    stack: str
    """The stack's name."""

    def of(self, *types: str) -> Iterator[tuple[str, Body]]:
        """Yield the resources of some types by logical id, with their properties at hand."""
        for name, body in self.resources.items():
            if body["Type"] in types:
                yield name, body

    def properties(self, *types: str) -> Iterator[tuple[str, Body]]:
        """Yield the properties of the resources of some types, to be changed."""
        for name, body in self.of(*types):
            yield name, body.setdefault("Properties", {})

    def after(self, name: str, *others: str) -> None:
        """Have a resource made after others."""
        body = self.resources[name]
        written = body.get("DependsOn", [])
        named = {*([written] if isinstance(written, str) else written), *others}
        properties = body.pop("Properties", {})
        body["DependsOn"] = sorted(named)
        body["Properties"] = properties

    def may(self, role: str, *statements: Mapping[str, Any]) -> None:
        """Have a role do more: in its inline policy, or in one of its own."""
        policies = self.resources[role]["Properties"].setdefault("Policies", [])
        if not policies:
            policies.append({"PolicyName": "edges", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}})
        policies[0]["PolicyDocument"]["Statement"].extend(statements)


def role_of(arn: Mapping[str, Any]) -> str:
    """Return the logical id of a role, by its ARN as msaspec writes it."""
    return str(arn["Fn::GetAtt"][0])
