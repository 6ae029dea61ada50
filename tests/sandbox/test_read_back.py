"""What the example's template declares stands in the sandbox, by what each service's own API says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from msaspec import sandbox
from tests.sandbox.deploying import Deployer, Standing, example, example_registry


@pytest.fixture(scope="module")
def shop() -> Iterator[Standing]:
    """The example, deployed."""
    with sandbox.start() as world:
        deployer = Deployer(world.client("cloudformation"))
        assert deployer.deploy(example()) == "CREATE_COMPLETE", deployer.events()
        yield Standing(world, deployer, example())


def test_everything_is_listed_with_outputs_and_events(shop: Standing) -> None:
    """Each resource has a physical id and its events, needed ones first; each output has its value."""
    assert set(shop.ids) == set(shop.template["Resources"])
    assert all(shop.ids.values())
    events = shop.deployer.events()
    for name in shop.ids:
        told = [status for logical, status in events if logical == name]
        assert told == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert events.index(("MainBootstrap", "CREATE_COMPLETE")) < events.index(
        ("CartServiceInstance", "CREATE_IN_PROGRESS")
    )
    outputs = {name: shop.filled.value(part["Value"]) for name, part in shop.template["Outputs"].items()}
    assert shop.deployer.outputs() == outputs


def test_subnets_and_routes(shop: Standing) -> None:
    """Subnets with their addresses and zones, each with the routes of its table and no others."""
    ec2, zones = shop.client("ec2"), set()
    for name, id in shop.of("AWS::EC2::Subnet"):
        wanted, subnet = shop.properties(name), ec2.describe_subnets(SubnetIds=[id])["Subnets"][0]
        assert (subnet["CidrBlock"], subnet["VpcId"]) == (wanted["CidrBlock"], wanted["VpcId"])
        assert subnet["MapPublicIpOnLaunch"] == wanted.get("MapPublicIpOnLaunch", False)
        assert {"Key": "Name", "Value": wanted["Tags"][0]["Value"]} in subnet["Tags"]
        assert {"Key": "team", "Value": "shop"} in subnet["Tags"]
        zones.add(subnet["AvailabilityZone"])
    assert len(zones) == 2
    for name, _ in shop.of("AWS::EC2::SubnetRouteTableAssociation"):
        wanted = shop.properties(name)
        filters = [{"Name": "association.subnet-id", "Values": [wanted["SubnetId"]]}]
        assert [t["RouteTableId"] for t in ec2.describe_route_tables(Filters=filters)["RouteTables"]] == [
            wanted["RouteTableId"]
        ]
    routes = [shop.properties(name) for name, _ in shop.of("AWS::EC2::Route")]
    for _, id in shop.of("AWS::EC2::RouteTable"):
        table = ec2.describe_route_tables(RouteTableIds=[id])["RouteTables"][0]["Routes"]
        found = {(r["DestinationCidrBlock"], r["GatewayId"]) for r in table if r["GatewayId"].startswith("igw-")}
        assert found == {(r["DestinationCidrBlock"], r["GatewayId"]) for r in routes if r["RouteTableId"] == id}
    for name, id in shop.of("AWS::EC2::VPCEndpoint"):
        wanted, there = shop.properties(name), ec2.describe_vpc_endpoints(VpcEndpointIds=[id])["VpcEndpoints"][0]
        assert set(there["RouteTableIds"]) == set(wanted["RouteTableIds"])
        assert there["ServiceName"] == wanted["ServiceName"]


def edges(permissions: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Rules as EC2 lists them, one peer each."""
    return {
        (
            rule["IpProtocol"],
            rule.get("FromPort"),
            rule.get("ToPort"),
            peer.get("GroupId") or peer.get("CidrIp") or peer.get("CidrIpv6"),
        )
        for rule in permissions
        for peer in (*rule["UserIdGroupPairs"], *rule["IpRanges"], *rule.get("Ipv6Ranges", []))
    }


