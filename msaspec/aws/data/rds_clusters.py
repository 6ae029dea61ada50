"""RDS database clusters, which are Aurora's, as holders of data. Their members are database instances without any."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.aws.data.clusters import GONE, Clusters, asked
from msaspec.aws.data.rds import SERVICE_ROLE, outages, retention, versions
from msaspec.language.aws_type import AwsType, Holds, Objection, Properties, Protection
from msaspec.template.resources import whole

_CLUSTERS = Clusters("rds", "database cluster")


# fact: aurora-refused-changes
def _objections(before: Properties, after: Properties) -> Iterator[Objection]:
    """Yield what RDS refuses of a cluster that is there, and what its backups lose."""
    yield from versions(before.get("EngineVersion"), after.get("EngineVersion"))
    yield from outages(before, after)
    days = [whole(side.get("BackupRetentionPeriod")) for side in (before, after)]
    yield from retention(*days)


CLUSTER = AwsType(
    name="AWS::RDS::DBCluster",
    noun=_CLUSTERS.noun,
    holds=Holds.DATA,
    deletion_policy=lambda properties: "Snapshot",
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
PARAMETER_GROUP = AwsType(name="AWS::RDS::DBClusterParameterGroup", unique=(("DBClusterParameterGroupName",),))
