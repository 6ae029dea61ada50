"""What CloudFormation does with a template: creation, change, replacement, removal, and the rollback."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from msaspec.sandbox.cloudformation import handler
from msaspec.sandbox.cloudformation.awaited import Awaited
from msaspec.sandbox.cloudformation.goal import Goal, sorter
from msaspec.sandbox.cloudformation.intrinsics import Values
from msaspec.sandbox.cloudformation.proposal import changes
from msaspec.sandbox.cloudformation.removal import RETAIN, Arrives, Record, Removal
from msaspec.sandbox.cloudformation.resource import Cancelled, Failed, Unable, deletes_first, lookup, replacing
from msaspec.sandbox.cloudformation.signals import Signals
from msaspec.sandbox.cloudformation.standing import Deployed, changed, has
from msaspec.sandbox.cloudformation.surroundings import Surroundings

POLICIES = "CreationPolicy", "UpdatePolicy"
INITIATED = "Resource creation Initiated"
ANEW = "Requested update requires the creation of a new physical resource; hence creating one."
NOT_ANEW = "Replacement type updates not supported on stack with disable-rollback."

Refusal = Callable[[str, str, str], str | None]
"""Why something may not be done to a resource in an update: id, type, action as stack policies call it."""


class Broken(Failed):
    """A deployment that failed and has not gone back yet. `str` is what CloudFormation says of it."""


@dataclass(frozen=True)
class _Step:
    """Something that was done to a resource that existed before."""

    name: str
    old: Deployed
    tried: Mapping[str, Any] | None = None
    """What it was changed to in place, be it halfway; None where it was not touched itself."""
    gone: bool = False
    """Whether it was removed, to make room for another one."""


@dataclass(frozen=True)
class _Done:
    """What was done to a resource, which is complete when its signals have come."""

    name: str
    verb: str
    fresh: Deployed
    old: Deployed | None
    anew: bool


class Deployment(Removal):
    """The resources of one stack, which are brought to a goal, back again, and removed.

    `bring` is followed by `clean`, or, where it raises Broken, by `back` and `clean_back`; for a stack that was not
    there before, by `remove_failed`. What `bring` preserves may be brought further, or taken back to where it was
    stable.
    """

    def __init__(self, around: Surroundings, record: Record, arrives: Arrives, signals: Signals) -> None:
        super().__init__(around, record, arrives, signals)
        self._waiting: dict[str, _Done] = {}
        self._failures: dict[str, list[str]] = {}
        """What failed since it was last to be brought to something, by verb."""
        self._preserved = False
        """Whether something failed and was left as it is."""
        self._stable: dict[str, Deployed] = {}
        """The resources when the stack was last stable."""
        self._steps: dict[str, _Step] = {}
        """What was done to them since."""
        self._replaced: list[tuple[str, Deployed]] = []
        self._initiated: set[str] = set()
        """What was recorded with its id before it was complete."""

    def bring(
        self,
        goal: Goal,
        refusal: Refusal = lambda name, kind, action: None,
        settle: Callable[[], None] = lambda: None,
        *,
        preserve: bool = False,
    ) -> None:
        """Make and change what a goal asks for, and leave what it does not have.

        With `preserve`, a failure stops only what depends on it: the rest is brought about, nothing is replaced, and
        what failed in place is changed back. Raises Broken, also where `settle` does, which is called when all is done.
        """
        if not self._preserved:
            self._stable, self._steps, self.fresh = dict(self.resources), {}, []
        there = {deployed.made.id for deployed in self.resources.values()}
        failed = [(each.name, each.made) for each in self.fresh if each.made and each.made.made.id not in there]
        self._replaced = [(name, made) for name, made in failed if made]  # which never was stable, and leaves now
        self._failures, self._preserved = {}, False
        try:
            self._ask(goal, refusal)
            values = self.around.values(goal, self.attribute)
            self._bring_all(goal, values, refusal, preserve=preserve)
            outputs = self._outputs(goal, values)
            settle()
        except Exception as fault:
            for done in list(self._waiting.values()):
                self._fail(done, cancelled(done.verb))
            self.signals.give_up()
            self._preserved = preserve
            said = "".join(_failed(verb, *names) for verb, names in self._failures.items())
            raise Broken(said or handler.said(fault, "")) from fault
        self.goal, self.outputs = goal, outputs

    def _bring_all(self, goal: Goal, values: Values, refusal: Refusal, *, preserve: bool) -> None:
        """Bring about one resource after the other, each after what it needs. What waits for its signals holds up
        only what needs it; where nothing waits, the order is `present`'s."""
        there = {name for name in goal.template["Resources"] if has(goal, name, values)}
        faults: list[Exception] = []
        graph = sorter(goal.template)
        graph.prepare()
        while graph.is_active():
            ready = graph.get_ready()
            for name in ready:
                try:
                    if name in there:
                        self._bring_about(name, goal, values, refusal, preserve=preserve)
                except Exception as fault:
                    if not preserve or isinstance(fault, Cancelled):
                        raise
                    faults.append(fault)
                    continue
                if name not in self._waiting:
                    graph.done(name)
                graph.done(*self._react(patiently=False, faults=faults if preserve else None))
            if not ready and not self._waiting:
                break  # all that is left depends on what failed
            if not ready:
                graph.done(*self._react(patiently=True, faults=faults if preserve else None))
        if faults:
            raise faults[0]

    def _react(self, faults: list[Exception] | None = None, *, patiently: bool) -> list[str]:
        """React to signals for the resources that wait; return those that are complete. Raises Failed, or adds to
        `faults`."""
        complete = []
        for reaction in self.signals.reactions(patiently=patiently):
            done = self._waiting[reaction.logical_id]
            if reaction.status == "FAILED":
                self._fail(done, reaction.reason or "")
                if faults is None:
                    raise Failed(reaction.reason)
                faults.append(Failed(reaction.reason))
                self._restore(done)
            elif reaction.status == "COMPLETE":
                self._complete(done)
                complete.append(done.name)
            else:
                self._go_on(done, reaction.reason)
        return complete

    def _ask(self, goal: Goal, refusal: Refusal) -> None:
        """Refuse what the stack policy surely denies, before anything changes."""
        for change in changes(self, goal) if self.resources else ():
            if change.action in ("Add", "Import") or change.replacement == "Conditional":
                continue
            verb, action = ("delete", "Delete") if change.action == "Remove" else ("update", "Modify")
            action = "Replace" if change.replacement == "True" else action
            old = self.resources[change.logical_id]
            touched = change.action == "Remove" or {"Properties", "Tags"} & set(change.scope)
            reason = refusal(change.logical_id, old.type, f"Update:{action}") if touched else None
            if reason:
                self.record(change.logical_id, old.type, old.made.id, f"{verb.upper()}_FAILED", reason, old.properties)
                self._step(_Step(change.logical_id, old))
                self._failures.setdefault(verb, []).append(change.logical_id)
        if self._failures:
            raise Failed("Action denied by stack policy")

    def _step(self, step: _Step) -> None:
        """Remembers what was done to a resource, on top of what was done to it before. What was not there when the
        stack was stable is no step: it is removed again."""
        if step.name in self._stable:
            before = self._steps.get(step.name)
            self._steps.pop(step.name, None)
            tried = step.tried if step.tried is not None or before is None else before.tried
            gone = step.gone or (before is not None and before.gone)
            self._steps[step.name] = _Step(step.name, before.old if before else step.old, tried, gone)

    def _restore(self, done: _Done) -> None:
        """Change a resource back whose change failed, as it is done where the rest is preserved."""
        if done.old is None or done.anew:
            return
        with suppress(Exception):  # it is recorded as failed already
            at, tried = self.around.at(done.name, done.old.type), done.fresh.properties
            known = self.around.as_known
            lookup(done.old.type).back(at, done.old.made.id, known(tried), known(done.old.properties))
            self.resources[done.name] = done.old

    def _bring_about(self, name: str, goal: Goal, values: Values, refusal: Refusal, *, preserve: bool) -> None:
        part: Mapping[str, Any] = goal.template["Resources"][name]
        old = self.resources.get(name)
        kind = part["Type"]

        def initiated(id: str) -> None:
            self._initiated.add(name)
            self.record(name, kind, id, f"{verb}_IN_PROGRESS", INITIATED, new)

        at = self.around.at(name, kind, initiated)
        imports = old is None and name in goal.imports
        verb, physical = ("UPDATE", old.made.id) if old else ("IMPORT" if imports else "CREATE", "")
        tried: Mapping[str, Any] | None = None
        anew = old is None
        new: dict[str, Any] = {}
        try:
            new, part = self.wanted(name, goal, values), self.defined(name, goal, values)
            differ = changed(old.properties, new) if old else set()
            if old is not None and old.type == kind and not (differ or lookup(kind).looked_into):
                self.resources[name] = replace(old, definition=part)
                return
            anew = old is None or old.type != kind or replacing(kind, differ)
            self.signals.begin(name)
            self.record(name, kind, physical, f"{verb}_IN_PROGRESS", ANEW if old and anew else None, new)
            if old and (reason := refusal(name, old.type, "Update:Replace" if anew else "Update:Modify")):
                raise Failed(reason)
            if old and anew and preserve:
                raise Failed(NOT_ANEW)
            self.arrives(name, "UPDATE" if old else "CREATE")
            if old is None or anew:
                self._make_room(name, kind, old)
                made = (lookup(kind).adopt if imports else lookup(kind).create)(at, self.around.resolved(new))
            else:
                tried, before = new, self.around.as_known(old.properties)
                made = lookup(kind).update(at, old.made.id, before, self.around.resolved(new))
        except Exception as fault:
            half = fault.made if isinstance(fault, Failed) else None
            said = handler.said(fault, kind)
            if half and anew and name not in self._initiated:
                self.record(name, kind, half.id, f"{verb}_IN_PROGRESS", INITIATED, new)
            self._initiated.discard(name)
            self.record(name, kind, half.id if half else physical, f"{verb}_FAILED", said, new)
            self._failures.setdefault(verb.lower(), []).append(name)
            tried = None if isinstance(fault, Unable) else tried
            if half and anew:
                self.note_fresh(name, kind, Deployed(kind, part, new, half))
            elif old is None:
                self.note_fresh(name, kind, None)
            if old is not None:
                self._step(_Step(name, old, tried))
            if old and preserve and tried is not None:
                self._restore(_Done(name, verb, Deployed(kind, part, tried, old.made), old, anew=False))
            raise
        fresh = Deployed(kind, part, new, made)
        if old is None or anew:
            self.note_fresh(name, kind, fresh)
        if old is not None:
            self._step(_Step(name, old, tried))
        self._finish(_Done(name, verb, fresh, old, anew), values)

    def _make_room(self, name: str, kind: str, old: Deployed | None) -> None:
        """Remove what is to be replaced before the new one is made, for the types that are replaced so."""
        if old is None or old.type != kind or not deletes_first(kind) or old.policy("UpdateReplacePolicy") in RETAIN:
            return
        try:
            at = self.around.at(name, kind)
            lookup(kind).delete(at, old.made.id, self.around.as_known(old.properties))
        except Exception as fault:
            if not handler.is_gone(fault):
                raise
        self._step(_Step(name, old, gone=True))

    def _finish(self, done: _Done, values: Values) -> None:
        """End what was done to a resource, at once or when its signals have come. What was made is recorded with its id
        first."""
        if done.anew and done.name not in self._initiated:
            self._go_on(done, INITIATED)
        self._initiated.discard(done.name)
        awaited = self._awaited(done, values) if self.signals.awaited else None
        if awaited is None:
            self._complete(done)
            return
        self.signals.wait(done.name, awaited)
        self._waiting[done.name] = done

    def _awaited(self, done: _Done, values: Values) -> Awaited | None:
        fresh, at = done.fresh, self.around.at(done.name, done.fresh.type)
        policies = values.of({key: fresh.definition[key] for key in POLICIES if key in fresh.definition})
        before = None if done.anew or done.old is None else done.old.properties
        return lookup(fresh.type).awaited(at, fresh.made, policies, before, fresh.properties)

    def _go_on(self, done: _Done, reason: str | None) -> None:
        self._record(done, "IN_PROGRESS", reason)

    def _record(self, done: _Done, outcome: str, reason: str | None) -> None:
        fresh = done.fresh
        self.record(done.name, fresh.type, fresh.made.id, f"{done.verb}_{outcome}", reason, fresh.properties)

    def _complete(self, done: _Done) -> None:
        self._waiting.pop(done.name, None)
        gone = done.name in self._steps and self._steps[done.name].gone
        if done.old is not None and done.anew and done.old.made.id != done.fresh.made.id and not gone:
            self._replaced.append((done.name, done.old))
        self.resources[done.name] = done.fresh
        if any(each.name == done.name for each in self.fresh):
            self.note_fresh(done.name, done.fresh.type, done.fresh)
        self._record(done, "COMPLETE", None)

    def _fail(self, done: _Done, reason: str) -> None:
        """Fail a resource that waits, and take it out of the stack; a rollback or a later operation removes it."""
        del self._waiting[done.name]
        if done.anew:
            self._replaced.append((done.name, done.fresh))
        self._failures.setdefault(done.verb.lower(), []).append(done.name)
        self._record(done, "FAILED", reason)

    def clean(self) -> list[str]:
        """Remove what was replaced, and what the goal does not have any more; return what would not go."""
        assert self.goal is not None
        present = self.present(self.goal, self.around.values(self.goal, self.attribute))
        gone = [name for name in reversed(list(self.resources)) if name not in present]
        leaving = [(name, old, old.policy("UpdateReplacePolicy")) for name, old in reversed(self._replaced)]
        leaving += [(name, old, old.policy("DeletionPolicy")) for name, old in ((n, self.resources[n]) for n in gone)]
        self._replaced, self._steps, self.fresh = [], {}, []
        self.resources = {name: self.resources[name] for name in present}
        return [name for name, old, policy in leaving if not self.remove_one(name, old, policy, cleans=True)]

    def back(self, skipped: Collection[str] = ()) -> list[str]:
        """Change back what was changed since the stack was last stable, but for what is skipped; return what would
        not. Until all did, it can be asked again."""
        self.resources, self._preserved = dict(self._stable), False
        self._replaced, stuck = [], []
        for step in reversed(self._steps.values()):
            if step.gone and step.name not in skipped:
                if not self._bring_again(step):
                    stuck.append(step)
            elif step.tried is not None and step.name not in skipped:
                if not self._change_back(step.name, step.old, step.tried):
                    stuck.append(step)
            else:
                self.record(step.name, step.old.type, step.old.made.id, "UPDATE_COMPLETE", None, step.old.properties)
        self._steps = {step.name: step for step in reversed(stuck)}
        return [step.name for step in stuck]

    def _bring_again(self, step: _Step) -> bool:
        """Make what was removed to make room again, in place of what was made instead."""
        name, old = step.name, step.old
        at, kind = self.around.at(name, old.type), lookup(old.type)
        self.record(name, old.type, old.made.id, "UPDATE_IN_PROGRESS", ANEW, old.properties)
        try:
            self.arrives(name, "UPDATE")
            for each in [each for each in self.fresh if each.name == name and each.made]:
                assert each.made is not None
                kind.delete(at, each.made.made.id, self.around.as_known(each.made.properties))
                self.fresh.remove(each)
            made = kind.create(at, self.around.resolved(old.properties))
        except Exception as fault:
            self._record(_Done(name, "UPDATE", old, old, anew=False), "FAILED", handler.said(fault, old.type))
            return False
        self.resources[name] = replace(old, made=made)
        self.record(name, old.type, made.id, "UPDATE_COMPLETE", None, old.properties)
        return True

    def _change_back(self, name: str, old: Deployed, new: Mapping[str, Any]) -> bool:
        assert self.goal is not None
        self.signals.begin(name)
        self.record(name, old.type, old.made.id, "UPDATE_IN_PROGRESS", None, old.properties)
        try:
            self.arrives(name, "UPDATE")
            known = self.around.as_known
            kind, at = lookup(old.type), self.around.at(name, old.type)
            kind.back(at, old.made.id, known(new), self.around.resolved(old.properties))
            done = _Done(name, "UPDATE", old, replace(old, properties=new), anew=False)
            self._finish(done, self.around.values(self.goal, self.attribute))
        except Exception as fault:
            self._record(_Done(name, "UPDATE", old, old, anew=False), "FAILED", handler.said(fault, old.type))
            return False
        try:
            while name in self._waiting:
                self._react(patiently=True)
        except Failed:  # which is recorded already
            return False
        return True

    def _outputs(self, goal: Goal, values: Values) -> dict[str, dict[str, Any]]:
        return {
            key: values.of({k: output[k] for k in ("Value", "Description", "Export") if k in output})
            for key, output in (goal.template.get("Outputs") or {}).items()
            if "Condition" not in output or values.holds(output["Condition"])
        }


def cancelled(verb: str) -> str:
    """Why a resource fails that something else ended."""
    return "Resource creation cancelled" if verb == "CREATE" else "Resource update cancelled"


def _failed(verb: str, *names: str) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
