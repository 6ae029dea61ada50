"""What runs a job: a state machine that starts its task and waits for the end, and what starts that by the clock.

EventBridge Scheduler alone starts a task and knows nothing of how it ends. Step Functions waits for it, ends it after
its time, and tries again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from troposphere import GetAtt, Ref, iam, scheduler, stepfunctions

from msaspec.aws import iam as roles
from msaspec.aws import job_gates
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model
from msaspec.language.job import PAUSE, Job
from msaspec.language.part import Part, Site, Statement
from msaspec.language.runtime import Workload
from msaspec.language.value import Text, Token
from msaspec.template import names

STATES, SCHEDULER = "states.amazonaws.com", "scheduler.amazonaws.com"
MACHINE, SCHEDULE = "AWS::StepFunctions::StateMachine", "AWS::Scheduler::Schedule"
TYPES = (
    AwsType(name=MACHINE, noun="state machine", unique=(("StateMachineName",),)),
    AwsType(name=SCHEDULE, noun="schedule", unique=(("Name",),)),
    *job_gates.TYPES,
)
# fact: states-managed-rule
MANAGED_RULE = "rule/StepFunctionsGetEventsForECSTaskRule"
"""The rule by which Step Functions hears that a task ended."""
START_ATTEMPTS, START_AGE = 3, 600
"""How often a start that AWS refuses is tried again, and within how many seconds."""
Capacity = list[Any]


def build(workload: Workload[Model], job: Job, site: Site, cluster: str, capacity: Capacity) -> Part:
    """Return the state machine of a job, and its schedule where it has one. `cluster` is a logical id."""
    name = workload.name
    machine, role = names.logical(name, "Machine"), names.logical(name, "MachineRole")
    part = Part(
        (
            roles.role(role, STATES, [*_running(workload, site, cluster), *_answering(job), *_telling(job)]),
            stepfunctions.StateMachine(
                machine,
                RoleArn=GetAtt(role, "Arn"),
                Definition=_definition(workload, job, site, cluster, capacity),
            ),
        ),
    )
    if job.gates:
        part += Part((job_gates.gate(workload, site),))
    cron = job.cron()
    return part + _schedule(workload, job, cron.expression, site) if cron else part


def _schedule(workload: Workload[Model], job: Job, expression: str, site: Site) -> Part:
    name = workload.name
    machine, role = names.logical(name, "Machine"), names.logical(name, "ScheduleRole")
    return Part(
        (
            iam.Role(
                role,
                AssumeRolePolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": SCHEDULER},
                            "Action": "sts:AssumeRole",
                            # fact: scheduler-confused-deputy
                            "Condition": {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
                        }
                    ],
                },
                Policies=[
                    iam.Policy(
                        PolicyName="edges",
                        PolicyDocument=roles.policy([Statement(("states:StartExecution",), ((Token(machine),),))]),
                    )
                ],
            ),
            scheduler.Schedule(
                names.logical(name, "Schedule"),
                Description=f"Starts the job {name} of {site.stack}",
                ScheduleExpression=expression,
                ScheduleExpressionTimezone=job.zone,
                FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
                Target=scheduler.Target(
                    Arn=Ref(machine),
                    RoleArn=GetAtt(role, "Arn"),
                    Input="{}",
                    RetryPolicy=scheduler.RetryPolicy(
                        MaximumRetryAttempts=START_ATTEMPTS, MaximumEventAgeInSeconds=START_AGE
                    ),
                ),
                # What a first run needs has to exist by then.
                DependsOn=sorted({*workload.after, *site.online}),
            ),
        )
    )


def _running(workload: Workload[Model], site: Site, cluster: str) -> Iterator[Statement]:
    """Yield what the machine may do: run the task, wait for it and stop it (Step Functions Developer Guide, "Run an
    Amazon ECS or Fargate task", "IAM policies for calling Amazon ECS/AWS Fargate")."""
    # fact: states-run-task
    here = {"ArnEquals": {"ecs:cluster": intrinsic((Token(f"{cluster}.Arn"),))}}
    every_revision = roles.arn("ecs", (f"task-definition/{site.stack}-{workload.name}:*",))
    yield Statement(("ecs:RunTask",), (every_revision,), here)
    yield Statement(("ecs:DescribeTasks", "ecs:StopTask"), (roles.arn("ecs", ("task/", Token(cluster), "/*")),))
    yield Statement(
        ("events:DescribeRule", "events:PutRule", "events:PutTargets"), (roles.arn("events", (MANAGED_RULE,)),)
    )
    passed: tuple[Text, ...] = tuple(
        (Token(f"{names.logical(workload.name, role)}.Arn"),) for role in ("ExecutionRole", "TaskRole")
    )
    yield Statement(("iam:PassRole",), passed, {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})


def _answering(job: Job) -> Iterator[Statement]:
    """Yield the right to call the function that answers CloudFormation."""
    if job.gates:
        yield Statement(("lambda:InvokeFunction",), ((Token(f"{job_gates.FUNCTION}.Arn"),),))


def _telling(job: Job) -> Iterator[Statement]:
    """Yield the right to tell of a failure."""
    if job.notify:
        yield Statement(("sns:Publish",), ((Token(_topic(job.notify)),),))


def _topic(name: str) -> str:
    return names.logical(name, "Topic")


def _failing(workload: Workload[Model], job: Job, site: Site) -> dict[str, Any]:
    """Return the states after a failure that was caught. A notice that cannot be sent changes nothing."""
    # fact: states-fail-paths
    states: dict[str, Any] = {"Fail": {"Type": "Fail", "ErrorPath": "$.failed.Error", "CausePath": "$.failed.Cause"}}
    if job.notify:
        # fact: states-publish
        states["Notify"] = {
            "Type": "Task",
            "Resource": intrinsic(("arn:", Token("AWS::Partition"), ":states:::sns:publish")),
            "Parameters": {
                "TopicArn": Ref(_topic(job.notify)),
                "Message": {
                    "job": workload.name,
                    "stack": site.stack,
                    "execution.$": "$$.Execution.Id",
                    "error.$": "$.failed.Error",
                    "cause.$": "$.failed.Cause",
                },
            },
            "ResultPath": "$.notified",
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unnotified", "Next": "Fail"}],
            "Next": "Fail",
        }
    return states


def _definition(workload: Workload[Model], job: Job, site: Site, cluster: str, capacity: Capacity) -> dict[str, Any]:
    """Return the states: the command of the job, or the one that the input of the execution names."""
    chosen = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.command", "IsPresent": True, "Next": "RunCommand"}],
        "Default": "Run",
    }
    states = {
        "Start": chosen,
        "Run": _run(workload, job, site, cluster, capacity),
        "RunCommand": _run(workload, job, site, cluster, capacity, given=True),
        **(job_gates.states(_after_failure(job)) if job.gates else {}),
        **(_failing(workload, job, site) if job.gates or job.notify else {}),
    }
    return {"Comment": f"The job {workload.name} of {site.stack}", "StartAt": "Start", "States": states}


