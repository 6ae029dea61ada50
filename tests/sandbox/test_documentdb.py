"""Clusters of DocumentDB in the sandbox: read back, changed, gone, and back from a snapshot."""

from __future__ import annotations

import json

from msaspec import pipeline, sandbox
from msaspec.template import render
from tests.sandbox.deploying import Deployer


def text(database: str) -> str:
    """The template of a system with one database."""
    manifest = f"""
msaspec: 1
name: shop
network: {{placement: public}}
databases: {{orders: {{engine: documentdb, protect: false, {database}}}}}
services: {{cart: {{image: 'ghcr.io/x/cart:1', uses: [orders]}}}}
"""
    return render.to_yaml(pipeline.compile_main(pipeline.load(manifest, "msa.yaml")).stack)


def test_a_cluster_stands_as_it_is_declared() -> None:
    """The cluster, its instances and parameters are what the template says, and follow it. Its function is asked for
    the user of the service, with the password of its secret. What a snapshot held begins another one, whose master
    user gets a password that is known."""
    with sandbox.start() as world:
        documents, secrets = world.client("docdb"), world.client("secretsmanager")
        deployer = Deployer(world.client("cloudformation"))
        status = deployer.deploy(text("replicas: 1, backups: 3 days"))
        assert status == "CREATE_COMPLETE", deployer.events()
        ids = deployer.ids()
        (cluster,) = documents.describe_db_clusters()["DBClusters"]
        assert cluster["DBClusterIdentifier"] == ids["OrdersDocuments"]
        assert (cluster["Engine"], cluster["EngineVersion"], cluster["Port"]) == ("docdb", "5.0", 27017)
        assert (cluster["MasterUsername"], cluster["BackupRetentionPeriod"]) == ("dbadmin", 3)
        assert cluster["StorageEncrypted"] is True
        members = {each["DBInstanceIdentifier"]: each["IsClusterWriter"] for each in cluster["DBClusterMembers"]}
        assert members == {ids["OrdersDocumentsInstance1"]: True, ids["OrdersDocumentsInstance2"]: False}
        group = documents.describe_db_cluster_parameters(DBClusterParameterGroupName=ids["OrdersDocumentsParameters"])
        assert {"tls": "enabled", "profiler": "enabled"}.items() <= {
            each["ParameterName"]: each.get("ParameterValue") for each in group["Parameters"]
        }.items()
        secret = json.loads(secrets.get_secret_value(SecretId=ids["CartToOrdersSecret"])["SecretString"])
        assert secret["host"] == cluster["Endpoint"] == deployer.outputs()["OrdersEndpoint"]
        end = "?tls=true&tlsInsecure=true&replicaSet=rs0&retryWrites=false&authSource=admin"
        assert secret["url"] == f"mongodb://cart:{secret['password']}@{cluster['Endpoint']}:27017/cart{end}"
        (call,) = world.database_calls
        assert (call["Host"], call["logins"]) == (cluster["Endpoint"], {"cart": secret["password"]})
        changed = text("backups: 5 days, size: db.r6g.large, parameters: {audit_logs: ddl}")
        assert deployer.deploy(changed) == "UPDATE_COMPLETE", deployer.events()
        (cluster,) = documents.describe_db_clusters()["DBClusters"]
        (instance,) = documents.describe_db_instances()["DBInstances"]
        assert (cluster["BackupRetentionPeriod"], instance["DBInstanceClass"]) == (5, "db.r6g.large")
        documents.create_db_cluster_snapshot(
            DBClusterIdentifier=ids["OrdersDocuments"], DBClusterSnapshotIdentifier="before"
        )
        other = Deployer(world.client("cloudformation"), "other")
        assert other.deploy(text("from_snapshot: before")) == "CREATE_COMPLETE", other.events()
        found = {each["DBClusterIdentifier"]: each for each in documents.describe_db_clusters()["DBClusters"]}
        restored = found[other.ids()["OrdersDocuments"]]
        assert (restored["BackupRetentionPeriod"], restored["MasterUsername"]) == (7, "dbadmin")
        master = secrets.get_secret_value(SecretId=other.ids()["OrdersDocumentsMasterSecret"])["SecretString"]
        call = world.database_calls[-1]
        assert (call["Restored"], call["password"]) == (restored["DBClusterIdentifier"], json.loads(master)["password"])
