"""ECS service deployments, which moto lacks: what a service's deployments are to those who watch or stop one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse

from msaspec.sandbox.on_moto import readiness
from msaspec.sandbox.world import current

_API = EC2ContainerServiceResponse
STATES = {
    readiness.IN_PROGRESS: "IN_PROGRESS",
    readiness.FAILED: "ROLLBACK_SUCCESSFUL",
    readiness.COMPLETED: "SUCCESSFUL",
}
"""The states of a deployment of DescribeServices, and what they are called here."""
BRIEF = ("serviceDeploymentArn", "serviceArn", "clusterArn", "createdAt", "startedAt", "status", "statusReason")
STOPPED = "Service deployment rolled back because it was stopped."


class ConflictException(ECSException):  # type: ignore[misc]
    """What ECS answers about a deployment that has ended, or has nothing to roll back to."""

    def __init__(self, message: str) -> None:
        super().__init__("ConflictException", message)


def _arn(service: Any, deployment: dict[str, Any]) -> str:
    id = deployment["id"].rpartition("/")[2]
    return f"{service.arn.replace(':service/', ':service-deployment/', 1)}/{id}"


def _shown(service: Any, deployment: dict[str, Any]) -> dict[str, Any]:
    """Return a deployment as ECS describes it. One whose tasks fail never leaves the stage that brings them up."""
    status = STATES[deployment["rolloutState"]]
    configuration = getattr(service, "deployment_configuration", None) or {}
    return {
        "serviceDeploymentArn": _arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "createdAt": deployment["createdAt"],
        "startedAt": deployment["createdAt"],
        "status": status,
        "statusReason": deployment.get("rolloutStateReason"),
        "deploymentConfiguration": {"strategy": "ROLLING", **configuration},
        **({"lifecycleStage": "SCALE_UP"} if status == "IN_PROGRESS" else {}),
    }


def _all(backend: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    for service in backend.services.values():
        for deployment in service.deployments:
            yield service, deployment


def _list(self: Any) -> ActionResult:
    """ListServiceDeployments, on one page: a service has few here."""
    backend, words = self.ecs_backend, self._get_params()
    cluster = backend._get_cluster(words.get("cluster", "default"))
    service = backend._get_service(cluster.name, words["service"].rpartition("/")[2])
    found = [_shown(service, each) for each in service.deployments]
    wanted = words.get("status") or {each["status"] for each in found}
    brief = [{key: each[key] for key in BRIEF} for each in found if each["status"] in wanted]
    return ActionResult({"serviceDeployments": brief})


def _describe(self: Any) -> ActionResult:
    """DescribeServiceDeployments."""
    wanted = self._get_params()["serviceDeploymentArns"]
    if not 1 <= len(wanted) <= 20:
        raise InvalidParameterException("Between 1 and 20 service deployments can be described.")
    found = {_arn(*pair): _shown(*pair) for pair in _all(self.ecs_backend)}
    missing = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in found]
    return ActionResult({"serviceDeployments": [found[arn] for arn in wanted if arn in found], "failures": missing})


def _stop(self: Any) -> ActionResult:
    """StopServiceDeployment: the service is as before it. Refuses where nothing was before, as far as is known."""
    words = self._get_params()
    arn = words["serviceDeploymentArn"]
    found = next((pair for pair in _all(self.ecs_backend) if _arn(*pair) == arn), None)
    if found is None:
        raise ECSException("ServiceDeploymentNotFoundException", "The service deployment was not found.")
    service, deployment = found
    if deployment["rolloutState"] != readiness.IN_PROGRESS:
        raise ConflictException("The service deployment is not in progress.")
    before = [each for each in service.deployments if each is not deployment]
    if not before:
        raise ConflictException("The service deployment has no service revision to roll back to.")
    deployment |= {
        "rolloutState": readiness.FAILED,
        "rolloutStateReason": STOPPED,
        "status": "INACTIVE",
        "updatedAt": utcnow(),
    }
    service.task_definition = before[0]["taskDefinition"]
    service.deployments = [before[0] | {"status": "PRIMARY"}, deployment]
    current().controls.wake()
    return ActionResult({"serviceDeploymentArn": arn})


ADDED: tuple[tuple[Any, str, Any], ...] = (
    (_API, "list_service_deployments", _list),
    (_API, "describe_service_deployments", _describe),
    (_API, "stop_service_deployment", _stop),
)
"""What moto lacks: owner, name, what does it."""
