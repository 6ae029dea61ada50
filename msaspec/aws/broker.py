"""A message broker: what a manifest says of one and of its use, and its address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language.base import Model
from msaspec.language.part import Entry, Use
from msaspec.language.value import Token
from msaspec.template import names

PORT = 5671
"""Of AMQP over TLS, the only one that Amazon MQ opens for clients."""
API_PORT = 443
"""Of RabbitMQ's management API, and of its console."""


# fact: broker-limits
@dataclass(frozen=True)
class Limits:
    """How many connections each node of a class takes: by default on RabbitMQ 4, and at most, which is what RabbitMQ 3
    has."""

    single: int
    cluster: int
    most: int


CLASSES: Mapping[str, Limits] = {
    "mq.t3.micro": Limits(500, 0, 500),
    "mq.m5.large": Limits(5_000, 5_000, 5_000),
    "mq.m5.xlarge": Limits(10_000, 10_000, 10_000),
    "mq.m5.2xlarge": Limits(20_000, 20_000, 20_000),
    "mq.m5.4xlarge": Limits(40_000, 40_000, 40_000),
    "mq.m7g.medium": Limits(100, 100, 300),
    "mq.m7g.large": Limits(1_500, 500, 5_000),
    "mq.m7g.xlarge": Limits(3_000, 1_000, 10_000),
    "mq.m7g.2xlarge": Limits(6_000, 2_000, 20_000),
    "mq.m7g.4xlarge": Limits(12_000, 4_000, 40_000),
    "mq.m7g.8xlarge": Limits(24_000, 8_000, 80_000),
    "mq.m7g.12xlarge": Limits(36_000, 12_000, 120_000),
    "mq.m7g.16xlarge": Limits(48_000, 16_000, 160_000),
}
"""The classes of RabbitMQ brokers."""
NODES = 3
"""Of a cluster."""


def _class(written: str) -> str:
    if written not in CLASSES:
        known = ", ".join(f"`{each}`" for each in CLASSES)
        raise PydanticCustomError("class", "a class of RabbitMQ brokers is one of {known}", {"known": known})
    return written


def _vhost(written: str) -> str:
    if written != "/" and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", written):
        raise PydanticCustomError(
            "vhost", "a virtual host is `/`, or has letters, digits and `_.-`, none of `.-` first"
        )
    return written


class Broker(Model):
    """A RabbitMQ broker in the isolated subnets: encrypted, TLS only, reached by its users only."""

    engine: Literal["rabbitmq"] = Field("rabbitmq", description="Engine of the broker.")
    version: Literal["3.13", "4.2"] = Field(
        "4.2", description="Version of RabbitMQ, whose patches Amazon MQ installs. It cannot change."
    )
    size: Annotated[str, AfterValidator(_class)] = Field(
        "mq.m7g.medium",
        description="Instance class, which also decides on the storage and the number of connections.",
        examples=["mq.m7g.large", "mq.t3.micro"],
    )
    cluster: bool = Field(
        False,
        description="Run three nodes in three zones, which go on when one fails. Another value makes another broker.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> Broker:
        for wrong, field, message in _unfitting(self):
            if wrong:
                raise PydanticCustomError("together", "{message}", {"message": message, "field": field})
        return self

    @property
    def connections(self) -> int:
        """How many connections it takes at a time."""
        limits = CLASSES[self.size]
        if not self.version.startswith("4."):
            return limits.most * (NODES if self.cluster else 1)
        return limits.cluster * NODES if self.cluster else limits.single


# fact: broker-classes
def _unfitting(spec: Broker) -> Iterator[tuple[bool, str, str]]:
    """Yield what does not fit together, the field that says it, and what to write instead."""
    newer = spec.version.startswith("4.")
    yield (
        newer and not spec.size.startswith("mq.m7g."),
        "size",
        f'RabbitMQ {spec.version} runs on classes of `mq.m7g` only: write `size: mq.m7g.medium` or `version: "3.13"`',
    )
    yield (
        spec.cluster and spec.size == "mq.t3.micro",
        "cluster",
        "`mq.t3.micro` has no cluster: write `size: mq.m7g.medium`, or remove `cluster`",
    )


class BrokerUse(Model):
    """What a service may do with a broker."""

    shorthand = "access"

    access: Literal["configure", "both", "send", "consume"] = Field(
        "configure",
        description="`configure` declares exchanges and queues, sends and receives; `both` sends and receives; `send` "
        "and `consume` do one of these.",
        examples=["send"],
    )
    vhost: Annotated[str, AfterValidator(_vhost)] = Field(
        "/",
        description="Virtual host, which has exchanges and queues of its own. Services that exchange messages use the "
        "same one.",
        examples=["orders"],
    )


class BrokerElsewhere(Model):
    """What is known of a broker of another system. What its users may do is said there."""

    vhost: Annotated[str, AfterValidator(_vhost)] = Field(
        "/", description="Virtual host, as `shares` of the other manifest has it.", examples=["orders"]
    )


def logical_id(entry: Entry[Broker]) -> str:
    """Return the logical id of the broker."""
    return names.logical(entry.name, "Broker")


def users(entry: Entry[Broker]) -> str:
    """Return the logical id of what makes the users."""
    return names.logical(entry.name, "Bootstrap")


def host(entry: Entry[Broker]) -> Token:
    """Return the address of the broker, which is known when its users are made: Amazon MQ has it in the first of a list
    of URLs only."""
    return Token(f"{users(entry)}.Host")


def secret(use: Use[BrokerUse]) -> str:
    """Return the logical id of the secret with which a service logs in."""
    return names.edge(use.service, use.target, "Secret")
