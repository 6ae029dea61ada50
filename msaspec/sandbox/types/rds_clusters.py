"""RDS: clusters of Aurora and their parameters. Their instances are those of `rds`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, fitted, resource

_SETTINGS = "ManageMasterUserPassword", "DeletionProtection", "BackupRetentionPeriod"


def exported(old: Iterable[str], new: Iterable[str]) -> dict[str, list[str]]:
    """Return how the logs that are exported change."""
    before, after = set(old), set(new)
    return {"EnableLogTypes": sorted(after - before), "DisableLogTypes": sorted(before - after)}


@resource("AWS::RDS::DBCluster")
class Cluster(Resource):
    """A cluster. It is available at once, also without an instance."""

    snapshots = True

    def create(self, at: At, new: Properties) -> Made:
        """Make it, empty or of a snapshot."""
        id, api = new.get("DBClusterIdentifier") or at.name(63, lower=True), at.api("rds")
        words = {**new, "DBClusterIdentifier": id}
        if snapshot := words.pop("SnapshotIdentifier", None):
            taken = {key: value for key, value in words.items() if key not in _SETTINGS}
            first = fitted(api, "RestoreDBClusterFromSnapshot", {**taken, "SnapshotIdentifier": snapshot})
            api.restore_db_cluster_from_snapshot(**first)
            # As AWS's handler does: the rest is a change.
            rest = {key: new[key] for key in _SETTINGS if key in new}
            rest = fitted(api, "ModifyDBCluster", {**rest, "DBClusterIdentifier": id, "ApplyImmediately": True})
            api.modify_db_cluster(**rest)
        else:
            api.create_db_cluster(**fitted(api, "CreateDBCluster", words))
        made = self._made(at, id)
        if secret := made.attributes.get("MasterUserSecret.SecretArn"):
            self._name_master(at, secret, id)
        return made

    def _made(self, at: At, id: str) -> Made:
        there = at.api("rds").describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]
        attributes = {
            "DBClusterArn": there["DBClusterArn"],
            "DBClusterResourceId": there["DbClusterResourceId"],
            "Endpoint.Address": there["Endpoint"],
            "Endpoint.Port": str(there["Port"]),
            "ReadEndpoint.Address": there["ReaderEndpoint"],
        }
        if there.get("MasterUserSecret"):
            attributes["MasterUserSecret.SecretArn"] = there["MasterUserSecret"]["SecretArn"]
        return Made(id, attributes)

    def _name_master(self, at: At, secret: str, id: str) -> None:
        """Put the name of the master user into its secret; moto has another there."""
        user = at.api("rds").describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]["MasterUsername"]
        api = at.api("secretsmanager")
        value = json.loads(api.get_secret_value(SecretId=secret)["SecretString"])
        api.put_secret_value(SecretId=secret, SecretString=json.dumps({**value, "username": user}))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it at once."""
        api, words = at.api("rds"), {key: value for key, value in new.items() if value != old.get(key)}
        tags, logs = words.pop("Tags", None), words.pop("EnableCloudwatchLogsExports", None)
        if logs is not None:
            words["CloudwatchLogsExportConfiguration"] = exported(old.get("EnableCloudwatchLogsExports", []), logs)
        words = fitted(api, "ModifyDBCluster", words)
        if words:
            api.modify_db_cluster(DBClusterIdentifier=id, ApplyImmediately=True, **words)
        made = self._made(at, id)
        if tags:
            api.add_tags_to_resource(ResourceName=made.attributes["DBClusterArn"], Tags=tags)
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it for good."""
        at.api("rds").delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)

    def snapshot(self, at: At, id: str, old: Properties) -> None:
        """Remove it and keep a snapshot."""
        name = at.name(255, lower=True).replace(at.logical_id.lower(), f"snapshot-{at.logical_id.lower()}")
        at.api("rds").delete_db_cluster(DBClusterIdentifier=id, FinalDBSnapshotIdentifier=name)


@resource("AWS::RDS::DBClusterParameterGroup")
class ClusterParameterGroup(Resource):
    """The parameters of a cluster and of its instances."""

    api, name = "rds", "DBClusterParameterGroupName"

    def create(self, at: At, new: Properties) -> Made:
        """Make it with its parameters."""
        name = (new.get(self.name) or at.name(255)).lower()
        at.api(self.api).create_db_cluster_parameter_group(
            DBClusterParameterGroupName=name,
            DBParameterGroupFamily=new["Family"],
            Description=new["Description"],
            Tags=new.get("Tags", []),
        )
        return self._set(at, name, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Set the parameters."""
        return self._set(at, id, new)

    def _set(self, at: At, name: str, new: Properties) -> Made:
        parameters: list[dict[str, Any]] = [
            {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
            for key, value in new.get("Parameters", {}).items()
        ]
        if parameters:
            at.api(self.api).modify_db_cluster_parameter_group(DBClusterParameterGroupName=name, Parameters=parameters)
        return Made(name)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api(self.api).delete_db_cluster_parameter_group(DBClusterParameterGroupName=id)
