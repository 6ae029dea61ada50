"""Deployments of ECS services as they were recorded: why their tasks stop is known when the first of them does.

The recordings are no part of this project. `MSASPEC_RECORDED` names a folder that has them, as `ecs-events/*.json`: the
events of ECS in EventBridge, one a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from msaspec.deploy import causes
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import Scene, Subject
from msaspec.deploy.investigators.ecs_service import EcsServices
from tests.deploy.test_investigators import led
from tests.parity.replay import VARIABLE, place

EVERY = timedelta(seconds=5)
"""How far two rounds are apart at most, while nothing happens."""
EXPECTED = {
    "build-failure": set(),
    "failure-then-success": {causes.UNHEALTHY},
    "healthcheck-failure": {causes.UNHEALTHY},
    "processexit-failure": {causes.EXIT},
    "success": set(),
}


def recorded(name: str) -> list[Mapping[str, Any]]:
    """Return the events of a recording, by time."""
    folder = place()
    files = sorted(folder.rglob(f"ecs-events/{name}-*.json")) if folder else []
    if not files:
        pytest.skip(f"{VARIABLE} names no folder of recorded events of ECS.")
    lines = [line for file in files for line in Path(file).read_text("utf-8").splitlines() if line.strip()]
    return sorted(map(json.loads, lines), key=lambda event: str(event["time"]))


def at(event: Mapping[str, Any]) -> datetime:
    """When it was."""
    return datetime.fromisoformat(str(event["time"]).replace("Z", "+00:00"))


def known(events: Iterable[Mapping[str, Any]], until: datetime) -> dict[str, dict[str, Any]]:
    """Return the tasks as ECS describes them at a time."""
    tasks: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["detail-type"] == "ECS Task State Change" and at(event) <= until:
            tasks[event["detail"]["taskArn"]] = event["detail"]
    return tasks


def watched(events: list[Mapping[str, Any]], deployment: str) -> list[tuple[datetime, Finding]]:
    """Look at a deployment from its first event to its last, as whoever deploys does."""
    own = [event for event in events if event["detail"].get("startedBy") == deployment]
    group = str(own[0]["detail"]["group"]).removeprefix("service:")
    arn = f"arn:aws:ecs:us-west-2:123456789012:service/cluster/{group}"
    subjects = [Subject("Service", "AWS::ECS::Service", arn, ("services", "web"))]
    investigator, found, now = EcsServices(), [], at(own[0])
    while now <= at(own[-1]) + EVERY:
        tasks = known(own, now)
        gone = [arn for arn, task in tasks.items() if task["desiredStatus"] == "STOPPED"]
        state = {"id": deployment, "rolloutState": "IN_PROGRESS"}
        service = {"serviceArn": arn, "serviceName": group, "deployments": [state]}
        answers = {
            "describe_services": {"services": [service]},
            "list_tasks": {"taskArns": gone},
            "describe_tasks": {"tasks": [tasks[arn] for arn in gone]},
        }
        # Times of events are texts, those of answers are not.
        looking = investigator.look(subjects, Scene("stack", {}, lambda name: ()))
        found += [(now, each) for each in led(looking, answers)[0]]
        now += EVERY
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_why_tasks_stop_is_known_at_once(name: str) -> None:
    """Within ten seconds of the first task that failed; of a deployment that succeeds nothing is said."""
    events = recorded(name)
    deployments = sorted({str(event["detail"].get("startedBy")) for event in events} - {"None"})
    found = {deployment: watched(events, deployment) for deployment in deployments}
    assert {each.cause for several in found.values() for _, each in several} == EXPECTED[name]
    for deployment, several in found.items():
        if not several:
            continue
        bad = [
            at(event)
            for event in events
            if event["detail"].get("startedBy") == deployment
            and event["detail"].get("desiredStatus") == "STOPPED"
            and not str(event["detail"].get("stoppedReason")).startswith("Scaling activity")
        ]
        assert several[0][0] - min(bad) <= timedelta(seconds=10)


def test_the_exit_code_is_told() -> None:
    """That of the recorded process."""
    events = recorded("processexit-failure")
    deployments = {str(event["detail"].get("startedBy")) for event in events} - {"None"}
    said = [each.said for deployment in deployments for _, each in watched(events, deployment)]
    assert any(text.endswith("(exit code 99)") for text in said)
