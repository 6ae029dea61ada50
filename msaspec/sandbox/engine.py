"""What CloudFormation does with a template: creation, change, replacement, removal, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msaspec.sandbox.awaited import Awaited
from msaspec.sandbox.goal import Goal, needs, sorter
from msaspec.sandbox.intrinsics import Values
from msaspec.sandbox.proposal import changes
from msaspec.sandbox.resource import Failed, Unable, lookup, replacing
from msaspec.sandbox.signals import Signals
from msaspec.sandbox.standing import Deployed, Standing, changed, has
from msaspec.sandbox.surroundings import Surroundings

POLICIES = "CreationPolicy", "UpdatePolicy"
RETAIN = "Retain", "RetainExceptOnCreate"
ANEW = "Requested update requires the creation of a new physical resource; hence creating one."

Told = Callable[[str, str, str, str, str | None], None]
"""Hears of each step: id, type, physical id, status, reason."""
Arrives = Callable[[str, str], None]
"""Called before each step with id and verb. May raise Failed."""
Refusal = Callable[[str, str, str], str | None]
"""Why something may not be done to a resource in an update: id, type, action as stack policies call it."""


class Broken(Failed):
    """A deployment that failed and has not gone back yet. `str` is what CloudFormation says of it."""


@dataclass(frozen=True)
class _Step:
    """Something that was done to a resource that stood before."""

    name: str
    old: Deployed
    tried: Mapping[str, Any] | None = None
    """What it was changed to in place, be it halfway; None where it was not touched itself."""


@dataclass(frozen=True)
class _Done:
    """What was done to a resource, which is complete when its signals have come."""

    name: str
    verb: str
    fresh: Deployed
    old: Deployed | None
    anew: bool


class Deployment(Standing):
    """The resources of one stack, which are brought to a goal, back again, and removed.

    `bring` is followed by `clean`, or, where it raises Broken, by `back` and `clean_back`; for a stack that was not
    there before, by `remove`.
    """

    def __init__(self, around: Surroundings, told: Told, arrives: Arrives, signals: Signals) -> None:
        super().__init__(around)
        self.told = told
        self.arrives = arrives
        self.signals = signals
        self._waiting: dict[str, _Done] = {}
        self._failures: dict[str, list[str]] = {}
        """What failed since it was last to be brought to something, by verb."""
        self._before: dict[str, Deployed] = {}
        self._steps: list[_Step] = []
        self._fresh: list[tuple[str, str, Deployed | None]] = []
        """What was made anew, with its type; without anything where that failed."""
        self._replaced: list[tuple[str, Deployed]] = []

    def bring(
        self,
        goal: Goal,
        refusal: Refusal = lambda name, kind, action: None,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """Makes and changes what a goal asks for, and leaves what it does not have. Raises Broken, also where `settle`
        does, which is called when all is done."""
        self._before, self._steps, self._fresh, self._failures = dict(self.resources), [], [], {}
        try:
            self._ask(goal, refusal)
            values = self.around.values(goal, self.attribute)
            self._bring_all(goal, values, refusal)
            outputs = self._outputs(goal, values)
            settle()
        except Exception as fault:
            for done in list(self._waiting.values()):
                self._fail(done, cancelled(done.verb))
            self.signals.give_up()
            said = "".join(_failed(verb, *names) for verb, names in self._failures.items())
            raise Broken(said or _sentence(fault)) from fault
        self.goal, self.outputs = goal, outputs

    def _bring_all(self, goal: Goal, values: Values, refusal: Refusal) -> None:
        """Brings about one resource after the other, each after what it needs. What waits for its signals holds up
        only what needs it; where nothing waits, the order is `present`'s."""
        there = {name for name in goal.template["Resources"] if has(goal, name, values)}
        graph = sorter(goal.template)
        graph.prepare()
        while graph.is_active():
            ready = graph.get_ready()
            for name in ready:
                if name in there:
                    self._bring_about(name, goal, values, refusal)
                if name not in self._waiting:
                    graph.done(name)
                graph.done(*self._hear(patiently=False))
            if not ready:
                graph.done(*self._hear(patiently=True))

    def _hear(self, patiently: bool) -> list[str]:
        """Tells those that wait what they have to hear; returns what is complete by it. Raises Failed."""
        complete = []
        for heard in self.signals.hear(patiently):
            done = self._waiting[heard.logical_id]
            if heard.status == "FAILED":
                self._fail(done, heard.reason or "")
                raise Failed(heard.reason)
            if heard.status == "COMPLETE":
                self._complete(done)
                complete.append(done.name)
            else:
                self._go_on(done, heard.reason)
        return complete

    def _ask(self, goal: Goal, refusal: Refusal) -> None:
        """Refuses what the stack policy surely denies before anything is touched."""
        for change in changes(self, goal) if self.resources else ():
            if change.action in ("Add", "Import") or change.replacement == "Conditional":
                continue
            verb, action = ("delete", "Delete") if change.action == "Remove" else ("update", "Modify")
            action = "Replace" if change.replacement == "True" else action
            old = self.resources[change.logical_id]
            touched = change.action == "Remove" or {"Properties", "Tags"} & set(change.scope)
            reason = refusal(change.logical_id, old.type, f"Update:{action}") if touched else None
            if reason:
                self.told(change.logical_id, old.type, old.made.id, f"{verb.upper()}_FAILED", reason)
                self._steps.append(_Step(change.logical_id, old))
                self._failures.setdefault(verb, []).append(change.logical_id)
        if self._failures:
            raise Failed("Action denied by stack policy")

    def _bring_about(self, name: str, goal: Goal, values: Values, refusal: Refusal) -> None:
        part, old = goal.template["Resources"][name], self.resources.get(name)
        kind, at = part["Type"], self.around.at(name, part["Type"])
        imports = old is None and name in goal.imports
        verb, physical = ("UPDATE", old.made.id) if old else ("IMPORT" if imports else "CREATE", "")
        tried: Mapping[str, Any] | None = None
        try:
            new = self.wanted(name, goal, values)
            differ = changed(old.properties, new) if old else set()
            if old is not None and old.type == kind and not differ:
                self.resources[name] = replace(old, definition=part)
                return
            anew = old is None or old.type != kind or replacing(kind, differ)
            self.signals.begin(name)
            self.told(name, kind, physical, f"{verb}_IN_PROGRESS", ANEW if old and anew else None)
            if old and (reason := refusal(name, old.type, "Update:Replace" if anew else "Update:Modify")):
                raise Failed(reason)
            self.arrives(name, "UPDATE" if old else "CREATE")
            if old is None or anew:
                made = (lookup(kind).adopt if imports else lookup(kind).create)(at, new)
            else:
                tried = new
                made = lookup(kind).update(at, old.made.id, old.properties, new)
        except Exception as fault:
            self.told(name, kind, physical, f"{verb}_FAILED", _sentence(fault))
            if old is None:
                self._fresh.append((name, kind, None))
            else:
                self._steps.append(_Step(name, old, None if isinstance(fault, Unable) else tried))
            self._failures.setdefault(verb.lower(), []).append(name)
            raise
        fresh = Deployed(kind, part, new, made)
        if old is None or anew:
            self._fresh.append((name, kind, fresh))
        if old is not None:
            self._steps.append(_Step(name, old, tried))
        self._finish(_Done(name, verb, fresh, old, anew), values)

    def _finish(self, done: _Done, values: Values) -> None:
        """Ends what was done to a resource, at once or when its signals have come."""
        awaited = self._awaited(done, values) if self.signals.awaited else None
        if awaited is None:
            self._complete(done)
            return
        self.signals.wait(done.name, awaited)
        self._waiting[done.name] = done
        if done.anew:
            self._go_on(done, "Resource creation Initiated")

    def _awaited(self, done: _Done, values: Values) -> Awaited | None:
        fresh, at = done.fresh, self.around.at(done.name, done.fresh.type)
        policies = values.of({key: fresh.definition[key] for key in POLICIES if key in fresh.definition})
        before = None if done.anew or done.old is None else done.old.properties
        return lookup(fresh.type).awaited(at, fresh.made, policies, before, fresh.properties)

    def _go_on(self, done: _Done, reason: str | None) -> None:
        self.told(done.name, done.fresh.type, done.fresh.made.id, f"{done.verb}_IN_PROGRESS", reason)

    def _complete(self, done: _Done) -> None:
        self._waiting.pop(done.name, None)
        if done.old is not None and done.anew and done.old.made.id != done.fresh.made.id:
            self._replaced.append((done.name, done.old))
        self.resources[done.name] = done.fresh
        self.told(done.name, done.fresh.type, done.fresh.made.id, f"{done.verb}_COMPLETE", None)

    def _fail(self, done: _Done, reason: str) -> None:
        """Has a resource fail that waits. It does not stand then, and leaves with what is replaced by what may follow
        where nobody goes back."""
        del self._waiting[done.name]
        if done.anew:
            self._replaced.append((done.name, done.fresh))
        self._failures.setdefault(done.verb.lower(), []).append(done.name)
        self.told(done.name, done.fresh.type, done.fresh.made.id, f"{done.verb}_FAILED", reason)

    def clean(self) -> list[str]:
        """Removes what was replaced, and what the goal does not have any more; returns what would not go."""
        assert self.goal is not None
        present = self.present(self.goal, self.around.values(self.goal, self.attribute))
        gone = [name for name in reversed(list(self.resources)) if name not in present]
        leaving = [(name, old, old.policy("UpdateReplacePolicy")) for name, old in reversed(self._replaced)]
        leaving += [(name, old, old.policy("DeletionPolicy")) for name, old in ((n, self.resources[n]) for n in gone)]
        self._replaced, self._steps, self._fresh = [], [], []
        self.resources = {name: self.resources[name] for name in present}
        return [name for name, old, policy in leaving if not self._remove(name, old, policy)]

    def back(self, skipped: Collection[str] = ()) -> list[str]:
        """Changes back what was changed, but for what is skipped; returns what would not. Until all did, it can be
        asked again."""
        self.resources = dict(self._before)
        self._replaced, stuck = [], []
        for step in reversed(self._steps):
            if step.tried is not None and step.name not in skipped:
                if not self._change_back(step.name, step.old, step.tried):
                    stuck.append(step)
            else:
                self.told(step.name, step.old.type, step.old.made.id, "UPDATE_COMPLETE", None)
        self._steps = stuck[::-1]
        return [step.name for step in stuck]

    def _change_back(self, name: str, old: Deployed, new: Mapping[str, Any]) -> bool:
        assert self.goal is not None
        self.signals.begin(name)
        self.told(name, old.type, old.made.id, "UPDATE_IN_PROGRESS", None)
        try:
            self.arrives(name, "UPDATE")
            lookup(old.type).update(self.around.at(name, old.type), old.made.id, new, old.properties)
            done = _Done(name, "UPDATE", old, replace(old, properties=new), anew=False)
            self._finish(done, self.around.values(self.goal, self.attribute))
        except Exception as fault:
            self.told(name, old.type, old.made.id, "UPDATE_FAILED", _sentence(fault))
            return False
        try:
            while name in self._waiting:
                self._hear(patiently=True)
        except Failed:  # and it is told already
            return False
        return True

    def clean_back(self) -> list[str]:
        """Removes what a failed update made; returns what would not go."""
        fresh, self._fresh = self._fresh, []
        return [name for name, kind, made in reversed(fresh) if not self._take_back(name, kind, made, RETAIN[:1])]

    def _take_back(self, name: str, kind: str, made: Deployed | None, retaining: Collection[str]) -> bool:
        if made is None:
            self.told(name, kind, "", "DELETE_COMPLETE", None)
            return True
        return self._remove(name, made, "Retain" if made.definition.get("DeletionPolicy") in retaining else "Delete")

    def remove_failed(self, retains: bool) -> list[str]:
        """Removes the resources of a stack that could not be made, but for those that are to stay whatever happens
        where it `retains` them; returns those that would not go."""
        return self._remove_all(lambda old: _policy_of_failed(old, retains))

    def remove(self, retained: Collection[str] = (), force: bool = False) -> list[str]:
        """Removes all resources by their deletion policies, but for what is `retained`, and with `force` for what
        will not go; returns that otherwise."""
        return self._remove_all(lambda old: old.policy("DeletionPolicy"), retained, force)

    def _remove_all(
        self, policy: Callable[[Deployed], str], retained: Collection[str] = (), force: bool = False
    ) -> list[str]:
        there = {(name, made.made.id) for name, made in self.resources.items()}
        for name, kind, made in reversed(self._fresh):
            if made is None or (name, made.made.id) not in there:
                self._take_back(name, kind, made, RETAIN[:1])
        self._fresh, self._steps = [], []
        stuck: list[str] = []
        needed: set[str] = set()
        for name in reversed(list(self.resources)):
            old = self.resources[name]
            if name not in needed and self._remove(name, old, "Retain" if name in retained else policy(old)):
                del self.resources[name]
            elif force:
                self.told(name, old.type, old.made.id, "DELETE_SKIPPED", None)
                del self.resources[name]
            else:
                stuck += [name] if name not in needed else []
                needed |= needs(old.definition)  # what a resource stands on stays with it
        return stuck

    def _remove(self, name: str, old: Deployed, policy: str) -> bool:
        if policy in RETAIN:
            self.told(name, old.type, old.made.id, "DELETE_SKIPPED", None)
            return True
        self.told(name, old.type, old.made.id, "DELETE_IN_PROGRESS", None)
        kind, at = lookup(old.type), self.around.at(name, old.type)
        try:
            self.arrives(name, "DELETE")
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


def _policy_of_failed(old: Deployed, retains: bool) -> str:
    return "Retain" if retains and old.definition.get("DeletionPolicy") == "Retain" else "Delete"


def cancelled(verb: str) -> str:
    """Why a resource fails that something else ended."""
    return "Resource creation cancelled" if verb == "CREATE" else "Resource update cancelled"


def _failed(verb: str, *names: str) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "


def _sentence(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, Failed) else f"{type(fault).__name__}: {fault}"
