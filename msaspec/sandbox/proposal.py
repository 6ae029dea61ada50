"""What a change set lists: what would become of each resource, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.sandbox.goal import Goal
from msaspec.sandbox.intrinsics import Unknown, references
from msaspec.sandbox.resource import replacing, sometimes_replacing
from msaspec.sandbox.standing import Deployed, Standing, changed

ATTRIBUTES = "DeletionPolicy", "UpdateReplacePolicy", "Metadata"
"""What of a resource may change beside its properties."""


@dataclass(frozen=True)
class Change:
    """What would become of a resource."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: str | None = None
    policy_action: str | None = None
    scope: tuple[str, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()
    properties: Mapping[str, Any] | None = None
    """What the resource would have, with `Unknown` for what only the deployment tells."""


def changes(standing: Standing, goal: Goal) -> list[Change]:
    """What a goal would change. What depends on something that changes may change, too."""
    return list(_Comparison(standing, goal).changes())


class _Comparison:
    """A stack beside what it should become."""

    def __init__(self, standing: Standing, goal: Goal) -> None:
        self.standing, self.goal = standing, goal
        self.states: dict[str, str] = {}
        """`Add` for what is new, else what is known of the replacement."""
        self.values = standing.around.values(goal, self._attribute)
        before = standing.goal.values if standing.goal else {}
        self.parameters = {key for key, value in goal.values.items() if before.get(key) != value}

    def _attribute(self, name: str, attribute: str | None) -> Any:
        if self.states.get(name) in ("Add", "True", "Conditional") or (attribute and self.states.get(name)):
            return Unknown(f"{name}.{attribute}")
        return self.standing.attribute(name, attribute)

    def changes(self) -> Iterator[Change]:
        """The rows, what is removed at the end."""
        present = self.standing.present(self.goal, self.values)
        for name in present:
            old = self.standing.resources.get(name)
            if old is None:
                self.states[name] = "Add"
                kind = self.goal.template["Resources"][name]["Type"]
                action = "Import" if name in self.goal.imports else "Add"
                yield Change(action, name, kind, properties=self._foreseen(name))
            else:
                yield from self._modified(name, old, self.standing.wanted(name, self.goal, self.values))
        for name, old in list(self.standing.resources.items()):
            if name not in present:
                policy = _action(old.policy("DeletionPolicy"))
                yield Change("Remove", name, old.type, old.made.id, policy_action=policy)

    def _foreseen(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self.standing.wanted(name, self.goal, self.values)
        except Exception:  # such as a reference to a secret that the deployment makes first
            return None

    def _modified(self, name: str, old: Deployed, new: dict[str, Any]) -> Iterator[Change]:
        part = self.goal.template["Resources"][name]
        kind = part["Type"]
        keys = changed(old.properties, new)
        certain = {key for key in keys if not _has_unknown(new.get(key)) or self._is_rewritten(key, old, part)}
        if old.type != kind or replacing(kind, certain):
            self.states[name] = "True"
        elif keys:
            possible = replacing(kind, keys) or sometimes_replacing(kind, keys)
            self.states[name] = "Conditional" if possible else "False"
        attributes = [key for key in ATTRIBUTES if old.definition.get(key) != part.get(key)]
        scope = (*(["Properties"] if keys - {"Tags"} else []), *(["Tags"] if "Tags" in keys else []), *attributes)
        if not scope:
            return
        replacement = self.states.get(name, "False")
        policy = None if replacement == "False" else f"ReplaceAnd{_action(old.policy('UpdateReplacePolicy'))}"
        details = [detail for key in sorted(keys) for detail in self._details(key, old, part, key in certain)]
        details += [_detail({"Attribute": key, "RequiresRecreation": "Never"}, True) for key in attributes]
        yield Change("Modify", name, kind, old.made.id, replacement, policy, scope, tuple(details), new)

    def _is_rewritten(self, key: str, old: Deployed, part: Mapping[str, Any]) -> bool:
        """Whether the template itself says something else of a property."""
        before, after = old.definition.get("Properties") or {}, part.get("Properties") or {}
        return bool(before.get(key) != after.get(key))

    def _details(self, key: str, old: Deployed, part: Mapping[str, Any], certain: bool) -> Iterator[Mapping[str, Any]]:
        kind, raw = part["Type"], (part.get("Properties") or {}).get(key)
        if key == "Tags":
            yield _detail({"Attribute": "Tags", "RequiresRecreation": "Never"}, True)
            return
        sometimes = "Conditionally" if sometimes_replacing(kind, {key}) else "Never"
        recreation = "Always" if replacing(kind, {key}) else sometimes
        target = {
            "Attribute": "Properties",
            "Name": key,
            "Path": f"/Properties/{key}",
            "RequiresRecreation": recreation,
        }
        causes = list(self._causes(raw))
        if self._is_rewritten(key, old, part) or not causes:
            yield _detail(target, certain)
        for source, entity in causes:
            yield _detail(target, certain and source == "ParameterReference", source, entity)

    def _causes(self, raw: Any) -> Iterator[tuple[str, str]]:
        """What else changes that a property refers to."""
        for name in dict.fromkeys(references(raw)):
            if name in self.parameters:
                yield "ParameterReference", name
        for name, attribute in dict.fromkeys(_attributes(raw)):
            if self.states.get(name):
                yield "ResourceAttribute", f"{name}.{attribute}"
        attributes = {name for name, _ in _attributes(raw)}
        for name in dict.fromkeys(references(raw)):
            if self.states.get(name) in ("Add", "True", "Conditional") and name not in attributes:
                yield "ResourceReference", name


def _attributes(data: Any) -> Iterator[tuple[str, str]]:
    """Every attribute of a resource that a part of a template names in `Fn::GetAtt`."""
    if isinstance(data, list):
        for item in data:
            yield from _attributes(item)
    elif isinstance(data, Mapping):
        for key, item in data.items():
            if key == "Fn::GetAtt":
                name, attribute = item.split(".", 1) if isinstance(item, str) else item
                yield str(name), str(attribute)
            else:
                yield from _attributes(item)


def _has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_unknown, value.values()))
    return any(map(_has_unknown, value)) if isinstance(value, list) else isinstance(value, Unknown)


def _detail(
    target: Mapping[str, Any], certain: bool, source: str = "DirectModification", entity: str | None = None
) -> Mapping[str, Any]:
    evaluation = "Static" if certain else "Dynamic"
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": source, "CausingEntity": entity}


def _action(policy: str) -> str:
    return "Retain" if policy == "RetainExceptOnCreate" else policy
