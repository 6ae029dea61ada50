"""Where the tasks of ECS services are: their network interfaces, target groups, and names in Cloud Map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.servicediscovery.models import servicediscovery_backends

from msaspec.sandbox.on_moto import traffic


def ec2(backend: Any, task: Any) -> Any:
    """Return EC2 in the account and the Region of a task."""
    return ec2_backends[backend.account_id][task.region_name]


def detail(task: Any, name: str) -> str:
    """Return a detail of the network interface of a task."""
    details = [detail for attachment in task.attachments for detail in attachment["details"]]
    return next((str(detail["value"]) for detail in details if detail["name"] == name), "")


def running(backend: Any, service: Any, deployment: str = "") -> list[Any]:
    """Return the tasks of a service that run, or those of one of its deployments."""
    return [
        task
        for task in list(backend.tasks.get(service.cluster_name, {}).values())
        if task.group == f"service:{service.name}"
        and task.last_status == "RUNNING"
        and deployment in ("", task.started_by)
    ]


def register(backend: Any, service: Any, task: Any, *, ahead: bool) -> None:
    """Make a task a target of the service's target groups: of those that have the traffic, or `ahead` of a shift of
    those that get it."""
    for arn, port in traffic.serving(backend, service, ahead=ahead):
        target_group = elbv2_backends[backend.account_id][backend.region_name].target_groups[arn]
        target_group.register([{"Id": detail(task, "privateIPv4Address"), "Port": port}])


def announce(backend: Any, service: Any, task: Any, definition: Any) -> None:
    """Register a task under the names of its service."""
    names = servicediscovery_backends[backend.account_id][backend.region_name]
    for registry in service.service_registries:
        attributes = {
            "AVAILABILITY_ZONE": ec2(backend, task).get_subnet(detail(task, "subnetId")).availability_zone,
            "AWS_INSTANCE_IPV4": detail(task, "privateIPv4Address"),
            "ECS_CLUSTER_NAME": service.cluster_name,
            "ECS_SERVICE_NAME": service.name,
            "ECS_TASK_DEFINITION_FAMILY": definition.family,
            "REGION": service.region_name,
        }
        if "containerPort" in registry:
            attributes["AWS_INSTANCE_PORT"] = str(registry["containerPort"])
        names.register_instance(registry["registryArn"].rpartition("/")[2], task.id, task.id, attributes)


def withdraw(backend: Any, service: Any, task: Any, was: Iterable[dict[str, Any]] = ()) -> None:
    """Take a task out of wherever it is registered, also where the service was registered before."""
    address = detail(task, "privateIPv4Address")
    known = elbv2_backends[backend.account_id][backend.region_name].target_groups
    for arn in {arn for entry in (*service.load_balancers, *was) for arn in traffic.target_groups(entry)}:
        if arn in known and address in known[arn].targets:
            known[arn].deregister([{"Id": address}])
    for name in servicediscovery_backends[backend.account_id][backend.region_name].services.values():
        name.instances[:] = [there for there in name.instances if there.instance_id != task.id]


def vacate(backend: Any, task: Any) -> None:
    """Give back the network interface of a task, and its address."""
    there = ec2(backend, task)
    there.delete_network_interface(detail(task, "networkInterfaceId"))
    there.get_subnet(detail(task, "subnetId")).del_subnet_ip(detail(task, "privateIPv4Address"))
