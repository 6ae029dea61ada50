"""How many copies of a service the messages in its queues ask for, from none on: steps on one number.

The number is computed by CloudWatch: the messages that wait or are in work, divided by those for one copy, rounded up,
of the queue that asks for the most. It depends on no copy, so that the first message starts the first one; and since it
counts what is in work, no copy is taken away while it handles the last message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, cloudwatch

from msaspec.language.aws_type import AwsType
from msaspec.language.service import Scale
from msaspec.template import names

OTHER_POLICIES = (
    "scale",
    "Deploy the service with a fixed number first, such as `scale: 2`, and then with its new runtime and this `scale`.",
)
"""Policies of hosts and of tasks have one name and two types."""
ALARM = AwsType(name="AWS::CloudWatch::Alarm", unique=(("AlarmName",),))
# fact: scaling-steps
MOST_STEPS = 20
IDLE = 5
"""Minutes without a message after which only `min` copies stay."""


@dataclass(frozen=True)
class Step:
    """How many copies run from a number of wanted ones on, counted from the first."""

    lower: int
    upper: int | None
    copies: int


def steps(scale: Scale) -> tuple[Step, ...]:
    """Return the steps between one copy and `max`. Where there are more than a policy takes, they are wider.

    >>> [(step.lower, step.upper, step.copies) for step in steps(Scale(min=0, max=3, backlog={"mail": 10}))]
    [(0, 1, 1), (1, 2, 2), (2, None, 3)]
    >>> len(steps(Scale(min=2, max=900, backlog={"mail": 10})))
    20
    """
    low = max(scale.min, 1)
    room = scale.max - low
    count = min(room + 1, MOST_STEPS)
    copies = [low + round(room * number / (count - 1)) if count > 1 else low for number in range(count)]
    uppers: list[int | None] = [*copies[:-1], None]
    return tuple(Step(lower, upper, each) for lower, upper, each in zip([0, *copies[:-1]], uppers, copies, strict=True))


def alarms(name: str, scale: Scale, more: Any, fewer: Any) -> tuple[Any, Any]:
    """Return the alarm that is on while a message waits or is in work, and that for when none is. Each has the policy
    that it starts."""
    wanted = list(_wanted(scale.backlog))
    service = names.logical(name)
    said = {"Metrics": wanted, "Threshold": 1}
    return (
        cloudwatch.Alarm(
            f"{service}BacklogAlarm",
            AlarmDescription=f"Messages wait for {name}.",
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
            AlarmActions=[more],
            **said,
        ),
        cloudwatch.Alarm(
            f"{service}IdleAlarm",
            AlarmDescription=f"No message waits for {name}.",
            ComparisonOperator="LessThanThreshold",
            EvaluationPeriods=IDLE,
            # SQS measures nothing of a queue that nobody has used for hours.
            TreatMissingData="breaching",
            AlarmActions=[fewer],
            **said,
        ),
    )


def _wanted(backlog: Mapping[str, int]) -> Any:
    """Yield the metrics of each queue, and last the number of copies that they ask for."""
    asked = []
    for number, (queue, each) in enumerate(sorted(backlog.items())):
        dimension = cloudwatch.MetricDimension(
            Name="QueueName", Value=GetAtt(names.logical(queue, "Queue"), "QueueName")
        )
        for id, metric in ((f"waiting{number}", "Visible"), (f"working{number}", "NotVisible")):
            yield cloudwatch.MetricDataQuery(
                Id=id,
                ReturnData=False,
                MetricStat=cloudwatch.MetricStat(
                    Metric=cloudwatch.Metric(
                        Namespace="AWS/SQS",
                        MetricName=f"ApproximateNumberOfMessages{metric}",
                        Dimensions=[dimension],
                    ),
                    Period=60,
                    Stat="Maximum",
                ),
            )
        asked.append(f"(FILL(waiting{number}, 0) + FILL(working{number}, 0)) / {each}")
    most = asked[0] if len(asked) == 1 else f"MAX([{', '.join(asked)}])"
    yield cloudwatch.MetricDataQuery(Id="copies", Label="copies", Expression=f"CEIL({most})", ReturnData=True)
