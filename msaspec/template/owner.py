"""Whose a template is: the system, the environment and the stack of it that its own Metadata names. Pure.

The name of a stack does not say it: `store-prod` is the environment `prod` of the system `store`, or another system.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.template.role import MAIN, ROLES, Named

METADATA = "msaspec"
"""The key of the template's Metadata under which msaspec says something of itself."""

_ROLES = {role.word: role for role in ROLES}
_MADE = "Compiled by msaspec"
_DESCRIBED = re.compile(
    r"((?P<title>[A-Z][a-z ]+) of )?(?P<system>[a-z0-9-]+)(, environment (?P<environment>[a-z0-9-]+))?"
    rf"\. {_MADE}\b.*",
    re.DOTALL,
)
"""What the descriptions of templates say, by which those are known that were compiled before the Metadata did."""


def description(owner: Named) -> str:
    """Return the description of the template of a stack."""
    if owner.role.shared:
        return f"{owner.role.title} of {owner.system}. {_MADE}."
    where = f", environment {owner.environment}" if owner.environment else ""
    return f"{owner.system}{where}. {_MADE}; change the manifest, not this."


def metadata(owner: Named) -> dict[str, str]:
    """Return what the template of a stack says of it, under `METADATA`."""
    environment = {"environment": owner.environment} if owner.environment else {}
    return {"system": owner.system, **environment, "stack": owner.role.word}


@dataclass(frozen=True)
class Claim:
    """What a template says of its maker."""

    ours: bool
    """Whether msaspec compiled it."""
    owner: Named | None = None
    """None where it does not say which system it is of."""

    def contradicts(self, owner: Named) -> bool:
        """Return whether the template is not that of a stack. An older one that says nothing of its system may be."""
        return not self.ours or self.owner not in (None, owner)


def claim(template: Mapping[str, Any]) -> Claim:
    """Read what a template says of its maker: its Metadata, else, of an older version of msaspec, its description."""
    said = recorded(template)
    if said is None:
        return Claim(False)
    system, environment, role = said.get("system"), said.get("environment"), _ROLES.get(str(said.get("stack")))
    if isinstance(system, str) and isinstance(environment, str | None) and role:
        return Claim(True, Named(role, system, environment))
    found = _DESCRIBED.fullmatch(str(template.get("Description")))
    if found is None:
        return Claim(True)
    described = next((each for each in ROLES if each.shared and each.title == found["title"]), None)
    if found["title"] and described is None:
        return Claim(True)
    return Claim(True, Named(described or MAIN, found["system"], found["environment"]))


def recorded(template: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a template's Metadata says under `METADATA`; None where msaspec wrote nothing there."""
    found = template.get("Metadata")
    said = found.get(METADATA) if isinstance(found, Mapping) else None
    return said if isinstance(said, Mapping) else None
