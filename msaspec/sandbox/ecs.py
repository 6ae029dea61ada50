"""ECS: clusters, task definitions and services. What a service does with its tasks is ECS's own, on top of moto."""

from __future__ import annotations

from typing import Any, ClassVar

from msaspec.sandbox.resource import At, Made, Properties, Resource, only, resource
from msaspec.sandbox.shapes import known, lowered, shaped, tags_apart, without


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
        """Makes it."""
        api, name = at.api("ecs"), new.get("ClusterName") or at.name(255)
        words = self._words(new) | {"ClusterName": name} | _tagged(new)
        return self._made(api.create_cluster(**shaped(api, "CreateCluster", words))["cluster"])

    def _words(self, properties: Properties) -> dict[str, Any]:
        words = without(properties, "Tags", "ClusterName", "ClusterSettings")
        return words | ({"Settings": properties["ClusterSettings"]} if "ClusterSettings" in properties else {})

    def _made(self, there: dict[str, Any]) -> Made:
        return Made(there["clusterName"], {"Arn": there["clusterArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes its settings and where its tasks may run."""
        api = at.api("ecs")
        words = without(self._words(new), *self.PROVIDERS) | {"Cluster": id}
        made = self._made(api.update_cluster(**shaped(api, "UpdateCluster", words))["cluster"])
        if any(old.get(key) != new.get(key) for key in self.PROVIDERS):
            words = {"Cluster": id} | {key: new.get(key, []) for key in self.PROVIDERS}
            api.put_cluster_capacity_providers(**shaped(api, "PutClusterCapacityProviders", words))
        _retag(at, made.attributes["Arn"], old, new)
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it, unless services are in it."""
        at.api("ecs").delete_cluster(cluster=id)


@resource("AWS::ECS::TaskDefinition")
class TaskDefinition(Resource):
    """A revision of a task definition; each change is another one. References to secrets stay what they are."""

    def create(self, at: At, new: Properties) -> Made:
        """Registers it."""
        api = at.api("ecs")
        words = {"Family": at.name(255), **without(new, "Tags"), **_tagged(new)}
        made = api.register_task_definition(**shaped(api, "RegisterTaskDefinition", words))["taskDefinition"]
        return self._made(made["taskDefinitionArn"])

    def _made(self, arn: str) -> Made:
        return Made(arn, {"TaskDefinitionArn": arn})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes the tags; all else is another revision."""
        if without(old, "Tags") != without(new, "Tags"):
            return super().update(at, id, old, new)
        _retag(at, id, old, new)
        return self._made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Deregisters it."""
        at.api("ecs").deregister_task_definition(taskDefinition=id)


@resource("AWS::ECS::Service")
class Service(Resource):
    """A service. Its tasks run at once, and every deployment of it succeeds at once."""

    LISTS: ClassVar[tuple[str, ...]] = ("CapacityProviderStrategy", "LoadBalancers", "ServiceRegistries")

    def create(self, at: At, new: Properties) -> Made:
        """Makes it; without a number of tasks that is one, as CloudFormation has it."""
        api = at.api("ecs")
        words = {"DesiredCount": 1, "ServiceName": at.name(255), **self._words(new), **_tagged(new)}
        return self._made(api.create_service(**shaped(api, "CreateService", words))["service"])

    def _words(self, properties: Properties) -> dict[str, Any]:
        return without(properties, "Tags")

    def _made(self, there: dict[str, Any]) -> Made:
        return Made(there["serviceArn"], {"Name": there["serviceName"], "ServiceArn": there["serviceArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes it. A number of tasks that the template does not say stays as it is."""
        api = at.api("ecs")
        may = known(api, "UpdateService")
        words = {key: value for key, value in self._words(new).items() if key.lower() in may}
        words |= {key: [] for key in self.LISTS if key in old and key not in new}
        made = api.update_service(**shaped(api, "UpdateService", words | {"Service": id, **only(new, "Cluster")}))
        _retag(at, id, old, new)
        return self._made(made["service"])

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Stops its tasks and removes it."""
        at.api("ecs").delete_service(
            service=id, force=True, **({"cluster": old["Cluster"]} if "Cluster" in old else {})
        )
