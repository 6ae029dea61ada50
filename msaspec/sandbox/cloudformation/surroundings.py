"""The surroundings of a stack: its name, its Region, and the sources of its intrinsics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from msaspec.sandbox.cloudformation import intrinsics, parameters
from msaspec.sandbox.cloudformation.goal import Goal
from msaspec.sandbox.cloudformation.intrinsics import Values
from msaspec.sandbox.cloudformation.resource import At, Nesting


class Surroundings:
    """What a stack's engine needs of the world around it."""

    def __init__(self, api: Callable[..., Any], stack_id: str, name: str, region: str, account: str) -> None:
        self.api = api
        self.stack_id, self.name, self.region, self.account = stack_id, name, region, account
        self.default_zones: Mapping[str, tuple[str, ...]] = {}
        """The zones of Regions that have default subnets, where that is not all of them."""
        self.wait: Callable[[Callable[[], bool]], None] = lambda met: None
        """How a resource waits for something."""
        self.exports: Mapping[str, Any] = {}
        self.nesting: Nesting | None = None
        """How nested stacks are made."""

    def at(self, logical_id: str, kind: str, initiated: Callable[[str], None] = lambda id: None) -> At:
        """Return the surroundings of one resource of the stack."""
        place = self.api, self.stack_id, self.name, self.region, self.account, logical_id, kind
        return At(*place, self.wait, self.nesting, initiated)

    def values(self, goal: Goal, attribute: Callable[[str, str | None], Any]) -> Values:
        """Return what the intrinsics of a template draw from."""
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        names = pseudo | parameters.typed(goal.template, goal.values, self.stored)
        return Values(goal.template, names, attribute, self.exports, self._zones)

    def resolved(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Properties with the current values of their dynamic references."""
        found: dict[str, Any] = intrinsics.resolved(properties, self._dynamic)
        return found

    def as_known(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the same of old properties, whose references may be to something that is gone."""
        try:
            return self.resolved(properties)
        except Exception:  # whatever a service says of it
            return properties

    def stored(self, name: str) -> str:
        """Return what Systems Manager stores under a name."""
        return self._dynamic("ssm", name)

    def _zones(self, region: str) -> list[str]:
        chosen = self.default_zones.get(region)
        if chosen is not None:
            return sorted(chosen)
        return sorted(zone["ZoneName"] for zone in self.api("ec2").describe_availability_zones()["AvailabilityZones"])

    def _dynamic(self, service: str, text: str) -> str:
        if service != "secretsmanager":
            answer = self.api("ssm").get_parameter(Name=text, WithDecryption=service == "ssm-secure")
            return str(answer["Parameter"]["Value"])
        secret, _, rest = text.partition(":SecretString")
        value = str(self.api("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        key = rest.strip(":").split(":")[0]
        return str(json.loads(value)[key]) if key else value
