"""RDS database instances as holders of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msaspec.aws.data.physical import made_up
from msaspec.language.aws_type import (
    AwsType,
    Clients,
    Deletion,
    Effect,
    Holds,
    Kept,
    Objection,
    Properties,
    Protection,
    ServiceRole,
    unless_gone,
)
from msaspec.template.resources import items, same, whole

_GONE = frozenset(
    {
        "DBInstanceAutomatedBackupNotFound",
        "DBInstanceNotFound",
        "DBInstanceNotFoundFault",
        "DBSnapshotNotFound",
    }
)


def _instances(aws: Clients, id: str) -> list[Mapping[str, Any]]:
    """Return the database instance of an id, if there is one."""
    said = unless_gone(_GONE, aws.client("rds").describe_db_instances, DBInstanceIdentifier=id)
    found: list[Mapping[str, Any]] = (said or {}).get("DBInstances", [])
    return found


def _asked(properties: Properties) -> bool:
    return str(properties.get("DeletionProtection")).lower() == "true"


def _read(aws: Clients, id: str) -> bool | None:
    there = _instances(aws, id)
    if not there or there[0].get("DBInstanceStatus") == "creating":
        return None  # RDS changes nothing of it before it is made.
    return bool(there[0].get("DeletionProtection"))


def _write(aws: Clients, id: str, *, on: bool) -> None:
    aws.client("rds").modify_db_instance(DBInstanceIdentifier=id, DeletionProtection=on, ApplyImmediately=True)


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Remove the instance, where it was to stay; the snapshots that the deletion made, and the automated backups.
    Manual snapshots stay. Without knowing when the deletion began, the two cannot be distinguished."""
    rds = aws.client("rds")
    if deletion.began is None:
        return []
    done = []
    for there in _left_running(aws, id, deletion.began):
        if there.get("DeletionProtection"):
            _write(aws, id, on=False)
        rds.delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
        done.append(f"the database instance {id}, which takes some minutes to go")
    for name in _snapshots(aws, id, deletion):
        if unless_gone(_GONE, rds.delete_db_snapshot, DBSnapshotIdentifier=name) is not None:
            done.append(f"the snapshot {name}")
    removed = [
        unless_gone(_GONE, rds.delete_db_instance_automated_backup, DbiResourceId=backup["DbiResourceId"])
        for backup in _retained_backups(aws, id)
    ]
    return [*done, *([f"the automated backups of {id}"] if any(said is not None for said in removed) else [])]


