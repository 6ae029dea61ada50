"""DocumentDB: clusters with their instances, parameters and subnets. Its API is that of RDS, which moto has."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, fitted, only, resource
from msaspec.sandbox.types import rds, rds_clusters

_LATER = "DeletionProtection", "BackupRetentionPeriod"
"""What a restoration does not take."""


def _changed(old: Properties, new: Properties) -> dict[str, Any]:
    return {key: value for key, value in new.items() if value != old.get(key)}


@resource("AWS::DocDB::DBCluster")
class Cluster(Resource):
    """A cluster. It is available at once, also without an instance; nothing listens at its address."""

    snapshots = True

    def create(self, at: At, new: Properties) -> Made:
        """Make it, empty or of a snapshot."""
        id, api = new.get("DBClusterIdentifier") or at.name(63, lower=True), at.api("docdb")
        words = {**new, "DBClusterIdentifier": id, "Engine": "docdb"}
        if "SnapshotIdentifier" in words:
            taken = {key: value for key, value in words.items() if key not in _LATER}
            api.restore_db_cluster_from_snapshot(**fitted(api, "RestoreDBClusterFromSnapshot", taken))
            rest = {**only(new, *_LATER), "DBClusterIdentifier": id, "ApplyImmediately": True}
            api.modify_db_cluster(**fitted(api, "ModifyDBCluster", rest))
        else:
            api.create_db_cluster(**fitted(api, "CreateDBCluster", words))
        return self._made(at, id)

    def _made(self, at: At, id: str) -> Made:
        there = at.api("docdb").describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]
        attributes = {
            "ClusterResourceId": there["DbClusterResourceId"],
            "Endpoint": there["Endpoint"],
            "Port": str(there["Port"]),
            "ReadEndpoint": there["ReaderEndpoint"],
        }
        return Made(id, attributes)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it at once."""
        api, words = at.api("docdb"), _changed(old, new)
        tags, logs = words.pop("Tags", None), words.pop("EnableCloudwatchLogsExports", None)
        if logs is not None:
            before = old.get("EnableCloudwatchLogsExports", [])
            words["CloudwatchLogsExportConfiguration"] = rds_clusters.exported(before, logs)
        words = fitted(api, "ModifyDBCluster", words)
        if words:
            api.modify_db_cluster(DBClusterIdentifier=id, ApplyImmediately=True, **words)
        if tags:
            arn = api.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]["DBClusterArn"]
            api.add_tags_to_resource(ResourceName=arn, Tags=tags)
        return self._made(at, id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it for good."""
        at.api("docdb").delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)

    def snapshot(self, at: At, id: str, old: Properties) -> None:
        """Remove it and keep a snapshot."""
        name = at.name(255, lower=True).replace(at.logical_id.lower(), f"snapshot-{at.logical_id.lower()}")
        at.api("docdb").delete_db_cluster(DBClusterIdentifier=id, FinalDBSnapshotIdentifier=name)


@resource("AWS::DocDB::DBInstance")
class Instance(Resource):
    """An instance of a cluster."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        id, api = new.get("DBInstanceIdentifier") or at.name(63, lower=True), at.api("docdb")
        words = {**new, "DBInstanceIdentifier": id, "Engine": "docdb"}
        api.create_db_instance(**fitted(api, "CreateDBInstance", words))
        return self._made(at, id)

    def _made(self, at: At, id: str) -> Made:
        there = at.api("docdb").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]
        return Made(id, {"Endpoint": there["Endpoint"]["Address"], "Port": str(there["Endpoint"]["Port"])})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it at once."""
        api, words = at.api("docdb"), _changed(old, new)
        tags, words = words.pop("Tags", None), fitted(api, "ModifyDBInstance", words)
        if words:
            api.modify_db_instance(DBInstanceIdentifier=id, ApplyImmediately=True, **words)
        if tags:
            arn = api.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]["DBInstanceArn"]
            api.add_tags_to_resource(ResourceName=arn, Tags=tags)
        return self._made(at, id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("docdb").delete_db_instance(DBInstanceIdentifier=id)


@resource("AWS::DocDB::DBSubnetGroup")
class Subnets(rds.SubnetGroup):
    """The subnets in which a cluster may be."""

    api = "docdb"


@resource("AWS::DocDB::DBClusterParameterGroup")
class Parameters(rds_clusters.ClusterParameterGroup):
    """The parameters of a cluster."""

    api, name = "docdb", "Name"
