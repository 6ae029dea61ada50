"""msaspec reads what AWS answered, as it was recorded: every answer without an exception, with the right conclusion.

The recordings are no part of this project. `MSASPEC_RECORDED` names a folder that has them, as `*.snapshot.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from msaspec.deploy import changeset, validation
from msaspec.deploy.aws import events, fault
from msaspec.deploy.phantoms import happening
from msaspec.update.changes import Action
from tests.parity.replay import VARIABLE, place

NOON = datetime(2026, 1, 1, tzinfo=UTC)
AFTERWARDS = "UPDATE_COMPLETE", "CREATE_COMPLETE", "DELETE_COMPLETE"


class Answer(NamedTuple):
    """A recorded answer: of which scenario, under which key."""

    scenario: str
    key: str
    content: Any
    scenario_content: Mapping[str, Any]


@cache
def answers() -> tuple[Answer, ...]:
    """Return every recorded answer."""
    folder = place()
    files = sorted(folder.rglob("*.snapshot.json")) if folder else []
    return tuple(
        Answer(scenario, key, content, found.get("recorded-content") or {})
        for file in files
        for scenario, found in json.loads(file.read_text("utf-8")).items()
        for key, content in (found.get("recorded-content") or {}).items()
    )


@pytest.fixture(autouse=True)
def _recorded() -> None:
    if not answers():
        pytest.skip(f"{VARIABLE} names no folder of recorded answers.")


def inside(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object of an answer."""
    if isinstance(content, dict):
        yield content
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from inside(item)


def change_sets() -> Iterator[tuple[Answer, Mapping[str, Any]]]:
    """Yield every description of a change set."""
    for answer in answers():
        for each in inside(answer.content):
            if isinstance(each.get("Changes"), list) and each.get("ChangeSetName"):
                yield answer, each