def _remains(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Name what `_erase` would remove."""
    if deletion.began is None:
        return []
    instances = [f"the database instance {id}" for _ in _left_running(aws, id, deletion.began)]
    snapshots = [f"the snapshot {name}" for name in _snapshots(aws, id, deletion)]
    return [*instances, *snapshots, *([f"the automated backups of {id}"] if _retained_backups(aws, id) else [])]


def _left_running(aws: Clients, id: str, began: datetime) -> list[Mapping[str, Any]]:
    """Return an instance that the stack's deletion left running. One that was made since is another of the same
    name."""
    return [
        there
        for there in _instances(aws, id)
        if there["DBInstanceStatus"] != "deleting"
        and (made := there.get("InstanceCreateTime")) is not None
        and made < began
    ]


def _snapshots(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    """Return the snapshots that CloudFormation made when it deleted the stack, recognized by their name and their time.

    CloudFormation calls them STACK-snapshot-LOGICALID- and twelve letters and digits (its resource provider for RDS,
    DeleteHandler.java). A copy that a person made since has another name, whatever it was copied from.
    """
    if deletion.began is None:
        return []
    began = deletion.began.replace(microsecond=0)
    own = made_up(deletion.stack, f"Snapshot-{deletion.logical_id}", 255)
    pages = (
        aws.client("rds")
        .get_paginator("describe_db_snapshots")
        .paginate(DBInstanceIdentifier=id, SnapshotType="manual")
    )
    # One that is only being made has no time yet, and is not CloudFormation's, which waits for its own.
    return [
        snapshot["DBSnapshotIdentifier"]
        for page in pages
        for snapshot in page["DBSnapshots"]
        if own.fullmatch(snapshot["DBSnapshotIdentifier"])
        and "SnapshotCreateTime" in snapshot
        and snapshot["SnapshotCreateTime"] >= began
    ]


def _retained_backups(aws: Clients, id: str) -> list[Mapping[str, Any]]:
    """Return the automated backups of instances that are gone; those of one that is there go with it."""
    ask = aws.client("rds").describe_db_instance_automated_backups
    kept = unless_gone(_GONE, ask, DBInstanceIdentifier=id) or {}
    return [each for each in kept.get("DBInstanceAutomatedBackups", []) if each.get("Status") == "retained"]


def _kept(aws: Clients, stack: str, logical_id: str) -> Iterator[Kept]:
    """Instances of the name that CloudFormation would have made up, and the newest of its last snapshots."""
    rds, place = aws.client("rds"), f"/Resources/{logical_id}"
    name = made_up(stack, logical_id, 63)
    for page in rds.get_paginator("describe_db_instances").paginate():
        for instance in page["DBInstances"]:
            if name.fullmatch(id := instance["DBInstanceIdentifier"]):
                # An import would change nothing of it: it would keep its old security group, which lets no one in.
                takeover = f"remove it, which leaves the snapshot {id}-last, and {_restored(place, f'{id}-last')}"
                yield Kept(id, "database instance", takeover, tuple(map(tuple, _removal(id))), in_network=True)
    own, newest = made_up(stack, f"Snapshot-{logical_id}", 255), ("", None)
    for page in rds.get_paginator("describe_db_snapshots").paginate(SnapshotType="manual"):
        for snapshot in page["DBSnapshots"]:
            id, made = snapshot["DBSnapshotIdentifier"], snapshot.get("SnapshotCreateTime")
            if made and own.fullmatch(id) and (newest[1] is None or made > newest[1]):
                newest = id, made
    if id := newest[0]:
        removal = (("rds", "delete-db-snapshot", "--db-snapshot-identifier", id),)
        yield Kept(id, "snapshot", _restored(place, id), removal, alone=False)


def _restored(place: str, snapshot: str) -> str:
    """How a database is made of a snapshot."""
    restored = f"{{op: add, path: {place}/Properties/DBSnapshotIdentifier, value: {snapshot}}}"
    without = f"{{op: remove, path: {place}/Properties/MasterUsername}}"
    return f"write `patches: [{restored}, {without}]`, and keep it there for as long as the database is"


def _removal(id: str) -> Iterable[list[str]]:
    named = ["--db-instance-identifier", id]
    yield ["rds", "modify-db-instance", *named, "--no-deletion-protection", "--apply-immediately"]
    yield ["rds", "delete-db-instance", *named, "--final-db-snapshot-identifier", f"{id}-last"]


# fact: rds-refused-changes
def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what RDS refuses of an instance that is there, and what its backups lose (RDS API, ModifyDBInstance)."""
    engines = [str(side.get("Engine")).lower() for side in (before, after)]
    if engines[0] != engines[1]:
        reason = f"would change from {engines[0]} to {engines[1]}, which RDS refuses: it does not migrate the data"
        hint = f"Keep `engine: {engines[0]}`, and declare a database of another name for the other engine."
        yield Objection(Effect.REFUSED, "engine", reason, hint)
        return
    support = [side.get("EngineLifecycleSupport") for side in (before, after)]
    if all(support) and support[0] != support[1]:
        reason = f"would change `EngineLifecycleSupport` from {support[0]} to {support[1]}, which RDS refuses"
        hint = f"Keep {support[0]}. RDS takes it only when an instance is made or restored."
        yield Objection(Effect.REFUSED, "engine", reason, hint)
    yield from _snapshot(before.get("DBSnapshotIdentifier"), after.get("DBSnapshotIdentifier"))
    yield from versions(before.get("EngineVersion"), after.get("EngineVersion"))
    yield from _replicas_first(before, after)
    yield from outages(before, after)
    yield from _volume(whole(before.get("AllocatedStorage")), whole(after.get("AllocatedStorage")))
    yield from retention(whole(before.get("BackupRetentionPeriod")), whole(after.get("BackupRetentionPeriod")))


# fact: rds-restored
def _snapshot(before: Any, after: Any) -> Iterator[Objection]:
    """Yield a snapshot that comes, changes or goes makes another instance, empty or with the data of the snapshot."""
    if same(before) == same(after):
        return
    now = f"with the data of {after}" if after else "empty"
    reason = f"would be replaced by a new instance, {now}, and what was written since is not in it"
    hint = f"Keep `from_snapshot: {before}`" if before else "Remove `from_snapshot`"
    hint += ". To restore a snapshot, declare a database of another name with it, and name that one under `uses`."
    yield Objection(Effect.LOSES, "from_snapshot", reason, hint)


def versions(before: Any, after: Any) -> Iterator[Objection]:
    """Yield a lower version is refused. Of a major version RDS takes its default minor, unless a later one runs."""
    if not (isinstance(before, str) and isinstance(after, str)) or before == after:
        return
    old, new = _numbers(before), _numbers(after)
    if not old or not new:
        return
    shared = min(len(old), len(new))
    numbers = old[:shared], new[:shared]
    if numbers[1] < numbers[0]:
        reason = f"would go back from version {before} to {after}, which RDS refuses"
        hint = f'Keep `version: "{before}"`. For an older one, declare another database and move the data into it.'
        yield Objection(Effect.REFUSED, "version", reason, hint)
    elif numbers[1] == numbers[0] and len(new) > len(old):
        reason = f"would be held at version {after}; RDS refuses that if it has already upgraded the instance beyond it"
        hint = "See which version runs: `aws rds describe-db-instances`. Name that one or a later one."
        yield Objection(Effect.COSTS, "version", reason, hint)
    elif numbers[1] == numbers[0]:
        reason = f"would be upgraded by RDS within version {after}, and could not return to {before}"
        yield Objection(Effect.COSTS, "version", reason, f'Keep `version: "{before}"` to stay there.')
    else:
        reason = f"would be upgraded from version {before} to {after}: nobody can connect for some minutes meanwhile, "
        reason += "and there is no way back"
        hint = "Take a snapshot first. Try a major version on a copy: another database with `from_snapshot`."
        yield Objection(Effect.COSTS, "version", reason, hint)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; none where it has others.

    >>> _numbers("17.6"), _numbers("8.0.mysql_aurora.3.10.0"), _numbers("8.4.8-rds")
    ((17, 6), (8, 0, 3, 10, 0), ())
    """
    parts = [part for part in version.split(".") if part != "mysql_aurora"]
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


# fact: rds-upgraded-replicas
def _replicas_first(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield that a source with replicas is upgraded after them. It has replicas where its password is not RDS's."""
    own = all("MasterUserPassword" in side for side in (before, after))
    old, new = (_numbers(str(side.get("EngineVersion"))) for side in (before, after))
    if own and str(after.get("Engine")).lower() in ("mysql", "mariadb") and old and new and new > old:
        version = after.get("EngineVersion")
        reason = f"has read replicas, and RDS refuses its upgrade until they have version {version}"
        command = f"aws rds modify-db-instance --engine-version {version} --allow-major-version-upgrade"
        hint = f"Upgrade each replica first: `{command} --apply-immediately --db-instance-identifier ...`."
        yield Objection(Effect.COSTS, "version", reason, hint)


# fact: database-restarts
def outages(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what restarts an instance, or the instances of a cluster."""
    if same(before.get("Engine")) != same(after.get("Engine")):
        return  # It is another one.
    classes = [same(side.get("DBInstanceClass")) for side in (before, after)]
    if classes[0] != classes[1] and not after.get("SourceDBInstanceIdentifier"):
        spared = str(after.get("MultiAZ")).lower() == "true" == str(before.get("MultiAZ")).lower()
        long = "about a minute, until its standby takes over" if spared else "some minutes"
        reason = f"restarts to get the class {after.get('DBInstanceClass')}: nobody can connect for {long}"
        yield Objection(Effect.COSTS, "size", reason, "Deploy when its users may wait.")
    ports = [same(side.get("Port")) for side in (before, after)]
    if all("Port" in side for side in (before, after)) and ports[0] != ports[1]:
        reason = f"restarts to listen at {after.get('Port')}: its users cannot connect until their new version runs"
        yield Objection(Effect.COSTS, "port", reason, "Deploy when its users may wait.")
    if whole(before.get("BackupRetentionPeriod")) == 0 and whole(after.get("BackupRetentionPeriod")):
        reason = "restarts to begin with backups: nobody can connect for about a minute"
        yield Objection(Effect.COSTS, "backups", reason, "Deploy when its users may wait.")


# fact: rds-volume-growth
def _volume(before: int | None, after: int | None) -> Iterator[Objection]:
    """Yield a volume grows by a tenth at least (RDS User Guide, "Increasing DB instance storage capacity"), or not at
    all."""
    if before is None or after is None or after == before:
        return
    least = before + -(-before // 10)
    if after < before:
        reason = f"would shrink from {before} to {after} GiB, which RDS refuses"
        hint = (
            f"Keep `storage: {before} GiB`. For a smaller volume, declare another database and move the data into it."
        )
        yield Objection(Effect.REFUSED, "storage", reason, hint)
    elif after < least:
        reason = f"would grow from {before} to {after} GiB, and RDS refuses growth of less than 10 percent"
        yield Objection(Effect.REFUSED, "storage", reason, f"Write `storage: {least} GiB` or more.")


def retention(before: int | None, after: int | None) -> Iterator[Objection]:
    """Yield what is lost of the automated backups when they are kept for fewer days."""
    if not before or after is None or after >= before:
        return
    if after == 0:
        reason = "would lose all its automated backups at once, and with them recovery to a point in time"
        hint = f"Keep `backups: {before} days`; `1 day` is the least that keeps recovery."
        yield Objection(Effect.LOSES, "backups", reason, hint)
    else:
        reason = f"would lose its automated backups that are older than {after} {'day' if after == 1 else 'days'}"
        yield Objection(
            Effect.COSTS, "backups", reason, f"Keep `backups: {before} days` for as long as they are needed."
        )


def _policy(properties: Properties) -> str:
    return "Delete" if "DBClusterIdentifier" in properties else "Snapshot"


# fact: service-linked-roles
SERVICE_ROLE = ServiceRole("rds.amazonaws.com", "AWSServiceRoleForRDS")
INSTANCE = AwsType(
    name="AWS::RDS::DBInstance",
    noun="database instance",
    holds=Holds.DATA,
    copy_of="SourceDBInstanceIdentifier",
    # The storage of one in a cluster is the cluster's.
    fleeting=lambda properties: "DBClusterIdentifier" in properties,
    deletion_policy=_policy,
    protection=Protection(_asked, _read, _write),
    service_role=SERVICE_ROLE,
    erase=_erase,
    snapshots=_snapshots,
    remains=_remains,
    parting="its last snapshot and its automated backups",
    gone=_GONE,
    there=lambda aws, id: bool(_instances(aws, id)),
    kept=_kept,
    removal=_removal,
    objections=_objections,
    unique=(("DBInstanceIdentifier",),),
    slow={"create": "5 to 30 minutes", "update": "5 to 30 minutes", "delete": "5 to 30 minutes, with a last snapshot,"},
    # The schema calls these conditional, since the old values of some cannot be changed in place for every engine; for
    # PostgreSQL the reference has them updated with interruptions at most, never by replacement.
    never_replaces=frozenset(
        {
            ("AutoMinorVersionUpgrade",),
            ("BackupRetentionPeriod",),
            ("DBParameterGroupName",),
            ("MultiAZ",),
            ("PreferredMaintenanceWindow",),
        }
    ),
)


# fact: rds-subnet-in-use
def _subnets(before: Properties, after: Properties) -> Iterator[Objection]:
    """RDS keeps a subnet in a group for as long as an instance is in its zone (RDS API, ModifyDBSubnetGroup,
    SubnetAlreadyInUse)."""
    old, new = ({same(subnet) for subnet in items(side.get("SubnetIds"))} for side in (before, after))
    if gone := old - new:
        reason = (
            f"would lose {len(gone)} of its {len(old)} subnets, which RDS refuses while the instance or its standby"
            " is in one of them; the update would then roll back"
        )
        hint = (
            "Look up its zones (`aws rds describe-db-instances`); if one of "
            "them would be removed, keep `network.zones`."
        )
        yield Objection(Effect.COSTS, "multi_zone", reason, hint)


def _parameters(before: Properties, after: Properties) -> Iterator[Objection]:
    """MySQL 8 keeps how it compares names of tables from its first start on (RDS User Guide, "Parameters")."""
    # fact: rds-table-names
    old, new = (
        str(side["Parameters"].get("lower_case_table_names", "0"))
        for side in ({"Parameters": {}, **before}, {"Parameters": {}, **after})
        if isinstance(side["Parameters"], Mapping)
    )
    if old != new and str(after.get("Family")).startswith("mysql"):
        reason = "would change `lower_case_table_names`, which MySQL refuses after its first start: it would not start"
        hint = f"Keep `lower_case_table_names: {old}`, or declare another database and move the data into it."
        yield Objection(Effect.REFUSED, "parameters", reason, hint)


SUBNET_GROUP = AwsType(name="AWS::RDS::DBSubnetGroup", objections=_subnets, unique=(("DBSubnetGroupName",),))
PARAMETER_GROUP = AwsType(
    name="AWS::RDS::DBParameterGroup", objections=_parameters, unique=(("DBParameterGroupName",),)
)
