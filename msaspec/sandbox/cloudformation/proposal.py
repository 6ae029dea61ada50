"""What a change set lists: what would become of each resource, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.sandbox.cloudformation.goal import Goal
from msaspec.sandbox.cloudformation.intrinsics import Unknown, attributes_of, faults, references
from msaspec.sandbox.cloudformation.resource import Failed, replacing, sometimes_replacing
from msaspec.sandbox.cloudformation.standing import ATTRIBUTES, Deployed, Standing, changed

LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows for a value that is known only after deployment."""
INCOMPLETE = "[WARN] --include-property-values option can return incomplete ChangeSet data because:"
NESTED = "AWS::CloudFormation::Stack"
AUTOMATIC = {
    "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
    "Evaluation": "Dynamic",
    "ChangeSource": "Automatic",
    "CausingEntity": None,
}
"""Why a nested stack is looked into of which the template says nothing new."""
ANEW = "Add", "True", "Conditional"
"""States of resources whose physical id may be another one afterwards."""


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
    before: Mapping[str, Any] | None = None
    """The properties that the resource has."""
    properties: Mapping[str, Any] | None = None
    """What the resource would have, with `Unknown` for what is known only after deployment."""


def changes(standing: Standing, goal: Goal) -> list[Change]:
    """Return what a goal would change. What depends on something that changes may change, too."""
    return list(_Comparison(standing, goal, valued=False).changes())


def valued(standing: Standing, goal: Goal) -> list[Change]:
    """Return the same with the values of properties.

    CloudFormation then takes the attributes of what is changed in place for those that it has, so that rows are missing
    that a change set without values lists.
    """
    return list(_Comparison(standing, goal, valued=True).changes())


