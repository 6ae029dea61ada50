"""Rows of a change set that do not happen.

Where a property takes an attribute of a resource that changes, CloudFormation lists it as changing, whatever becomes of
the attribute. In recorded change sets such a row happened if and only if the attribute itself changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msaspec.compile import aws_types

Row = Mapping[str, Any]


def happening(rows: Sequence[Row], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a change set that happen, by the templates before and after."""
    return _Rows(rows, before, after).happening()


class _Rows:
    def __init__(self, rows: Sequence[Row], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self._rows = {row["LogicalResourceId"]: row for row in rows}
        self._old, self._new = before.get("Resources", {}), after.get("Resources", {})
        self._known: dict[str, bool] = {}

    def happening(self) -> list[Row]:
        return [row for name, row in self._rows.items() if self._happens(name)]

    def _happens(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = True  # until something else is known; templates have no circles
            details = self._rows[name].get("Details") or []
            causes = [each.get("CausingEntity") or "" for each in details if self._is_attribute(each)]
            nested = "." in name  # whose causes are named by what the nested stack calls them
            if not nested and self._rows[name]["Action"] == "Modify" and causes and len(causes) == len(details):
                self._known[name] = any(self._moves(*cause.partition(".")[::2]) for cause in causes)
        return self._known[name]

    def _is_attribute(self, detail: Mapping[str, Any]) -> bool:
        return detail.get("ChangeSource") == "ResourceAttribute"

    def _moves(self, name: str, attribute: str) -> bool:
        """Whether an attribute of a resource has another value afterwards, as far as can be told."""
        row, top = self._rows.get(name), attribute.partition(".")[0]
        if row is None or not attribute or row["Action"] != "Modify":
            return True
        changed = self._changed(row) if self._happens(name) else set()
        if top in changed:
            return True
        if row["ResourceType"].startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
            return True  # Its function answers with whatever it likes.
        if top in self._given(self._old, name) and top in self._given(self._new, name):
            return False
        if row.get("Replacement") in ("True", "Conditional"):
            return True
        if row["ResourceType"] not in aws_types.known():
            return bool(changed)
        return not changed.isdisjoint(aws_types.of(row["ResourceType"]).moves.get(attribute, (top,)))

    def _changed(self, row: Row) -> set[str]:
        return {str(each.get("Target", {}).get("Name")) for each in row.get("Details") or []}

    def _given(self, resources: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        properties = resources.get(name, {}).get("Properties")
        return properties if isinstance(properties, Mapping) else {}