def declared(rules: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Rules as a template declares them."""
    peers = "SourceSecurityGroupId", "DestinationSecurityGroupId", "CidrIp", "CidrIpv6"
    return {
        (str(rule["IpProtocol"]), rule.get("FromPort"), rule.get("ToPort"), next(rule[p] for p in peers if p in rule))
        for rule in rules
    }


def test_security_groups_edge_by_edge(shop: Standing) -> None:
    """Every group has exactly the rules that stand in it and those that point at it."""
    ingress = [shop.properties(name) for name, _ in shop.of("AWS::EC2::SecurityGroupIngress")]
    assert len(ingress) >= 7
    for name, id in shop.of("AWS::EC2::SecurityGroup"):
        wanted, there = (
            shop.properties(name),
            shop.client("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"][0],
        )
        own = [*wanted.get("SecurityGroupIngress", []), *(rule for rule in ingress if rule["GroupId"] == id)]
        assert edges(there["IpPermissions"]) == declared(own), name
        anywhere = [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]
        assert edges(there["IpPermissionsEgress"]) == declared(wanted.get("SecurityGroupEgress", anywhere)), name


def test_hosts_through_their_launch_templates(shop: Standing) -> None:
    """A host has the user data, profile, groups and type of its launch template, and a real image."""
    ec2 = shop.client("ec2")
    for name, id in shop.of("AWS::EC2::Instance"):
        wanted, host = shop.properties(name), shop.host(id)
        launch = name.removesuffix("Instance") + "LaunchTemplate"
        data = shop.properties(launch)["LaunchTemplateData"]
        user_data = ec2.describe_instance_attribute(InstanceId=id, Attribute="userData")["UserData"]["Value"]
        assert base64.b64decode(user_data) == base64.b64decode(data["UserData"])
        assert host["IamInstanceProfile"]["Arn"] == data["IamInstanceProfile"]["Arn"]
        assert host["InstanceType"] == data["InstanceType"]
        assert host["SubnetId"] == wanted["SubnetId"]
        assert {group["GroupId"] for group in host["SecurityGroups"]} == set(data["SecurityGroupIds"])
        assert ec2.describe_images(ImageIds=[host["ImageId"]])["Images"][0]["Architecture"] == "arm64"
        kept = ec2.describe_launch_template_versions(LaunchTemplateId=shop.ids[launch])["LaunchTemplateVersions"][0]
        assert kept["LaunchTemplateData"]["MetadataOptions"] == data["MetadataOptions"]
    for name, id in shop.of("AWS::EC2::EIP"):
        address = ec2.describe_addresses(PublicIps=[id])["Addresses"][0]
        assert address["InstanceId"] == shop.properties(name)["InstanceId"]


def test_databases(shop: Standing) -> None:
    """The settings of the instance, its subnets and its parameters."""
    rds = shop.client("rds")
    for name, id in shop.of("AWS::RDS::DBInstance"):
        wanted, there = shop.properties(name), shop.database(id)
        same = (
            "Engine",
            "EngineVersion",
            "DBInstanceClass",
            "MultiAZ",
            "StorageType",
            "StorageEncrypted",
            "MasterUsername",
        )
        more = "PubliclyAccessible", "BackupRetentionPeriod", "CopyTagsToSnapshot", "DeletionProtection"
        for key in (*same, *more):
            assert there[key] == wanted[key], key
        assert str(there["AllocatedStorage"]) == wanted["AllocatedStorage"]
        assert str(there["Endpoint"]["Port"]) == wanted["Port"]
        assert [group["VpcSecurityGroupId"] for group in there["VpcSecurityGroups"]] == wanted["VPCSecurityGroups"]
        assert there["DBParameterGroups"][0]["DBParameterGroupName"] == wanted["DBParameterGroupName"]
        assert there["DBSubnetGroup"]["DBSubnetGroupName"] == wanted["DBSubnetGroupName"]
        assert shop.client("secretsmanager").describe_secret(SecretId=there["MasterUserSecret"]["SecretArn"])
    for name, id in shop.of("AWS::RDS::DBSubnetGroup"):
        group = rds.describe_db_subnet_groups(DBSubnetGroupName=id)["DBSubnetGroups"][0]
        assert {subnet["SubnetIdentifier"] for subnet in group["Subnets"]} == set(shop.properties(name)["SubnetIds"])
    for name, id in shop.of("AWS::RDS::DBParameterGroup"):
        found = rds.describe_db_parameters(DBParameterGroupName=id)["Parameters"]
        values = {item["ParameterName"]: item.get("ParameterValue") for item in found}
        assert values.items() >= shop.properties(name)["Parameters"].items()


def test_secrets(shop: Standing) -> None:
    """A secret holds its template's keys and a generated password."""
    passwords = set()
    for name, id in shop.of("AWS::SecretsManager::Secret"):
        how = shop.properties(name)["GenerateSecretString"]
        value = json.loads(shop.client("secretsmanager").get_secret_value(SecretId=id)["SecretString"])
        password = value.pop(how["GenerateStringKey"])
        declared = json.loads(how["SecretStringTemplate"])
        login = f"{declared['username']}:{password}@{declared['host']}:{declared['port']}/{declared['name']}"
        assert value.pop("url") == f"postgresql://{login}?sslmode=require"
        assert value == declared
        assert len(password) == how["PasswordLength"]
        assert password.isalnum()
        passwords.add(password)
    assert len(passwords) == 3


def test_buckets_and_distributions(shop: Standing) -> None:
    """The bucket's settings and policy, and the distribution that alone may read it."""
    s3 = shop.client("s3")
    for name, id in shop.of("AWS::S3::Bucket"):
        wanted = shop.properties(name)
        rules = s3.get_bucket_encryption(Bucket=id)["ServerSideEncryptionConfiguration"]["Rules"]
        encryption = wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert [r["ApplyServerSideEncryptionByDefault"] for r in rules] == [
            r["ServerSideEncryptionByDefault"] for r in encryption
        ]
        blocked = s3.get_public_access_block(Bucket=id)["PublicAccessBlockConfiguration"]
        assert blocked == wanted["PublicAccessBlockConfiguration"]
        assert s3.get_bucket_ownership_controls(Bucket=id)["OwnershipControls"] == wanted["OwnershipControls"]
        (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=id)["Rules"]
        (declared_rule,) = wanted["LifecycleConfiguration"]["Rules"]
        assert rule["AbortIncompleteMultipartUpload"] == declared_rule["AbortIncompleteMultipartUpload"]
        assert (rule["ID"], rule["Status"]) == (declared_rule["Id"], declared_rule["Status"])
    for name, _ in shop.of("AWS::S3::BucketPolicy"):
        wanted = shop.properties(name)
        assert json.loads(s3.get_bucket_policy(Bucket=wanted["Bucket"])["Policy"]) == wanted["PolicyDocument"]
    cloudfront = shop.client("cloudfront")
    for name, id in shop.of("AWS::CloudFront::Distribution"):
        wanted = shop.properties(name)["DistributionConfig"]
        config = cloudfront.get_distribution_config(Id=id)["DistributionConfig"]
        for origin, there in zip(wanted["Origins"], config["Origins"]["Items"], strict=True):
            assert {key: there[key] for key in ("Id", "DomainName")} == {
                key: origin[key] for key in ("Id", "DomainName")
            }
            assert there["OriginAccessControlId"] == origin["OriginAccessControlId"]
        behaviour = config["DefaultCacheBehavior"]
        for key, value in wanted["DefaultCacheBehavior"].items():
            assert behaviour[key] == value, key
        assert (config["Enabled"], config["Comment"]) == (wanted["Enabled"], wanted["Comment"])
    for name, id in shop.of("AWS::CloudFront::OriginAccessControl"):
        there = cloudfront.get_origin_access_control(Id=id)["OriginAccessControl"]["OriginAccessControlConfig"]
        assert there.items() >= shop.properties(name)["OriginAccessControlConfig"].items()


def test_roles_and_policies(shop: Standing) -> None:
    """Every role has its trust, its inline policies and its attached ones; every profile its role."""
    iam = shop.client("iam")
    for name, id in shop.of("AWS::IAM::Role"):
        wanted = shop.properties(name)
        assert iam.get_role(RoleName=id)["Role"]["AssumeRolePolicyDocument"] == wanted["AssumeRolePolicyDocument"]
        inline = {
            policy: iam.get_role_policy(RoleName=id, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=id)["PolicyNames"]
        }
        assert inline == {policy["PolicyName"]: policy["PolicyDocument"] for policy in wanted.get("Policies", [])}
        attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=id)["AttachedPolicies"]}
        assert attached == set(wanted.get("ManagedPolicyArns", []))
    for name, id in shop.of("AWS::IAM::ManagedPolicy"):
        document = iam.get_policy_version(PolicyArn=id, VersionId="v1")["PolicyVersion"]["Document"]
        assert document == shop.properties(name)["PolicyDocument"]
    for name, id in shop.of("AWS::IAM::InstanceProfile"):
        roles = iam.get_instance_profile(InstanceProfileName=id)["InstanceProfile"]["Roles"]
        assert [role["RoleName"] for role in roles] == shop.properties(name)["Roles"]


