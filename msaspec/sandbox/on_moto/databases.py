"""RDS on top of moto's: the changes of database instances and subnet groups that RDS refuses, and those moto loses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.rds.exceptions import DBSubnetGroupNotFoundError, RDSClientError
from moto.rds.models import DBCluster, DBInstance, RDSBackend
from moto.rds.utils import ClusterEngine, DbInstanceEngine

from msaspec.engines import engines
from msaspec.sandbox.on_moto.accounts import affordable

_modify_plain = RDSBackend.modify_db_instance
_create_group_plain = RDSBackend.create_subnet_group
_cluster_engines, _instance_engines = ClusterEngine.list_cluster_engines, DbInstanceEngine.valid_db_instance_engine
_storage_plain, _port_plain = DBCluster.default_allocated_storage, DBInstance.default_port
_DOCUMENTS = "docdb"

ZONES = 2
"""How many zones a subnet group has at least."""


def _refuse(message: str, code: str = "InvalidParameterCombination") -> RDSClientError:
    return RDSClientError(code, message)


def _modify(self: Any, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
    """ModifyDBInstance: checks a change before anything of it is made."""
    database = self.describe_db_instances(db_instance_identifier)[0]
    affordable(db_kwargs.get("db_instance_class"), db_kwargs.get("backup_retention_period"))
    _check_storage(database, db_kwargs.get("allocated_storage"))
    version = db_kwargs.get("engine_version")
    if version is not None:
        _check_version(self, database, str(version), db_kwargs)
    if db_kwargs.get("backup_retention_period") == 0 and database.replicas:
        # RDS documents the constraint and not the text.
        raise _refuse("Backups cannot be disabled for the source of read replicas.", "InvalidDBInstanceState")
    changed = _modify_plain(self, db_instance_identifier, db_kwargs)
    for name in database.replicas if version is not None else ():  # which RDS upgrades with their source
        replica = self.databases[name.rpartition(":")[2]]
        replica.engine_version, replica.db_parameter_group_name = version, changed.db_parameter_group_name
    return changed


def _check_storage(database: Any, wanted: Any) -> None:
    """Storage only grows, and by a tenth at least: RDS says the same of both."""
    if wanted is None or int(wanted) == database.allocated_storage:
        return
    if int(wanted) * 10 < database.allocated_storage * 11:
        where = f"engine name {database.engine} and storage type {database.storage_type}"
        raise _refuse(f"Invalid storage size for {where}: {wanted}")


def _check_version(backend: Any, database: Any, wanted: str, words: dict[str, Any]) -> None:
    """Versions only grow; a major version needs leave, and a parameter group of its family."""
    before, after = (_numbers(version) for version in (database.engine_version, wanted))
    if after[: len(before)] < before[: len(after)]:
        raise _refuse(f"Cannot upgrade {database.engine} from {database.engine_version} to {wanted}")
    majors = [_major(database.engine, version) for version in (database.engine_version, wanted)]
    if majors[0] == majors[1]:
        return
    if not words.get("allow_major_version_upgrade"):
        raise _refuse("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
    name = words.get("db_parameter_group_name") or database.db_parameter_group_name
    group, family = backend.db_parameter_groups.get(name), f"{database.engine}{majors[1]}"
    if group is not None and group.family == f"{database.engine}{majors[0]}":
        said = f"The parameter group {name} with DBParameterGroupFamily {group.family} can't be used for this instance."
        raise _refuse(f"{said} Use a parameter group with DBParameterGroupFamily {family}.")


def _major(engine: str, version: str) -> str:
    known = engines().get(engine)
    return known.major(version) if known else version.partition(".")[0]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _check_zones(subnets: Iterable[Any]) -> None:
    zones = sorted({subnet.availability_zone for subnet in subnets})
    if len(zones) < ZONES:
        raise _refuse(
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least {ZONES} AZs.",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
        )


def _create_group(self: Any, subnet_name: str, description: str, subnets: list[Any], tags: Any) -> Any:
    _check_zones(subnets)
    return _create_group_plain(self, subnet_name, description, subnets, tags)


def _modify_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
    """ModifyDBSubnetGroup, in place of moto's, which forgets the group."""
    group = self.subnet_groups.get(subnet_name)
    if group is None:
        raise DBSubnetGroupNotFoundError(subnet_name)
    if any(subnet.vpc_id != group.vpc_id for subnet in subnets):
        raise _refuse("The new Subnets are not in the same Vpc as the existing subnet group", "InvalidParameterValue")
    _check_zones(subnets)
    if used := sorted(_used(self, group) - {subnet.id for subnet in subnets}):
        raise _refuse(
            f"Some of the subnets to be deleted are currently in use : {', '.join(used)}", "SubnetAlreadyInUse"
        )
    group.subnets = subnets
    if description is not None:
        group.description = description
    return group


