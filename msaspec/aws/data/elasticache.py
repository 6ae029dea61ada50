"""Caches as holders of what nobody wants to compute again, such as sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    NameRule,
    Objection,
    Properties,
    unless_gone,
)
from msaspec.template.resources import same, whole


# fact: elasticache-names
def named(longest: int) -> NameRule:
    """Return the rule for identifiers of ElastiCache (its API, CreateCacheCluster and CreateReplicationGroup)."""

    def rule(name: str) -> str | None:
        if not 1 <= len(name) <= longest:
            return f"it is empty or has more than {longest} characters"
        plain = name.isascii() and name.replace("-", "").isalnum() and name[0].isalpha()
        if not plain or name.endswith("-") or "--" in name:
            return "it is not letters, digits and single hyphens that begin with a letter and end with none"
        return None

    return rule


_GONE = frozenset({"ReplicationGroupNotFoundFault", "SnapshotNotFoundFault"})
_NODE_GONE = frozenset({"CacheClusterNotFound"})


def _groups(aws: Clients, id: str) -> list[Mapping[str, Any]]:
    said = unless_gone(_GONE, aws.client("elasticache").describe_replication_groups, ReplicationGroupId=id)
    return list(said["ReplicationGroups"]) if said else []


def _snapshots(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Return the snapshots that the deletion of the stack made: those of the group that are no older."""
    if deletion.began is None:
        return []
    said = unless_gone(_GONE, aws.client("elasticache").describe_snapshots, ReplicationGroupId=id) or {}
    return [
        str(each["SnapshotName"])
        for each in said.get("Snapshots", [])
        if each.get("SnapshotSource") != "automated" and _since(each, deletion.began)
    ]


def _since(snapshot: Mapping[str, Any], began: datetime) -> bool:
    """Return whether a snapshot was made since a time. Each of its nodes tells."""
    times = [node["SnapshotCreateTime"] for node in snapshot.get("NodeSnapshots", ()) if "SnapshotCreateTime" in node]
    return all(each >= began.replace(microsecond=0) for each in times)


