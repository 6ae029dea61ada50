"""Amazon MQ on top of moto's: an address for each broker, and what Amazon MQ refuses of RabbitMQ."""

from __future__ import annotations

from typing import Any

from moto.mq.exceptions import BadRequestException, ConflictException, UnknownBroker
from moto.mq.models import Broker, MQBackend

from msaspec.aws.broker import PORT

_make_plain = Broker.__init__
_create_plain = MQBackend.create_broker
_update_plain = MQBackend.update_broker
_delete_plain = MQBackend.delete_broker


def _make(self: Any, *words: Any, **more: Any) -> None:
    _make_plain(self, *words, **more)
    if self.engine_type.upper() != "RABBITMQ":
        return
    # One name for all nodes.
    host = f"b-{self.id}.mq.{more['region']}.on.aws"
    endpoints = [f"amqps://{host}:{PORT}"]
    self.instances = [{"consoleURL": f"https://{host}", "endpoints": endpoints, "ipAddress": "192.168.0.1"}]


def _create(self: Any, **words: Any) -> Any:
    """CreateBroker: names are unique, and what a RabbitMQ broker has fits together."""
    if any(each.name == words["broker_name"] for each in self.brokers.values()):
        raise ConflictException("Broker name already exists.")
    if words["engine_type"].upper() == "RABBITMQ":
        _check(words)
    return _create_plain(self, **words)


def _check(words: dict[str, Any]) -> None:
    cluster, size = words["deployment_mode"] == "CLUSTER_MULTI_AZ", words["host_instance_type"]
    version, subnets = str(words["engine_version"]), words["subnet_ids"]
    if version not in ("3.13", "4.2"):
        raise BadRequestException(f"Broker engine version [{version}] is invalid. Valid values: [4.2, 3.13]")
    if version == "4.2" and not size.startswith("mq.m7g."):
        raise BadRequestException(f"RabbitMQ version [{version}] does not support host instance type [{size}].")
    if cluster and size == "mq.t3.micro":
        raise BadRequestException(f"Host instance type [{size}] does not support deployment mode [CLUSTER_MULTI_AZ].")
    if not cluster and len(subnets) > 1:
        raise BadRequestException("Specify exactly one subnet for deployment mode [SINGLE_INSTANCE].")
    if not words["auto_minor_version_upgrade"]:
        raise BadRequestException("AutoMinorVersionUpgrade must be true.")


def _update(self: Any, **words: Any) -> None:
    """UpdateBroker: refuses what a RabbitMQ broker keeps."""
    broker = self.describe_broker(words["broker_id"])
    if broker.engine_type.upper() == "RABBITMQ":
        groups, version = words.get("security_groups"), words.get("engine_version")
        if groups and sorted(groups) != sorted(broker.security_groups):
            raise BadRequestException("Changing security groups is not supported for RabbitMQ brokers.")
        if version and version.partition(".")[0] != broker.engine_version.partition(".")[0]:
            raise BadRequestException(f"Cannot upgrade from version [{broker.engine_version}] to [{version}].")
    _update_plain(self, **words)


def _delete(self: Any, broker_id: str) -> None:
    """DeleteBroker: says that there is none where moto stumbles."""
    if broker_id not in self.brokers:
        raise UnknownBroker(broker_id)
    _delete_plain(self, broker_id)


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (Broker, "__init__", _make),
    (MQBackend, "create_broker", _create),
    (MQBackend, "update_broker", _update),
    (MQBackend, "delete_broker", _delete),
)
"""What is replaced of moto: owner, name, replacement."""
