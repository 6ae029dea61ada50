"""RDS: database instances, replicas, and what they need."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from msaspec.engines import engines
from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, fitted, only, resource, truth

_LATER = "AllowMajorVersionUpgrade", "DeleteAutomatedBackups"
"""Settings of a later change and of the removal, which RDS does not keep."""


def _words(properties: Properties) -> dict[str, Any]:
    words = {key: value for key, value in properties.items() if key not in _LATER}
    if "VPCSecurityGroups" in words:
        words["VpcSecurityGroupIds"] = words.pop("VPCSecurityGroups")
    return words


@resource("AWS::RDS::DBInstance")
class Instance(Resource):
    """A database instance. It is available at once; nothing listens at its address."""

    snapshots = True
    CHANGES: ClassVar[dict[str, str]] = {"Port": "DBPortNumber"}

    def create(self, at: At, new: Properties) -> Made:
        """Make it, or a replica of another."""
        id = new.get("DBInstanceIdentifier") or at.name(63, lower=True)
        words = _words(new) | {"DBInstanceIdentifier": id}
        api = at.api("rds")
        if "SourceDBInstanceIdentifier" in words:
            words.pop("Engine", None)  # its source's
            api.create_db_instance_read_replica(**fitted(api, "CreateDBInstanceReadReplica", words))
            return self._made(at, id)
        if "DBSnapshotIdentifier" in words:
            return self._restored(at, id, words)
        engine = next((each for each in engines().values() if each.product == words["Engine"]), None)
        if "DBClusterIdentifier" not in words:
            words.setdefault("Port", engine.port if engine else 3306)
        api.create_db_instance(**fitted(api, "CreateDBInstance", words))
        made = self._made(at, id)
        if "MasterUserSecret.SecretArn" in made.attributes:
            _name_master(at, made.attributes["MasterUserSecret.SecretArn"], new["MasterUsername"])
        return made

    def _restored(self, at: At, id: str, words: dict[str, Any]) -> Made:
        """Make it of a snapshot, then change what that request does not take, as AWS's handler does."""
        api = at.api("rds")
        requests = "RestoreDBInstanceFromDBSnapshot", "ModifyDBInstance"
        taken, changed = (set(api.meta.service_model.operation_model(each).input_shape.members) for each in requests)
        first = {key: value for key, value in words.items() if key in taken - {"ManageMasterUserPassword"}}
        api.restore_db_instance_from_db_snapshot(**fitted(api, requests[0], first))
        rest = {key: value for key, value in words.items() if key in changed and key not in first}
        if rest:
            rest |= {"DBInstanceIdentifier": id, "ApplyImmediately": True}
            api.modify_db_instance(**fitted(api, requests[1], rest))
        made = self._made(at, id)
        if "MasterUserSecret.SecretArn" in made.attributes:
            user = api.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]["MasterUsername"]
            _name_master(at, made.attributes["MasterUserSecret.SecretArn"], user)
        return made

    def _made(self, at: At, id: str) -> Made:
        there = at.api("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]
        attributes = {
            "DBInstanceArn": there["DBInstanceArn"],
            "DbiResourceId": there["DbiResourceId"],
            "Endpoint.Address": there["Endpoint"]["Address"],
            "Endpoint.Port": str(there["Endpoint"]["Port"]),
        }
        if there.get("MasterUserSecret"):
            attributes["MasterUserSecret.SecretArn"] = there["MasterUserSecret"]["SecretArn"]
        return Made(id, attributes)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it at once."""
        before, after = _words(old), _words(new)
        changed = {key: value for key, value in after.items() if value != before.get(key)}
        if "ManageMasterUserPassword" in before and "ManageMasterUserPassword" not in after:
            changed["ManageMasterUserPassword"] = False  # as the handler says it; all else that is absent stays
        tags = changed.pop("Tags", None)
        logs = changed.pop("EnableCloudwatchLogsExports", None)
        words = {self.CHANGES.get(key, key): value for key, value in changed.items()}
        if logs is not None:
            gone = sorted(set(before.get("EnableCloudwatchLogsExports", [])) - set(logs))
            words["CloudwatchLogsExportConfiguration"] = {"EnableLogTypes": logs, "DisableLogTypes": gone}
        if words:
            if "EngineVersion" in words:
                words["AllowMajorVersionUpgrade"] = new.get("AllowMajorVersionUpgrade", False)
            api = at.api("rds")
            words = fitted(api, "ModifyDBInstance", words)
            api.modify_db_instance(DBInstanceIdentifier=id, ApplyImmediately=True, **words)
        made = self._made(at, id)
        if truth(changed.get("ManageMasterUserPassword", False)):
            _name_master(at, made.attributes["MasterUserSecret.SecretArn"], new["MasterUsername"])
        if tags:
            at.api("rds").add_tags_to_resource(ResourceName=made.attributes["DBInstanceArn"], Tags=tags)
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it for good."""
        at.api("rds").delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True, **_backups(old))

    def snapshot(self, at: At, id: str, old: Properties) -> None:
        """Remove it and keep a snapshot; a replica has nothing of its own to keep."""
        if "SourceDBInstanceIdentifier" in old:
            self.delete(at, id, old)
            return
        name = at.name(255, lower=True).replace(at.logical_id.lower(), f"snapshot-{at.logical_id.lower()}")
        at.api("rds").delete_db_instance(DBInstanceIdentifier=id, FinalDBSnapshotIdentifier=name, **_backups(old))


def _name_master(at: At, secret: str, user: str) -> None:
    """moto's secret of the master user names a user of its own."""
    api = at.api("secretsmanager")
    value = json.loads(api.get_secret_value(SecretId=secret)["SecretString"])
    api.put_secret_value(SecretId=secret, SecretString=json.dumps({**value, "username": user}))


def _backups(old: Properties) -> dict[str, Any]:
    return {key: truth(old[key]) for key in ("DeleteAutomatedBackups",) if key in old}


@resource("AWS::RDS::DBSubnetGroup")
class SubnetGroup(Resource):
    """The subnets of database instances and clusters."""

    api = "rds"

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = (new.get("DBSubnetGroupName") or at.name(255)).lower()
        words = only(new, "DBSubnetGroupDescription", "SubnetIds", "Tags")
        at.api(self.api).create_db_subnet_group(DBSubnetGroupName=name, **words)
        return Made(name)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change description and subnets."""
        words = only(new, "DBSubnetGroupDescription", "SubnetIds")
        at.api(self.api).modify_db_subnet_group(DBSubnetGroupName=id, **words)
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api(self.api).delete_db_subnet_group(DBSubnetGroupName=id)


@resource("AWS::RDS::DBParameterGroup")
class ParameterGroup(Resource):
    """The parameters of database instances."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it with its parameters."""
        name = (new.get("DBParameterGroupName") or at.name(255)).lower()
        at.api("rds").create_db_parameter_group(
            DBParameterGroupName=name,
            DBParameterGroupFamily=new["Family"],
            Description=new["Description"],
            Tags=new.get("Tags", []),
        )
        return self._set(at, name, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Set the parameters."""
        return self._set(at, id, new)

    def _set(self, at: At, name: str, new: Properties) -> Made:
        parameters = [
            {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
            for key, value in new.get("Parameters", {}).items()
        ]
        if parameters:
            at.api("rds").modify_db_parameter_group(DBParameterGroupName=name, Parameters=parameters)
        return Made(name, {"DBParameterGroupName": name})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("rds").delete_db_parameter_group(DBParameterGroupName=id)
