"""A stack as CloudFormation keeps it: status, events, resources, operations.

Like all of this folder it loads moto with itself; the folder is no package, so what walks msaspec's modules passes by.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.cloudformation import models
from moto.cloudformation.exceptions import ValidationError

from msaspec.sandbox.cloudformation import engine, policy
from msaspec.sandbox.cloudformation.goal import Goal
from msaspec.sandbox.cloudformation.resource import Cancelled
from msaspec.sandbox.cloudformation.signals import Signals
from msaspec.sandbox.cloudformation.surroundings import Surroundings
from msaspec.sandbox.world import current

KIND = "AWS::CloudFormation::Stack"
DEAD = "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "DELETE_COMPLETE"
"""What no update leads out of."""
PRESERVED = "CREATE_FAILED", "UPDATE_FAILED"
"""What an update leads out of that preserves what it makes, or a rollback."""
SOON = 0.05
"""After how many seconds a resource that waits for a service looks again."""
DOES_NOTHING = (
    "This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: DO_NOTHING]. "
    "Please use disable-rollback option instead during stack creation."
)
NOT_TERMINAL = (
    "This stack is currently in a non-terminal [{}] state. To update the stack from this state, please use the "
    "disable-rollback parameter with {} API. To rollback to the last known good state, use the rollback-stack API"
)


def now() -> datetime:
    """Return the time as moto has it: UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass
class Operation:
    """Something that CloudFormation was asked to do."""

    type: str
    token: str | None = None
    """The `ClientRequestToken` of the request."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "IN_PROGRESS"
    begun: datetime = field(default_factory=now)
    ended: datetime | None = None
    cancelled: bool = False
    """Whether it is to stop before the next resource."""
    abandoned: bool = False
    """Whether it is then to leave everything as it is, since the stack is deleted."""

    def end(self, *, succeeded: bool) -> None:
        """Note the end."""
        self.status, self.ended = ("SUCCEEDED" if succeeded else "FAILED"), now()


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    operation: Operation
    token: str | None
    """The `ClientRequestToken` that it was for."""
    properties: str | None = None
    """The properties of the resource, as JSON."""
    at: datetime = field(default_factory=now)
    unique: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def id(self) -> str:
        """The id: of events of resources it says what they are of."""
        if self.type == KIND:
            return self.unique
        end = self.unique if self.properties is None else f"{self.status}-{self.at.isoformat('T', 'microseconds')}Z"
        return f"{self.logical_id}-{end}"


@dataclass(frozen=True)
class Row:
    """A resource as the API lists it."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    since: datetime