class _Comparison:
    """A stack beside what it should become."""

    def __init__(self, standing: Standing, goal: Goal, *, valued: bool) -> None:
        self.standing, self.goal, self.valued = standing, goal, valued
        self.states: dict[str, str] = {}
        """`Add` for what is new, else what is known of the replacement."""
        self.values = standing.around.values(goal, self._attribute)
        before = standing.goal.values if standing.goal else {}
        self.parameters = {key for key, value in goal.values.items() if before.get(key) != value}

    def _attribute(self, name: str, attribute: str | None) -> Any:
        state = self.states.get(name)
        if state in ANEW or (attribute and state and not self.valued):
            return Unknown(f"{name}.{attribute}")
        try:
            return self.standing.attribute(name, attribute)
        except Failed:
            if state:  # it may be there afterwards
                return Unknown(f"{name}.{attribute}")
            raise

    def changes(self) -> Iterator[Change]:
        """Yield the rows, what is removed at the end."""
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
                yield Change("Remove", name, old.type, old.made.id, policy_action=policy, before=self._said(old))

    def _foreseen(self, name: str) -> Mapping[str, Any] | None:
        """Return the properties that a resource would have, with `Unknown` for what is not known yet."""
        try:
            return self.standing.wanted(name, self.goal, self.values)
        except Failed:
            raw = self.goal.template["Resources"][name].get("Properties") or {}
            return {key: self._tried(value) for key, value in raw.items()}
        except Exception:  # such as a reference to a secret that the deployment makes first
            return None

    def _tried(self, raw: Any) -> Any:
        try:
            return self.values.of(raw)
        except Failed as fault:
            return Unknown("", fault=str(fault))

    def _said(self, old: Deployed) -> Mapping[str, Any] | None:
        """Return what the template says of a resource that is removed; no other resource is looked up for it."""
        if self.standing.goal is None:
            return None
        values = self.standing.around.values(self.standing.goal, lambda name, attribute: Unknown(name))
        try:
            found: Mapping[str, Any] = values.of(old.definition.get("Properties", {}))
        except Exception:  # such as an export that is gone
            return None
        return found

    def _modified(self, name: str, old: Deployed, new: dict[str, Any]) -> Iterator[Change]:
        part = self.goal.template["Resources"][name]
        kind = part["Type"]
        keys = changed(old.properties, new)
        described = {key: list(self._details(key, old, part, new)) for key in sorted(keys)}
        certain = {key for key, details in described.items() if any(each["Evaluation"] == "Static" for each in details)}
        if old.type != kind or replacing(kind, certain):
            self.states[name] = "True"
        elif keys:
            possible = replacing(kind, keys) or sometimes_replacing(kind, keys)
            self.states[name] = "Conditional" if possible else "False"
        details = [detail for each in described.values() for detail in each]
        details += self._beside(old, part, self.standing.defined(name, self.goal, self.values))
        if kind == NESTED and not details:
            details, self.states[name] = [AUTOMATIC], "False"
        scope = sorted({detail["Target"]["Attribute"] for detail in details})
        if not scope:
            return
        replacement = self.states.get(name, "False")
        policy = None if replacement == "False" else f"ReplaceAnd{_action(old.policy('UpdateReplacePolicy'))}"
        yield Change(
            "Modify", name, kind, old.made.id, replacement, policy, tuple(scope), tuple(details), old.properties, new
        )

    def _beside(self, old: Deployed, part: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Why what a resource says beside its properties changes."""
        for key in ATTRIBUTES:
            if old.definition.get(key) != new.get(key):
                target = {"Attribute": key, "RequiresRecreation": "Never"}
                causes = [name for name in dict.fromkeys(references(part.get(key))) if name in self.parameters]
                yield _detail(target, certain=not causes)
                for name in causes:
                    yield _detail(target, certain=True, source="ParameterReference", entity=name)

    def _is_rewritten(self, key: str, old: Deployed, part: Mapping[str, Any]) -> bool:
        """Whether the template itself says something else of a property."""
        before, after = old.definition.get("Properties") or {}, part.get("Properties") or {}
        return bool(before.get(key) != after.get(key))

    def _details(
        self, key: str, old: Deployed, part: Mapping[str, Any], new: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        """Why a property changes. What the template says anew, or nothing else explains, is a direct modification."""
        kind, raw, rewritten = part["Type"], (part.get("Properties") or {}).get(key), self._is_rewritten(key, old, part)
        sources = list(self._sources(raw))
        if key == "Tags" and not rewritten and not sources:  # those of the stack
            yield _detail({"Attribute": "Tags", "RequiresRecreation": "Never"}, certain=True)
            return
        sometimes = "Conditionally" if sometimes_replacing(kind, {key}) else "Never"
        recreation = "Always" if replacing(kind, {key}) else sometimes
        target = {"Attribute": "Properties", "Name": key, "RequiresRecreation": recreation}
        if self.valued:
            target |= {"Path": f"/Properties/{key}", **_compared(key, old.properties, new)}
        static = any(certain for _, _, certain in sources)
        parameters = any(source == "ParameterReference" and certain for source, _, certain in sources)
        if not sources or rewritten or parameters or self.valued:
            yield _detail(target, certain=not static)
        for source, entity, certain in sources:
            yield _detail(target, certain=certain, source=source, entity=entity)

    def _sources(self, raw: Any) -> Iterator[tuple[str, str, bool]]:
        """Yield what else changes that a property refers to, and whether that surely changes the property."""
        for name in dict.fromkeys(references(raw)):
            if name in self.parameters:
                yield "ParameterReference", name, not isinstance(self.goal.values[name], Unknown)
        named = dict.fromkeys(attributes_of(raw))
        for name, attribute in named:
            state = self.states.get(name)
            if state in ANEW or (state and not self.valued):
                yield "ResourceAttribute", f"{name}.{attribute}", state in ("Add", "True")
        for name in dict.fromkeys(references(raw)):
            state = self.states.get(name)
            if state in ANEW and name not in {name for name, _ in named}:
                yield "ResourceReference", name, state in ("Add", "True")


def _compared(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a valued change set says of a property beside its name."""
    kind = "Add" if key not in before else "Remove" if key not in after else "Modify"
    found: dict[str, Any] = {"AttributeChangeType": kind}
    found |= {"BeforeValue": before[key]} if key in before else {}
    return found | ({"AfterValue": after[key]} if key in after else {})


def _detail(
    target: Mapping[str, Any], source: str = "DirectModification", entity: str | None = None, *, certain: bool
) -> Mapping[str, Any]:
    evaluation = "Static" if certain else "Dynamic"
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": source, "CausingEntity": entity}


def warning(changes: list[Change]) -> str | None:
    """Return what CloudFormation says of the values that a change set cannot show."""
    for change in changes:
        for fault in faults(change.properties):
            return f"{INCOMPLETE} ChangeSet creation failed for resource [{change.logical_id}] because: {fault}"
    return None


def _action(policy: str) -> str:
    return "Retain" if policy == "RetainExceptOnCreate" else policy


def shown(value: Any) -> Any:
    """Return a value as a change set shows it."""
    if isinstance(value, Unknown):
        return LATER
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value
