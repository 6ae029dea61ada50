"""What scenarios ask to be done as a whole: a stack that is made and changed, a template that is deployed."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.parity.localstack_modules import HELPERS, load_file, render_template, short_uid

CAPABILITIES = ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def _parameters(values: dict[str, str] | None) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in (values or {}).items()]


def _body(template: Any) -> str:
    return json.dumps(template) if isinstance(template, dict) else load_file(template)


KEY = "per-resource-events"


def _whole(aws_client: Any, stack: str) -> dict[str, Any]:
    """All events by resource, the newest first, as older recordings have them: up to the deletion of the stack."""
    told = aws_client.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    ends = [n for n, event in enumerate(told) if event["PhysicalResourceId"] == event["StackId"]]
    begun = [n for n in ends if told[n]["ResourceStatus"] == "DELETE_IN_PROGRESS"]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in told[(begun[0] + 1 if begun else 0) :]:
        found[event["LogicalResourceId"]].append({**event, "Timestamp": "timestamp"})
    return dict(found)


@pytest.fixture
def capture_resource_state_changes(aws_client: Any) -> Callable[[str], list[dict[str, Any]]]:
    """The events of a stack, the newest first, without those that repeat the status of their resource."""

    def capture(stack: str) -> list[dict[str, Any]]:
        latest: dict[str, str] = {}
        found = []
        for event in aws_client.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
            name, status = event["LogicalResourceId"], event["ResourceStatus"]
            if status != "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" and latest.get(name) != status:
                latest[name] = status
                found.append(event)
        return found

    return capture


@pytest.fixture
def capture_per_resource_events(
    request: Any, aws_client: Any, capture_resource_state_changes: Any
) -> Callable[[str], dict[str, Any]]:
    """The events of a stack by resource: each status once, in the order of time."""

    def capture(stack: str) -> dict[str, Any]:
        if not hasattr(request.node, "parity") or "Stack" not in request.node.parity.recorded.get(KEY, {"Stack": ()}):
            return _whole(aws_client, stack)
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in capture_resource_state_changes(stack):
            name = event["LogicalResourceId"]
            keys = "PhysicalResourceId", "LogicalResourceId", "ResourceType", "ResourceStatus", "Timestamp"
            found["Stack" if name == event["StackName"] else name].append({key: event.get(key) for key in keys})
        once: dict[str, Any] = {}
        for name, events in found.items():
            kept: list[dict[str, Any]] = []
            for event in sorted(events, key=lambda each: each["Timestamp"]):
                if not kept or kept[-1]["ResourceStatus"] != event["ResourceStatus"]:
                    kept.append(event)
            once[name] = kept
        return once

    return capture


@pytest.fixture
def capture_update_process(aws_client: Any, capture_per_resource_events: Any) -> Iterator[Any]:
    """A stack that is made by one change set, changed by another, and deleted; each answer is compared."""
    client, stack_name, name = aws_client.cloudformation, f"stack-{short_uid()}", f"cs-{short_uid()}"
    made: list[str] = []

    def change(snapshot: Any, number: int, template: Any, values: Any) -> str:
        answer = client.create_change_set(
            StackName=stack_name,
            ChangeSetName=name,
            TemplateBody=_body(template),
            ChangeSetType="CREATE" if number == 1 else "UPDATE",
            Capabilities=CAPABILITIES,
            Parameters=_parameters(values),
        )
        snapshot.match(f"create-change-set-{number}", answer)
        made.append(answer["StackId"])
        try:
            client.get_waiter("change_set_create_complete").wait(ChangeSetName=answer["Id"])
        except WaiterError as fault:
            described = client.describe_change_set(ChangeSetName=answer["Id"])
            raise RuntimeError(f"Change set deployment failed: {described}") from fault
        for key, valued in (
            (f"describe-change-set-{number}-prop-values", True),
            (f"describe-change-set-{number}", False),
        ):
            described = client.describe_change_set(ChangeSetName=answer["Id"], IncludePropertyValues=valued)
            described["Changes"].sort(key=lambda each: each["ResourceChange"]["LogicalResourceId"])
            snapshot.match(key, described)
        snapshot.match(f"execute-change-set-{number}", client.execute_change_set(ChangeSetName=answer["Id"]))
        status = "stack_create_complete" if number == 1 else "stack_update_complete"
        client.get_waiter(status).wait(StackName=answer["StackId"])
        stack = client.describe_stacks(StackName=answer["StackId"])["Stacks"][0]
        snapshot.match(f"post-create-{number}-describe", stack)
        return str(answer["StackId"])

    def process(snapshot: Any, t1: Any, t2: Any, p1: Any = None, p2: Any = None, custom_update_step: Any = None) -> str:
        change(snapshot, 1, t1, p1)
        if custom_update_step:
            custom_update_step()
        id = change(snapshot, 2, t2, p2)
        client.delete_stack(StackName=id)
        client.get_waiter("stack_delete_complete").wait(StackName=id)
        snapshot.match("delete-describe", client.describe_stacks(StackName=id)["Stacks"][0])
        snapshot.match("per-resource-events", capture_per_resource_events(id))
        return id

    yield process
    for id in made:
        with contextlib.suppress(Exception):
            client.delete_stack(StackName=id)
            client.get_waiter("stack_delete_complete").wait(StackName=id)


@pytest.fixture
def deploy_cfn_template(aws_client: Any) -> Iterator[Any]:
    """A template that is deployed by a change set."""
    made: list[Callable[[], None]] = []

    def deploy(
        *,
        is_update: bool = False,
        stack_name: str | None = None,
        change_set_name: str | None = None,
        template: str | None = None,
        template_path: Any = None,
        template_mapping: Any = None,
        parameters: Any = None,
        role_arn: str | None = None,
        raw_parameters: Any = None,
        custom_aws_client: Any = None,
        **ignored: Any,
    ) -> Any:
        client = (custom_aws_client or aws_client).cloudformation
        stack_name, change_set_name = (
            stack_name or f"stack-{short_uid()}",
            change_set_name or f"change-set-{short_uid()}",
        )
        body = Path(template_path).read_text("utf-8") if template_path is not None else template
        answer = client.create_change_set(
            StackName=stack_name,
            ChangeSetName=change_set_name,
            TemplateBody=render_template(str(body), **(template_mapping or {})),
            Capabilities=CAPABILITIES,
            ChangeSetType="UPDATE" if is_update else "CREATE",
            Parameters=_parameters(parameters) if parameters else raw_parameters or [],
            **({"RoleARN": role_arn} if role_arn else {}),
        )
        id, stack_id = answer["Id"], answer["StackId"]
        try:
            client.get_waiter("change_set_create_complete").wait(ChangeSetName=id)
        except WaiterError as fault:
            described = client.describe_change_set(ChangeSetName=id)
            raise Exception(f"{described['Status']}: {described.get('StatusReason')}") from fault
        client.execute_change_set(ChangeSetName=id)
        try:
            client.get_waiter(f"stack_{'update' if is_update else 'create'}_complete").wait(StackName=stack_id)
        except WaiterError as fault:
            stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
            events = client.describe_stack_events(StackName=stack_id)["StackEvents"]
            raise HELPERS["StackDeployError"](stack, events) from fault
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        outputs = {each["OutputKey"]: each.get("OutputValue") for each in stack.get("Outputs", [])}

        def destroy() -> None:
            client.delete_stack(StackName=stack_id)
            client.get_waiter("stack_delete_complete").wait(StackName=stack_id)

        made.append(destroy)
        return SimpleNamespace(
            change_set_id=id,
            stack_id=stack_id,
            stack_name=stack_name,
            change_set_name=change_set_name,
            outputs=outputs,
            destroy=destroy,
        )

    yield deploy
    for destroy in reversed(made):
        with contextlib.suppress(Exception):
            destroy()


def _stack_is(statuses: list[str]) -> Any:
    def fixture(aws_client: Any) -> Any:
        def is_so(stack_id: str) -> Callable[[], bool]:
            return lambda: (
                aws_client.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] in statuses
            )

        return is_so

    return pytest.fixture(fixture)


is_stack_created = _stack_is(["CREATE_COMPLETE", "CREATE_FAILED"])
is_stack_updated = _stack_is(["UPDATE_COMPLETE", "UPDATE_FAILED"])
is_stack_deleted = _stack_is(["DELETE_COMPLETE"])


def _change_set_is(*pairs: tuple[str, str]) -> Any:
    def fixture(aws_client: Any) -> Any:
        def is_so(change_set_id: str) -> Callable[[], bool]:
            def met() -> bool:
                described = aws_client.cloudformation.describe_change_set(ChangeSetName=change_set_id)
                return all(described.get(key) == value for key, value in pairs)

            return met

        return is_so

    return pytest.fixture(fixture)


is_change_set_created_and_available = _change_set_is(("Status", "CREATE_COMPLETE"), ("ExecutionStatus", "AVAILABLE"))
is_change_set_failed_and_unavailable = _change_set_is(("Status", "FAILED"), ("ExecutionStatus", "UNAVAILABLE"))
is_change_set_finished = _change_set_is(("ExecutionStatus", "EXECUTE_COMPLETE"))


def _cleaning(operation: str, word: str) -> Any:
    def fixture(aws_client: Any) -> Any:
        def clean(*names: list[str], **named: list[str]) -> None:
            for name in [*itertools.chain(*names, *named.values())]:
                with contextlib.suppress(Exception):
                    getattr(aws_client.cloudformation, operation)(**{word: name})

        return clean

    return pytest.fixture(fixture)


cleanup_stacks = _cleaning("delete_stack", "StackName")
cleanup_changesets = _cleaning("delete_change_set", "ChangeSetName")


@pytest.fixture
def s3_create_bucket(aws_client: Any) -> Any:
    """Makes a bucket."""

    def create(**words: Any) -> str:
        name = words.pop("Bucket", f"bucket-{short_uid()}")
        aws_client.s3.create_bucket(Bucket=name, **words)
        return str(name)

    return create


@pytest.fixture
def s3_bucket(s3_create_bucket: Any) -> str:
    """A bucket."""
    return str(s3_create_bucket())


@pytest.fixture
def create_parameter(aws_client: Any) -> Any:
    """Makes a parameter."""
    return lambda **words: aws_client.ssm.put_parameter(**words)


@pytest.fixture
def sns_create_topic(aws_client: Any) -> Any:
    """Makes a topic."""
    return lambda **words: aws_client.sns.create_topic(**{"Name": f"topic-{short_uid()}", **words})


@pytest.fixture
def sqs_create_queue(aws_client: Any) -> Any:
    """Makes a queue."""
    return lambda **words: aws_client.sqs.create_queue(**{"QueueName": f"queue-{short_uid()}", **words})["QueueUrl"]


@pytest.fixture
def create_role(aws_client: Any) -> Any:
    """Makes a role."""
    return lambda **words: aws_client.iam.create_role(**{"RoleName": f"role-{short_uid()}", **words})


@pytest.fixture
def sqs_queue(sqs_create_queue: Any) -> str:
    """A queue."""
    return str(sqs_create_queue())


@pytest.fixture
def sns_topic(sns_create_topic: Any, aws_client: Any) -> Any:
    """A topic, as SNS describes it."""
    arn = sns_create_topic()["TopicArn"]
    return aws_client.sns.get_topic_attributes(TopicArn=arn)


@pytest.fixture
def create_secret(aws_client: Any) -> Any:
    """Makes a secret."""
    return lambda **words: aws_client.secretsmanager.create_secret(**words)


@pytest.fixture
def sfn_snapshot(snapshot: Any) -> Any:
    """What a scenario of Step Functions compares."""
    return snapshot
