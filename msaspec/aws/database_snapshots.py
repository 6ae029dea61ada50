"""The snapshot with which a database begins, as far as its ARN says what it is of."""

from __future__ import annotations

from collections.abc import Iterable

from msaspec.aws.database import Database
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.part import Entry

OTHER_SNAPSHOT = Code(
    "MSA408",
    "A snapshot with which the database cannot begin",
    """
    RDS makes an instance of the snapshot of an instance, and DocumentDB a cluster of the snapshot of a cluster, in the
    Region of the snapshot. Aurora takes both kinds. What a snapshot is of, an ARN says: `snapshot:` is of an instance,
    `cluster-snapshot:` of a cluster. Of a name nothing is known before RDS looks.

    Wrong: `databases: {main: {from_snapshot: "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:shop"}}`
    Right: `databases: {main: {engine: aurora-postgres, from_snapshot: "arn:aws:rds:...:cluster-snapshot:shop"}}`
    """,
)


def source(entry: Entry[Database]) -> str | None:
    """Return the ARN of the snapshot, where the manifest has one."""
    written = entry.spec.from_snapshot or ""
    return written if written.startswith("arn:") else None


def check(entry: Entry[Database]) -> Iterable[Diagnostic]:
    """Yield a snapshot of something else."""
    arn, engine = source(entry), entry.spec.server
    of_cluster = arn is not None and arn.split(":")[5] == "cluster-snapshot"
    path = (*entry.path, "from_snapshot")
    if of_cluster and not engine.cluster:
        message = f"`{entry.name}` is {engine.title} on an instance, and the snapshot is of a cluster."
        family = "postgres" if engine.name == "postgres" else "mysql"
        hint = f"Name a snapshot of an instance, or write `engine: aurora-{family}` or `engine: documentdb`."
        yield OTHER_SNAPSHOT.at(path, message, hint=hint)
    elif arn and engine.documents and not of_cluster:
        message = f"`{entry.name}` is {engine.title}, and the snapshot is of an instance of RDS."
        yield OTHER_SNAPSHOT.at(
            path, message, hint="Name a snapshot of a cluster: `arn:aws:rds:...:cluster-snapshot:NAME`."
        )
