"""ElastiCache: groups of Valkey and Redis, nodes of Memcached, users. moto has no parameters of caches."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Refused, Resource, resource
from msaspec.sandbox.cloudformation.shapes import shaped, tags_apart, without

_SPELLED = {"VpcSecurityGroupIds": "SecurityGroupIds"}


def _api(at: At) -> Any:
    return at.api("elasticache")


def _words(at: At, operation: str, new: Properties, **more: Any) -> dict[str, Any]:
    words = {_SPELLED.get(key, key): value for key, value in new.items()}
    return shaped(_api(at), operation, {**words, **more})


@resource("AWS::ElastiCache::SubnetGroup")
class SubnetGroup(Resource):
    """The subnets of a cache."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("CacheSubnetGroupName") or at.name(255, lower=True)
        words = without(new, "CacheSubnetGroupName", "Description")
        more = {"CacheSubnetGroupName": name, "CacheSubnetGroupDescription": new["Description"]}
        _api(at).create_cache_subnet_group(**_words(at, "CreateCacheSubnetGroup", words, **more))
        return Made(name)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Forget it: moto cannot remove one."""


@resource("AWS::ElastiCache::ParameterGroup")
class ParameterGroup(Resource):
    """Parameters of an engine. Only the stack knows them."""

    def create(self, at: At, new: Properties) -> Made:
        """Make up its name."""
        return Made(at.name(255, lower=True))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Take any parameter."""
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Forget it."""


@resource("AWS::ElastiCache::User")
class User(Resource):
    """A user with a password."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = _api(at).create_user(**_words(at, "CreateUser", new))
        return Made(made["UserId"], {"Arn": made["ARN"], "Status": made["Status"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change what it may do: made anew, since moto cannot change one."""
        _api(at).delete_user(UserId=id)
        return self.create(at, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        _api(at).delete_user(UserId=id)


@resource("AWS::ElastiCache::UserGroup")
class UserGroup(Resource):
    """Users of a cache."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        made = _api(at).create_user_group(**_words(at, "CreateUserGroup", new))
        return Made(made["UserGroupId"], {"Arn": made["ARN"], "Status": made["Status"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Take users in, and take users out."""
        before, after = old["UserIds"], new["UserIds"]
        words = {
            "UserIdsToAdd": [each for each in after if each not in before],
            "UserIdsToRemove": [each for each in before if each not in after],
        }
        made = _api(at).modify_user_group(UserGroupId=id, **{key: ids for key, ids in words.items() if ids})
        return Made(id, {"Arn": made["ARN"], "Status": made["Status"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it; its users stay."""
        _api(at).delete_user_group(UserGroupId=id)


@resource("AWS::ElastiCache::ReplicationGroup")
class ReplicationGroup(Resource):
    """A cache with its replicas."""

    snapshots = True

    def create(self, at: At, new: Properties) -> Made:
        """Make it. Users need TLS."""
        if new.get("UserGroupIds") and str(new.get("TransitEncryptionEnabled")).lower() != "true":
            raise Refused("User group based access control is not available for clusters without TLS.")
        id = new.get("ReplicationGroupId") or at.name(40, lower=True)
        # moto counts replicas only by the other of the two words that say how many there are.
        more = {"ReplicationGroupId": id, "ReplicasPerNodeGroup": int(new.get("NumCacheClusters", 1)) - 1}
        _api(at).create_replication_group(**_words(at, "CreateReplicationGroup", new, **more))
        return self._made(at, id)

    def _made(self, at: At, id: str) -> Made:
        (there,) = _api(at).describe_replication_groups(ReplicationGroupId=id)["ReplicationGroups"]
        (nodes,) = there["NodeGroups"]
        found: dict[str, str] = {}
        for word, spelled in (("PrimaryEndpoint", "PrimaryEndPoint"), ("ReaderEndpoint", "ReaderEndPoint")):
            end = nodes.get(word) or nodes.get("PrimaryEndpoint")
            found |= {f"{spelled}.Address": end["Address"], f"{spelled}.Port": str(end["Port"])}
        return Made(id, found)

    _CHANGES = frozenset(
        {
            *("AutoMinorVersionUpgrade", "AutomaticFailoverEnabled", "CacheNodeType", "CacheParameterGroupName"),
            *("Engine", "EngineVersion", "MultiAZEnabled", "ReplicationGroupDescription", "SecurityGroupIds"),
            *("SnapshotRetentionLimit", "Tags", "UserGroupIds"),
        }
    )

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change what differs; moto notes only some of it."""
        changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        if changed - self._CHANGES:
            return super().update(at, id, old, {**old, **{key: new.get(key) for key in changed - self._CHANGES}})
        known = ("ReplicationGroupDescription",)
        words = {key: new[key] for key in known if key in changed}
        if words:
            _api(at).modify_replication_group(ReplicationGroupId=id, **words)
        self._tag(at, id, old, new)
        return self._made(at, id)

    def _tag(self, at: At, id: str, old: Properties, new: Properties) -> None:
        tags_apart(old, new)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        _api(at).delete_replication_group(ReplicationGroupId=id)

    def snapshot(self, at: At, id: str, old: Properties) -> None:
        """Keep a snapshot, and remove it."""
        name = at.name(255, prefix=f"{at.stack_name}-snapshot", lower=True)
        _api(at).create_snapshot(ReplicationGroupId=id, SnapshotName=name)
        self.delete(at, id, old)


@resource("AWS::ElastiCache::CacheCluster")
class CacheCluster(Resource):
    """Nodes of Memcached."""

    def create(self, at: At, new: Properties) -> Made:
        """Make them."""
        id = new.get("ClusterName") or at.name(50, lower=True)
        words = _words(at, "CreateCacheCluster", without(new, "ClusterName"), CacheClusterId=id)
        _api(at).create_cache_cluster(**words)
        domain = f"{id}.cfg.cache.{at.region}.amazonaws.com"
        return Made(id, {"ConfigurationEndpoint.Address": domain, "ConfigurationEndpoint.Port": str(new["Port"])})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove them."""
        _api(at).delete_cache_cluster(CacheClusterId=id)