def _remains(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    left = [f"the cache {id}" for each in _groups(aws, id) if each.get("Status") != "deleting"]
    return [*left, *(f"the snapshot {name}" for name in _snapshots(aws, id, deletion))]


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    api, done = aws.client("elasticache"), []
    for each in _groups(aws, id):
        if each.get("Status") != "deleting":
            api.delete_replication_group(ReplicationGroupId=id)
            done.append(f"the cache {id}, which takes some minutes to go")
    for name in _snapshots(aws, id, deletion):
        if unless_gone(_GONE, api.delete_snapshot, SnapshotName=name) is not None:
            done.append(f"the snapshot {name}")
    return done


def _removal(id: str) -> Iterable[list[str]]:
    last = ["--final-snapshot-identifier", f"{id}-last"]
    yield ["elasticache", "delete-replication-group", "--replication-group-id", id, *last]


def _policy(properties: Properties) -> str:
    return "Delete"


# fact: cache-changes
def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what ElastiCache refuses of a cache that is there, and what its backups lose."""
    engines = [str(each.get("Engine")).lower() for each in (before, after)]
    if engines == ["valkey", "redis"]:
        reason = "would go back from valkey to redis, which ElastiCache refuses"
        yield Objection(Effect.REFUSED, "engine", reason, "Keep `engine: valkey`, or declare another cache.")
        return
    tls = [str(each.get("TransitEncryptionEnabled")).lower() for each in (before, after)]
    if tls[0] != tls[1]:
        reason = (
            f"would {'begin' if tls[1] == 'true' else 'cease'} to require TLS, which takes ElastiCache several updates"
        )
        hint = f"Keep `tls: {tls[0]}`. For the other, declare another cache, and move its users to it."
        yield Objection(Effect.REFUSED, "tls", reason, hint)
    versions = [_numbers(each.get("EngineVersion")) for each in (before, after)]
    if engines[0] == engines[1] and versions[0] and versions[1] and versions[1] < versions[0]:
        reason = f"would go back from version {before['EngineVersion']} to {after['EngineVersion']}"
        hint = f'Keep `version: "{before["EngineVersion"]}"`.'
        yield Objection(Effect.REFUSED, "version", f"{reason}, which ElastiCache refuses", hint)
    elif versions[0] and versions[1] and versions[1] != versions[0]:
        reason = f"would be upgraded from version {before['EngineVersion']} to {after['EngineVersion']}"
        reason += ": connections break meanwhile, and there is no way back"
        yield Objection(Effect.COSTS, "version", reason, "Deploy when its users may wait.")
    days = [whole(each.get("SnapshotRetentionLimit")) or 0 for each in (before, after)]
    if days[1] < days[0]:
        reason = f"would lose its automatic snapshots that are older than {days[1]} {'day' if days[1] == 1 else 'days'}"
        yield Objection(Effect.COSTS, "backups", reason, f"Keep `backups: {days[0]} days` while they are needed.")


def _numbers(version: Any) -> tuple[int, ...]:
    parts = str(version).split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


GROUP = AwsType(
    name="AWS::ElastiCache::ReplicationGroup",
    noun="cache",
    holds=Holds.DATA,
    erase=_erase,
    snapshots=_snapshots,
    remains=_remains,
    parting="its last snapshot",
    gone=_GONE,
    there=lambda aws, id: bool(_groups(aws, id)),
    removal=_removal,
    objections=_objections,
    unique=(("ReplicationGroupId",),),
    names={"ReplicationGroupId": named(40)},
    slow={"create": "5 to 15 minutes", "update": "5 to 20 minutes", "delete": "5 to 15 minutes"},
)


# fact: memcached-changes
def _node_objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what ElastiCache or CloudFormation refuses of a cluster of Memcached, and what empties it."""
    if str(after.get("Engine")).lower() != "memcached" or same(before.get("Engine")) != same(after.get("Engine")):
        return
    another = "Declare another cache, and move its users to it."

    def changes(key: str) -> bool:
        return bool(same(before.get(key)) != same(after.get(key)))

    if changes("CacheNodeType"):
        reason = f"would change its nodes to {after.get('CacheNodeType')}, which CloudFormation refuses of Memcached"
        yield Objection(Effect.REFUSED, "size", reason, f"Keep `size: {before.get('CacheNodeType')}`. {another}")
    if changes("TransitEncryptionEnabled"):
        word = str(before.get("TransitEncryptionEnabled", False)).lower()
        reason = "would have another word for TLS, which ElastiCache takes only when a cluster of Memcached is made"
        yield Objection(Effect.REFUSED, "tls", reason, f"Keep `tls: {word}`. {another}")
    if changes("EngineVersion"):
        reason = f"would be changed to version {after.get('EngineVersion')}, which empties it"
        yield Objection(Effect.COSTS, "version", reason, "Deploy when its users may do without what it holds.")
    if changes("NumCacheNodes"):
        reason = "would have another number of nodes: it may be made again, empty, and clients spread their keys anew"
        yield Objection(Effect.COSTS, "nodes", reason, "Deploy when its users may do without what it holds.")


def _erase_nodes(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    if unless_gone(_NODE_GONE, aws.client("elasticache").delete_cache_cluster, CacheClusterId=id) is None:
        return []
    return [f"the cache cluster {id}, which takes some minutes to go"]


def _nodes_there(aws: Clients, id: str) -> bool:
    return unless_gone(_NODE_GONE, aws.client("elasticache").describe_cache_clusters, CacheClusterId=id) is not None


NODES = AwsType(
    name="AWS::ElastiCache::CacheCluster",
    noun="cache cluster",
    holds=Holds.DATA,
    objections=_node_objections,
    fleeting=lambda properties: str(properties.get("Engine")).lower() == "memcached",
    erase=_erase_nodes,
    gone=_NODE_GONE,
    there=_nodes_there,
    unique=(("ClusterName",),),
    names={"ClusterName": named(50)},
    slow={"create": "5 to 15 minutes", "update": "5 to 20 minutes", "delete": "5 to 15 minutes"},
)
PARAMETERS = AwsType(name="AWS::ElastiCache::ParameterGroup")
SUBNETS = AwsType(name="AWS::ElastiCache::SubnetGroup", unique=(("CacheSubnetGroupName",),))
USER = AwsType(name="AWS::ElastiCache::User", unique=(("UserId",),), names={"UserId": named(40)})
USER_GROUP = AwsType(name="AWS::ElastiCache::UserGroup", unique=(("UserGroupId",),), names={"UserGroupId": named(40)})
TYPES = (GROUP, NODES, PARAMETERS, SUBNETS, USER, USER_GROUP)
