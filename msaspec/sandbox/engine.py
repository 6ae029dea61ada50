"""What CloudFormation does with a template: order, creation, change, replacement, removal, and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from msaspec.sandbox import parameters
from msaspec.sandbox.intrinsics import Unknown, Values, references
from msaspec.sandbox.resource import At, Failed, Made, exists_at_aws, lookup, replacing, taggable

POLICIES = "DeletionPolicy", "UpdateReplacePolicy", "Metadata"
RETAIN = "Retain", "RetainExceptOnCreate"


@dataclass(frozen=True)
class Deployed:
    """A resource of a stack as it stands."""

    type: str
    definition: Mapping[str, Any]
    properties: Mapping[str, Any]
    made: Made
    status: str = "CREATE_COMPLETE"
    since: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))


@dataclass(frozen=True)
class Change:
    """What a change set would do to a resource."""

    action: str
    logical_resource_id: str
    resource_type: str
    physical_resource_id: str | None = None
    replacement: str | None = None
    scope: tuple[str, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Goal:
    """What a stack should become."""

    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def check(goal: Goal) -> None:
    """What CloudFormation refuses before it does anything. Raises Failed."""
    resources = goal.template["Resources"]
    strangers = sorted({part["Type"] for part in resources.values() if not exists_at_aws(part["Type"])})
    if strangers:
        raise Failed(f"Template format error: Unrecognized resource types: [{', '.join(strangers)}]")
    known = {*resources, *(goal.template.get("Parameters") or {})}
    for section in ("Resources", "Outputs"):
        for part in (goal.template.get(section) or {}).values():
            named = {name for name in references(part) if not name.startswith("AWS::")} | set(_depends_on(part))
            if lost := sorted(named - known):
                where = f"Unresolved resource dependencies [{', '.join(lost)}] in the {section} block of the template"
                raise Failed(f"Template format error: {where}")
    if len(resources) > 500:
        raise Failed(
            f"Template format error: Number of resources, {len(resources)}, is greater than maximum allowed, 500"
        )
    parameters.resolve(goal.template, goal.parameters)
    order(goal.template)


def order(template: Mapping[str, Any]) -> list[str]:
    """The resources of a template, each after what it needs."""
    resources = template["Resources"]
    graph = {name: _needs(part) & set(resources) for name, part in resources.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        raise Failed(f"Circular dependency between resources: [{', '.join(circle.args[1][1:])}]") from None


def _depends_on(part: Mapping[str, Any]) -> list[str]:
    needed = part.get("DependsOn", [])
    return [needed] if isinstance(needed, str) else list(needed)


def _needs(part: Mapping[str, Any]) -> set[str]:
    return {*_depends_on(part), *references(part)}


class Surroundings:
    """What a stack's engine needs of the world around it."""

    def __init__(self, api: Callable[[str], Any], stack_id: str, name: str, region: str, account: str) -> None:
        self.api = api
        self.stack_id, self.name, self.region, self.account = stack_id, name, region, account
        self.exports: Mapping[str, Any] = {}

    def at(self, logical_id: str, kind: str) -> At:
        """Where a resource of the stack stands."""
        return At(self.api, self.stack_id, self.name, self.region, self.account, logical_id, kind)

    def values(self, goal: Goal, attribute: Callable[[str, str | None], Any]) -> Values:
        """What the intrinsics of a template draw from."""
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        given = parameters.resolve(goal.template, goal.parameters)
        names = pseudo | parameters.typed(goal.template, given, lambda name: self._dynamic("ssm", name))
        return Values(goal.template, names, attribute, self._dynamic, self.exports, self._zones)

    def _zones(self, region: str) -> list[str]:
        return sorted(zone["ZoneName"] for zone in self.api("ec2").describe_availability_zones()["AvailabilityZones"])

    def _dynamic(self, service: str, text: str) -> str:
        if service != "secretsmanager":
            answer = self.api("ssm").get_parameter(Name=text, WithDecryption=service == "ssm-secure")
            return str(answer["Parameter"]["Value"])
        secret, _, rest = text.partition(":SecretString")
        value = str(self.api("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        key = rest.strip(":").split(":")[0]
        return str(json.loads(value)[key]) if key else value


Event = Callable[[str, str, str, str, str | None], None]


class Deployment:
    """The resources of one stack. `told` hears of each step: id, type, physical id, status, reason."""

    def __init__(self, around: Surroundings, told: Event) -> None:
        self.around = around
        self.told = told
        self.resources: dict[str, Deployed] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self._undo: list[Callable[[], None]] = []
        self.stuck: dict[str, Deployed] = {}
        """What could not be taken back after the last failure."""
        self._leftovers: list[tuple[str, Deployed]] = []

    def attribute(self, name: str, attribute: str | None) -> Any:
        """What `Fn::GetAtt`, and without an attribute `Ref`, give for a resource that is there."""
        if name not in self.resources:
            raise Failed(f"Template error: {name} is not there.")
        made = self.resources[name].made
        if attribute is None:
            return made.id
        if attribute not in made.attributes:
            raise Failed(f"Template error: the sandbox's {self.resources[name].type} has no attribute {attribute}")
        return made.attributes[attribute]

    def wanted(self, name: str, goal: Goal, values: Values) -> dict[str, Any]:
        """The properties of a resource, filled in, with the tags of the stack."""
        part = goal.template["Resources"][name]
        properties: dict[str, Any] = values.of(part.get("Properties", {}))
        if goal.tags and taggable(part["Type"]):
            own = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
            properties["Tags"] = [{"Key": key, "Value": value} for key, value in (dict(goal.tags) | own).items()]
        return properties

    def changes(self, goal: Goal) -> list[Change]:
        """What a change set lists. What depends on something that changes may change, too."""
        states: dict[str, str] = {}

        def attribute(name: str, attribute: str | None) -> Any:
            if states.get(name) in ("Add", "True", "Conditional") or (attribute and states.get(name)):
                return Unknown(f"{name}.{attribute}")
            return self.attribute(name, attribute)

        values = self.around.values(goal, attribute)
        found: list[Change] = []
        for name in self._present(goal, values):
            kind, old = goal.template["Resources"][name]["Type"], self.resources.get(name)
            if old is None:
                states[name] = "Add"
                found.append(Change("Add", name, kind))
                continue
            new = self.wanted(name, goal, values)
            changed = _changed(old.properties, new)
            certain = {key for key in changed if not _has_unknown(new.get(key))}
            if old.type != kind or replacing(kind, certain):
                states[name] = "True"
            elif changed:
                states[name] = "Conditional" if replacing(kind, changed) else "False"
            scope = (*(["Properties"] if changed else []), *_policies(old.definition, goal.template["Resources"][name]))
            if scope:
                details = tuple(_detail(key, kind, key in certain) for key in sorted(changed))
                found.append(Change("Modify", name, kind, old.made.id, states.get(name, "False"), scope, details))
        gone = [name for name in self.resources if name not in self._present(goal, values)]
        removed = [Change("Remove", name, self.resources[name].type, self.resources[name].made.id) for name in gone]
        return found + removed

    def _present(self, goal: Goal, values: Values) -> list[str]:
        parts = goal.template["Resources"]
        return [n for n in order(goal.template) if "Condition" not in parts[n] or values.holds(parts[n]["Condition"])]

    def apply(self, goal: Goal) -> None:
        """Makes and changes what the goal asks for, then removes what it does not. Raises Failed, having gone back
        with what it changed; then `resources` is as before."""
        before, self._undo, self._leftovers, self.stuck = dict(self.resources), [], [], {}
        values = self.around.values(goal, self.attribute)
        try:
            present = self._present(goal, values)
            for name in present:
                self._bring_about(name, goal, values)
            outputs = self._outputs(goal, values)
        except Exception as fault:
            failed = fault if isinstance(fault, Failed) else Failed(_sentence(fault))
            self.on_way_back(str(failed))
            for undo in reversed(self._undo):
                undo()
            self.resources = self.stuck | before
            raise failed from fault
        self.outputs = outputs
        gone = [(name, self.resources.pop(name)) for name in reversed(list(self.resources)) if name not in present]
        for name, old in [*reversed(self._leftovers), *gone]:
            policy = "UpdateReplacePolicy" if name in present else "DeletionPolicy"
            self._remove(name, old, str(old.definition.get(policy, _default(old))))
        self.resources = {name: self.resources[name] for name in present}

    def on_way_back(self, reason: str) -> None:
        """Called with what failed before everything is taken back."""

    def _bring_about(self, name: str, goal: Goal, values: Values) -> None:
        part, old = goal.template["Resources"][name], self.resources.get(name)
        kind = part["Type"]
        at = self.around.at(name, kind)
        verb = "CREATE" if old is None else "UPDATE"
        try:
            new = self.wanted(name, goal, values)
            if old is not None and old.type == kind and not _changed(old.properties, new):
                self.resources[name] = replace(old, definition=part)
                return
            self.told(name, kind, old.made.id if old else "", f"{verb}_IN_PROGRESS", None)
            if old is None or old.type != kind or replacing(kind, _changed(old.properties, new)):
                made = lookup(kind).create(at, new)
                fresh = Deployed(kind, part, new, made, f"{verb}_COMPLETE")
                self._undo.append(lambda: self._take_back(name, fresh))
                self._leftovers += [(name, old)] if old and old.made.id != made.id else []
            else:
                made = lookup(kind).update(at, old.made.id, old.properties, new)
                fresh, stood = Deployed(kind, part, new, made, "UPDATE_COMPLETE"), old
                self._undo.append(lambda: self._change_back(name, stood, new))
        except Exception as fault:
            reason = _sentence(fault)
            self.told(name, kind, old.made.id if old else "", f"{verb}_FAILED", reason)
            raise Failed(f"The following resource(s) failed to {verb.lower()}: [{name}].") from fault
        self.resources[name] = fresh
        self.told(name, kind, made.id, f"{verb}_COMPLETE", None)

    def _take_back(self, name: str, made: Deployed) -> None:
        # A resource of a failed deployment goes, unless it is to stay whatever happens.
        policy = "Retain" if made.definition.get("DeletionPolicy") == "Retain" else "Delete"
        needed = any(name in _needs(there.definition) for there in self.stuck.values())
        if needed or not self._remove(name, made, policy):
            self.stuck = {name: made, **self.stuck}

    def _change_back(self, name: str, old: Deployed, new: Mapping[str, Any]) -> None:
        self.told(name, old.type, old.made.id, "UPDATE_IN_PROGRESS", None)
        try:
            lookup(old.type).update(self.around.at(name, old.type), old.made.id, new, old.properties)
        except Exception as fault:
            self.told(name, old.type, old.made.id, "UPDATE_FAILED", _sentence(fault))
            self.stuck[name] = old
        else:
            self.told(name, old.type, old.made.id, "UPDATE_COMPLETE", None)

    def remove(self) -> list[str]:
        """Removes all resources by their deletion policies; returns those that would not go."""
        stuck: list[str] = []
        needed: set[str] = set()
        for name in reversed(list(self.resources)):
            old = self.resources[name]
            policy = str(old.definition.get("DeletionPolicy", _default(old)))
            if name not in needed and self._remove(name, old, policy):
                del self.resources[name]
                continue
            stuck += [name] if name not in needed else []
            needed |= _needs(old.definition)  # what a resource stands on stays with it
        return stuck

    def _remove(self, name: str, old: Deployed, policy: str) -> bool:
        if policy in RETAIN:
            self.told(name, old.type, old.made.id, "DELETE_SKIPPED", None)
            return True
        self.told(name, old.type, old.made.id, "DELETE_IN_PROGRESS", None)
        kind, at = lookup(old.type), self.around.at(name, old.type)
        try:
            (kind.snapshot if policy == "Snapshot" else kind.delete)(at, old.made.id, old.properties)
        except Exception as fault:
            self.told(name, old.type, old.made.id, "DELETE_FAILED", _sentence(fault))
            return False
        self.told(name, old.type, old.made.id, "DELETE_COMPLETE", None)
        return True

    def _outputs(self, goal: Goal, values: Values) -> dict[str, dict[str, Any]]:
        return {
            key: values.of({k: output[k] for k in ("Value", "Description", "Export") if k in output})
            for key, output in (goal.template.get("Outputs") or {}).items()
            if "Condition" not in output or values.holds(output["Condition"])
        }


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}


def _policies(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [key for key in POLICIES if old.get(key) != new.get(key)]


def _has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_unknown, value.values()))
    return any(map(_has_unknown, value)) if isinstance(value, list) else isinstance(value, Unknown)


def _detail(key: str, kind: str, certain: bool) -> Mapping[str, Any]:
    recreation = "Always" if replacing(kind, {key}) else "Never"
    target = {"Attribute": "Properties", "Name": key, "RequiresRecreation": recreation}
    return {"Target": target, "Evaluation": "Static" if certain else "Dynamic"}


def _default(old: Deployed) -> str:
    return "Snapshot" if lookup(old.type).snapshots else "Delete"


def _sentence(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, Failed) else f"{type(fault).__name__}: {fault}"
