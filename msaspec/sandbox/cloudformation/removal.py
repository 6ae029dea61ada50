"""How the resources of a stack leave: by their deletion policies, retained, or by force."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.sandbox.cloudformation import handler
from msaspec.sandbox.cloudformation.goal import needs
from msaspec.sandbox.cloudformation.resource import lookup
from msaspec.sandbox.cloudformation.signals import Signals
from msaspec.sandbox.cloudformation.standing import Deployed, Standing
from msaspec.sandbox.cloudformation.surroundings import Surroundings

RETAIN = "Retain", "RetainExceptOnCreate"

Record = Callable[[str, str, str, str, str | None, Mapping[str, Any] | None], None]
"""Records each step: id, type, physical id, status, reason, and properties where events show them."""
Arrives = Callable[[str, str], None]
"""Called before each step with id and verb. May raise Failed."""


@dataclass(frozen=True)
class Fresh:
    """Something that was made since the stack was last stable."""

    name: str
    type: str
    made: Deployed | None
    """None where that failed."""


class Removal(Standing):
    """The resources of one stack, and how they are removed."""

    def __init__(self, around: Surroundings, record: Record, arrives: Arrives, signals: Signals) -> None:
        super().__init__(around)
        self.record = record
        self.arrives = arrives
        self.signals = signals
        self.fresh: list[Fresh] = []

    def note_fresh(self, name: str, kind: str, made: Deployed | None) -> None:
        """Remember what was made, in place of what failed under its name or had the same physical id."""
        physical = made and made.made.id
        self.fresh = [each for each in self.fresh if each.name != name or (each.made and each.made.made.id != physical)]
        self.fresh.append(Fresh(name, kind, made))

    def remove_fresh(self, *, retains: bool = True) -> list[str]:
        """Remove what was made since the stack was last stable; return the names that would not go.

        Where it `retains`, what has the deletion policy `Retain` stays, in no stack.
        """
        fresh, self.fresh = self.fresh, []
        return [each.name for each in reversed(fresh) if not self._remove_fresh(each, retains=retains)]

    def _remove_fresh(self, each: Fresh, *, retains: bool = True) -> bool:
        if each.made is None:
            self.record(each.name, each.type, "", "DELETE_COMPLETE", None, None)
            return True
        return self.remove_one(each.name, each.made, policy_of_failed(each.made, retains=retains), cleans=True)

    def remove_failed(self, *, retains: bool) -> list[str]:
        """Remove the resources of a stack that could not be made; return the names that would not go.

        Where it `retains`, what has the deletion policy `Retain` stays.
        """
        return self._remove_all(lambda old: policy_of_failed(old, retains=retains))

    def remove(self, retained: Collection[str] = (), *, force: bool = False) -> list[str]:
        """Remove all resources by their deletion policies, but for what is `retained`; return the names that would not
        go. With `force` those are given up, and none is returned."""
        return self._remove_all(lambda old: old.policy("DeletionPolicy"), retained, force=force)

    def _is_away(self, each: Fresh, retained: Collection[str], *, force: bool) -> bool:
        """Whether nothing is left of what was made and failed, once that is removed or given up."""
        made = each.made
        if made is None:
            return self._remove_fresh(each)
        if each.name in self.resources and self.resources[each.name].made.id == made.made.id:
            return True
        if self.remove_one(
            each.name, made, "Retain" if each.name in retained else policy_of_failed(made, retains=True)
        ):
            return True
        if force:
            self.record(each.name, made.type, made.made.id, "DELETE_SKIPPED", None, made.properties)
        return force

    def _remove_all(
        self, policy: Callable[[Deployed], str], retained: Collection[str] = (), *, force: bool = False
    ) -> list[str]:
        left = [each for each in reversed(self.fresh) if not self._is_away(each, retained, force=force)]
        self.fresh = left[::-1]
        stuck = [each.name for each in left]
        needed: set[str] = set()
        for name in reversed(list(self.resources)):
            old = self.resources[name]
            if name not in needed and self.remove_one(name, old, "Retain" if name in retained else policy(old)):
                del self.resources[name]
            elif force:
                self.record(name, old.type, old.made.id, "DELETE_SKIPPED", None, old.properties)
                del self.resources[name]
            else:
                stuck += [name] if name not in needed else []
                needed |= needs(old.definition)  # what a resource depends on stays with it
        return stuck

    def remove_one(self, name: str, old: Deployed, policy: str, *, cleans: bool = False) -> bool:
        """Remove a resource by a deletion policy; return whether it went or may stay. Events of what an update cleans
        up do not show its properties."""
        properties = None if cleans else old.properties

        def record(status: str, reason: str | None = None) -> None:
            self.record(name, old.type, old.made.id, f"DELETE_{status}", reason, properties)

        if policy in RETAIN:
            record("SKIPPED")
            return True
        record("IN_PROGRESS")
        kind, at = lookup(old.type), self.around.at(name, old.type)
        try:
            self.arrives(name, "DELETE")
            go = kind.snapshot if policy == "Snapshot" else kind.delete
            go(at, old.made.id, self.around.as_known(old.properties))
        except Exception as fault:
            if not handler.is_gone(fault):
                record("FAILED", handler.said(fault, old.type))
                return False
        record("COMPLETE")
        return True


def policy_of_failed(old: Deployed, *, retains: bool) -> str:
    """Return the deletion policy of something whose making is taken back."""
    return "Retain" if retains and old.definition.get("DeletionPolicy") == "Retain" else "Delete"
