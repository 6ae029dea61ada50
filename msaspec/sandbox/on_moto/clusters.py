"""ECS clusters on top of moto's: what is in them, and when they may go."""

from __future__ import annotations

from typing import Any

from moto.ecs.exceptions import ECSException
from moto.ecs.models import EC2ContainerServiceBackend

_BACKEND = EC2ContainerServiceBackend
_delete_cluster_plain = _BACKEND.delete_cluster
_list_clusters_plain = _BACKEND.list_clusters
_list_services_plain = _BACKEND.list_services
_list_tasks_plain = _BACKEND.list_tasks


class ClusterContainsServices(ECSException):  # type: ignore[misc]
    """A cluster that is not empty."""

    def __init__(self) -> None:
        super().__init__("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")


def _delete_cluster(self: Any, cluster_str: str) -> Any:
    name = self._get_cluster(cluster_str).name
    if any(there.cluster_name == name and there.status == "ACTIVE" for there in self.services.values()):
        raise ClusterContainsServices
    return _delete_cluster_plain(self, cluster_str)


def _list_clusters(self: Any) -> list[str]:
    inactive = {cluster.arn for cluster in self.clusters.values() if cluster.status == "INACTIVE"}
    return [arn for arn in _list_clusters_plain(self) if arn not in inactive]


def _list_services(self: Any, *words: Any, **options: Any) -> list[str]:
    inactive = {service.arn for service in self.services.values() if service.status == "INACTIVE"}
    return [arn for arn in _list_services_plain(self, *words, **options) if arn not in inactive]


def _list_tasks(
    self: Any,
    cluster_str: str | None = None,
    container_instance: str | None = None,
    family: str | None = None,
    started_by: str | None = None,
    service_name: str | None = None,
    desiredStatus: str | None = None,
) -> list[Any]:
    wanted = desiredStatus or "RUNNING"
    found = _list_tasks_plain(self, cluster_str, container_instance, family, started_by, None, wanted)
    group = f"service:{service_name.rpartition('/')[2]}" if service_name else None
    return [task for task in found if group in (None, task.group)]


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_BACKEND, "delete_cluster", _delete_cluster),
    (_BACKEND, "list_clusters", _list_clusters),
    (_BACKEND, "list_services", _list_services),
    (_BACKEND, "list_tasks", _list_tasks),
)
"""What of moto is replaced: owner, name, replacement."""
