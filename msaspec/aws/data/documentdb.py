"""Clusters of Amazon DocumentDB as holders of data. Their instances hold none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msaspec.aws.data.clusters import GONE, Clusters, asked
from msaspec.aws.data.rds import SERVICE_ROLE, outages, retention, versions
from msaspec.language.aws_type import AwsType, Effect, Holds, Objection, Properties, Protection
from msaspec.template.resources import whole

_CLUSTERS = Clusters("docdb", "document database cluster")


# fact: documentdb-major-versions
def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what CloudFormation cannot change of a cluster that is there, and what its backups lose."""
    old, new = (str(side.get("EngineVersion")) for side in (before, after))
    if old.split(".")[:1] < new.split(".")[:1]:
        reason = f"would go from version {old} to {new}, for which CloudFormation has no word"
        hint = (
            f'Keep `version: "{old}"`, or declare another database and move the data into it, as with mongodump and '
            "mongorestore."
        )
        yield Objection(Effect.REFUSED, "version", reason, hint)
    else:
        yield from versions(before.get("EngineVersion"), after.get("EngineVersion"))
    yield from outages(before, after)
    days = [whole(side.get("BackupRetentionPeriod")) for side in (before, after)]
    yield from retention(*days)


# fact: documentdb-tls
def _parameters(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield a change of TLS, which instances take at a restart only, while their clients change at once."""
    old, new = (
        str(parameters.get("tls", "enabled")) if isinstance(parameters := side.get("Parameters"), Mapping) else ""
        for side in (before, after)
    )
    if old != new and "disabled" in (old, new):
        reason = "would change TLS of clients at once and of its instances at their restart: until then none connects"
        hint = "Deploy, then restart each instance: `aws docdb reboot-db-instance --db-instance-identifier ...`."
        yield Objection(Effect.COSTS, "tls", reason, hint)


CLUSTER = AwsType(
    name="AWS::DocDB::DBCluster",
    noun=_CLUSTERS.noun,
    holds=Holds.DATA,
    protection=Protection(asked, _CLUSTERS.read, _CLUSTERS.write),
    service_role=SERVICE_ROLE,
    erase=_CLUSTERS.erase,
    snapshots=_CLUSTERS.snapshots,
    remains=_CLUSTERS.remains,
    parting="its last snapshot",
    gone=GONE,
    there=_CLUSTERS.there,
    kept=_CLUSTERS.kept,
    removal=_CLUSTERS.removal,
    objections=_objections,
    unique=(("DBClusterIdentifier",),),
    slow={"create": "5 to 15 minutes", "update": "5 to 30 minutes", "delete": "5 to 15 minutes"},
)
INSTANCE = AwsType(
    name="AWS::DocDB::DBInstance",
    noun="instance of a document database cluster",
    objections=outages,
    unique=(("DBInstanceIdentifier",),),
    slow={"create": "5 to 15 minutes", "update": "5 to 15 minutes", "delete": "5 to 15 minutes"},
)
PARAMETER_GROUP = AwsType(
    name="AWS::DocDB::DBClusterParameterGroup", noun="parameter group", objections=_parameters, unique=(("Name",),)
)
SUBNET_GROUP = AwsType(name="AWS::DocDB::DBSubnetGroup", noun="subnet group", unique=(("DBSubnetGroupName",),))
TYPES = (CLUSTER, INSTANCE, PARAMETER_GROUP, SUBNET_GROUP)
