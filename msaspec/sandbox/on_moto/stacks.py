"""A stack as CloudFormation keeps it: status, events, resources, operations.

Like all of this folder it loads moto with itself; the folder is no package, so what walks msaspec's modules passes by.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.cloudformation import models
from moto.cloudformation.exceptions import ValidationError

from msaspec.sandbox import engine, policy
from msaspec.sandbox.goal import Goal
from msaspec.sandbox.resource import Failed
from msaspec.sandbox.signals import Signals
from msaspec.sandbox.surroundings import Surroundings
from msaspec.sandbox.world import current

KIND = "AWS::CloudFormation::Stack"
DEAD = "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"
"""What no update leads out of."""


def now() -> datetime:
    """The time as moto has it: UTC, without saying so."""
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

    def end(self, succeeded: bool) -> None:
        """Notes the end."""
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
    at: datetime = field(default_factory=now)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


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

    def __init__(self, backend: Any, name: str, goal: Goal) -> None:
        region, account = backend.region_name, backend.account_id
        self.backend = backend
        self.world = current()
        self.name = name
        self.stack_id: str = models.generate_stack_id(name, region, account)
        around = Surroundings(self._client, self.stack_id, name, region, account)
        self.signals = Signals(self.world.controls, self.world.signals, self._is_cancelled)
        self.deployment = engine.Deployment(around, self._told, self._arrives, self.signals)
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
        self.policy = ""
        self.role_arn: str | None = None
        self.capabilities: list[str] = []
        self.change_set_id: str | None = None
        self.enable_termination_protection = False
        self.creation_time = now()
        self.updated: datetime | None = None
        self.deleted: datetime | None = None
        backend.stacks[self.stack_id] = self

    def _client(self, service: str) -> Any:
        return self.world.client(service, self.deployment.around.region)

    @property
    def tags(self) -> dict[str, str]:
        """The tags, for moto's Resource Groups Tagging API."""
        return dict(self.shown.tags)

    @property
    def exists(self) -> bool:
        """Whether more became of it than a change set."""
        return self.status != "REVIEW_IN_PROGRESS"

    @property
    def operation(self) -> Operation:
        """What it was asked for last."""
        return self.operations[-1]

    def to(self, status: str, reason: str | None = None) -> None:
        """Goes over to a status, with an event."""
        with self.world.lock:
            self.status, self.reason = status, reason
            self.events.append(
                Event(self.name, self.stack_id, KIND, status, reason, self.operation, self.operation.token)
            )

    def _note(self, name: str, physical: str, kind: str, status: str, reason: str | None) -> Event:
        event = Event(name, physical, kind, status, reason, self.operation, self.operation.token)
        self.events.append(event)
        return event

    def begin(self, operation: Operation, status: str, reason: str | None = "User Initiated") -> None:
        """Begins with something."""
        with self.world.lock:
            self.operations.append(operation)
            self.to(status, reason)

    def _told(self, name: str, kind: str, physical: str, status: str, reason: str | None) -> None:
        with self.world.lock:
            event = self._note(name, physical, kind, status, reason)
            row = self.rows.get(name)
            # What is removed of a resource that was replaced is not what the stack has under the name.
            if row and status.startswith("DELETE") and row.physical_id and row.physical_id != physical:
                return
            self.rows[name] = Row(name, physical or (row.physical_id if row else ""), kind, status, reason, event.at)

    def _arrives(self, name: str, verb: str) -> None:
        operation = self.running
        assert operation is not None
        self.world.controls.arrive(name, verb, lambda: operation.cancelled)
        if operation.cancelled:
            raise Failed(engine.cancelled(verb))

    def _is_cancelled(self) -> bool:
        return self.running is not None and self.running.cancelled

    def forget_removed(self) -> None:
        """Lists no longer what an operation before removed."""
        with self.world.lock:
            gone = "DELETE_COMPLETE", "DELETE_SKIPPED"
            self.rows = {name: row for name, row in self.rows.items() if row.status not in gone}

    def list_only(self, names: Mapping[str, object]) -> None:
        """Lists nothing but some resources, in their order."""
        with self.world.lock:
            self.rows = {name: self.rows[name] for name in names if name in self.rows}

    def is_free(self) -> None:
        """Raises a ValidationError while the stack is being worked on, or where nothing more can become of it."""
        if (self.exists and self.status.endswith("IN_PROGRESS")) or self.status in DEAD:
            raise ValidationError(message=f"Stack:{self.stack_id} is in {self.status} state and can not be updated.")

    def refusal(self, during: str = "") -> engine.Refusal:
        """What the stack policy says, or the one that holds for one update only."""
        statements = policy.parse(during or self.policy)
        return lambda name, kind, action: policy.refusal(statements, name, kind, action)

    def publish(self) -> None:
        """Gives out what other stacks may import, in place of what was given out before."""
        with self.world.lock:
            exports = self.backend.exports
            self.withdraw()
            for output in self.deployment.outputs.values():
                if "Export" in output:
                    name = output["Export"]["Name"]
                    exports[name] = models.Export(self.stack_id, name, str(output["Value"]))

    def withdraw(self) -> None:
        """Takes back what other stacks may import."""
        exports = self.backend.exports
        for name in [name for name, export in exports.items() if export.exporting_stack_id == self.stack_id]:
            del exports[name]


def find(backend: Any, name: str) -> Stack | None:
    """The stack of a name or an id; None where there is none or it is deleted."""
    with current().lock:
        found: list[Stack] = [each for each in backend.stacks.values() if name in (each.name, each.stack_id)]
    return found[0] if found else None


def known(backend: Any, name: str, missing: str = "Stack with id {} does not exist") -> Stack:
    """The stack of a name or an id, by its id a deleted one too. Raises a ValidationError where there is none."""
    with current().lock:
        found: Stack | None = find(backend, name) or backend.deleted_stacks.get(name)
    if found is None:
        raise ValidationError(message=missing.format(name))
    return found


def living(backend: Any, name: str) -> Stack:
    """The stack of a name or an id, of which more became than a change set. Raises a ValidationError."""
    stack = find(backend, name)
    if stack is None or not stack.exists:
        raise ValidationError(message=f"Stack [{name}] does not exist")
    return stack