def test_names(shop: Standing) -> None:
    """Cloud Map's names stand for the hosts' addresses, and DHCP tells hosts the domain."""
    names = shop.client("servicediscovery")
    for name, id in shop.of("AWS::ServiceDiscovery::PrivateDnsNamespace"):
        assert names.get_namespace(Id=id)["Namespace"]["Name"] == shop.properties(name)["Name"]
    for name, id in shop.of("AWS::ServiceDiscovery::Service"):
        wanted, there = shop.properties(name), names.get_service(Id=id)["Service"]
        assert (there["Name"], there["DnsConfig"]["RoutingPolicy"]) == (
            wanted["Name"],
            wanted["DnsConfig"]["RoutingPolicy"],
        )
        assert [{**r, "TTL": str(r["TTL"])} for r in there["DnsConfig"]["DnsRecords"]] == wanted["DnsConfig"][
            "DnsRecords"
        ]
    for name, id in shop.of("AWS::ServiceDiscovery::Instance"):
        wanted = shop.properties(name)
        there = names.get_instance(ServiceId=wanted["ServiceId"], InstanceId=id)["Instance"]
        assert there["Attributes"] == wanted["InstanceAttributes"]
    ec2 = shop.client("ec2")
    for name, _ in shop.of("AWS::EC2::VPCDHCPOptionsAssociation"):
        wanted = shop.properties(name)
        assert ec2.describe_vpcs(VpcIds=[wanted["VpcId"]])["Vpcs"][0]["DhcpOptionsId"] == wanted["DhcpOptionsId"]
        (options,) = ec2.describe_dhcp_options(DhcpOptionsIds=[wanted["DhcpOptionsId"]])["DhcpOptions"]
        found = {item["Key"]: [value["Value"] for value in item["Values"]] for item in options["DhcpConfigurations"]}
        assert found == {"domain-name": ["shop.internal"], "domain-name-servers": ["AmazonProvidedDNS"]}


