"""Brokers: whether they run, and what keeps their messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_BAD = ("CREATION_FAILED", "CRITICAL_ACTION_REQUIRED", "DELETION_IN_PROGRESS")


class Brokers(Examiner):
    """Tells how brokers are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::AmazonMQ::Broker",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each."""
        found = []
        for subject in subjects:
            answer = yield Ask("mq", "describe_broker", {"BrokerId": subject.id})
            if not answer:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            state = str(answer.get("BrokerState", "unknown"))
            required = [str(each.get("ActionRequiredCode")) for each in answer.get("ActionsRequired", ())]
            faults = [f"it is {state}"] if state in _BAD else []
            faults += [f"Amazon MQ requires an action: {code}" for code in required]
            protections: dict[str, str | bool] = {"cluster": answer.get("DeploymentMode") == "CLUSTER_MULTI_AZ"}
            of = (subject.entry, subject.type, subject.id, state.lower().replace("_", " "))
            since = answer.get("Created")
            found.append(Condition(*of, tuple(faults), since=since, protections=protections))
        return found
