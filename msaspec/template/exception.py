"""An exception: what checkers of templates find and msaspec means as it is, with the reason.

cdk-nag reads `Metadata: {cdk_nag: {rules_to_suppress: [{id, reason}]}}` of a resource, checkov
`Metadata: {checkov: {skip: [{id, comment}]}}`, and CloudFormation Guard `Metadata: {guard: {SuppressedRules: [...]}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msaspec.template.resources import Resource


def _always(resource: Resource) -> bool:
    return True


def _anywhere(region: str | None) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Exempt:
    """An exception, for every resource of some types that it fits."""

    title: str
    reason: str
    """One sentence, which stands in templates."""
    types: tuple[str, ...]
    fits: Callable[[Resource], bool] = _always
    """Whether a resource has what the rules find."""
    without: tuple[str, str] | None = None
    """A type and its property that names the resource: with one of these, there is nothing to find."""
    regions: Callable[[str | None], bool] = _anywhere
    """Whether it holds in a Region; None is one that the manifest does not name."""
    nag: tuple[str, ...] = ()
    """Rules of cdk-nag's AwsSolutions."""
    packs: Mapping[str, str] | None = None
    """Rules of cdk-nag's other packs, each with the packs that have it: N (NIST 800-53 r5), P (PCI DSS), H (HIPAA)."""
    checkov: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()
    false_alarm: bool = False
    """Whether the rules are mistaken, and nothing is missing."""

    @property
    def cdk_nag(self) -> tuple[str, ...]:
        """The rules of all packs of cdk-nag, by their ids."""
        rules = [f"AwsSolutions-{rule}" for rule in self.nag]
        rules += [f"{PACKS[letter]}-{rule}" for rule, letters in (self.packs or {}).items() for letter in letters]
        return tuple(rules)


PACKS: Mapping[str, str] = {"N": "NIST.800.53.R5", "P": "PCI.DSS.321", "H": "HIPAA.Security"}


def write(
    resource: dict[str, Any], reason: str, cdk_nag: Sequence[str], checkov: Sequence[str], guard: Sequence[str]
) -> None:
    """Write an exception into the Metadata of a resource. What is there stays, also where it is no map."""
    metadata = resource.setdefault("Metadata", {})
    if not isinstance(metadata, dict):
        return
    rules = [{"id": id, "reason": reason} for id in cdk_nag]
    skipped = [{"id": id, "comment": reason} for id in checkov]
    for checker, key, new in (
        ("cdk_nag", "rules_to_suppress", rules),
        ("checkov", "skip", skipped),
        ("guard", "SuppressedRules", list(guard)),
    ):
        holder = metadata.setdefault(checker, {}) if new else None
        listed = holder.setdefault(key, []) if isinstance(holder, dict) else None
        if isinstance(listed, list):
            known = [_id(each) for each in listed]
            listed.extend(each for each in new if _id(each) not in known)


def _id(entry: Any) -> Any:
    return entry.get("id") if isinstance(entry, Mapping) else entry
