"""ECS services on top of moto's: each has its tasks, which are registered where the service says.

moto keeps a service as a record. Here one has a deployment, whose tasks run at once, with an address of their subnets;
they are targets of the service's target groups and instances of its names in Cloud Map. A deployment that shifts
traffic leaves the weights of the rule as ECS does: on the target group of the new tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ec2.models import ec2_backends
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend, Task, TaskDefinition
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends
from moto.moto_api._internal import mock_random
from moto.servicediscovery.models import servicediscovery_backends

from msaspec.sandbox.controls import Fate
from msaspec.sandbox.on_moto import balancers, readiness, traffic
from msaspec.sandbox.world import current

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
    ec2 = _ec2(self._backend, self)
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


def _ec2(backend: Any, task: Any) -> Any:
    return ec2_backends[backend.account_id][task.region_name]


def _detail(task: Any, name: str) -> str:
    details = [detail for attachment in task.attachments for detail in attachment["details"]]
    return next((str(detail["value"]) for detail in details if detail["name"] == name), "")


def _running(backend: Any, service: Any) -> list[Any]:
    return [
        task
        for task in backend.tasks.get(service.cluster_name, {}).values()
        if task.group == f"service:{service.name}" and task.last_status == "RUNNING"
    ]


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
    _deploy(backend, service)
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
        _deploy(backend, service, was)
    else:
        scale(backend, service, service.desired_count)
    return answer


def scale(backend: Any, service: Any, count: int) -> None:
    """Give a service as many tasks of its deployment as it should have."""
    service.desired_count = count
    deployment = service.deployments[0]
    if deployment.get("rolloutState") in (readiness.IN_PROGRESS, readiness.FAILED):
        _count(backend, service)  # its tasks do not run, however many there are to be
        return
    running = [task for task in _running(backend, service) if task.started_by == deployment["id"]]
    for task in running[count:]:
        _stop(backend, service, task, "Scaling activity initiated by the service.")
    fresh = _start(backend, service, max(count - len(running), 0))
    for arn, port in traffic.serving(backend, service):
        _targets(backend, arn).register([{"Id": _detail(task, "privateIPv4Address"), "Port": port} for task in fresh])
    _count(backend, service)


def _deploy(backend: Any, service: Any, was: Iterable[dict[str, Any]] = ()) -> None:
    """Run a deployment from its start to its end: new tasks first, then the old ones go, or the other way round."""
    old, before = _running(backend, service), [*service.deployments]
    definition = backend.describe_task_definition(service.task_definition) if service.task_definition else None
    why = readiness.why_not(backend, service, definition) if definition else None
    if old and not why:
        traffic.shift(backend, service)
    begun = utcnow()
    service.deployments = [
        {
            "id": f"ecs-svc/{mock_random.randint(0, 32**12)}",
            "status": "PRIMARY",
            "taskDefinition": service.task_definition,
            "createdAt": begun,
            "updatedAt": begun,
            "failedTasks": 0,
            "platformVersion": service.platform_version,
            "platformFamily": "Linux",
            "networkConfiguration": service.network_configuration or None,
            "capacityProviderStrategy": getattr(service, "capacity_provider_strategy", None),
            "launchType": service.launch_type,
        }
    ]
    if why:
        if why.starts:
            _start(backend, service, 1, why)
        _tell(service, why)
        readiness.mark_failing(service, service.deployments[0], before, seen=readiness.is_seen(service, definition))
        _count(backend, service)
        return
    initiated = f"Scaling activity initiated by (deployment {service.deployments[0]['id']})"
    limits = getattr(service, "deployment_configuration", None) or {}
    if (limits.get("maximumPercent"), limits.get("minimumHealthyPercent")) == (100, 0):
        for task in old:
            _stop(backend, service, task, initiated, was)
        old = []
    scale(backend, service, service.desired_count)
    for task in old:
        _stop(backend, service, task, initiated, was)
    _count(backend, service)


def _tell(service: Any, fate: Fate) -> None:
    """Put what a service says of its tasks into its events, the newest first."""
    if fate.event:
        event = {"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": fate.event}
        event["message"] = fate.event.replace("{service}", service.name)
        service.events.insert(0, event)


def _start(backend: Any, service: Any, count: int, why: Fate | None = None) -> list[Any]:
    """Start tasks; with a fate, they end so before anything knows of them."""
    if not count or not service.network_configuration:
        return []
    cluster = backend._get_cluster(service.cluster_name)
    definition = backend.describe_task_definition(service.task_definition)
    interface = service.network_configuration["awsvpcConfiguration"]
    strategy = getattr(service, "capacity_provider_strategy", None)
    fresh: list[Any] = []
    for _ in range(count):
        used = Counter(_detail(task, "subnetId") for task in (*_running(backend, service), *fresh))
        subnet = min(interface["subnets"], key=lambda subnet: used[subnet])
        tags = definition.tags if service.propagate_tags == "TASK_DEFINITION" else service.tags
        task = Task(
            cluster=cluster,
            task_definition=definition,
            container_instance_arn=None,
            resource_requirements=None,
            backend=backend,
            group=f"service:{service.name}",
            launch_type="FARGATE",
            started_by=service.deployments[0]["id"],
            tags=list(tags) if service.propagate_tags != "NONE" else [],
            networking_configuration={"awsvpcConfiguration": {**interface, "subnets": [subnet]}},
            platform_version=service.platform_version,
            capacity_provider_name=strategy[0]["capacityProvider"] if strategy else None,
        )
        task._transitions = []  # moto's tasks end by being looked at
        task.enable_execute_command = bool(getattr(service, "enable_execute_command", False))
        task.cpu, task.memory = definition.cpu, definition.memory
        backend.tasks.setdefault(cluster.name, {})[task.task_arn] = task
        if why:
            _end(backend, service, task, definition, why)
            continue
        _announce(backend, service, task, definition)
        fresh.append(task)
    return fresh


def _announce(backend: Any, service: Any, task: Any, definition: Any) -> None:
    """Register a task under the names of its service."""
    names = servicediscovery_backends[backend.account_id][backend.region_name]
    ec2 = _ec2(backend, task)
    for registry in service.service_registries:
        attributes = {
            "AVAILABILITY_ZONE": ec2.get_subnet(_detail(task, "subnetId")).availability_zone,
            "AWS_INSTANCE_IPV4": _detail(task, "privateIPv4Address"),
            "ECS_CLUSTER_NAME": service.cluster_name,
            "ECS_SERVICE_NAME": service.name,
            "ECS_TASK_DEFINITION_FAMILY": definition.family,
            "REGION": service.region_name,
        }
        if "containerPort" in registry:
            attributes["AWS_INSTANCE_PORT"] = str(registry["containerPort"])
        names.register_instance(registry["registryArn"].rpartition("/")[2], task.id, task.id, attributes)


def _targets(backend: Any, arn: str) -> Any:
    return elbv2_backends[backend.account_id][backend.region_name].target_groups[arn]


def _stop(backend: Any, service: Any, task: Any, reason: str, was: Iterable[dict[str, Any]] = ()) -> None:
    """End a task, and take it out of wherever it is registered, also where the service was registered before."""
    address = _detail(task, "privateIPv4Address")
    known = elbv2_backends[backend.account_id][backend.region_name].target_groups
    for arn in {arn for entry in (*service.load_balancers, *was) for arn in traffic.target_groups(entry)}:
        if arn in known and address in known[arn].targets:
            known[arn].deregister([{"Id": address}])
    for name in servicediscovery_backends[backend.account_id][backend.region_name].services.values():
        name.instances[:] = [there for there in name.instances if there.instance_id != task.id]
    backend.stop_task(service.cluster_name, task.task_arn, reason)
    ec2 = _ec2(backend, task)
    ec2.delete_network_interface(_detail(task, "networkInterfaceId"))
    ec2.get_subnet(_detail(task, "subnetId")).del_subnet_ip(address)


def _end(backend: Any, service: Any, task: Any, definition: Any, fate: Fate) -> None:
    """End a task in its own way, and write what its program said into its log."""
    _stop(backend, service, task, fate.reason)
    task.stop_code = "TaskFailedToStart" if fate.exit_code is None else "EssentialContainerExited"
    for container in task.containers:
        container.last_status, container.reason = "STOPPED", fate.container
        container.exitCode = fate.exit_code
    options = (definition.container_definitions[0].get("logConfiguration") or {}).get("options") or {}
    if fate.log and "awslogs-group" in options:
        logs = current().client("logs", backend.region_name)
        name = f"{options['awslogs-stream-prefix']}/{task.containers[0].name}/{task.id}"
        where = {"logGroupName": options["awslogs-group"], "logStreamName": name}
        logs.create_log_stream(**where)
        now = int(utcnow().timestamp() * 1000)
        logs.put_log_events(**where, logEvents=[{"timestamp": now, "message": line} for line in fate.log])


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
        _stop(backend, service, found, reason)
        scale(backend, service, service.desired_count)
    return ActionResult({"task": found})


def _count(backend: Any, service: Any) -> None:
    """Bring all counts in line with the tasks that run."""
    service.running_count, service.pending_count = len(_running(backend, service)), 0
    for deployment in service.deployments:
        running = sum(task.started_by == deployment["id"] for task in _running(backend, service))
        deployment |= {"desiredCount": service.desired_count, "runningCount": running, "pendingCount": 0}
        done = f"ECS deployment {deployment['id']} completed."
        if deployment.get("rolloutState") not in (readiness.IN_PROGRESS, readiness.FAILED):
            deployment |= {"rolloutState": readiness.COMPLETED, "rolloutStateReason": done, "updatedAt": utcnow()}
    cluster = backend._get_cluster(service.cluster_name)
    within = [there for there in backend.services.values() if there.cluster_name == cluster.name]
    cluster.active_services_count = sum(there.status == "ACTIVE" for there in within)
    tasks = backend.tasks.get(cluster.name, {}).values()
    cluster.running_tasks_count = sum(task.last_status == "RUNNING" for task in tasks)
    cluster.pending_tasks_count = 0


def _describe(self: Any, cluster_str: str, service_names_or_arns: list[str]) -> Any:
    """DescribeServices. A deployment whose tasks stopped is tried again at each request."""
    found, failures = _describe_plain(self, cluster_str, service_names_or_arns)
    for service in found:
        state = service.deployments[0].get("rolloutState") if service.deployments else None
        if state == readiness.IN_PROGRESS and service.status == "ACTIVE":
            definition = self.describe_task_definition(service.task_definition)
            if not readiness.why_not(self, service, definition):
                service.deployments = service.deployments[1:]
                _deploy(self, service)
            elif readiness.is_seen(service, definition) and readiness.breaks(service)[0]:
                newest, *before = service.deployments
                readiness.mark_failing(service, newest, before)
    return found, failures


def _delete(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:  # noqa: FBT001 as in moto
    service = _delete_plain(self, cluster_name, service_name, force)
    for task in _running(self, service):
        _stop(self, service, task, "Service deleted.")
    service.desired_count = 0
    _count(self, service)
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
