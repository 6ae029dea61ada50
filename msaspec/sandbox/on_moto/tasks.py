"""ECS services on top of moto's: each has its tasks, which are registered where the service says.

moto keeps a service as a record. Here one has a deployment, whose tasks run with an address of their subnets; they are
targets of the service's target groups and instances of its names in Cloud Map. A deployment that shifts traffic leaves
the weights of the rule as ECS does: on the target group of the new tasks.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, Task, TaskDefinition
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends
from moto.servicediscovery.models import servicediscovery_backends

from msaspec.sandbox.on_moto import balancers, placed, rollouts, traffic

_BACKEND, _API = EC2ContainerServiceBackend, EC2ContainerServiceResponse
_create_plain = _API.create_service
_update_plain = _API.update_service
_delete_plain = _BACKEND.delete_service
_describe_plain = _BACKEND.describe_services
_task_plain = Task.__init__
_definition_plain = TaskDefinition.__init__

FORGOTTEN = (
    "availabilityZoneRebalancing",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
)
"""What moto does not keep of a service that is made."""
REDEPLOYING = (
    "capacityProviderStrategy",
    "enableExecuteCommand",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "propagateTags",
    "serviceRegistries",
    "taskDefinition",
)
"""What makes a deployment when it changes."""


def _task(self: Any, cluster: Any, *words: Any, **options: Any) -> None:
    """Start a task whose network interface has an address of its subnet; moto takes any."""
    _task_plain(self, cluster, *words, **options)
    self.created_at = utcnow()
    ec2 = placed.ec2(self._backend, self)
    for attachment in self.attachments:
        details = {detail["name"]: detail for detail in attachment["details"]}
        ec2.delete_network_interface(details["networkInterfaceId"]["value"])
        interface = self.network_configuration["awsvpcConfiguration"]
        subnet = ec2.get_subnet(details["subnetId"]["value"])
        address = subnet.get_available_subnet_ip(self)
        made = ec2.create_network_interface(
            subnet, address, group_ids=interface.get("securityGroups"), description="ECS"
        )
        made.status, made.device_index = "in-use", 0
        details["networkInterfaceId"]["value"] = made.id
        details["macAddress"]["value"] = made.mac_address
        details["privateIPv4Address"]["value"] = address
        details["privateDnsName"]["value"] = getattr(made, "private_dns_name", "")
    for container in self.containers:
        container.last_status = "RUNNING"


def _definition(self: Any, *words: Any, **options: Any) -> None:
    """Register a task definition that knows since when it is registered, which moto forgets."""
    _definition_plain(self, *words, **options)
    self.registered_at = utcnow()


def _create(self: Any) -> Any:
    """CreateService: refuses what ECS refuses, keeps what moto forgets, and runs the tasks."""
    backend, words = self.ecs_backend, self._get_params()
    cluster = backend._get_cluster(words.get("cluster", "default"))
    there = backend.services.get(f"{cluster.name}:{words['serviceName']}")
    if there is not None and there.status == "ACTIVE":
        raise InvalidParameterException("Creation of service was not idempotent.")
    _possible(backend, cluster, words)
    answer = _create_plain(self)
    service = backend._get_service(cluster.name, words["serviceName"])
    for key in FORGOTTEN:
        if key in words:
            setattr(service, camelcase_to_underscores(key), words[key])
    if words.get("capacityProviderStrategy"):
        service.launch_type = None
    rollouts.deploy(backend, service)
    return answer


def _possible(backend: Any, cluster: Any, words: dict[str, Any]) -> None:
    """Raise where a service names something that does not exist, or does not fit."""
    if "taskDefinition" in words and backend.describe_task_definition(words["taskDefinition"]).status != "ACTIVE":
        raise ECSException("ClientException", "TaskDefinition is inactive")
    for item in words.get("capacityProviderStrategy") or []:
        if item["capacityProvider"] not in (cluster.capacity_providers or []):
            provider = item["capacityProvider"]
            raise InvalidParameterException(f"The cluster {cluster.name} has no capacity provider {provider}.")
    elb = elbv2_backends[backend.account_id][backend.region_name]
    for entry in words.get("loadBalancers") or []:
        for arn in traffic.target_groups(entry):
            target_group = elb.target_groups.get(arn)
            if target_group is None:
                raise InvalidParameterException(f"The specified target group {arn} does not exist.")
            if target_group.target_type != "ip" and words.get("networkConfiguration"):
                fault = (
                    f"has target type {target_group.target_type}, which is incompatible with the awsvpc network mode"
                )
                raise InvalidParameterException(f"The provided target group {arn} {fault}.")
            if not balancers.balancers_of(elb, arn):
                fault = "does not have an associated load balancer."
                raise InvalidParameterException(f"The target group with targetGroupArn {arn} {fault}")
    names = servicediscovery_backends[backend.account_id][backend.region_name].services
    for registry in words.get("serviceRegistries") or []:
        if registry["registryArn"].rpartition("/")[2] not in names:
            raise InvalidParameterException(f"Service registry {registry['registryArn']} does not exist.")


def _update(self: Any) -> Any:
    """UpdateService: deploys again where tasks would differ, or where the request says so."""
    backend, words = self.ecs_backend, self._get_params()
    cluster = backend._get_cluster(words.get("cluster", "default"))
    service = backend._get_service(cluster.name, words["service"].split("/")[-1])
    _possible(backend, cluster, words)
    before = {key: getattr(service, camelcase_to_underscores(key), None) for key in REDEPLOYING}
    was = list(service.load_balancers)
    service.deployments = [each for each in service.deployments if each["status"] != "INACTIVE"]
    answer = _update_plain(self)
    anew = words.get("forceNewDeployment") or any(key in words and words[key] != before[key] for key in REDEPLOYING)
    if anew:
        rollouts.deploy(backend, service, was)
    else:
        rollouts.scale(backend, service, service.desired_count)
    return answer


def _stop_one(self: Any) -> ActionResult:
    """StopTask. The service of a task starts another one in its place."""
    backend = self.ecs_backend
    cluster = backend._get_cluster(self._get_param("cluster", "default"))
    id = self._get_param("task").rpartition("/")[2]
    found = next((task for task in backend.tasks.get(cluster.name, {}).values() if task.id == id), None)
    if found is None:
        raise InvalidParameterException("The referenced task was not found.")
    service = backend.services.get(f"{cluster.name}:{str(found.group).removeprefix('service:')}")
    reason = self._get_param("reason")
    if service is None or found.last_status != "RUNNING":
        backend.stop_task(cluster.name, found.task_arn, reason)
    else:
        rollouts.replace(backend, service, found, reason)
    return ActionResult({"task": found})


def _describe(self: Any, cluster_str: str, service_names_or_arns: list[str]) -> Any:
    """DescribeServices. A deployment whose tasks stopped is tried again at each request."""
    found, failures = _describe_plain(self, cluster_str, service_names_or_arns)
    for service in found:
        rollouts.try_again(self, service)
    return found, failures


def _delete(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:  # noqa: FBT001 as in moto
    service = _delete_plain(self, cluster_name, service_name, force)
    service.rollout = None
    for task in placed.running(self, service):
        rollouts.stop(self, service, task, "Service deleted.")
    service.desired_count = 0
    rollouts.count(self, service)
    return service


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (Task, "__init__", _task),
    (TaskDefinition, "__init__", _definition),
    (_API, "create_service", _create),
    (_API, "stop_task", _stop_one),
    (_API, "update_service", _update),
    (_BACKEND, "delete_service", _delete),
    (_BACKEND, "describe_services", _describe),
)
"""What of moto is replaced: owner, name, replacement."""