def _after_failure(job: Job) -> str:
    return "Notify" if job.notify else "Fail"


def _run(
    workload: Workload[Model],
    job: Job,
    site: Site,
    cluster: str,
    capacity: Capacity,
    *,
    given: bool = False,
) -> dict[str, Any]:
    name = workload.name
    overrides = {"Overrides": {"ContainerOverrides": [{"Name": name, "Command.$": "$.command"}]}} if given else {}
    on: dict[str, Any] = {"End": True}
    if job.gates or job.notify:
        caught = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failed"}
        on = {"Catch": [{**caught, "Next": "Failed" if job.gates else _after_failure(job)}], **on}
    if job.gates:
        on = {"Catch": on["Catch"], "ResultPath": "$.ended", "Next": "Ended"}
    # fact: states-errors
    again = {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": PAUSE,
        "MaxAttempts": job.retries,
        "BackoffRate": 2,
    }
    return {
        "Type": "Task",
        "Resource": intrinsic(("arn:", Token("AWS::Partition"), ":states:::ecs:runTask.sync")),
        # Of the state, not of the execution: only then is the task stopped.
        "TimeoutSeconds": job.limit,
        "Parameters": {
            "Cluster": GetAtt(cluster, "Arn"),
            "TaskDefinition": Ref(names.logical(name, "Task")),
            "CapacityProviderStrategy": capacity,
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "Subnets": [Ref(subnet.target) for subnet in site.services],
                    "SecurityGroups": [Ref(names.logical(name, "SecurityGroup"))],
                    "AssignPublicIp": "ENABLED" if site.services_public else "DISABLED",
                }
            },
            **overrides,
        },
        **({"Retry": [again]} if job.retries else {}),
        **on,
    }
