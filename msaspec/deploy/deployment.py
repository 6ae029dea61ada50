"""One stack brought to what was compiled: looked at, proposed, guarded, executed, followed, settled."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from msaspec import changes, hazards, origin
from msaspec.compile import Stack
from msaspec.deploy import artifacts, changeset, fault, gate, leftovers, policy, protection, state, validation
from msaspec.deploy.changeset import ChangeSet
from msaspec.deploy.events import Feed
from msaspec.deploy.failure import Failure
from msaspec.deploy.here import Here
from msaspec.deploy.obstacles import Obstacles
from msaspec.deploy.parameters import filled
from msaspec.deploy.progress import Progress
from msaspec.deploy.state import Deployed, Standing
from msaspec.deploy.target import Aws
from msaspec.deploy.teller import Teller
from msaspec.deploy.watch import Outcome, follow
from msaspec.deploy.wish import Declined, Wish
from msaspec.diagnostic import Code, Invalid, errors, ordered
from msaspec.place import Path
from msaspec.render import to_yaml
from msaspec.source import Document

OVERTAKEN = Code(
    "MSA612",
    "Another deployment came first",
    """
    Between showing the change set and executing it, somebody else changed the stack or removed the change set. It was
    not executed: what is executed is what was shown. Run the command again to see what is to change now.
    """,
)


@dataclass(frozen=True)
class Proposal:
    """A change set that can be executed, and what it does."""

    change_set: ChangeSet
    changes: tuple[changes.Change, ...]
    released: frozenset[str]


class Deployment:
    """One stack on its way. The steps are called in the order in which they stand here."""

    def __init__(
        self,
        aws: Aws,
        teller: Teller,
        wish: Wish,
        here: Here,
        document: Document,
        stack: Stack,
        *,
        protect: bool = True,
    ) -> None:
        self.aws, self.teller, self.wish, self.here = aws, teller, wish, here
        self.document, self.stack, self.protect = document, stack, protect
        self.deployed: Deployed | None = None
        self.before: Mapping[str, Any] = {}
        """The template of the stack as it stands."""
        self.uploaded = False
        """Whether the template was put into a bucket."""
        self.used: set[str] = set()
        """Words of `--allow-replace` that let something go."""
        self._agreed = wish.yes
        """Whether the user said yes to what was told."""
        self._obstacles = Obstacles(aws, teller, here, self.stack.name, wish)

    def look(self) -> None:
        """Finds out how the stack stands. Raises Fault where nothing can be done with it now."""
        self.deployed = self._obstacles.passed()
        if self.deployed and self.deployed.standing is Standing.READY:
            self.before = state.template_of(self.aws, self.deployed.name)

    def foresee(self, parameters: Mapping[str, str]) -> bool:
        """For a look: shows and judges what the templates tell, where CloudFormation could only be asked through a
        bucket that is still to be made; False where it can be asked. Raises Invalid with what would be lost."""
        if self.deployed and self.deployed.standing is Standing.STILLBORN:
            self.deployed = self._obstacles.cleared(self.deployed)
        if not artifacts.needs_bucket(self.aws, to_yaml(self.stack)):
            return False
        self._shown(self._compared(parameters), parameters)
        long = f"the template of {self.stack.name} is above {artifacts.LONGEST:,} bytes"
        bucket = f"the bucket {artifacts.bucket_of(self.aws)} that it would go through is not there yet"
        self.teller.note(
            f"CloudFormation was not asked: {long}, and {bucket}. What is shown is told from the templates."
        )
        return True

    def propose(self, system: str, parameters: Mapping[str, str], tags: Mapping[str, str]) -> Proposal | None:
        """Makes the change set, shows and judges it; None where nothing is to change. Raises Invalid with what would
        be lost, and Fault where CloudFormation refuses."""
        from botocore.exceptions import ClientError

        if self.deployed and self.deployed.standing is Standing.STILLBORN:
            self.deployed = self._obstacles.cleared(self.deployed)
        creates = changeset.is_first(self.deployed)
        if self.deployed and not self.wish.dry_run:
            changeset.remove_stale(self.aws, self.deployed.name)
        sent = artifacts.send(self.aws, system, to_yaml(self.stack))
        if sent.place:
            self.uploaded = True
            bucket = " a new bucket, private and encrypted" if sent.made else ""
            self.teller.note(
                f"The template is above {artifacts.LONGEST:,} bytes and went to {sent.place}{bucket and ','}{bucket}."
            )
        request = changeset.Request(
            self.stack.name,
            creates,
            sent.words,
            parameters,
            tags,
            policy.capabilities(self.stack.template),
            self.wish.role_arn,
            imports=self.here.registry,  # Its repositories outlive it, and have names of their own.
        )
        change_set = self._obstacles.raced(lambda: changeset.create(self.aws, request))
        if change_set.unchanged:
            self.withdraw(change_set)
            return None
        try:
            self._validated(change_set)
            return self._judged(change_set, parameters)
        except BaseException:
            with suppress(ClientError):  # What went wrong first is what the user has to hear of.
                self.withdraw(change_set)
            raise

    def _validated(self, change_set: ChangeSet) -> None:
        found = validation.findings(self.aws, change_set.id, self.stack, self.document)
        if change_set.status == "FAILED":
            reason = " ".join((change_set.reason or "It gives no reason.").split())
            message = f"CloudFormation refuses the change set of the stack {self.stack.name}: {reason}"
            hint = "Correct what it names, and run the command again." if not errors(found) else None
            raise fault.Fault(changeset.FAILED.at((), message, hint=hint), *found)
        self.teller.diagnosed(found)

    def _sides(self, parameters: Mapping[str, str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The templates as they stand and as they are to be, both with the values of their parameters."""
        before = filled(self.before, self.deployed.parameters if self.deployed else {})
        return before, filled(self.stack.template, parameters)

    def _compared(self, parameters: Mapping[str, str]) -> tuple[changes.Change, ...]:
        return changes.between(*self._sides(parameters), origins=self.stack.origins)

    def _judged(self, change_set: ChangeSet, parameters: Mapping[str, str]) -> Proposal:
        entries = {row["LogicalResourceId"]: self.entry_of(row["LogicalResourceId"]) for row in change_set.rows}
        found = changeset.reconciled(change_set, self._compared(parameters), *self._sides(parameters), entries)
        return Proposal(change_set, found, self._shown(found, parameters))

    def _shown(self, found: tuple[changes.Change, ...], parameters: Mapping[str, str]) -> frozenset[str]:
        """Shows and judges changes; returns what was let go. Raises Invalid with what would be lost."""
        self.teller.proposed(self.stack.name, found, self._place)
        judged = gate.judge(found, self.wish.allowed, self.document.place)
        self.teller.diagnosed(judged.released)
        self.teller.diagnosed([*map(self.document.place, hazards.found(*self._sides(parameters), found))])
        self.used |= self.wish.allowed - set(judged.unused)
        if judged.refused:
            raise Invalid(ordered(judged.refused))
        return judged.ids

    def _place(self, entry: Path) -> str:
        """Where an entry stands in the manifest; for what is written nowhere, the nearest that is."""
        span = self.document.span(entry, key=True)
        return f"{span.file}:{span.line}"

    def entry_of(self, logical_id: str) -> Path:
        """The manifest entry, or the patch, that a resource of the stack belongs to."""
        name = logical_id.partition(".")[0]
        if path := self.stack.origin(("Resources", name)):
            return path
        named = self.before if name in self.before.get("Resources", {}) else self.stack.template
        return origin.reader(named)(name)

    def foretell(self) -> None:
        """Says that termination protection is to go, which no change set shows."""
        if self.deployed and self.deployed.protected and not self.protect:
            name = self.stack.name
            self.teller.note(f"The manifest says `protect: false`: the stack {name} is to lose termination protection.")

    def confirm(self, proposal: Proposal) -> None:
        """Asks, unless the user said yes beforehand. Raises Declined."""
        verb = "Create" if changeset.is_first(self.deployed) else "Update"
        question = f"{verb} the stack {self.stack.name} in {self.aws.region}, account {self.aws.account}?"
        try:
            if not self._agreed and not self.teller.asks(question):
                raise Declined
            self._agreed = True
        except BaseException:  # However the question ended without a yes.
            self.withdraw(proposal.change_set)
            raise

    def withdraw(self, change_set: ChangeSet) -> None:
        """Removes a change set that is not executed, with the empty stack that stands only for it."""
        changeset.remove(self.aws, change_set, with_stack=self.deployed is None)

    def execute(self, proposal: Proposal) -> Outcome | None:
        """Executes the very change set that was shown, and follows it; None if nobody waits for the end. Raises Fault
        with the first cause if it fails."""
        from botocore.exceptions import ClientError

        first = changeset.is_first(self.deployed)
        if not first:
            self._guard(self.before, proposal.released)
        self._release(proposal)
        feed = Feed.from_now(self.aws, proposal.change_set.stack_id)
        try:
            self.aws.client("cloudformation").execute_change_set(ChangeSetName=proposal.change_set.id)
        except ClientError as error:
            self._unrelease(proposal)
            if fault.code_of(error) in ("InvalidChangeSetStatus", "ChangeSetNotFound", "ChangeSetNotFoundException"):
                message = f"The change set of {self.stack.name} was overtaken: {fault.message_of(error)}"
                raise fault.raised(OVERTAKEN, message, f"Run it again: {self.here.command('deploy')}") from None
            raise
        if not self.wish.follow:
            return None
        progress = Progress(
            self.stack.name, self.entry_of, {c.logical_id: c.entry for c in proposal.changes if "::" in c.type}
        )
        outcome = follow(self.aws, feed, progress, self.teller, here=self.here)
        if not state.succeeded(outcome.status):
            self._unrelease(proposal)
            self.tell_left(outcome)
            raise Failure(self.aws, self.here, self.document, self.entry_of).fault(
                self.stack.name, proposal.change_set.stack_id, outcome
            )
        return outcome

    def _release(self, proposal: Proposal) -> None:
        """Lifts the protection of load balancers that are to go: CloudFormation would leave them in the account. A
        database's stays, for that was never asked."""
        going = {c.logical_id for c in proposal.changes if c.action in (changes.Action.REMOVE, changes.Action.REPLACE)}
        for row in proposal.change_set.rows:
            name, kind, id = row["LogicalResourceId"], row["ResourceType"], row.get("PhysicalResourceId")
            if name in going and kind == protection.LOAD_BALANCER and id and protection.lift(self.aws, kind, id):
                self.teller.note(f"Lifted the deletion protection of the load balancer {name}, which goes.")

    def _unrelease(self, proposal: Proposal) -> None:
        """Makes the stack policy whole again after an update that did not come to be. One that goes on unwatched needs
        it as it is; there the next deployment does."""
        if proposal.released and not changeset.is_first(self.deployed):
            self._guard(self.before, ())

    def tell_left(self, outcome: Outcome) -> None:
        """Says what CloudFormation could not remove, although it is done."""
        found = leftovers.left(self.aws, outcome, self.entry_of)
        self.teller.diagnosed([self.document.place(each) for each in found])

    def settle(self) -> Deployed | None:
        """Sees to termination protection and the stack policy, and reads the outputs."""
        self.deployed = state.describe(self.aws, self.stack.name)
        if self.deployed is None:
            return None
        if self.deployed.protected != self.protect and (self.protect or self._may_lift()):
            self.aws.client("cloudformation").update_termination_protection(
                StackName=self.deployed.name, EnableTerminationProtection=self.protect
            )
        self._guard(self.stack.template, ())
        return self.deployed

    def _may_lift(self) -> bool:
        """Whether termination protection may go: by the yes to the update, else by one of its own."""
        question = (
            f"Lift the termination protection of {self.stack.name} in {self.aws.region}, account {self.aws.account}?"
        )
        if self._agreed or self.teller.asks(question):
            return True
        self.teller.note(f"The termination protection of the stack {self.stack.name} stays on.")
        return False

    def _guard(self, template: Mapping[str, Any], released: frozenset[str] | tuple[()]) -> None:
        """Sees to the stack policy: it denies what nobody let go."""
        wanted = policy.stack_policy(template, released)
        cloudformation = self.aws.client("cloudformation")
        there = cloudformation.get_stack_policy(StackName=self.stack.name).get("StackPolicyBody")
        if not policy.same_policy(there, wanted):
            cloudformation.set_stack_policy(StackName=self.stack.name, StackPolicyBody=wanted)
