"""Where a stack stands: its name, its region, and what its intrinsics draw from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from msaspec.sandbox import parameters
from msaspec.sandbox.goal import Goal
from msaspec.sandbox.intrinsics import Values
from msaspec.sandbox.resource import At


class Surroundings:
    """What a stack's engine needs of the world around it."""

    def __init__(self, api: Callable[[str], Any], stack_id: str, name: str, region: str, account: str) -> None:
        self.api = api
        self.stack_id, self.name, self.region, self.account = stack_id, name, region, account
        self.exports: Mapping[str, Any] = {}

    def at(self, logical_id: str, kind: str) -> At:
        """Where a resource of the stack stands."""
        return At(self.api, self.stack_id, self.name, self.region, self.account, logical_id, kind)

    def values(self, goal: Goal, attribute: Callable[[str, str | None], Any]) -> Values:
        """What the intrinsics of a template draw from."""
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        names = pseudo | parameters.typed(goal.template, goal.values, lambda name: self._dynamic("ssm", name))
        return Values(goal.template, names, attribute, self._dynamic, self.exports, self._zones)

    def _zones(self, region: str) -> list[str]:
        return sorted(zone["ZoneName"] for zone in self.api("ec2").describe_availability_zones()["AvailabilityZones"])

    def _dynamic(self, service: str, text: str) -> str:
        if service != "secretsmanager":
            answer = self.api("ssm").get_parameter(Name=text, WithDecryption=service == "ssm-secure")
            return str(answer["Parameter"]["Value"])
        secret, _, rest = text.partition(":SecretString")
        value = str(self.api("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        key = rest.strip(":").split(":")[0]
        return str(json.loads(value)[key]) if key else value
