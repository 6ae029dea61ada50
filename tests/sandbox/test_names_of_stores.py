"""A store with `short_name` is in Cloud Map under the name of its entry, and the name leads to what AWS calls it."""

from __future__ import annotations

from pathlib import Path

from msaspec import pipeline, sandbox
from msaspec.template import render
from tests.sandbox.deploying import Deployer, small

CASE = Path(__file__).parents[1] / "cases" / "names-of-stores" / "msa.yaml"


def test_a_name_leads_to_the_store_and_follows_it() -> None:
    """For a cache, an instance and a cluster; without the word the name goes, and the store stays."""
    before = CASE.read_text("utf-8")
    after = before.replace("tls: false, short_name: true", "tls: false").replace("redis://sessions:6379/0", "")
    with sandbox.start() as world:
        names = world.client("servicediscovery")
        deployer = Deployer(world.client("cloudformation"), s3=world.client("s3"))

        def leads() -> dict[str, str]:
            found = {}
            for service in names.list_services()["Services"]:
                about = names.get_service(Id=service["Id"])["Service"]["DnsConfig"]
                assert about["RoutingPolicy"] == "WEIGHTED"
                assert [record["Type"] for record in about["DnsRecords"]] == ["CNAME"]
                (there,) = names.list_instances(ServiceId=service["Id"])["Instances"]
                found[service["Name"]] = there["Attributes"]["AWS_INSTANCE_CNAME"]
            return found

        text = render.to_yaml(pipeline.compile_main(pipeline.load(before, "msa.yaml")).stack)
        assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.events()
        (group,) = world.client("elasticache").describe_replication_groups()["ReplicationGroups"]
        (cluster,) = world.client("rds").describe_db_clusters()["DBClusters"]
        instances = world.client("rds").describe_db_instances()["DBInstances"]
        (alone,) = [each for each in instances if not each.get("DBClusterIdentifier")]
        assert leads() == {
            "sessions": group["NodeGroups"][0]["PrimaryEndpoint"]["Address"],
            "archive": cluster["Endpoint"],
            "orders-db": alone["Endpoint"]["Address"],
        }
        text = render.to_yaml(pipeline.compile_main(pipeline.load(after, "msa.yaml")).stack)
        assert deployer.deploy(text) == "UPDATE_COMPLETE", deployer.events()
        assert leads().keys() == {"archive", "orders-db"}
        (still,) = world.client("elasticache").describe_replication_groups()["ReplicationGroups"]
        assert still["ReplicationGroupId"] == group["ReplicationGroupId"]


def test_a_name_takes_no_address() -> None:
    """Cloud Map registers a CNAME where the record is one, and an address where it is not."""
    template = small("""
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Namespace: {Type: AWS::ServiceDiscovery::PrivateDnsNamespace, Properties: {Name: a.internal, Vpc: !Ref Vpc}}
  Name:
    Type: AWS::ServiceDiscovery::Service
    Properties:
      Name: main
      DnsConfig: {NamespaceId: !GetAtt Namespace.Id, RoutingPolicy: WEIGHTED, DnsRecords: [{Type: RECORD, TTL: '10'}]}
  Instance:
    Type: AWS::ServiceDiscovery::Instance
    Properties: {ServiceId: !GetAtt Name.Id, InstanceAttributes: {ATTRIBUTE: 10.0.0.7}}
""")
    wrong = (("CNAME", "AWS_INSTANCE_IPV4"), ("A", "AWS_INSTANCE_CNAME"))
    for record, attribute in wrong:
        with sandbox.start() as world:
            deployer = Deployer(world.client("cloudformation"))
            text = template.replace("RECORD", record).replace("ATTRIBUTE", attribute)
            assert deployer.deploy(text) == "ROLLBACK_COMPLETE"
            assert ("Instance", "CREATE_FAILED") in deployer.events()
