"""What starts is seen whole: who looks meanwhile finds all that it starts with, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociationBackend
from moto.ecs.models import EC2ContainerServiceBackend

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


def test_a_service_is_deployed_once_although_it_is_described_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto puts a deployment down before the tasks of it are started: whoever describes the service in between has it
    not tried again, as one whose tasks failed."""
    create = EC2ContainerServiceBackend.create_service
    looked: list[str] = []

    def look(self: Any, *words: Any, **options: Any) -> Any:
        made = create(self, *words, **options)
        found, _ = self.describe_services(made.cluster_name, [made.name])
        looked.extend(service.name for service in found)
        return made

    monkeypatch.setattr(EC2ContainerServiceBackend, "create_service", look)
    with fronted.standing(template("fargate")) as standing:
        ecs = standing.client("ecs")
        (cluster,) = ecs.list_clusters()["clusterArns"]
        assert len(looked) == 2
        assert len(ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]) == 4
        assert not ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