def rows(described: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The rows of resources."""
    return tuple(each["ResourceChange"] for each in described["Changes"] if "ResourceChange" in each)


def templates(contexts: tuple[Mapping[str, Any], ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The templates before and after as rows with values tell them."""
    before: dict[str, Any] = {"Resources": {}}
    after: dict[str, Any] = {"Resources": {}}
    for row in contexts:
        for template, key in ((before, "BeforeContext"), (after, "AfterContext")):
            context = row.get(key)
            if context:
                told = json.loads(context) if isinstance(context, str) else context
                resource = {"Type": row["ResourceType"], "Properties": told.get("Properties", {})}
                template["Resources"][row["LogicalResourceId"]] = resource
    return before, after


def happened(answer: Answer, name: str) -> bool | None:
    """Whether something was done to a resource after it was made, by the recorded events; None where none are."""
    told = answer.scenario_content.get("per-resource-events") or {}
    if name not in told:
        return None
    return any(each["ResourceStatus"].startswith("UPDATE_") for each in told[name])


def test_every_change_set_is_read() -> None:
    """Each row becomes a change with the action that AWS tells; none is lost, but for those that do not happen."""
    wanted = {"Add": {Action.ADD}, "Import": {Action.IMPORT}, "Remove": {Action.REMOVE}}
    count = 0
    for _, described in change_sets():
        listed = rows(described)
        found = changeset.ChangeSet("id", "stack", described.get("Status", ""), described.get("StatusReason"), listed)
        before, after = templates(listed)
        read = {change.logical_id: change for change in changeset.reconciled(found, (), before, after, {})}
        assert read.keys() == {row["LogicalResourceId"] for row in happening(listed, before, after)}
        for row in listed:
            if row["LogicalResourceId"] in read:
                action = read[row["LogicalResourceId"]].action
                if row["Action"] == "Modify":
                    assert (action is Action.REPLACE) == (row.get("Replacement") == "True"), row
                else:
                    assert action in wanted[row["Action"]]
                count += 1
        assert found.unchanged == ("didn't contain changes" in (described.get("StatusReason") or ""))
    assert count > 500


def test_no_row_is_a_phantom_and_none_is_missing() -> None:
    """What `deploy` shows of an update is what happened afterwards, by the events of the very resources."""
    judged = 0
    for answer, described in change_sets():
        valued = answer.scenario_content.get(f"{answer.key}-prop-values")
        if not isinstance(valued, Mapping) or answer.key.endswith("-prop-values"):
            continue
        before, after = templates(rows(valued))
        # What the valued description leaves out does not change by itself; the first one tells what it has.
        first = answer.scenario_content.get("describe-change-set-1-prop-values")
        made = templates(rows(first))[1]["Resources"] if isinstance(first, Mapping) else {}
        for template in (before, after):
            template["Resources"] = {**made, **template["Resources"]}
        shown = {row["LogicalResourceId"] for row in happening(rows(described), before, after)}
        for row in rows(described):
            what = happened(answer, row["LogicalResourceId"])
            if row["Action"] == "Modify" and what is not None:
                judged += 1
                assert (row["LogicalResourceId"] in shown) == what, (answer.scenario, row["LogicalResourceId"])
    assert judged >= 80


def listed_events() -> Iterator[tuple[Answer, list[dict[str, Any]]]]:
    """Yield every list of stack events, the oldest first, with times in the order of the list; where they are told by
    resource, the list of each."""
    for answer in answers():
        if answer.key == "per-resource-events":
            for told in answer.content.values():
                moments = [NOON + timedelta(seconds=number) for number in range(len(told))]
                yield answer, [{**event, "Timestamp": at} for event, at in zip(told, moments, strict=True)]
        for each in inside(answer.content):
            for key in "StackEvents", "events":
                told = each.get(key)
                if isinstance(told, list) and told and all("ResourceStatus" in event for event in told):
                    moments = [NOON - timedelta(seconds=number) for number in range(len(told))]
                    yield answer, [{**e, "Timestamp": at} for e, at in zip(told, moments, strict=True)][::-1]


def test_every_event_is_read() -> None:
    """And each stream of events has the cause that AWS gives first, or none where nothing failed."""
    streams = 0
    for answer, told in listed_events():
        whole = [{"EventId": str(number), "StackId": "", **each} for number, each in enumerate(told)]
        read = events.read(whole)
        assert [each.status for each in read] == [each["ResourceStatus"] for each in told]
        failed = [each for each in read if each.failed and not each.of_stack]
        cause = events.first_cause(read)
        assert (cause is None) <= (not failed), answer.scenario
        if failed and cause is not None:
            assert cause == failed[0], answer.scenario
        streams += 1
    assert streams >= 250


def test_every_refusal_becomes_a_diagnostic() -> None:
    """With AWS's own text in it, and none is taken for a fault of msaspec's."""
    count = 0
    for answer in answers():
        for each in inside(answer.content):
            if isinstance(each.get("Error"), Mapping) and each["Error"].get("Code") and "ResponseMetadata" in each:
                found = fault.of(ClientError(dict(each), "CreateChangeSet"), "us-east-1")
                assert found is not None
                assert found.diagnostics, answer.scenario
                text = " ".join(" ".join(f"{d.message} {d.hint or ''}" for d in found.diagnostics).split())
                message = " ".join(str(each["Error"].get("Message", "")).split()).removesuffix(".")
                assert message in text, answer.scenario
                count += 1
    assert count >= 100


def test_every_validation_is_read() -> None:
    """A finding before the deployment has a path that begins at the template's root."""
    count = 0
    for answer in answers():
        for each in inside(answer.content):
            if each.get("EventType") == "VALIDATION_ERROR":
                path = validation.path(each)
                assert not each.get("ValidationPath") or path[:1] == ("Resources",), answer.scenario
                count += 1
    if not count:
        pytest.skip("No validation before a deployment is recorded there.")


@pytest.mark.parametrize("kind", ["process exits", "health check fails"])
def test_a_recorded_deployment_of_ecs_fails_as_a_service(kind: str) -> None:
    """What ECS says of a failed deployment is the same for each cause: the reason stands in the task."""
    folder = place()
    assert folder is not None
    name = {"process exits": "processexit-failure-*.json", "health check fails": "healthcheck-failure-*.json"}[kind]
    files: list[Path] = sorted(folder.rglob(name))
    if not files:
        pytest.skip("No deployments of ECS are recorded there.")
    told = [json.loads(line) for line in files[0].read_text("utf-8").splitlines() if line.strip()]
    names = {each["detail"].get("eventName") for each in told if each["detail-type"] == "ECS Deployment State Change"}
    stopped = {each["detail"].get("stoppedReason") for each in told if each["detail-type"] == "ECS Task State Change"}
    assert "SERVICE_DEPLOYMENT_FAILED" in names
    assert any(reason for reason in stopped)
