"""What an update of a stack would do, told from its two templates: offline, before any change set.

Which property replaces its resource is known from the registry schemas. Effects spread along references: what refers
to a resource that is replaced gets another value, which may replace it too. A replacement that only may happen is told
and does not spread: it rarely happens, and its shadow would hide what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msaspec import origin, registry_schemas
from msaspec.diagnostic import Code, Diagnostic, Severity
from msaspec.place import Path, render
from msaspec.references import (
    UNKNOWN,
    Choice,
    Lookup,
    Reference,
    Source,
    differences,
    filled_in,
    inner,
    normal,
    sources,
)
from msaspec.registry_schemas import Pattern, Updates

DATA_LEAVES = Code(
    "MSA510",
    "A resource with data would leave the stack",
    """
    The update removes a database, a bucket, a repository or a secret in use from the template. Its `DeletionPolicy`
    decides what becomes of it, and the message says which: deleted, deleted behind a last snapshot, or left in the
    account outside of any stack. An entry that was renamed is one removed and another added; the data does not move.
    """,
    Severity.WARNING,
)
DATA_REPLACED = Code(
    "MSA511",
    "A resource with data would be replaced",
    """
    The update changes a property that the resource has for life, so CloudFormation makes a new, empty one and puts it
    in the place of the old. Its `UpdateReplacePolicy` decides what becomes of the old one, and the message says which.
    """,
    Severity.WARNING,
)


class Action(StrEnum):
    """What happens to a resource."""

    ADD = "add"
    IMPORT = "import"
    """It exists outside of any stack, and this one takes it over."""
    MODIFY = "modify"
    REPLACE = "replace"
    MAYBE_REPLACE = "maybe-replace"
    REMOVE = "remove"


class Replaces(StrEnum):
    """Whether the change of a property replaces its resource."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True)
class PropertyChange:
    """A property that gets another value."""

    path: Path
    """Below `Properties`; for an attribute of the resource, such as `DeletionPolicy`, below the resource."""
    replaces: Replaces = Replaces.NO
    attribute: bool = False


@dataclass(frozen=True)
class Change:
    """What an update does to one resource, parameter or output."""

    logical_id: str
    type: str
    """Type of the resource; `Parameter` or `Output` for one of those."""
    action: Action
    properties: tuple[PropertyChange, ...] = ()
    entry: Path = ()
    """The manifest entry that it belongs to."""
    retained: str | None = None
    """For what is removed or replaced: `Delete`, `Snapshot`, `Retain` or `RetainExceptOnCreate`."""
    stateful: bool = False
    """Whether it holds data that nothing else holds."""
    deletes_first: bool = False
    """Whether the old one goes before its replacement is there."""
    protected: bool = False
    """Whether its deletion protection refuses that it goes."""


Template = Mapping[str, Any]
Origins = Mapping[str, Path]

STATEFUL: Mapping[str, str] = {
    "AWS::Cognito::UserPool": "user pool",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::DynamoDB::Table": "table",
    "AWS::ECR::Repository": "image repository",
    "AWS::EFS::FileSystem": "file system",
    "AWS::KMS::Key": "key",
    "AWS::RDS::DBCluster": "database cluster",
    "AWS::RDS::DBInstance": "database instance",
    "AWS::S3::Bucket": "bucket",
    "AWS::SecretsManager::Secret": "secret",
}
"""Types with data that nothing else holds. Not log groups: what happened is a pity to lose, but nothing needs it."""

_ONLY_EMPTY = ("AWS::ECR::Repository", "AWS::S3::Bucket")
_ATTRIBUTES = ("Condition", "CreationPolicy", "DeletionPolicy", "Metadata", "UpdatePolicy", "UpdateReplacePolicy")
"""What a change set tells of beside properties, and Condition. `DependsOn` is only an order."""

_MOVING = {("AWS::EC2::LaunchTemplate", "LatestVersionNumber"): ("LaunchTemplateData", "VersionDescription")}
"""Attributes that move with properties of the same resource: every change of a launch template's data is a version."""

_POLICIES = ("Delete", "Snapshot", "RetainExceptOnCreate", "Retain")
"""From what keeps least to what keeps most."""


def between(
    before: Template, after: Template, *, origins: Origins | None = None, origins_before: Origins | None = None
) -> tuple[Change, ...]:
    """What an update from one template to the other does, in the order of the templates.

    `origins` are those of the compiled stacks; what they leave out is told from logical ids.
    """
    return tuple(_Comparison(before, after, origins or {}, origins_before or {}).changes())