def _used(backend: Any, group: Any) -> set[str]:
    """Return the subnets of a group that database instances are in."""
    databases = [each for each in backend.databases.values() if group_of(each) is group]
    return {subnet for each in databases if (subnet := subnet_of(each)) is not None}


def group_of(database: Any) -> Any:
    """Return the subnet group of a database instance; that of its cluster, where it is in one."""
    cluster = getattr(database, "cluster", None)
    if cluster is None:
        return database.db_subnet_group
    return database.backend.subnet_groups.get(cluster.db_subnet_group_name)


def _restore_cluster(self: Any, from_snapshot_id: str, overrides: dict[str, Any]) -> Any:
    """RestoreDBClusterFromSnapshot, in place of moto's, which asks for a master password, also of a cluster whose
    password RDS manages."""
    snapshot = self.describe_db_cluster_snapshots(db_cluster_identifier=None, db_snapshot_identifier=from_snapshot_id)
    before = snapshot[0].cluster
    of_the_snapshot = {name: getattr(before, name) for name in _RESTORED}
    # Nobody knows the one of the snapshot; a managed one comes with the next change.
    of_the_snapshot["master_user_password"] = "of-the-snapshot"
    return self.create_db_cluster(of_the_snapshot | {key: each for key, each in overrides.items() if each})


_RESTORED = "engine", "engine_version", "master_username", "port", "storage_encrypted", "kms_key_id"
"""What a restored cluster has of its snapshot."""


def subnet_of(database: Any) -> str | None:
    """Return the subnet that a database instance is in: that of its zone, or the first of its group."""
    group = group_of(database)
    if group is None:
        return None
    subnets = group._subnets
    inside = [each for each in subnets if each.availability_zone == database.availability_zone]
    return str((inside or subnets)[0].id)


def _clusters_with_documents(cls: Any) -> list[str]:
    """Return the engines of clusters, with DocumentDB's, of which moto knows nothing."""
    return sorted([*_cluster_engines(), _DOCUMENTS])


def _instances_with_documents(cls: Any) -> list[str]:
    return sorted([*_instance_engines(), _DOCUMENTS])


def _storage(engine: str, storage_type: str) -> int:
    return 1 if engine == _DOCUMENTS else int(_storage_plain(engine, storage_type))


def _port(engine: str) -> int:
    return 27017 if engine == _DOCUMENTS else int(_port_plain(engine))


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (ClusterEngine, "list_cluster_engines", classmethod(_clusters_with_documents)),
    (DbInstanceEngine, "valid_db_instance_engine", classmethod(_instances_with_documents)),
    (DBCluster, "default_allocated_storage", staticmethod(_storage)),
    (DBInstance, "default_port", staticmethod(_port)),
    (DBInstance, "default_engine_versions", {**DBInstance.default_engine_versions, _DOCUMENTS: "5.0.0"}),
    (RDSBackend, "modify_db_instance", _modify),
    (RDSBackend, "restore_db_cluster_from_snapshot", _restore_cluster),
    (RDSBackend, "create_subnet_group", _create_group),
    (RDSBackend, "modify_db_subnet_group", _modify_group),
)
"""What is replaced of moto: owner, name, replacement."""
