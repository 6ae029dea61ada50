"""Ends deployments whose new version never becomes healthy; ECS would try for a day."""

# A template carries this file, which is why it is short and has no annotations. `msaspec deploy` uses it, too.

import os
import time

import boto3

# fact: ecs-deployment-stages. Before any request goes to the new version.
EARLY = "RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", None


def late(ecs, cluster, seconds):
    """Yield the deployments of a cluster that should have come further within so many seconds."""
    for page in ecs.get_paginator("list_services").paginate(cluster=cluster):
        for service in page["serviceArns"]:
            words = {"service": service, "cluster": cluster, "status": ["PENDING", "IN_PROGRESS"]}
            listed = ecs.list_service_deployments(**words)["serviceDeployments"]
            arns = [each["serviceDeploymentArn"] for each in listed]
            found = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"] if arns else ()
            for each in found:
                # A rolling one has a circuit breaker.
                shifts = each.get("deploymentConfiguration", {}).get("strategy", "ROLLING") != "ROLLING"
                age = time.time() - (each.get("startedAt") or each["createdAt"]).timestamp()
                if shifts and each.get("lifecycleStage") in EARLY and age > seconds:
                    yield each


def end(ecs, cloudformation, stack, deployment):
    """Take the stack's update back; where it is not being updated, only the deployment."""
    try:
        cloudformation.cancel_update_stack(StackName=stack)
    except cloudformation.exceptions.ClientError:
        ecs.stop_service_deployment(serviceDeploymentArn=deployment["serviceDeploymentArn"], stopType="ROLLBACK")


def handler(event, context):
    ecs, cloudformation = boto3.client("ecs"), boto3.client("cloudformation")
    for deployment in late(ecs, os.environ["CLUSTER"], int(os.environ["SECONDS"])):
        print("Not healthy in time:", deployment["serviceArn"])  # noqa: T201
        end(ecs, cloudformation, os.environ["STACK"], deployment)
