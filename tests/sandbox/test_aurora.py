"""Clusters of Aurora in the sandbox: from the manifest to a login, read back, changed, and back from a snapshot."""

from __future__ import annotations

import json

import psycopg

from msaspec import pipeline, sandbox
from msaspec.template import render
from tests.lambdas import postgres
from tests.sandbox.deploying import Deployer


def text(database: str, service: str = "cart: {image: 'cart:1', uses: [main]}") -> str:
    """The template of a system with one database."""
    manifest = f"""
msaspec: 1
name: shop
network: {{placement: public}}
databases: {{main: {{engine: aurora-postgres, protect: false, {database}}}}}
services: {{{service}}}
"""
    return render.to_yaml(pipeline.compile_main(pipeline.load(manifest, "msa.yaml")).stack)


def test_a_cluster_stands_as_it_is_declared(server: postgres.Server) -> None:
    """Its service logs in with its secret; the cluster, its instances and parameters are what the template says, and
    follow it; what a snapshot held begins another one."""
    stands_in = sandbox.Postgres(postgres.HOST, server.port, server.ca, server.superuser, server.password)
    with sandbox.start(stands_in) as world:
        rds, secrets = world.client("rds"), world.client("secretsmanager")
        deployer = Deployer(world.client("cloudformation"))
        status = deployer.deploy(text("replicas: 1, capacity: {min: 0, max: 8}, backups: 3 days"))
        assert status == "CREATE_COMPLETE", deployer.events()
        assert world.database_calls == []
        ids = deployer.ids()
        (cluster,) = rds.describe_db_clusters()["DBClusters"]
        assert cluster["DBClusterIdentifier"] == ids["MainCluster"]
        assert (cluster["Engine"], cluster["BackupRetentionPeriod"]) == ("aurora-postgresql", 3)
        assert cluster["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0, "MaxCapacity": 8}
        assert cluster["DBClusterParameterGroup"] == ids["MainClusterParameters"]
        members = {each["DBInstanceIdentifier"]: each["IsClusterWriter"] for each in cluster["DBClusterMembers"]}
        assert members == {ids["MainClusterInstance1"]: True, ids["MainClusterInstance2"]: False}
        group = rds.describe_db_cluster_parameters(DBClusterParameterGroupName=ids["MainClusterParameters"])
        assert {"rds.force_ssl": "1"}.items() <= {
            each["ParameterName"]: each.get("ParameterValue") for each in group["Parameters"]
        }.items()
        secret = json.loads(secrets.get_secret_value(SecretId=ids["CartToMainSecret"])["SecretString"])
        assert secret["host"] == cluster["Endpoint"] == deployer.outputs()["MainEndpoint"]
        with psycopg.connect(server.dsn("cart", "cart", secret["password"])) as session:
            session.execute("CREATE TABLE orders (id int)")
        assert deployer.deploy(text("capacity: {max: 4}, backups: 5 days")) == "UPDATE_COMPLETE", deployer.events()
        (cluster,) = rds.describe_db_clusters()["DBClusters"]
        assert len(cluster["DBClusterMembers"]) == 1
        assert (cluster["BackupRetentionPeriod"], cluster["ServerlessV2ScalingConfiguration"]["MaxCapacity"]) == (5, 4)
        rds.create_db_cluster_snapshot(DBClusterIdentifier=ids["MainCluster"], DBClusterSnapshotIdentifier="before")
        other = Deployer(world.client("cloudformation"), "other")
        assert other.deploy(text("from_snapshot: before")) == "CREATE_COMPLETE", other.events()
        found = {each["DBClusterIdentifier"]: each for each in rds.describe_db_clusters()["DBClusters"]}
        restored = found[other.ids()["MainCluster"]]
        master = json.loads(
            secrets.get_secret_value(SecretId=restored["MasterUserSecret"]["SecretArn"])["SecretString"]
        )
        assert (restored["BackupRetentionPeriod"], master["username"]) == (7, restored["MasterUsername"])