class Stack:
    """A stack whose resources the sandbox's engine makes."""

    def __init__(self, backend: Any, name: str, goal: Goal, parent: Stack | None = None) -> None:
        region, account = backend.region_name, backend.account_id
        self.backend = backend
        self.world = current()
        self.name = name
        self.parent = parent
        """The stack whose resource it is."""
        self.goes_back = False
        """Whether it is on its way back, which no cancellation stops."""
        self.stack_id: str = models.generate_stack_id(name, region, account)
        around = Surroundings(self._client, self.stack_id, name, region, account)
        around.wait = self._wait
        around.exports = backend.exports
        around.default_zones = self.world.account.default_zones
        self.signals = Signals(self.world.controls, awaited=self.world.signals, cancelled=self._is_cancelled)
        self.deployment = engine.Deployment(around, self._record, self._arrives, self.signals)
        self.template = ""
        self.shown = goal
        """Whose parameters and tags it shows."""
        self.status = "REVIEW_IN_PROGRESS"
        self.reason: str | None = None
        self.events: list[Event] = []
        self.rows: dict[str, Row] = {}
        self.operations: list[Operation] = []
        self.running: Operation | None = None
        self.work: threading.Thread | None = None
        self.tokens: dict[str, str] = {}
        """The request that each client token belongs to."""
        self.disable_rollback = False
        """What the last request that said so wanted. It stays for those that say nothing."""
        self.does_nothing = False
        """Whether the stack was created to be left alone by `OnFailure` or `OnStackFailure`, and failed."""
        self.policy = ""
        self.role_arn: str | None = None
        self.capabilities: list[str] = []
        self.change_set_id: str | None = None
        self.enable_termination_protection = False
        self.creation_time = now()
        self.updated: datetime | None = None
        self.deleted: datetime | None = None
        self.kept: tuple[Goal | None, dict[str, dict[str, Any]], str, Goal] = (None, {}, "", goal)
        """Goal, outputs, template and what it showed before the running operation, of a nested one."""
        self.skipped: list[str] = []
        """What of nested stacks a rollback that is continued passes over."""
        self.nested: dict[str, Stack] = {}
        """The nested stacks that the change set which is executed proposed, by logical id."""
        self.touched: dict[str, Stack] = {}
        """The nested stacks, of whatever depth, that the running operation changed, and that are to be cleaned up."""
        backend.stacks[self.stack_id] = self

    def _client(self, service: str, region: str | None = None) -> Any:
        return self.world.client(service, region or self.deployment.around.region)

    @property
    def tags(self) -> dict[str, str]:
        """The tags, for moto's Resource Groups Tagging API."""
        return dict(self.shown.tags)

    @property
    def exists(self) -> bool:
        """Whether more became of it than a change set."""
        return self.status != "REVIEW_IN_PROGRESS"

    @property
    def stable(self) -> bool:
        """Whether it was ever brought to something, and can go back there."""
        return self.deployment.goal is not None

    @property
    def operation(self) -> Operation:
        """What it was asked for last."""
        return self.operations[-1]

    def to(self, status: str, reason: str | None = None) -> None:
        """Change to a status, with an event."""
        with self.world.lock:
            self.status, self.reason = status, reason
            self.events.append(
                Event(self.name, self.stack_id, KIND, status, reason, self.operation, self.operation.token)
            )

    def leaves(self) -> None:
        """Note that it is removed, or that its creation is taken back, from now on."""
        self.deleted, self.change_set_id = now(), None

    def begin(self, operation: Operation, status: str, reason: str | None = "User Initiated") -> None:
        """Begin an operation."""
        with self.world.lock:
            self.operations.append(operation)
            self.to(status, reason)

    def _record(
        self,
        name: str,
        kind: str,
        physical: str,
        status: str,
        reason: str | None,
        properties: Mapping[str, Any] | None,
    ) -> None:
        with self.world.lock:
            text = None if properties is None else json.dumps(properties)
            operation = self.operation
            event = Event(name, physical, kind, status, reason, operation, operation.token, text)
            self.events.append(event)
            row = self.rows.get(name)
            # What is removed of a resource that was replaced is not what the stack has under the name.
            if row and status.startswith("DELETE") and row.physical_id and row.physical_id != physical:
                return
            self.rows[name] = Row(name, physical or (row.physical_id if row else ""), kind, status, reason, event.at)

    @property
    def root(self) -> Stack:
        """The stack that is in no other one."""
        return self.parent.root if self.parent else self

    def _arrives(self, name: str, verb: str) -> None:
        self.world.controls.arrive(name, verb, self._is_cancelled)
        if self._is_cancelled():
            raise Cancelled(engine.cancelled(verb))

    def _wait(self, met: Callable[[], bool]) -> None:
        while not met():
            self.world.controls.pause(SOON)
            if self._is_cancelled():
                raise Cancelled("Resource operation cancelled")

    def _is_cancelled(self) -> bool:
        running = self.root.running
        return running is not None and running.cancelled and not self.goes_back

    def forget_removed(self) -> None:
        """List no longer what an operation before removed."""
        with self.world.lock:
            gone = "DELETE_COMPLETE", "DELETE_SKIPPED"
            self.rows = {name: row for name, row in self.rows.items() if row.status not in gone}

    def list_only(self, names: Mapping[str, object]) -> None:
        """List nothing but some resources, in their order."""
        with self.world.lock:
            self.rows = {name: self.rows[name] for name in names if name in self.rows}

    def is_free(self) -> None:
        """Raise a ValidationError while the stack is being worked on, or where nothing more can become of it."""
        if (self.exists and self.status.endswith("IN_PROGRESS")) or self.status in DEAD:
            raise ValidationError(message=f"Stack:{self.stack_id} is in {self.status} state and can not be updated.")
        if self.status == "CREATE_FAILED" and self.does_nothing:
            raise ValidationError(message=DOES_NOTHING)

    def preserves(self, api: str, *, disable_rollback: bool | None) -> bool:
        """Say whether an update is to preserve what it makes where it fails: what the request says, or else what the
        last one said. Raises a ValidationError where the stack failed and the request does not say yes."""
        if self.status in PRESERVED and not disable_rollback:
            raise ValidationError(message=NOT_TERMINAL.format(self.status, api))
        return self.disable_rollback if disable_rollback is None else disable_rollback

    def refusal(self, during: str = "") -> engine.Refusal:
        """Return what the stack policy says, or the one that holds for one update only."""
        statements = policy.parse(during or self.policy)
        return lambda name, kind, action: policy.refusal(statements, name, kind, action)

    def publish(self) -> None:
        """Give out what other stacks may import, in place of what was given out before."""
        with self.world.lock:
            exports = self.backend.exports
            self.withdraw()
            for output in self.deployment.outputs.values():
                if "Export" in output:
                    name = output["Export"]["Name"]
                    exports[name] = models.Export(self.stack_id, name, str(output["Value"]))

    def withdraw(self) -> None:
        """Remove the exports that other stacks may import."""
        exports = self.backend.exports
        for name in [name for name, export in exports.items() if export.exporting_stack_id == self.stack_id]:
            del exports[name]


def all_of(stacks: Mapping[str, Any]) -> list[Stack]:
    """Return the stacks among what moto has, which makes some of its own for stack sets."""
    return [each for each in stacks.values() if isinstance(each, Stack)]


def find(backend: Any, name: str) -> Stack | None:
    """Return the stack of a name or an id; None where there is none or it is deleted."""
    with current().lock:
        found = [each for each in all_of(backend.stacks) if name in (each.name, each.stack_id)]
    return found[0] if found else None


def known(backend: Any, name: str, missing: str = "Stack with id {} does not exist") -> Stack:
    """Return the stack of a name or an id, by its id a deleted one too. Raises a ValidationError where there is
    none."""
    with current().lock:
        found: Stack | None = find(backend, name) or backend.deleted_stacks.get(name)
    if found is None:
        raise ValidationError(message=missing.format(name))
    return found


def living(backend: Any, name: str) -> Stack:
    """Return the stack of a name or an id, of which more became than a change set. Raises a ValidationError."""
    stack = find(backend, name)
    if stack is None or not stack.exists:
        raise ValidationError(message=f"Stack [{name}] does not exist")
    return stack
