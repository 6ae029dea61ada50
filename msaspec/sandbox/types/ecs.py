"""ECS: clusters, task definitions and services. What a service does with its tasks is ECS's own, on top of moto."""

from __future__ import annotations

from typing import Any, ClassVar

from msaspec.sandbox.cloudformation.resource import (
    At,
    Failed,
    Made,
    Properties,
    Refused,
    Resource,
    only,
    resource,
)
from msaspec.sandbox.cloudformation.shapes import known, lowered, shaped, tags_apart, without

BROKEN = "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."


def _tagged(properties: Properties) -> dict[str, Any]:
    return {"Tags": lowered(properties["Tags"])} if properties.get("Tags") else {}


def _retag(at: At, arn: str, old: Properties, new: Properties) -> None:
    gone, wanted = tags_apart(old, new)
    if gone:
        at.api("ecs").untag_resource(resourceArn=arn, tagKeys=gone)
    if wanted and wanted != old.get("Tags"):
        at.api("ecs").tag_resource(resourceArn=arn, tags=lowered(wanted))


@resource("AWS::ECS::Cluster")
class Cluster(Resource):
    """A cluster."""

    PROVIDERS: ClassVar[tuple[str, ...]] = ("CapacityProviders", "DefaultCapacityProviderStrategy")

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        api, name = at.api("ecs"), new.get("ClusterName") or at.name(255)
        words = self._words(new) | {"ClusterName": name} | _tagged(new)
        return self._made(api.create_cluster(**shaped(api, "CreateCluster", words))["cluster"])

    def _words(self, properties: Properties) -> dict[str, Any]:
        words = without(properties, "Tags", "ClusterName", "ClusterSettings")
        return words | ({"Settings": properties["ClusterSettings"]} if "ClusterSettings" in properties else {})

    def _made(self, there: dict[str, Any]) -> Made:
        return Made(there["clusterName"], {"Arn": there["clusterArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its settings and where its tasks may run."""
        api = at.api("ecs")
        words = without(self._words(new), *self.PROVIDERS) | {"Cluster": id}
        made = self._made(api.update_cluster(**shaped(api, "UpdateCluster", words))["cluster"])
        if any(key in new and old.get(key) != new[key] for key in self.PROVIDERS):
            there = api.describe_clusters(clusters=[id])["clusters"][0]
            current = {key: there.get(key[0].lower() + key[1:], []) for key in self.PROVIDERS}
            words = {"Cluster": id} | current | only(new, *self.PROVIDERS)
            api.put_cluster_capacity_providers(**shaped(api, "PutClusterCapacityProviders", words))
        _retag(at, made.attributes["Arn"], old, new)
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, unless services are in it."""
        at.api("ecs").delete_cluster(cluster=id)


@resource("AWS::ECS::TaskDefinition")
class TaskDefinition(Resource):
    """A revision of a task definition; each change is another one. References to secrets stay what they are."""

    def create(self, at: At, new: Properties) -> Made:
        """Register it."""
        api = at.api("ecs")
        words = {"Family": at.name(255), **without(new, "Tags"), **_tagged(new)}
        made = api.register_task_definition(**shaped(api, "RegisterTaskDefinition", words))["taskDefinition"]
        return self._made(made["taskDefinitionArn"])

    def _made(self, arn: str) -> Made:
        return Made(arn, {"TaskDefinitionArn": arn})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change the tags; all else is another revision."""
        if without(old, "Tags") != without(new, "Tags"):
            return super().update(at, id, old, new)
        _retag(at, id, old, new)
        return self._made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Deregisters it."""
        at.api("ecs").deregister_task_definition(taskDefinition=id)


@resource("AWS::ECS::Service")
class Service(Resource):
    """A service. Its tasks run at once, unless a test has them fail, or their role may not read their secrets. Where
    something runs their containers (`world.runner`), checks have to pass first."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it; without a number of tasks that is one, as CloudFormation has it."""
        api = at.api("ecs")
        words = {"DesiredCount": 1, "ServiceName": at.name(255), **self._words(new), **_tagged(new)}
        made = self._made(api.create_service(**shaped(api, "CreateService", words))["service"])
        self._settle(at, made, new)
        return made

    def _settle(self, at: At, made: Made, properties: Properties) -> None:
        """Wait until the deployment is complete. Raises Refused where its circuit breaker was triggered, or someone
        stopped it."""
        where = {"cluster": properties["Cluster"]} if "Cluster" in properties else {}

        def complete() -> bool:
            found = at.api("ecs").describe_services(services=[made.id], **where)["services"][0]
            states = [each.get("rolloutState") for each in found["deployments"]]
            if "FAILED" in states:
                reason = found["deployments"][states.index("FAILED")]["rolloutStateReason"]
                said = BROKEN if "circuit breaker" in reason else reason
                raise Refused(said, "GeneralServiceException")
            return bool(states[:1] == ["COMPLETED"])

        try:
            at.wait(complete)
        except Failed as fault:
            fault.made = made
            raise

    def _words(self, properties: Properties) -> dict[str, Any]:
        return without(properties, "Tags")

    def _made(self, there: dict[str, Any]) -> Made:
        return Made(there["serviceArn"], {"Name": there["serviceName"], "ServiceArn": there["serviceArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it. What the template does not say stays as it is, such as the number of tasks; an empty list takes
        load balancers, registries and capacity providers away."""
        api = at.api("ecs")
        may = known(api, "UpdateService")
        words = {key: value for key, value in self._words(new).items() if key.lower() in may}
        made = api.update_service(**shaped(api, "UpdateService", words | {"Service": id, **only(new, "Cluster")}))
        _retag(at, id, old, new)
        self._settle(at, self._made(made["service"]), new)
        return self._made(made["service"])

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Stop its tasks and remove it."""
        at.api("ecs").delete_service(
            service=id, force=True, **({"cluster": old["Cluster"]} if "Cluster" in old else {})
        )
