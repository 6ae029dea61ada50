"""What the handler does otherwise for Amazon DocumentDB. A template carries it behind the handler."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the handler stands
# in front of it there.

from msaspec.aws.lambdas.database_handler import call, read_secret, steps

plain, bring = read_secret, steps
# Names of master users by the secrets of their passwords, where a snapshot has brought them along.
RESTORED: dict[str, dict[str, str]] = {}


def verifier(password):
    """DocumentDB takes passwords as they are, and nothing else."""
    return password


def read_secret(context, arn):  # type: ignore[no-redef]
    return plain(context, arn) | RESTORED.get(arn, {})


def steps(wanted, context, secrets):  # type: ignore[no-redef]
    # The master user of a snapshot has its old password, which nobody here knows.
    if cluster := wanted.get("Restored"):
        yield "The secret of the master user could not be read"
        arn = wanted["MasterSecretArn"]
        password = plain(context, arn)["password"]
        secrets.append(password)
        yield f"The master user of {cluster} could not get its password"
        words = {"DBClusterIdentifier": cluster, "MasterUserPassword": password, "ApplyImmediately": True}
        said = call(context, "docdb", "modify_db_cluster", **words)
        RESTORED[arn] = {"username": said["DBCluster"]["MasterUsername"]}
    yield from bring(wanted, context, secrets)
