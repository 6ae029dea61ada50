"""What the machines are told of the account, which a stack goes on to change while it is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.account import FargateTask, Instance, MountTarget, View


class Making:
    """An account with a cluster, where a stack makes all else between two calls: a host with an address, a database,
    and a service whose task has an address. Every call is of the same client, whatever the service."""

    def __init__(self, calls_before: int) -> None:
        self._left = calls_before

    def __getattr__(self, name: str) -> Any:
        def answer(**words: Any) -> dict[str, Any]:
            self._left -= 1
            return self._account(name, made=self._left < 0 or name == "list_clusters")

        return answer

    @staticmethod
    def _account(name: str, made: bool) -> dict[str, Any]:
        key, entry = _ACCOUNT[name]
        return {key: [entry] if made and entry is not None else []} if key != "UserData" else {key: {}}


_INTERFACE = {"privateIPv4Address": "10.0.0.4", "networkInterfaceId": "eni-1", "subnetId": "subnet-1"}
_SUBNET = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}
_ROUTE = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}
_ACCOUNT: dict[str, tuple[str, Any]] = {
    "describe_addresses": ("Addresses", {"InstanceId": "i-1", "PublicIp": "198.51.100.1"}),
    "describe_instance_attribute": ("UserData", None),
    "describe_instances": (
        "Reservations",
        {
            "Instances": [
                {
                    "InstanceId": "i-1",
                    "PrivateIpAddress": "10.0.0.5",
                    "SecurityGroups": [],
                    "SubnetId": "subnet-1",
                    "Placement": {"AvailabilityZone": "a"},
                }
            ]
        },
    ),
    "describe_db_instances": (
        "DBInstances",
        {
            "DBInstanceIdentifier": "main",
            "DBSubnetGroup": {"Subnets": [{"SubnetIdentifier": "subnet-1"}]},
            "VpcSecurityGroups": [],
            "Endpoint": {"Address": "main.local", "Port": 5432},
            "Engine": "postgres",
        },
    ),
    "list_brokers": ("BrokerSummaries", None),
    "describe_replication_groups": ("ReplicationGroups", None),
    "list_clusters": ("clusterArns", "cluster"),
    "list_services": ("serviceArns", "web"),
    "describe_services": (
        "services",
        {"serviceName": "web", "networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": "ENABLED"}}},
    ),
    "list_tasks": ("taskArns", "arn/task"),
    "describe_tasks": (
        "tasks",
        {
            "taskArn": "arn/task",
            "taskDefinitionArn": "definition",
            "group": "service:web",
            "attachments": [{"details": [{"name": name, "value": text} for name, text in _INTERFACE.items()]}],
        },
    ),
    "describe_task_definition": ("taskDefinition", None),
    "describe_network_interfaces": ("NetworkInterfaces", {"Groups": []}),
    "describe_load_balancers": ("LoadBalancers", None),
    "describe_vpcs": ("Vpcs", {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}),
    "describe_dhcp_options": ("DhcpOptions", None),
    "describe_file_systems": ("FileSystems", {"FileSystemId": "fs-1"}),
    "describe_mount_target_security_groups": ("SecurityGroups", None),
    "describe_mount_targets": (
        "MountTargets",
        {
            "MountTargetId": "fsmt-1",
            "IpAddress": "10.0.0.9",
            "SubnetId": "subnet-1",
            "AvailabilityZoneName": "a",
        },
    ),
    "describe_route_tables": ("RouteTables", {"Routes": [_ROUTE], "Associations": [{"SubnetId": "subnet-1"}]}),
    "describe_subnets": ("Subnets", _SUBNET),
}


@pytest.mark.parametrize("calls_before", range(20))
def test_whatever_is_seen_is_seen_with_its_way_out(calls_before: int) -> None:
    """A stack goes on while the account is looked at. A task that was seen without its service, or a host before its
    address, would start without a way to AWS; and its subnet is there with its routes."""
    account = Making(calls_before)
    view = View(lambda service: account, {})
    boxes = list(view.boxes.values())
    assert boxes or calls_before > 2
    for box in boxes:
        assert box.leaves or not isinstance(box, FargateTask | Instance), box
        assert view.subnets[box.subnet].way_out == "igw"
    tasks, targets = ([box for box in boxes if isinstance(box, kind)] for kind in (FargateTask, MountTarget))
    assert targets or not tasks  # what a task may mount was made before it


def test_what_has_gone_in_between_is_not_seen() -> None:
    """A host whose security group was removed while the account was looked at makes the look worthless, not faulty."""
    view = View(lambda service: Making(0), {})
    view.boxes = {"host": Instance("host", "10.0.0.5", ("gone",), "subnet-1")}
    view.groups = {"other": {}}
    assert not view.complete
    view.groups = {"gone": {}}
    assert view.complete
