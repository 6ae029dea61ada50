"""How many tasks of an ECS service run: Application Auto Scaling, by target tracking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from troposphere import GetAtt, Join, Ref, Sub, applicationautoscaling

from msaspec.aws import backlog, ingress, routing
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model
from msaspec.language.runtime import Workload
from msaspec.template import names

TYPES = (
    AwsType(name="AWS::ApplicationAutoScaling::ScalableTarget"),
    AwsType(name="AWS::ApplicationAutoScaling::ScalingPolicy", retyped=backlog.OTHER_POLICIES),
    backlog.ALARM,
)
CPU = 60
"""Percent aimed at where `scale` leaves room and names nothing to follow."""


def build(workload: Workload[Model], cluster: str) -> Iterator[Any]:
    """Yield the scalable target of a service, and target tracking on what `scale` names. `cluster` is a logical id."""
    scale, name = workload.spec.scale, workload.name
    if scale is None or scale.max <= scale.min:
        return
    target = names.logical(name, "ScalableTarget")
    yield applicationautoscaling.ScalableTarget(
        target,
        ServiceNamespace="ecs",
        ScalableDimension="ecs:service:DesiredCount",
        ResourceId=Sub(f"service/${{{cluster}}}/${{{names.logical(name, 'Service')}.Name}}"),
        MinCapacity=scale.min,
        MaxCapacity=scale.max,
    )
    other = scale.memory or scale.requests or scale.backlog
    wanted = {
        "Cpu": ("ECSServiceAverageCPUUtilization", scale.cpu or (None if other else CPU)),
        "Memory": ("ECSServiceAverageMemoryUtilization", scale.memory),
        "Requests": ("ALBRequestCountPerTarget", scale.requests),
    }
    for word, (metric, aim) in wanted.items():
        if aim is None:
            continue
        label = {"ResourceLabel": _label(workload)} if word == "Requests" else {}
        yield applicationautoscaling.ScalingPolicy(
            f"{names.logical(name)}ScaleOn{word}",
            PolicyName=f"{name}-{word.lower()}",
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=Ref(target),
            TargetTrackingScalingPolicyConfiguration=applicationautoscaling.TargetTrackingScalingPolicyConfiguration(
                TargetValue=aim,
                PredefinedMetricSpecification=applicationautoscaling.PredefinedMetricSpecification(
                    PredefinedMetricType=metric, **label
                ),
            ),
        )

    if scale.backlog:
        more, fewer = (f"{names.logical(name)}ScaleOn{word}" for word in ("Backlog", "Idle"))
        yield _stepping(
            more,
            f"{name}-backlog",
            target,
            [
                applicationautoscaling.StepAdjustment(
                    MetricIntervalLowerBound=step.lower,
                    **({"MetricIntervalUpperBound": step.upper} if step.upper is not None else {}),
                    ScalingAdjustment=step.copies,
                )
                for step in backlog.steps(scale)
            ],
        )
        idle = applicationautoscaling.StepAdjustment(MetricIntervalUpperBound=0, ScalingAdjustment=scale.min)
        yield _stepping(fewer, f"{name}-idle", target, [idle])
        yield from backlog.alarms(name, scale, Ref(more), Ref(fewer))


def _stepping(logical_id: str, name: str, target: str, adjustments: list[Any]) -> Any:
    return applicationautoscaling.ScalingPolicy(
        logical_id,
        PolicyName=name,
        PolicyType="StepScaling",
        ScalingTargetId=Ref(target),
        StepScalingPolicyConfiguration=applicationautoscaling.StepScalingPolicyConfiguration(
            AdjustmentType="ExactCapacity",
            MetricAggregationType="Maximum",
            Cooldown=60,
            StepAdjustments=adjustments,
        ),
    )


def _label(workload: Workload[Model]) -> Any:
    counted = routing.target(workload.name, routing.routed_ports(workload.spec)[0])
    target = GetAtt(counted, "TargetGroupFullName")
    return Join("/", [GetAtt(ingress.BALANCER, "LoadBalancerFullName"), target])
