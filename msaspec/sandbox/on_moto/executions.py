"""Executions of state machines on top of moto's, which keeps them and does nothing.

Here the states are gone through: choices by what the input has, tasks on ECS that run and end, Lambda functions, with
what is tried again and what is caught. A task ends well at once, unless its role may not read its secrets, a test has
it fail (`world.fail_tasks("MigrateMachine", ..., exit_code=1, log=(...))`), or `world.ran` knows better.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.awslambda_simple.models import lambda_simple_backends
from moto.core.utils import unix_time_millis, utcnow
from moto.ec2.models import ec2_backends
from moto.ecs.models import Task, ecs_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.sns.models import sns_backends
from moto.stepfunctions.models import Execution, StepFunctionBackend

from msaspec.sandbox import executions, functions
from msaspec.sandbox.controls import Fate
from msaspec.sandbox.on_moto import readiness
from msaspec.sandbox.world import current

_BACKEND = StepFunctionBackend
_start_plain = _BACKEND.start_execution
_history_plain = Execution.get_execution_history
MOST = 100
"""States that one execution goes through at most."""


class _Error(Exception):
    """An error of a state: its name, and its cause."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name)
        self.name, self.cause = name, cause


def _start(self: Any, state_machine_arn: str, name: str, execution_input: str) -> Any:
    """StartExecution. What it begins goes on in the background."""
    execution = _start_plain(self, state_machine_arn, name, execution_input)
    if not hasattr(execution, "events"):
        execution.events = []
        executions.begin(execution.name)
        machine = self.describe_state_machine(state_machine_arn)
        definition, role = json.loads(machine.definition), str(machine.roleArn)
        current().launch(lambda: _Run(self, machine.name, execution, role).through(definition))
    return execution


def _history(self: Any, role: str) -> Any:
    """Return the events of an execution."""
    return list(self.events) if hasattr(self, "events") else _history_plain(self, role)


class _Run:
    """One execution on its way through its states."""

    def __init__(self, backend: Any, machine: str, execution: Any, role: str) -> None:
        self._account, self._region = backend.account_id, backend.region_name
        self._machine, self._execution, self._role = machine, execution, role
        self._tell("ExecutionStarted", executionStartedEventDetails={"input": execution.execution_input})

    def through(self, definition: Mapping[str, Any]) -> None:
        """Go through the states, from the first to the end."""
        data, name = json.loads(self._execution.execution_input), definition["StartAt"]
        try:
            for _ in range(MOST):
                state = definition["States"][name]
                if state["Type"] == "Fail":
                    raise _Error(str(_of(state, "Error", data)), str(_of(state, "Cause", data)))
                data, name = self._step(state, data)
                if not name:
                    self._end("SUCCEEDED", output=json.dumps(data))
                    return
        except _Error as error:
            self._end("FAILED", error=error.name, cause=error.cause)
        except Exception as fault:  # Whoever waits for the end must hear of it.
            self._end("FAILED", error="States.Runtime", cause=f"{type(fault).__name__}: {fault}")

    def _step(self, state: Mapping[str, Any], data: Any) -> tuple[Any, str | None]:
        if state["Type"] == "Choice":
            chosen = next((each for each in state["Choices"] if _holds(each, data)), {"Next": state["Default"]})
            return data, chosen["Next"]
        if state["Type"] == "Succeed":
            return data, None
        tries = 1 + sum(each["MaxAttempts"] for each in state.get("Retry", ()))
        while True:
            tries -= 1
            try:
                return _put(state, data, self._task(state, data)), state.get("Next")
            except _Error as error:
                if tries and error.name != "States.Timeout":
                    continue
                if not state.get("Catch"):
                    raise
                catch = state["Catch"][0]
                return _put(catch, data, {"Error": error.name, "Cause": error.cause}), catch["Next"]

    def _task(self, state: Mapping[str, Any], data: Any) -> Any:
        words = _filled(state.get("Parameters", data), data, self._execution)
        if state["Resource"].endswith(":states:::sns:publish"):
            return self._on_sns(words)
        if ":states:::ecs:runTask.sync" in state["Resource"]:
            return self._on_ecs(words)
        self._may("lambda:InvokeFunction", state["Resource"])
        function = lambda_simple_backends[self._account][self._region].get_function(
            state["Resource"].rpartition(":")[2]
        )
        failed, answer = functions.run(current(), function, words)
        if failed:
            raise _Error(str(answer.get("errorType", "Error")), json.dumps(answer))
        return answer

    def _may(self, action: str, resource: str) -> None:
        """Raise where the role of the machine may not do something."""
        role = self._role.rpartition("/")[2]
        if not readiness.allows(iam_backends[self._account]["aws"], role, action, resource):
            said = f"User: {self._role} is not authorized to perform: {action} on resource: {resource}"
            raise _Error("States.TaskFailed", said)

    def _on_sns(self, words: Mapping[str, Any]) -> Any:
        """Publish a message."""
        self._may("sns:Publish", words["TopicArn"])
        topics = sns_backends[self._account][self._region]
        return {"MessageId": topics.publish(json.dumps(words["Message"]), arn=words["TopicArn"])}

    def _on_ecs(self, words: Mapping[str, Any]) -> Any:
        """Run a task and wait for its end."""
        backend = ecs_backends[self._account][self._region]
        definition = backend.describe_task_definition(words["TaskDefinition"])
        self._may("ecs:RunTask", definition.arn)
        for role in (definition.execution_role_arn, definition.task_role_arn):
            self._may("iam:PassRole", str(role))
        low = _lowered(words)
        cluster, strategy = backend._get_cluster(words["Cluster"]), low.get("capacityProviderStrategy")
        task = Task(
            cluster=cluster,
            task_definition=definition,
            container_instance_arn=None,
            resource_requirements=None,
            backend=backend,
            group=f"family:{definition.family}",
            overrides=low.get("overrides") or {},
            started_by="AWS Step Functions",
            launch_type="FARGATE",
            networking_configuration=low["networkConfiguration"],
            capacity_provider_name=strategy[0]["capacityProvider"] if strategy else None,
        )
        backend.tasks.setdefault(cluster.name, {})[task.task_arn] = task
        task._transitions = []  # moto's tasks end by being looked at
        submitted = {"resourceType": "ecs", "resource": "runTask.sync", "output": json.dumps(_told(task), default=str)}
        self._tell("TaskSubmitted", taskSubmittedEventDetails=submitted)
        unreadable = next(map(Fate, readiness.unreadable(backend, definition)), None)
        ailing = current().controls.ailment(self._machine, utcnow())
        fate = ailing.fate if ailing else unreadable or current().ran(task.task_arn)
        _write(self._account, self._region, definition, task, fate.log)
        _stop(backend, task, fate)
        found = _told(task)
        if fate.exit_code != 0:
            raise _Error("States.TaskFailed", json.dumps(found, default=str))
        return found

    def _end(self, status: str, **words: Any) -> None:
        if self._execution.status == "ABORTED":
            return
        for key, value in words.items():
            setattr(self._execution, key, value)
        self._tell(f"Execution{status.capitalize()}", **{f"execution{status.capitalize()}EventDetails": words})
        self._execution.stop_date = utcnow()
        self._execution.status = status
        executions.end(self._execution.name)
        current().controls.wake()

    def _tell(self, kind: str, **details: Any) -> None:
        events = self._execution.events
        number = len(events) + 1
        events.append({"timestamp": utcnow(), "type": kind, "id": number, "previousEventId": number - 1, **details})


def _holds(choice: Mapping[str, Any], data: Any) -> bool:
    """Whether a rule of a choice is true; of those that ask whether something is there."""
    found: Any = data
    for step in str(choice["Variable"]).removeprefix("$.").split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return (found is not None) is bool(choice["IsPresent"])


def _filled(value: Any, data: Any, execution: Any = None) -> Any:
    """Return parameters with what their keys that end in `.$` name."""
    if isinstance(value, Mapping):
        return {key.removesuffix(".$"): _of(value, key.removesuffix(".$"), data, execution) for key in value}
    return [_filled(each, data, execution) for each in value] if isinstance(value, list) else value


def _of(holder: Mapping[str, Any], key: str, data: Any, execution: Any = None) -> Any:
    if (path := holder.get(f"{key}.$", holder.get(f"{key}Path"))) is None:
        return _filled(holder.get(key), data, execution)
    if path == "$$.Execution.Id":
        return execution.execution_arn
    found = data
    for step in filter(None, path.removeprefix("$").split(".")):
        found = found[step]
    return found


def _put(state: Mapping[str, Any], data: Any, result: Any) -> Any:
    """Return the data with a result where the state wants it: in place of all, under a key, or nowhere."""
    path = state.get("ResultPath", "$")
    if path is None:
        return data
    return result if path == "$" else {**data, path.removeprefix("$."): result}


def _lowered(value: Any) -> Any:
    """Return what Step Functions takes of ECS as the API of ECS spells it."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _lowered(each) for key, each in value.items()}
    return [_lowered(each) for each in value] if isinstance(value, list) else value


def _told(task: Any) -> dict[str, Any]:
    """Return a task as Step Functions tells of it."""
    containers = [
        {
            "Name": each.name,
            "ExitCode": each.exitCode,
            "Reason": getattr(each, "reason", None),
            "LastStatus": each.last_status,
        }
        for each in task.containers
    ]
    return {
        "TaskArn": task.task_arn,
        "TaskDefinitionArn": task.task_definition_arn,
        "LastStatus": task.last_status,
        "StoppedReason": getattr(task, "stopped_reason", None),
        "StopCode": getattr(task, "stop_code", None),
        "Containers": [{key: value for key, value in each.items() if value is not None} for each in containers],
    }


def _write(account: str, region: str, definition: Any, task: Any, lines: tuple[str, ...]) -> None:
    """Write what the program of a task said into its log."""
    options = (definition.container_definitions[0].get("logConfiguration") or {}).get("options") or {}
    if lines and "awslogs-group" in options:
        backend, group = logs_backends[account][region], options["awslogs-group"]
        stream = f"{options['awslogs-stream-prefix']}/{task.containers[0].name}/{task.id}"
        backend.create_log_stream(group, stream)
        now = int(unix_time_millis(utcnow()))
        backend.put_log_events(group, stream, [{"timestamp": now, "message": line} for line in lines])


def _stop(backend: Any, task: Any, fate: Fate) -> None:
    """End a task, and give its address back."""
    backend.stop_task(task.cluster_arn.rpartition("/")[2], task.task_arn, fate.reason)
    task.stop_code = "TaskFailedToStart" if fate.exit_code is None else "EssentialContainerExited"
    for container in task.containers:
        container.last_status, container.reason, container.exitCode = "STOPPED", fate.container, fate.exit_code
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    details = {each["name"]: each["value"] for attachment in task.attachments for each in attachment["details"]}
    ec2.delete_network_interface(details["networkInterfaceId"])
    ec2.get_subnet(details["subnetId"]).del_subnet_ip(details["privateIPv4Address"])


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_BACKEND, "start_execution", _start),
    (Execution, "get_execution_history", _history),
)
"""What of moto is replaced: owner, name, replacement."""
