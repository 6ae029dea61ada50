"""The Lambda functions that msaspec itself needs, the state machines of jobs, and alarms."""

from __future__ import annotations

from collections.abc import Mapping

from msaspec.template.exception import Exempt
from msaspec.template.resources import Resource

_FUNCTION = ("AWS::Lambda::Function",)
_MACHINE = ("AWS::StepFunctions::StateMachine",)


def _rotates(function: Resource) -> bool:
    """Whether it takes the steps of rotations: its source ends with a table of this stack."""
    return isinstance(source := function.get("Code", "ZipFile"), Mapping) and "Fn::Sub" in source


EXCEPTIONS = (
    Exempt(
        title="A runtime that is not the newest",
        reason="Some Regions get the newest runtime late; this one has security updates for years.",
        types=_FUNCTION,
        nag=("L1",),
    ),
    Exempt(
        title="No reserved concurrency",
        reason="It runs once at a time; a reservation is refused in accounts with a low quota.",
        types=_FUNCTION,
        fits=lambda function: not _rotates(function),
        packs={"LambdaConcurrency": "NH"},
        checkov=("CKV_AWS_115",),
    ),
    Exempt(
        title="No reserved concurrency of rotations",
        reason="Secrets Manager spreads rotations over the day; a reservation could refuse one of them.",
        types=_FUNCTION,
        fits=lambda function: _rotates(function),
        packs={"LambdaConcurrency": "NH"},
        checkov=("CKV_AWS_115",),
    ),
    Exempt(
        title="No dead-letter queue",
        reason="CloudFormation gets its answer and reports failures, or the schedule runs it again.",
        types=_FUNCTION,
        packs={"LambdaDLQ": "NH"},
        checkov=("CKV_AWS_116",),
    ),
    Exempt(
        title="A function outside the VPC",
        reason="It calls only AWS; in the VPC it would need a way out of the network.",
        types=_FUNCTION,
        fits=lambda function: function.get("VpcConfig") is None,
        packs={"LambdaInsideVPC": "NPH"},
        checkov=("CKV_AWS_117",),
        guard=("LAMBDA_INSIDE_VPC",),
    ),
    Exempt(
        title="Variables of a function under AWS's key",
        reason="Its variables are names of resources; `encryption: own` takes the system's key.",
        types=_FUNCTION,
        fits=lambda function: function.get("Environment") is not None and function.get("KmsKeyArn") is None,
        checkov=("CKV_AWS_173",),
    ),
    Exempt(
        title="A state machine without a log",
        reason="Step Functions keeps the history of each run for 90 days, and the job's output is in its log group.",
        types=_MACHINE,
        nag=("SF1",),
    ),
    Exempt(
        title="A state machine that is not traced",
        reason="Its history has the times of each step; `audit: {tracing: true}` sends them to X-Ray as well.",
        types=_MACHINE,
        fits=lambda machine: machine.get("TracingConfiguration", "Enabled") is not True,
        nag=("SF2",),
    ),
    Exempt(
        title="An alarm that calls nobody",
        reason="ECS watches it during a deployment and rolls back; afterwards it means nothing.",
        types=("AWS::CloudWatch::Alarm",),
        fits=lambda alarm: alarm.get("AlarmActions") is None,
        packs={"CloudWatchAlarmAction": "NH"},
        guard=("CLOUDWATCH_ALARM_ACTION_CHECK",),
    ),
)
