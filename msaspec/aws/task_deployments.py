"""How a new version of an ECS service takes over: rolling, or by shifting requests between two target groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Ref, Sub, cloudwatch, ecs, iam

from msaspec.aws import backlog, ingress, routing
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.language.base import Items, Model, measured, minutes
from msaspec.language.health import usual
from msaspec.language.runtime import Workload
from msaspec.template import names

SHIFTING = Code(
    "MSA371",
    "A deployment strategy without exactly one rule to shift",
    """
    `blue-green`, `canary` and `linear` shift the requests of one rule of the public load balancer between two target
    groups, and the connections of other services with `address: balanced`. The service needs `paths` or `hosts` that
    make exactly one rule, or none where other services call it by a balanced address.
    """,
)
# fact: ecs-target-metric
MOVING = Code(
    "MSA385",
    "Scaling on requests with a shifting deployment",
    """
    `scale.requests` counts the requests of one target group, and `blue-green`, `canary` and `linear` move them to
    another at each deployment. ECS does not support the combination (ECS Developer Guide, "Use a target metric to scale
    Amazon ECS services"). Scale on `cpu` or `memory`, or deploy `rolling`.
    """,
)

STUCK_CLIENTS = Code(
    "MSA397",
    "Sticky sessions with a shifting deployment",
    """
    `blue-green`, `canary` and `linear` shift requests from one target group to another. A client with a cookie of the
    first would stay there until its copies stop, and a canary would not get its share. Deploy `rolling`.
    """,
)

# fact: ecs-network-shift
LONG_SHIFT = Code(
    "MSA398",
    "A linear deployment behind the Network Load Balancer that takes too long",
    """
    Behind a Network Load Balancer, ECS waits ten minutes more at each shift, which `address: balanced` adds to each
    `step` of `linear`. CloudFormation waits at most 33 hours for the steps and the bake. Take a higher `percent`, or a
    shorter `step` or `bake`.
    """,
)
UNCOUNTED = Code(
    "MSA399",
    "Errors that nothing counts",
    """
    `errors` counts answers with status 500 and above at the public load balancer. The Network Load Balancer, through
    which other services come with `address: balanced`, sees connections and no answers. A service without `paths` has
    no such count: name your own alarms under `alarms`.
    """,
    Severity.WARNING,
)

TYPES = (backlog.ALARM,)
ROLE = "ClusterLoadBalancerRole"
# fact: ecs-linear-limit
LONGEST = 33 * 60
NETWORK_DELAY = 10
"""Minutes that ECS adds to each shift behind a Network Load Balancer."""
"""Minutes that a linear deployment may take (CloudFormation, AWS::ECS::Service LinearConfiguration)."""
SHIFTS = ("blue-green", "canary", "linear")
HEEDED: Mapping[str, Sequence[str]] = {
    "bake": SHIFTS,
    "errors": SHIFTS,
    "limit": SHIFTS,
    "percent": ("canary", "linear"),
    "step": ("canary", "linear"),
}
"""The strategies that heed a field, where not all do."""


class Deploy(Model):
    """How a new version replaces the old one."""

    shorthand = "strategy"

    strategy: Literal["rolling", "recreate", "blue-green", "canary", "linear"] = Field(
        "rolling",
        description="How requests from the public load balancer shift to the new version, and with `address: balanced`"
        " the connections of other services, which else go to all copies. `recreate` stops the old copies before it"
        " starts new ones.",
        examples=["canary", "recreate"],
    )
    bake: Annotated[int, minutes(0, 1440, "10 min")] = measured(
        "10 min", description="How long the old version keeps running after all requests have shifted."
    )
    percent: int = Field(10, ge=3, le=50, description="Share of the requests in the canary, or in each linear step.")
    step: Annotated[int, minutes(0, 120, "5 min")] = measured(
        "5 min", description="Duration of the canary, or of each linear step."
    )
    limit: Annotated[int, minutes(5, 1440, "20 min")] | None = Field(
        None,
        description="Time in which all copies of the new version must become "
        "healthy; otherwise the deployment rolls back."
        " Default: `health.grace` and 15 minutes.",
        examples=["30 min"],
    )
    errors: int = Field(
        10, ge=1, description="Number of responses with status 500 or above in a minute that rolls the deployment back."
    )
    alarms: Items[str] = Field(
        (), description="Names of CloudWatch alarms that roll the deployment back.", examples=[["checkout-errors"]]
    )

    @property
    def shifts(self) -> bool:
        """Whether requests move between two target groups."""
        return self.strategy in SHIFTS

    @property
    def steps(self) -> int:
        """How many times a linear deployment waits for `step`."""
        return -(-100 // self.percent) - 1

    def duration(self, delay: int = 0) -> int:
        """Return the minutes of a linear deployment; `delay` is added to each step."""
        return self.steps * (self.step + delay) + self.bake

    @model_validator(mode="after")
    def _in_time(self) -> Deploy:
        whole, steps = self.duration(), self.steps
        if self.strategy == "linear" and whole > LONGEST:
            raise PydanticCustomError(
                "together",
                "`linear` would take {whole} ({steps} steps of {step} min, a bake of {bake} min), and CloudFormation"
                " takes at most {longest}; take a higher `percent`, or a shorter `step` or `bake`",
                {
                    "whole": _hours(whole),
                    "steps": steps,
                    "step": self.step,
                    "bake": self.bake,
                    "longest": _hours(LONGEST),
                },
            )
        return self


PATIENCE = 10
"""Copies that may fail before a deployment goes back, where they mount a file system whose name may not be known
yet."""
START_MINUTES = 15
"""Minutes for a task to get a machine and its image, before the grace of its health begins."""


def limit(workload: Workload[Any], deploy: Deploy, *, balanced: bool = False) -> int:
    """Return the seconds after which a deployment that shifts requests is ended, if its new version is not healthy.

    `balanced`: behind a Network Load Balancer, for which ECS may wait before it starts the new version.
    """
    grace = (workload.spec.health or usual()).grace
    own = START_MINUTES * 60 + grace if deploy.limit is None else deploy.limit * 60
    return own + (NETWORK_DELAY * 60 if balanced else 0)


def _hours(minutes: int) -> str:
    """Return a duration in hours, with the minutes that are over."""
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def idle(deploy: Deploy) -> Mapping[str, tuple[str, str]]:
    """Return the fields that do nothing with its strategy; for each where that is, and a hint."""
    return {
        field: (
            f"the strategy is `{deploy.strategy}`",
            f"Remove it, or take {', '.join(f'`{each}`' for each in strategies[:-1])} or `{strategies[-1]}`.",
        )
        for field, strategies in HEEDED.items()
        if deploy.strategy not in strategies
    }


def check(workload: Workload[Model], deploy: Deploy, *, balanced: bool) -> Iterable[Diagnostic]:
    """One rule to shift, and nothing that follows the requests away from it. `balanced`: other services call it through
    a load balancer."""
    if not deploy.shifts:
        return
    name, scale = workload.name, workload.spec.scale
    rules = len(list(routing.routes(name, workload.spec, None)))
    at: Path = (*workload.path, "runtime", "deploy")
    if rules != 1 and not (balanced and rules == 0):
        message = f"`{deploy.strategy}` shifts one rule, and `{name}` has {rules or 'none'}."
        called = ", write `address: balanced`" if workload.called and not rules else ""
        hint = f"Give it one path and at most one host{called}, or deploy it `rolling`."
        yield SHIFTING.at(at, message, hint=hint, key=True)
    if balanced and deploy.strategy == "linear" and deploy.duration(NETWORK_DELAY) > LONGEST:
        whole, longest = _hours(deploy.duration(NETWORK_DELAY)), _hours(LONGEST)
        delay = f"{NETWORK_DELAY} min more for each step, behind a Network Load Balancer,"
        message = f"With {delay} `linear` of `{name}` would take {whole}; CloudFormation takes at most {longest}."
        hint = "Take a higher `percent`, or a shorter `step` or `bake`."
        yield LONG_SHIFT.at(at, message, hint=hint, key=True)
    if balanced and not rules and "errors" in deploy.model_fields_set:
        message = f"`errors` counts public requests, and `{name}` gets none."
        hint = "Remove it, and name alarms of your own under `alarms`."
        yield UNCOUNTED.at((*at, "errors"), message, hint=hint, key=True)
    if workload.spec.sticky:
        message = f"`sticky` keeps clients of `{name}` at the copies that `{deploy.strategy}` takes away."
        yield STUCK_CLIENTS.at((*workload.path, "sticky"), message, hint="Remove it, or deploy it `rolling`.", key=True)
    if scale and scale.requests and scale.max > scale.min and workload.spec.public:
        message = f"`{name}` scales on requests, which `{deploy.strategy}` moves to another target group."
        hint = "Scale it on `cpu` or `memory`, or deploy it `rolling`."
        yield MOVING.at((*workload.path, "scale", "requests"), message, hint=hint, key=True)


def of(workload: Workload[Any]) -> Deploy:
    """Return how a service is deployed: what may run once only is stopped before it starts again."""
    deploy: Deploy = workload.options.deploy
    return deploy.model_copy(update={"strategy": "recreate"}) if workload.alone else deploy


def configuration(deploy: Deploy, alarms: Sequence[Any], *, patient: bool = False) -> Any:
    """Return the strategy, with the alarms that roll it back. `patient`: copies may fail some times before they run."""
    watched = [*(Ref(alarm.title) for alarm in alarms), *deploy.alarms]
    back = {"Alarms": ecs.DeploymentAlarms(AlarmNames=watched, Enable=True, Rollback=True)} if watched else {}
    least, most = (0, 100) if deploy.strategy == "recreate" else (100, 200)
    strategy: dict[str, Any] = {"MinimumHealthyPercent": least, "MaximumPercent": most, **back}
    if not deploy.shifts:
        # fact: mount-targets-first
        threshold = {"ThresholdConfiguration": ecs.ThresholdConfiguration(Type="COUNT", Value=PATIENCE)}
        breaker = ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True, **(threshold if patient else {}))
        return ecs.DeploymentConfiguration(Strategy="ROLLING", DeploymentCircuitBreaker=breaker, **strategy)
    strategy |= {"Strategy": deploy.strategy.replace("-", "_").upper(), "BakeTimeInMinutes": deploy.bake}
    if deploy.strategy == "canary":
        strategy["CanaryConfiguration"] = ecs.CanaryConfiguration(
            CanaryPercent=deploy.percent, CanaryBakeTimeInMinutes=deploy.step
        )
    if deploy.strategy == "linear":
        strategy["LinearConfiguration"] = ecs.LinearConfiguration(
            StepPercent=deploy.percent, StepBakeTimeInMinutes=deploy.step
        )
    return ecs.DeploymentConfiguration(**strategy)


def shifted(targets: Sequence[str], sender: str) -> dict[str, Any]:
    """Return the second target group, and the rule or the listener whose weights ECS shifts."""
    if len(targets) < 2:
        return {}
    # fact: ecs-network-shift
    return {
        "AdvancedConfiguration": ecs.AdvancedConfiguration(
            AlternateTargetGroupArn=Ref(targets[1]),
            ProductionListenerRule=Ref(sender),
            RoleArn=GetAtt(ROLE, "Arn"),
        )
    }


def role() -> Any:
    """By AWS's own policy for it (ECS Developer Guide, "Amazon ECS infrastructure IAM role for load balancers")."""
    # fact: ecs-load-balancer-role
    policy = "arn:${AWS::Partition}:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
    return iam.Role(
        ROLE,
        AssumeRolePolicyDocument={
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        },
        ManagedPolicyArns=[Sub(policy)],
    )


def alarms(name: str, deploy: Deploy, targets: Sequence[str]) -> Iterable[Any]:
    """Yield an alarm for each target group that a deployment shifts between: too many answers of 500 and above."""
    if len(targets) < 2:
        return
    for target, colour in zip(targets, ("Blue", "Green"), strict=True):
        yield cloudwatch.Alarm(
            names.logical(name, f"Errors{colour}"),
            AlarmDescription=f"{name} answers with errors; a deployment goes back.",
            Namespace="AWS/ApplicationELB",
            MetricName="HTTPCode_Target_5XX_Count",
            Dimensions=[
                cloudwatch.MetricDimension(Name="LoadBalancer", Value=GetAtt(ingress.BALANCER, "LoadBalancerFullName")),
                cloudwatch.MetricDimension(Name="TargetGroup", Value=GetAtt(target, "TargetGroupFullName")),
            ],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=deploy.errors,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )
