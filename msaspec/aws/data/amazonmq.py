"""Brokers as holders of messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    Objection,
    Properties,
    ServiceRole,
    unless_gone,
)
from msaspec.template.resources import same

_GONE = frozenset({"NotFoundException"})


def _name(name: str) -> str | None:
    if not 1 <= len(name) <= 50:
        return "it is empty or has more than 50 characters"
    plain = re.fullmatch(r"[0-9A-Za-z_-]+", name)
    return None if plain else "it contains characters other than letters, digits, `_` and `-`"


def _broker(aws: Clients, id: str) -> Mapping[str, Any] | None:
    """Return what Amazon MQ says of a broker; None where it is gone."""
    found: Mapping[str, Any] | None = unless_gone(_GONE, aws.client("mq").describe_broker, BrokerId=id)
    return found


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    there = _broker(aws, id)
    if there is None or there.get("BrokerState") == "DELETION_IN_PROGRESS":
        return []
    unless_gone(_GONE, aws.client("mq").delete_broker, BrokerId=id)
    return [f"the broker {id}, which takes some minutes to go"]


def _removal(id: str) -> Iterable[list[str]]:
    yield ["mq", "delete-broker", "--broker-id", id]


# fact: broker-changes
def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what Amazon MQ refuses of a broker that is there."""
    if str(before.get("EngineType")).upper() != "RABBITMQ":
        return
    versions = [str(each.get("EngineVersion")) for each in (before, after)]
    if versions[0] != versions[1]:
        reason = f"would change from RabbitMQ {versions[0]} to {versions[1]}, which Amazon MQ refuses of a broker"
        hint = f'Keep `version: "{versions[0]}"`. For the other, declare another broker, and move its users to it.'
        yield Objection(Effect.REFUSED, "version", reason, hint)
    sizes = [str(each.get("HostInstanceType")) for each in (before, after)]
    if sizes[0] != sizes[1]:
        if sizes[1] == "mq.t3.micro":
            reason = f"would go back from {sizes[0]} to mq.t3.micro, which Amazon MQ refuses"
            yield Objection(Effect.REFUSED, "size", reason, f"Keep `size: {sizes[0]}`, or declare another broker.")
        elif str(after.get("DeploymentMode")) == "SINGLE_INSTANCE":
            reason = f"restarts to get the class {sizes[1]}, and takes no messages for some minutes"
            yield Objection(Effect.COSTS, "size", reason, "Deploy when its users may wait.")
    if same(before.get("SecurityGroups")) != same(after.get("SecurityGroups")):
        reason = "would get another security group, which Amazon MQ refuses of a RabbitMQ broker"
        yield Objection(Effect.REFUSED, "", reason, "Keep its group, and change the rules of that.")


BROKER = AwsType(
    name="AWS::AmazonMQ::Broker",
    noun="broker",
    holds=Holds.DATA,
    erase=_erase,
    gone=_GONE,
    there=lambda aws, id: _broker(aws, id) is not None,
    removal=_removal,
    objections=_objections,
    unique=(("BrokerName",),),
    names={"BrokerName": _name},
    service_role=ServiceRole("mq.amazonaws.com", "AWSServiceRoleForAmazonMQ"),
    slow={"create": "15 to 25 minutes", "update": "10 to 30 minutes", "delete": "5 to 10 minutes"},
)


def unlisted(size: str) -> dict[str, Any]:
    """Return what keeps cfn-lint from refusing a class: its list, which is made from prices, abbreviates `xlarge`."""
    if not re.search(r"m7g\.[0-9]+xlarge$", size):
        return {}
    return {"Metadata": {"cfn-lint": {"config": {"ignore_checks": ["E3670"]}}}}
