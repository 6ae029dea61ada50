"""What an update of a stack would do, computed from its two templates: offline, before any change set.

Which property replaces its resource is known from the registry schemas. Effects spread along references: what refers
to a resource that is replaced gets another value, which may replace it too. A replacement that only may happen is shown
and does not spread: it rarely happens, and its shadow would hide what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msaspec.compile import aws_types
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType, Content, Effect, Holds, Objection
from msaspec.template import origin
from msaspec.template.references import (
    Choice,
    Lookup,
    Reference,
    Source,
    differences,
    filled_in,
    normal,
    sources,
)
from msaspec.update import replacement, spelling, values
from msaspec.update.values import Difference


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


_REPLACES: Mapping[bool | None, Replaces] = {True: Replaces.YES, None: Replaces.MAYBE, False: Replaces.NO}


@dataclass(frozen=True)
class PropertyChange:
    """A property that gets another value."""

    path: Path
    """Below `Properties`; for an attribute of the resource, such as `DeletionPolicy`, below the resource."""
    replaces: Replaces = Replaces.NO
    attribute: bool = False


@dataclass(frozen=True)
class Left:
    """Something inside of a resource that a service would no longer have, or no service at all."""

    content: Content
    user: str | None = None
    """The service that has something else after the update; None where no service has this any more."""
    instead: tuple[Path, str] | None = None
    """What that service has then: the entry and the name."""


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
    """Whether the old one is deleted before its replacement exists."""
    protected: bool = False
    """Whether its deletion protection refuses its removal."""
    left: tuple[Left, ...] = ()
    """What it holds that its users lose by the update."""
    content: Content | None = None
    """The one of these that a loss is about; None where it is about the resource itself."""
    objections: tuple[Objection, ...] = ()
    """What speaks against the change in place."""
    values: tuple[Difference, ...] = ()
    """The values that change, as far as they are known before."""


Template = Mapping[str, Any]
Origins = Mapping[str, Path]

_ATTRIBUTES = ("Condition", "CreationPolicy", "DeletionPolicy", "Metadata", "UpdatePolicy", "UpdateReplacePolicy")
"""What a change set shows beside properties, and Condition. `DependsOn` is only an order."""

_POLICIES = ("Delete", "Snapshot", "RetainExceptOnCreate", "Retain")
"""From what keeps least to what keeps most."""


def between(
    before: Template, after: Template, *, origins: Origins | None = None, origins_before: Origins | None = None
) -> tuple[Change, ...]:
    """Return what an update from one template to the other does, in the order of the templates.

    `origins` are those of the compiled stacks; what they leave out is derived from logical ids.
    """
    return tuple(_Comparison(before, after, origins or {}, origins_before or {}).changes())


class _Comparison:
    def __init__(self, before: Template, after: Template, origins: Origins, origins_before: Origins) -> None:
        self.before, self.after = spelling.plain(before), spelling.plain(after)
        self.origins, self.origins_before = origins, origins_before
        self.entry_after, self.entry_before = origin.reader(after), origin.reader(before)
        self.old, self.new = _resources(self.before), _resources(self.after)
        self.found: dict[str, dict[Path, PropertyChange]] = {}

    def changes(self) -> Iterator[Change]:
        """Resources, then outputs and parameters; each in the order of `after`, then what is removed."""
        self._settle()
        for name in dict.fromkeys([*self.new, *self.old]):
            if name not in self.old:
                yield self._change(name, Action.ADD, self.new[name])
            elif name not in self.new:
                yield self._change(name, Action.REMOVE, self.old[name])
            elif properties := self._properties(name):
                of_type = aws_types.of(self.new[name]["Type"])
                yield self._change(name, effective(of_type, _action(properties)), self.old[name], properties)
        for section, kind in (("Outputs", "Output"), ("Parameters", "Parameter")):
            yield from self._definitions(section, kind)

    def _definitions(self, section: str, kind: str) -> Iterator[Change]:
        old, new = self.before.get(section, {}), self.after.get(section, {})
        for name in dict.fromkeys([*new, *old]):
            action = Action.MODIFY if name in old and name in new else Action.ADD if name in new else Action.REMOVE
            paths = tuple(map(PropertyChange, differences(old[name], new[name]))) if action is Action.MODIFY else ()
            if paths or action is not Action.MODIFY:
                yield Change(
                    name, kind, action, paths, self._entry(name, action), values=self._values(old, new, name, paths)
                )

    def _change(
        self, name: str, action: Action, resource: Mapping[str, Any], properties: tuple[PropertyChange, ...] = ()
    ) -> Change:
        kind = resource["Type"]
        entry = self._entry(name, action)
        lost = action in (Action.REMOVE, Action.REPLACE, Action.MAYBE_REPLACE)
        updates = replacement.updates(kind) if lost else None
        return Change(
            name,
            kind,
            action,
            properties,
            entry,
            self._retained(name, action) if lost else None,
            self._stateful(name, resource, action),
            action is not Action.REMOVE and updates is not None and updates.deletes_first,
            lost and is_protected(resource),
            self._left(name),
            objections=self._objections(name, action),
            values=self._values(self.old, self.new, name, properties),
        )

    def _values(
        self, old: Template, new: Template, name: str, properties: Iterable[PropertyChange]
    ) -> tuple[Difference, ...]:
        """Return the values of something that change."""
        paths = [each.path for each in properties]
        return values.between(self.before, self.after, old[name], new[name], paths) if paths else ()

    def _left(self, name: str) -> tuple[Left, ...]:
        """Return what a resource holds that its users lose: used by no service after the update, or in that of
        others, while one of its users has something else in its place."""
        after = {(each.noun, each.name): each.users for each in _contents(self.new.get(name))}
        found = []
        for each in _contents(self.old.get(name)):
            stays = after.get((each.noun, each.name))
            users = each.users[:1] if stays is None else [user for user in each.users if user not in stays]
            moved = [Left(each, user, instead) for user in users if (instead := self._instead(each, user))]
            found += moved or ([Left(each)] if stays is None else [])
        return tuple(found)

    def _instead(self, lost: Content, user: str) -> tuple[Path, str] | None:
        """Return what a user of something has after the update that it had not before."""
        for name, resource in self.new.items():
            had = {each.name for each in _contents(self.old.get(name)) if user in each.users}
            for each in _contents(resource):
                if each.noun == lost.noun and user in each.users and each.name not in had:
                    return self._entry(name, Action.MODIFY), each.name
        return None

    def _objections(self, name: str, action: Action) -> tuple[Objection, ...]:
        """Return what speaks against a change."""
        if name not in self.old or name not in self.new:
            return ()
        old, new = self.old[name], self.new[name]
        if old["Type"] != new["Type"]:
            return (_of_another_type(name, old["Type"], new["Type"]),)
        kind, sides = aws_types.of(new["Type"]), (_properties(old), _properties(new))
        if action is Action.REPLACE:
            return (kind.replaced,) if kind.replaced else ()
        found = list(kind.objections(*sides)) if kind.objections else []
        return (*found, *_weakened(kind, old, new))

    def _settle(self) -> None:
        """Find the properties that change: those that differ, and those that follow, until no more do."""
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
        replaced = _action(self._properties(source.name)) is Action.REPLACE
        if source.attribute is None:
            return replaced
        changed = {str(path[0]) for path in self.found[source.name] if path}
        kind = self.new[source.name]["Type"]
        if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
            return replaced or bool(changed)  # Its function answers every update, with whatever it likes.
        top = source.attribute.partition(".")[0]
        if replaced:  # what the templates themselves say of the attribute stays
            given = [top in _properties(resources[source.name]) for resources in (self.old, self.new)]
            return top in changed or not all(given)
        movers = aws_types.of(kind).moves.get(source.attribute, (top,))
        return not changed.isdisjoint(movers)

    def _judged(self, name: str, path: Path) -> PropertyChange:
        old, new = self.old[name], self.new[name]
        found = replacement.replaces(path, replacement.updates(new["Type"]), _properties(old), _properties(new))
        return PropertyChange(path, _REPLACES[found])

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
        """Return what keeps least, of the old and the new policy of a replacement; the policy of what is removed."""
        if action is Action.REMOVE:
            resource = self.old[name]
            default = aws_types.of(resource["Type"]).deletion_policy(_properties(resource))
            return str(resource.get("DeletionPolicy", default))
        policies = [str(side[name].get("UpdateReplacePolicy", "Delete")) for side in (self.old, self.new)]
        return min(policies, key=_kept)

    def _stateful(self, logical_id: str, resource: Mapping[str, Any], action: Action) -> bool:
        kind = aws_types.of(resource["Type"])
        if not kind.holds_data(_properties(resource)):
            return False
        if kind.holds is Holds.CREDENTIAL and action is Action.REMOVE:
            # One that is removed together with its user, or with the use, is no longer in use.
            left = {*self.origins.values(), *map(self.entry_after, self.new)}
            return self.entry_before(logical_id) in left and not self._leaves_with_readers(logical_id)
        return True

    def _leaves_with_readers(self, logical_id: str) -> bool:
        """Whether something refers to a resource, and the update removes it all."""
        named = {name for name, resource in self.old.items() if logical_id in _named(resource)}
        return bool(named) and not named & self.new.keys()


def _named(resource: Mapping[str, Any]) -> set[str]:
    return {each.name for _, found in filled_in(resource) for each in found if isinstance(each, Reference)}


# fact: resource-types
def _of_another_type(name: str, before: str, after: str) -> Objection:
    """CloudFormation makes no resource of another type under a name that is taken, not even in place of the old one."""
    reason = f"would make its resource `{name}` one of {after} instead of {before}, which CloudFormation refuses"
    hint = "Remove it in one deployment, and write it as it is to be in the next; or give the new one another name."
    field, instead = aws_types.of(after).retyped or ("", hint)
    return Objection(Effect.REFUSED, field, reason, instead)


def effective(kind: AwsType, action: Action) -> Action:
    """Return what a change does that would replace a resource: a new revision takes nothing away."""
    replaced = action in (Action.REPLACE, Action.MAYBE_REPLACE)
    return Action.MODIFY if replaced and kind.revised else action


def _resources(template: Template) -> dict[str, Mapping[str, Any]]:
    """Return the resources by logical id. A loop or a macro is compared as a whole."""
    return {
        str(name): resource
        if isinstance(resource, Mapping) and isinstance(resource.get("Type"), str)
        else {"Type": str(name), "Properties": {"Value": resource}}
        for name, resource in template.get("Resources", {}).items()
    }


def _contents(resource: Mapping[str, Any] | None) -> tuple[Content, ...]:
    """Return the contents of a resource, apart from what its type holds as a whole."""
    found = aws_types.of(str(resource["Type"])).contents if resource else None
    return tuple(found(_properties(resource or {}))) if found else ()


def _weakened(kind: AwsType, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Objection]:
    """Yield what keeps data less than before: a deletion protection that is removed, a policy that keeps less."""
    if kind.holds is not Holds.DATA or not kind.holds_data(_properties(old)):
        return
    reasons = ["would lose its deletion protection"] if is_protected(old) and not is_protected(new) else []
    default = kind.deletion_policy(_properties(new))
    policies = [str(side.get("DeletionPolicy", default)) for side in (old, new)]
    if _kept(policies[1]) < _kept(policies[0]):
        reasons.append(f"would lose its data when it is deleted, by `DeletionPolicy: {policies[1]}`")
    if reasons:
        hint = "Continue if you want that: this update loses no data, but later ones can."
        yield Objection(Effect.COSTS, "protect", " and ".join(reasons), hint)


def _kept(policy: str) -> int:
    """How much a deletion policy keeps, from 0."""
    return _POLICIES.index(policy) if policy in _POLICIES else 0


def is_protected(resource: Mapping[str, Any]) -> bool:
    """Whether a resource of a template has a deletion protection of its own, which refuses its removal."""
    protection = aws_types.of(str(resource.get("Type"))).protection
    return bool(protection and protection.asked(_properties(resource)))


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
