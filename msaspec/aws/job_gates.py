"""The gate of jobs that run before a deployment: a custom resource that succeeds when its job has.

Its function starts the state machine of the job and returns. The last state of the machine invokes the function again,
which then answers CloudFormation. So a job may take longer than a function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from troposphere import GetAtt, Ref, awslambda, events, iam
from troposphere.cloudformation import AWSCustomObject

from msaspec.aws import deployment_watch, functions, logs
from msaspec.aws import iam as roles
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model
from msaspec.language.part import Part, Site, Statement
from msaspec.language.runtime import Workload
from msaspec.language.value import Text, Token
from msaspec.template import names

FUNCTION, ROLE, LOGS, STARTING = "JobGate", "JobGateRole", "JobGateLogs", "JobGateStarting"
STOPPED, HEARING = "JobGateStopped", "JobGateHearing"
HANDLER_SECONDS = 120
# fact: custom-resource-timeout
ANSWER_SECONDS = 3600
"""How long CloudFormation waits at most."""
_PROPERTIES = ("ServiceToken", "ServiceTimeout", "Machine", "Task", "Job", "LogGroup")


class JobGate(AWSCustomObject):  # type: ignore[misc]
    """The custom resource: one job before a deployment. `Task` changes with its image, command and variables."""

    resource_type = "Custom::JobGate"
    props: ClassVar[dict[str, tuple[type, bool]]] = dict.fromkeys(_PROPERTIES, (object, True))


_POLICY = next(each for each in roles.OTHERS if each.name == "AWS::IAM::Policy")
TYPES = (*deployment_watch.TYPES, AwsType(name=JobGate.resource_type), _POLICY)


def states(then: str) -> dict[str, Any]:
    """Return the states that end a job: those that tell CloudFormation, where it is a deployment that waits. `then` is
    what follows a failure."""
    waits = [{"Variable": "$.request", "IsPresent": True}]
    again = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 5, "BackoffRate": 2}]
    answer: dict[str, Any] = {
        "Type": "Task",
        "Resource": GetAtt(FUNCTION, "Arn"),
        "ResultPath": "$.told",  # Null would leave the input as it is, but a template holds none.
        "Retry": again,
    }
    return {
        "Ended": {"Type": "Choice", "Choices": [{**waits[0], "Next": "TellEnd"}], "Default": "Done"},
        "Failed": {"Type": "Choice", "Choices": [{**waits[0], "Next": "TellFailure"}], "Default": then},
        "TellEnd": {**answer, "Parameters": {"request.$": "$.request"}, "Next": "Done"},
        "TellFailure": {
            **answer,
            "Parameters": {"request.$": "$.request", "failed.$": "$.failed"},
            "Next": then,
        },
        "Done": {"Type": "Succeed"},
    }


def gate(workload: Workload[Model], site: Site) -> Any:
    """Return the gate of a job."""
    name = workload.name
    return JobGate(
        names.logical(name, "Gate"),
        ServiceToken=GetAtt(FUNCTION, "Arn"),
        ServiceTimeout=ANSWER_SECONDS,
        Machine=Ref(names.logical(name, "Machine")),
        Task=Ref(names.logical(name, "Task")),
        Job=name,
        LogGroup=Ref(names.logical(name, "LogGroup")),
        # Its function may start the machine only once this very update has said so.
        DependsOn=sorted({*workload.after, *site.online, ROLE, STARTING, HEARING, names.logical(name, "MachineRole")}),
    )


def build(jobs: Sequence[Workload[Model]]) -> Part:
    """Return the function that all gates share, and what it may do.

    It starts machines that call it, so the right to start them is a policy of its own, made after both.
    """
    machines: tuple[Text, ...] = tuple((Token(names.logical(job.name, "Machine")),) for job in jobs)
    groups: tuple[Text, ...] = tuple((Token(f"{names.logical(job.name, 'LogGroup')}.Arn"),) for job in jobs)
    return Part(
        (
            logs.group(LOGS, 30),
            roles.role(
                ROLE,
                "lambda.amazonaws.com",
                [
                    logs.writing(LOGS),
                    Statement(("cloudformation:DescribeStacks",), ((Token("AWS::StackId"),),)),
                    Statement(("logs:GetLogEvents",), groups),
                ],
            ),
            functions.function(FUNCTION, LOGS, HANDLER_SECONDS),
            iam.PolicyType(
                STARTING,
                PolicyName="starting",
                PolicyDocument=roles.policy([Statement(("states:StartExecution",), machines)]),
                Roles=[Ref(ROLE)],
            ),
            # fact: states-events. What is stopped runs no last state.
            events.Rule(
                STOPPED,
                Description="Tells the deployment that waits for a job that somebody stopped",
                EventPattern={
                    "source": ["aws.states"],
                    "detail-type": ["Step Functions Execution Status Change"],
                    "detail": {
                        "status": ["ABORTED"],
                        "stateMachineArn": [Ref(names.logical(job.name, "Machine")) for job in jobs],
                    },
                },
                Targets=[events.Target(Id=FUNCTION, Arn=GetAtt(FUNCTION, "Arn"))],
            ),
            awslambda.Permission(
                HEARING,
                Action="lambda:InvokeFunction",
                FunctionName=Ref(FUNCTION),
                Principal="events.amazonaws.com",
                SourceArn=GetAtt(STOPPED, "Arn"),
            ),
        ),
        scripts={FUNCTION: functions.source("job_gate")},
    )