def test_functions_and_logs(shop: Standing) -> None:
    """The functions have their settings, the log groups their retention."""
    for name, id in shop.of("AWS::Lambda::Function"):
        wanted, there = shop.properties(name), shop.client("lambda").get_function_configuration(FunctionName=id)
        for key in ("Runtime", "Handler", "Timeout", "MemorySize", "Role"):
            assert there[key] == wanted[key], key
        if "VpcConfig" in wanted:
            assert set(there["VpcConfig"]["SubnetIds"]) == set(wanted["VpcConfig"]["SubnetIds"])
    for name, id in shop.of("AWS::Logs::LogGroup"):
        (group,) = shop.client("logs").describe_log_groups(logGroupNamePrefix=id)["logGroups"]
        assert group["retentionInDays"] == shop.properties(name)["RetentionInDays"]


def test_the_custom_resource_ran(shop: Standing) -> None:
    """The handler's real source read the secrets and called the runner with what the template declares."""
    from msaspec.sandbox.world import current

    (call,) = current().database_calls
    wanted = shop.properties("MainBootstrap")
    assert call["Databases"] == wanted["Databases"]
    assert set(call["logins"]) == {"cart_service", "product_service", "user_service"}
    assert all(verifier.startswith("SCRAM-SHA-256$4096:") for verifier in call["logins"].values())
    assert call["username"] == "postgres"


def test_the_registry(shop: Standing) -> None:
    """The stack of repositories stands beside it, with its lifecycle rules, and leaves nothing but them."""
    deployer = Deployer(shop.client("cloudformation"), "shop-registry")
    assert deployer.deploy(example_registry()) == "CREATE_COMPLETE"
    ecr, parts = shop.client("ecr"), json.dumps(sorted(deployer.ids().values()))
    assert parts == '["shop/cart-service", "shop/product-service", "shop/user-service"]'
    for name in deployer.ids().values():
        assert json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])["rules"]
        (there,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        assert there["encryptionConfiguration"]["encryptionType"] == "AES256"
        assert there["imageScanningConfiguration"] == {"scanOnPush": True}
