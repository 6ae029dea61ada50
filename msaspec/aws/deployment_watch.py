"""A function that ends deployments whose new version never becomes healthy.

ECS brings up the new version of a service that shifts requests before it shifts any, and tries for 24 hours; it has no
circuit breaker there, and no alarm sees a version that gets no request (ECS Developer Guide, "Amazon ECS blue/green
service deployments workflow", "How the Amazon ECS deployment circuit breaker detects failures"). So this function looks
every few minutes, and takes the update back when the limit of the deployment has passed.
"""
# fact: ecs-deployment-stages

from __future__ import annotations

from troposphere import GetAtt, Ref, awslambda, events

from msaspec.aws import functions, iam, logs
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Part, Statement
from msaspec.language.value import Text, Token

FUNCTION, ROLE, LOGS = "DeploymentWatch", "DeploymentWatchRole", "DeploymentWatchLogs"
SCHEDULE, PERMISSION = "DeploymentWatchSchedule", "DeploymentWatchPermission"
MINUTES = 5
"""Minutes between two looks."""
SECONDS = 60
"""Seconds that a look may take."""
TYPES = (
    functions.FUNCTION,
    functions.PERMISSION,
    AwsType(name="AWS::Events::Rule", unique=(("Name",),)),
)


def build(cluster: str, limit: int) -> Part:
    """Return the function, its role and its schedule. `cluster` is a logical id, `limit` a number of seconds."""
    return Part(
        (
            logs.group(LOGS, 30),
            iam.role(ROLE, "lambda.amazonaws.com", [logs.writing(LOGS), *_statements(cluster)]),
            functions.function(
                FUNCTION,
                LOGS,
                SECONDS,
                Environment=awslambda.Environment(
                    Variables={"CLUSTER": Ref(cluster), "STACK": Ref("AWS::StackId"), "SECONDS": str(limit)}
                ),
            ),
            events.Rule(
                SCHEDULE,
                Description="Looks for deployments whose new version never becomes healthy",
                ScheduleExpression=f"rate({MINUTES} minutes)",
                Targets=[events.Target(Id=FUNCTION, Arn=GetAtt(FUNCTION, "Arn"))],
            ),
            awslambda.Permission(
                PERMISSION,
                Action="lambda:InvokeFunction",
                FunctionName=Ref(FUNCTION),
                Principal="events.amazonaws.com",
                SourceArn=GetAtt(SCHEDULE, "Arn"),
            ),
        ),
        scripts={FUNCTION: functions.source("deployment_watch")},
    )


def _statements(cluster: str) -> list[Statement]:
    """Return what the function may do: look at deployments of the cluster and end them, or take an update back."""

    def own(resource: str) -> Text:
        return iam.arn("ecs", (f"{resource}/", Token(cluster), "/*"))

    here = {"ArnEquals": {"ecs:cluster": intrinsic((Token(f"{cluster}.Arn"),))}}
    return [
        Statement(("ecs:ListServices",), (("*",),), here),
        Statement(("ecs:ListServiceDeployments",), (own("service"),)),
        # fact: ecs-stop-deployment
        Statement(("ecs:DescribeServiceDeployments", "ecs:StopServiceDeployment"), (own("service-deployment"),)),
        Statement(("cloudformation:CancelUpdateStack",), ((Token("AWS::StackId"),),)),
    ]