class _Comparison:
    def __init__(self, before: Template, after: Template, origins: Origins, origins_before: Origins) -> None:
        self.before, self.after = before, after
        self.origins, self.origins_before = origins, origins_before
        self.entry_after, self.entry_before = origin.reader(after), origin.reader(before)
        self.old, self.new = _resources(before), _resources(after)
        self.found: dict[str, dict[Path, PropertyChange]] = {}

    def changes(self) -> Iterator[Change]:
        """Resources, then outputs and parameters; each with what is left in the order of `after`, then what goes."""
        self._settle()
        for name in dict.fromkeys([*self.new, *self.old]):
            if name not in self.old:
                yield self._change(name, Action.ADD, self.new[name])
            elif name not in self.new:
                yield self._change(name, Action.REMOVE, self.old[name])
            elif properties := self._properties(name):
                yield self._change(name, _action(properties), self.old[name], properties)
        for section, kind in (("Outputs", "Output"), ("Parameters", "Parameter")):
            yield from self._definitions(section, kind)

    def _definitions(self, section: str, kind: str) -> Iterator[Change]:
        old, new = self.before.get(section, {}), self.after.get(section, {})
        for name in dict.fromkeys([*new, *old]):
            action = Action.MODIFY if name in old and name in new else Action.ADD if name in new else Action.REMOVE
            paths = tuple(map(PropertyChange, differences(old[name], new[name]))) if action is Action.MODIFY else ()
            if paths or action is not Action.MODIFY:
                yield Change(name, kind, action, paths, self._entry(name, action))

    def _change(
        self, name: str, action: Action, resource: Mapping[str, Any], properties: tuple[PropertyChange, ...] = ()
    ) -> Change:
        kind = resource["Type"]
        entry = self._entry(name, action)
        lost = action in (Action.REMOVE, Action.REPLACE, Action.MAYBE_REPLACE)
        updates = registry_schemas.updates(kind) if lost else None
        return Change(
            name,
            kind,
            action,
            properties,
            entry,
            self._retained(name, action) if lost else None,
            self._stateful(name, resource, action),
            action is not Action.REMOVE and updates is not None and updates.deletes_first,
            lost and normal(_properties(resource).get("DeletionProtection")) == "true",
        )

    def _settle(self) -> None:
        """Finds the properties that change: those that differ, and those that follow, until no more do."""
        taken: dict[str, list[tuple[Path, frozenset[Source]]]] = {}
        for name in self.new:
            if name in self.old:
                old, new = self.old[name], self.new[name]
                paths = [] if old["Type"] != new["Type"] else differences(_properties(old), _properties(new))
                self.found[name] = {path: self._judged(name, path) for path in paths}
                taken[name] = list(filled_in(_properties(new)))
        more = True
        while more:
            more = False
            moved: dict[Source, bool] = {}
            for name, places in taken.items():
                for path, sources_of in places:
                    if path in self.found[name]:
                        continue
                    for source in sources_of:
                        if source not in moved:
                            moved[source] = self._moved(source)
                    if any(moved[source] for source in sources_of):
                        self.found[name][path] = self._judged(name, path)
                        more = True

    def _moved(self, source: Source) -> bool:
        """Whether what a value is taken from has another value after the update, as far as is found."""
        if isinstance(source, Lookup):
            return bool(_looked_up(self.before, source.keys) != _looked_up(self.after, source.keys))
        if isinstance(source, Choice):
            conditions = [
                template.get("Conditions", {}).get(source.condition) for template in (self.before, self.after)
            ]
            return normal(conditions[0]) != normal(conditions[1]) or any(map(self._moved, sources(conditions[1])))
        if source.name in self.after.get("Parameters", {}):
            defaults = [t.get("Parameters", {}).get(source.name, {}).get("Default") for t in (self.before, self.after)]
            return bool(normal(defaults[0]) != normal(defaults[1]))
        return source.name in self.found and self._resource_moved(source)

    def _resource_moved(self, source: Reference) -> bool:
        if _action(self._properties(source.name)) is Action.REPLACE:
            return True
        if source.attribute is None:
            return False
        changed = {str(path[0]) for path in self.found[source.name] if path}
        kind = self.new[source.name]["Type"]
        if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
            return bool(changed)  # Its function answers every update, with whatever it likes.
        movers = _MOVING.get((kind, source.attribute), (source.attribute.partition(".")[0],))
        return not changed.isdisjoint(movers)

    def _judged(self, name: str, path: Path) -> PropertyChange:
        updates = registry_schemas.updates(self.new[name]["Type"])
        return PropertyChange(path, _effect(path, updates, _properties(self.old[name]), _properties(self.new[name])))

    def _properties(self, name: str) -> tuple[PropertyChange, ...]:
        old, new = self.old[name], self.new[name]
        if old["Type"] != new["Type"]:
            return (PropertyChange(("Type",), Replaces.YES, attribute=True),)
        attributes = (a for a in _ATTRIBUTES if normal(old.get(a)) != normal(new.get(a)))
        return (*self.found[name].values(), *(PropertyChange((a,), attribute=True) for a in attributes))

    def _entry(self, name: str, action: Action) -> Path:
        if action is Action.REMOVE:
            return self.origins_before.get(name) or self.entry_before(name)
        return self.origins.get(name) or self.entry_after(name)

    def _retained(self, name: str, action: Action) -> str:
        """What keeps least, of the old and the new policy of a replacement; the policy of what is removed."""
        if action is Action.REMOVE:
            resource = self.old[name]
            single = resource["Type"] == "AWS::RDS::DBInstance" and "DBClusterIdentifier" not in _properties(resource)
            snapshot = single or resource["Type"] == "AWS::RDS::DBCluster"
            return str(resource.get("DeletionPolicy", "Snapshot" if snapshot else "Delete"))
        policies = [str(side[name].get("UpdateReplacePolicy", "Delete")) for side in (self.old, self.new)]
        return min(policies, key=lambda policy: _POLICIES.index(policy) if policy in _POLICIES else 0)

    def _stateful(self, logical_id: str, resource: Mapping[str, Any], action: Action) -> bool:
        kind = resource["Type"]
        if kind not in STATEFUL or _properties(resource).get("SourceDBInstanceIdentifier"):
            return False  # Another type, or a replica, whose data its source has.
        if kind == "AWS::SecretsManager::Secret" and action is Action.REMOVE:
            # A secret that goes together with its user, or with the use, is no longer in use.
            left = {*self.origins.values(), *map(self.entry_after, self.new)}
            return self.entry_before(logical_id) in left
        return True


def _resources(template: Template) -> dict[str, Mapping[str, Any]]:
    """The resources by logical id. A loop or a macro is compared as a whole."""
    return {
        str(name): resource
        if isinstance(resource, Mapping) and isinstance(resource.get("Type"), str)
        else {"Type": str(name), "Properties": {"Value": resource}}
        for name, resource in template.get("Resources", {}).items()
    }


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = resource.get("Properties") or {}
    return found


def _looked_up(template: Template, keys: tuple[str | None, ...]) -> Any:
    found: Any = template.get("Mappings", {})
    for key in keys:
        if key is None or not isinstance(found, Mapping):
            break
        found = found.get(key)
    return normal(found)


def _action(properties: Iterable[PropertyChange]) -> Action:
    effects = {changed.replaces for changed in properties}
    if Replaces.YES in effects:
        return Action.REPLACE
    return Action.MAYBE_REPLACE if Replaces.MAYBE in effects else Action.MODIFY


def _effect(path: Path, updates: Updates | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Replaces:
    """What the change of a property does to its resource; nobody knows for a type without a schema."""
    if updates is None:
        return Replaces.MAYBE
    steps = tuple(step for step in path if isinstance(step, str))

    def touched(pattern: Pattern) -> bool | None:
        if steps[: len(pattern)] == pattern:
            return True
        if pattern[: len(steps)] != steps:
            return False
        found = inner(before, pattern), inner(after, pattern)
        return None if any(value is UNKNOWN for value in found) else found[0] != found[1]

    always = {touched(pattern) for pattern in updates.always}
    if True in always:
        return Replaces.YES
    maybe = None in always or any(touched(pattern) is not False for pattern in updates.sometimes)
    return Replaces.MAYBE if maybe else Replaces.NO


def losses(changes: Iterable[Change]) -> Iterator[tuple[Change, Diagnostic]]:
    """A warning for each resource with data that would go or be replaced, about its manifest entry."""
    for change in changes:
        if not change.stateful or change.action in (Action.ADD, Action.IMPORT, Action.MODIFY):
            continue
        what = f"The {STATEFUL[change.type]} `{change.logical_id}` of `{render(change.entry)}`"
        refused = (
            " Its deletion protection refuses that: unless it is lifted first, the resource stays in the account, in no"
            " stack."
            if change.protected
            else ""
        )
        if change.action is Action.REMOVE:
            message = f"{what} {_leaving(change)}.{refused}"
            hint = f"Keep `{render(change.entry)}` under its name, or be sure that the data is not needed."
            yield change, DATA_LEAVES.at(change.entry, message, hint=hint, key=True)
        else:
            verb = "may" if change.action is Action.MAYBE_REPLACE else "would"
            causes = [p for p in change.properties if p.replaces is not Replaces.NO]
            named = ", ".join(f"`{render(cause.path)}`" for cause in causes)
            reason = f"since {named} {'changes' if len(causes) == 1 else 'change'}"
            message = f"{what} {verb} be replaced by an empty one, {reason}; {_replaced(change)}.{refused}"
            hint = "Move the data first, or leave what cannot change as it is."
            yield change, DATA_REPLACED.at(change.entry, message, hint=hint, key=True)


def _leaving(change: Change) -> str:
    if str(change.retained).startswith("Retain"):
        return "would leave the stack; it stays in the account with its data, outside of any stack"
    if change.retained == "Snapshot":
        return "would be deleted; a last snapshot of it stays"
    if change.type in _ONLY_EMPTY:
        return "would be deleted, which fails unless it is empty"
    return "would be deleted, and its data with it"


def _replaced(change: Change) -> str:
    if str(change.retained).startswith("Retain"):
        return "the old one stays in the account with its data, outside of any stack"
    if change.retained == "Snapshot":
        return "the old one is deleted, and a last snapshot of it stays"
    if change.type in _ONLY_EMPTY:
        return "the old one is deleted, which fails unless it is empty"
    return "the old one is deleted, and its data with it"
