"""Hosts are seen whole: who looks while one starts finds all that it boots with."""

from __future__ import annotations

from typing import Any

import pytest
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociationBackend

from tests.sandbox import fronted
from tests.sandbox.test_runtimes import template


@pytest.mark.parametrize("runtime", ["instance", "autoscaling"])
def test_a_host_has_its_role_when_it_is_first_seen(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance profile is there before moto associates it, in a step of its own: what boots a host that it finds in
    between would boot it without credentials."""
    associate = IamInstanceProfileAssociationBackend.associate_iam_instance_profile
    seen: list[Any] = []

    def look(self: Any, instance_id: str, *words: Any, **options: Any) -> Any:
        seen.append(self.get_instance(instance_id).iam_instance_profile)
        return associate(self, instance_id, *words, **options)

    monkeypatch.setattr(IamInstanceProfileAssociationBackend, "associate_iam_instance_profile", look)
    with fronted.standing(template(runtime)) as standing:
        hosts = standing.client("ec2").describe_instances()["Reservations"]
        told = {host["IamInstanceProfile"]["Arn"] for each in hosts for host in each["Instances"]}
    assert len(seen) >= 2
    assert {profile and profile["Arn"] for profile in seen} == told
