"""What the compiled example is, fact by fact, read back from its YAML as CloudFormation would read it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from msaspec import pipeline
from msaspec.aws import existing_network
from msaspec.language.network import Network
from msaspec.template import render
from tests import goldens, template
from tests.template import Filled, nodes

DOCUMENT = pipeline.load((goldens.EXAMPLES / "msa.yaml").read_bytes(), "msa.yaml")
MANIFEST: dict[str, Any] = DOCUMENT.data()
SHOP: dict[str, Any] = template.load(render.to_yaml(pipeline.compile_main(DOCUMENT).stack))
RESOURCES: dict[str, Any] = SHOP["Resources"]
SERVICES = {"cart-service": "CartService", "product-service": "ProductService", "user-service": "UserService"}
EVERY_SERVICE = pytest.mark.parametrize(("service", "id"), SERVICES.items(), ids=list(SERVICES))


def of_type(kind: str, resources: dict[str, Any] = RESOURCES) -> dict[str, Any]:
    """The properties of all resources of a type."""
    return {name: part.get("Properties", {}) for name, part in resources.items() if part["Type"] == kind}


def properties(name: str) -> dict[str, Any]:
    """The properties of a resource."""
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def variant(**sections: Any) -> dict[str, Any]:
    """The resources of the example with other sections."""
    return template.load(  # type: ignore[no-any-return]
        render.to_yaml(template.compiled(yaml.safe_dump({**MANIFEST, **sections}, sort_keys=False)).stack)
    )["Resources"]


def statements(role: str, resources: dict[str, Any] = RESOURCES) -> list[dict[str, Any]]:
    """What a role may do by its own policy."""
    (policy,) = resources[role]["Properties"]["Policies"]
    return policy["PolicyDocument"]["Statement"]  # type: ignore[no-any-return]


def allow(actions: Any, resource: Any, **more: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


# ---- The network ----


def test_the_subnets_are_apart_and_inside_the_vpc() -> None:
    """Two public and two isolated subnets, one a zone, whose blocks are equal and do not overlap."""
    assert properties("Vpc")["CidrBlock"] == "10.0.0.0/16"
    assert properties("Vpc")["EnableDnsHostnames"] is properties("Vpc")["EnableDnsSupport"] is True
    subnets = of_type("AWS::EC2::Subnet")
    assert sorted(subnets) == ["IsolatedSubnet1", "IsolatedSubnet2", "PublicSubnet1", "PublicSubnet2"]
    assert len({subnet["CidrBlock"] for subnet in subnets.values()}) == 4
    for name, subnet in subnets.items():
        zones = {"Fn::If": ["ZonesAreNamed", {"Ref": "Zones"}, {"Fn::GetAZs": ""}]}
        assert subnet["AvailabilityZone"] == {"Fn::Select": [int(name[-1]) - 1, zones]}
        assert subnet.get("MapPublicIpOnLaunch", False) is name.startswith("Public")


def test_isolated_subnets_have_no_way_out() -> None:
    """The only default route is that of the public table; the isolated subnets hang on a table without a route."""
    routes = of_type("AWS::EC2::Route")
    assert [(r["RouteTableId"], r["GatewayId"]) for r in routes.values()] == [
        ({"Ref": "PublicRouteTable"}, {"Ref": "InternetGateway"})
    ]
    for association in of_type("AWS::EC2::SubnetRouteTableAssociation").values():
        tier = re.match("Public|Isolated", association["SubnetId"]["Ref"])
        assert tier
        assert association["RouteTableId"] == {"Ref": f"{tier[0]}RouteTable"}
    assert RESOURCES["PublicRoute"]["DependsOn"] == "InternetGatewayAttachment"


def test_s3_is_reached_without_leaving_the_network() -> None:
    """The gateway endpoint of S3 is on every route table, whatever the placement."""
    for resources in (RESOURCES, variant(network={"nat": "per-zone"}, services=without_paths())):
        tables = [{"Ref": table} for table in of_type("AWS::EC2::RouteTable", resources)]
        (endpoint,) = (e for e in of_type("AWS::EC2::VPCEndpoint", resources).values())
        assert endpoint["VpcEndpointType"] == "Gateway"
        assert endpoint["ServiceName"] == {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"}
        assert sorted(map(str, endpoint["RouteTableIds"])) == sorted(map(str, tables))


def without_paths() -> dict[str, Any]:
    """The services of the example, internal."""
    return {
        name: {key: value for key, value in service.items() if key != "paths"}
        for name, service in MANIFEST["services"].items()
    }


# ---- The database ----


def test_the_database_is_encrypted_isolated_and_kept() -> None:
    """Not public, encrypted, backed up, TLS only, protected, no paid extended support, and a snapshot at its end."""
    database = properties("MainDatabase")
    expected = {
        "Engine": "postgres",
        "EngineVersion": "17",
        "StorageEncrypted": True,
        "StorageType": "gp3",
        "AllocatedStorage": "20",
        "PubliclyAccessible": False,
        "BackupRetentionPeriod": 7,
        "CopyTagsToSnapshot": True,
        "DeleteAutomatedBackups": False,
        "EnableCloudwatchLogsExports": ["postgresql", "upgrade"],
        "DeletionProtection": True,
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "DBSubnetGroupName": {"Ref": "MainDatabaseSubnets"},
        "VPCSecurityGroups": [{"Ref": "MainDatabaseSecurityGroup"}],
    }
    assert {key: database.get(key) for key in expected} == expected
    assert RESOURCES["MainDatabase"]["DeletionPolicy"] == "Snapshot"
    assert RESOURCES["MainDatabase"]["UpdateReplacePolicy"] == "Snapshot"
    assert properties("MainDatabaseParameters")["Parameters"]["rds.force_ssl"] == "1"
    assert properties("MainDatabaseParameters")["Family"] == "postgres17"
    assert properties("MainDatabaseSubnets")["SubnetIds"] == [{"Ref": "IsolatedSubnet1"}, {"Ref": "IsolatedSubnet2"}]
    assert "DBInstanceIdentifier" not in database


def test_rds_keeps_the_master_password() -> None:
    """Nobody writes or reads the password of the master user but RDS and the bootstrap."""
    database = properties("MainDatabase")
    assert database["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in database


def test_with_replicas_the_master_password_is_a_secret_of_the_stack() -> None:
    """RDS refuses replicas of an instance whose password it manages: then a secret is made, and referred to."""
    resources = variant(databases={"main": {**MANIFEST["databases"]["main"], "replicas": 2}})
    database = resources["MainDatabase"]["Properties"]
    assert "ManageMasterUserPassword" not in database
    assert database["MasterUserPassword"] == {
        "Fn::Sub": "{{resolve:secretsmanager:${MainDatabaseMasterSecret}:SecretString:password}}"
    }
    secret = resources["MainDatabaseMasterSecret"]
    assert secret["Properties"]["GenerateSecretString"]["GenerateStringKey"] == "password"
    assert secret["UpdateReplacePolicy"] == "Retain"
    for number in (1, 2):
        replica = resources[f"MainDatabaseReplica{number}"]["Properties"]
        assert replica["SourceDBInstanceIdentifier"] == {"Ref": "MainDatabase"}
        assert replica["PubliclyAccessible"] is False
        assert not {"MasterUsername", "MasterUserPassword", "DBName"} & set(replica)
    assert resources["MainBootstrap"]["Properties"]["MasterSecretArn"] == {"Ref": "MainDatabaseMasterSecret"}


@EVERY_SERVICE
def test_a_service_has_a_secret_of_its_own(service: str, id: str) -> None:
    """Host, port, database, role and a generated password: all a client needs, for each service and instance."""
    generated = properties(f"{id}ToMainSecret")["GenerateSecretString"]
    text = Filled(SHOP, **{"MainDatabase.Endpoint.Address": "HOST"}).value(generated["SecretStringTemplate"])
    assert json.loads(text) == {
        "host": "HOST",
        "port": 5432,
        "name": service.replace("-service", "_database"),
        "username": service.replace("-", "_"),
    }
    assert generated["GenerateStringKey"] == "password"
    assert generated["PasswordLength"] >= 30
    assert generated["ExcludePunctuation"] is True


def test_the_bootstrap_makes_exactly_the_declared_roles_and_databases() -> None:
    """Each database has its own role as owner, and nobody else is let in."""
    desired = properties("MainBootstrap")
    assert desired["Databases"] == [
        {"Name": f"{name}_database", "Owner": f"{name}_service", "ReadWrite": [], "ReadOnly": []}
        for name in ("cart", "product", "user")
    ]
    roles = {service.replace("-", "_"): {"Ref": f"{id}ToMainSecret"} for service, id in SERVICES.items()}
    assert {role["Name"]: role["SecretArn"] for role in desired["Roles"]} == roles
    assert [role["Url"][0] for role in desired["Roles"]] == [f"postgresql://{role}:" for role in roles]
    assert int(desired["ServiceTimeout"]) < 3600


# ---- The bucket ----


def test_the_bucket_is_private_encrypted_and_kept() -> None:
    """No public access, no ACLs, encryption, TLS only, and it stays when the stack goes."""
    bucket = properties("MediaBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
    assert RESOURCES["MediaBucket"]["DeletionPolicy"] in ("Retain", "RetainExceptOnCreate")
    assert RESOURCES["MediaBucket"]["UpdateReplacePolicy"] == "Retain"
    assert "BucketName" not in bucket


def test_the_bucket_lets_in_its_distribution_over_tls_and_nobody_else() -> None:
    """The policy denies clear text to all, and allows reading to this one distribution."""
    tls, distribution = properties("MediaBucketPolicy")["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert tls["Resource"] == [{"Fn::GetAtt": ["MediaBucket", "Arn"]}, {"Fn::Sub": "${MediaBucket.Arn}/*"}]
    assert distribution["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert distribution["Action"] == "s3:GetObject"
    assert "distribution/${MediaDistribution}" in distribution["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"]


def test_the_distribution_is_modern_and_safe() -> None:
    """Origin access control, HTTP/2 and 3, HTTPS by redirect, security headers, compression."""
    config = properties("MediaDistribution")["DistributionConfig"]
    (origin,) = config["Origins"]
    behaviour = config["DefaultCacheBehavior"]
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["MediaOriginAccess", "Id"]}
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert config["HttpVersion"] == "http2and3"
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["ResponseHeadersPolicyId"] == "67f7725c-6f97-4210-82d7-5512b31e9d03"
    assert behaviour["Compress"] is True
    control = properties("MediaOriginAccess")["OriginAccessControlConfig"]
    assert (control["SigningBehavior"], control["SigningProtocol"]) == ("always", "sigv4")


# ---- The hosts ----


def test_every_host_is_hardened() -> None:
    """IMDSv2 with two hops for containers, an encrypted gp3 volume, no key pair, the image by SSM parameter."""
    templates = of_type("AWS::EC2::LaunchTemplate")
    assert len(templates) == len(SERVICES) + 1
    for launch in templates.values():
        data = launch["LaunchTemplateData"]
        assert data["MetadataOptions"] == {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
        }
        for device in data["BlockDeviceMappings"]:
            assert device["Ebs"]["VolumeType"] == "gp3"
            assert device["Ebs"]["Encrypted"] is True
        assert data["ImageId"].startswith("resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-")
        assert data["ImageId"].endswith("arm64")
        assert not {"KeyName", "NetworkInterfaces", "SecurityGroups"} & set(data)


def test_an_image_for_x86_runs_on_x86() -> None:
    """The machine image and the default instance type follow the architecture of the container's image."""
    resources = variant(defaults={**MANIFEST["defaults"], "arch": "x86_64"}, bastion=False)
    for launch in of_type("AWS::EC2::LaunchTemplate", resources).values():
        assert launch["LaunchTemplateData"]["ImageId"].endswith("x86_64")
        assert launch["LaunchTemplateData"]["InstanceType"].startswith("t3.")


@EVERY_SERVICE
def test_an_instance_is_there_when_its_service_answers(service: str, id: str) -> None:
    """The stack waits for a signal, longer than the service may take; a change of what runs is a new instance."""
    instance = RESOURCES[f"{id}Instance"]
    signal = instance["CreationPolicy"]["ResourceSignal"]
    assert signal["Count"] == 1
    minutes = re.fullmatch(r"PT(\d+)M", signal["Timeout"])
    assert minutes
    assert 5 < int(minutes[1]) <= 60
    launch = instance["Properties"]["LaunchTemplate"]
    assert launch["Version"] == {"Fn::GetAtt": [f"{id}LaunchTemplate", "LatestVersionNumber"]}
    assert {f"{id}ToMain", "MainBootstrap", "PublicSubnet1Routes"} <= set(instance["DependsOn"])


@EVERY_SERVICE
def test_user_data_fits(service: str, id: str) -> None:
    """EC2 takes 16 KB before base64, with every reference filled in as long as it may be."""
    longest = {
        "AWS::StackId": "arn:aws:cloudformation:ap-northeast-2:123456789012:stack/" + "s" * 128 + "/" + "0" * 36,
        "MainDatabase.Endpoint.Address": "h" * 120,
        f"{id}ToMainSecret": "a" * 160,
        f"{id}LogGroup": "l" * 128,
        f"{id}ImageTag": "t" * 128,
    }
    text = template.user_data(SHOP, f"{id}LaunchTemplate", **longest)
    assert len(text.encode()) < 16_384
    assert text.startswith("#!/bin/bash\n")
    assert "docker" in text


@EVERY_SERVICE
def test_the_environment_is_what_the_services_read(service: str, id: str) -> None:
    """The real services read exactly these names; passwords are delivered as the place of a secret."""
    values = {"MainDatabase.Endpoint.Address": "HOST", f"{id}ToMainSecret": "SECRET", "AWS::Region": "ap-northeast-2"}
    environment = template.settings(template.user_data(SHOP, f"{id}LaunchTemplate", **values))["environment"]
    name = service.partition("-")[0]
    password = environment.pop("spring.datasource.password")
    assert {"SECRET", "password"} <= {node for _, node in nodes(password) if isinstance(node, str)}
    expected = {
        "spring.datasource.url": f"jdbc:postgresql://HOST:5432/{name}_database?sslmode=require",
        "spring.datasource.username": f"{name}_service",
        "spring.datasource.driverClassName": "org.postgresql.Driver",
    }
    if name == "user":
        expected |= {
            "cloud.aws.s3.bucket": "<MediaBucket>",
            "cloud.aws.region.static": "ap-northeast-2",
            "cloud.aws.cloud-front.domain-name": "<MediaDistribution.DomainName>",
            "cloud.aws.cloud-front.distribution-id": "<MediaDistribution>",
        }
    if name == "cart":
        expected |= {
            "msa.product-service.url": "http://product-service.shop.internal:8001",
            "msa.user-service.url": "http://user-service.shop.internal:8002",
        }
    assert environment == expected


def test_names_of_called_services_are_registered() -> None:
    """Who is called has a private name with the address of its instance; who is not has none."""
    registered = {entry["Name"] for entry in of_type("AWS::ServiceDiscovery::Service").values()}
    assert registered == {"product-service", "user-service"}
    for service in registered:
        id = SERVICES[service]
        address = properties(f"{id}AddressInstance")["InstanceAttributes"]["AWS_INSTANCE_IPV4"]
        assert address == {"Fn::GetAtt": [f"{id}Instance", "PrivateIp"]}
    assert properties("Namespace")["Name"] == properties("DhcpOptions")["DomainName"] == "shop.internal"


# ---- Who reaches whom ----


def reach(resources: dict[str, Any]) -> set[tuple[str, str, Any, Any]]:
    """Every way in that the security groups open: source, group, first and last port."""
    ways = set()
    for name, group in of_type("AWS::EC2::SecurityGroup", resources).items():
        for rule in group.get("SecurityGroupIngress", []):
            ways.add((source(rule), name, rule.get("FromPort"), rule.get("ToPort")))
    for rule in of_type("AWS::EC2::SecurityGroupIngress", resources).values():
        ways.add((source(rule), target(rule["GroupId"]), rule["FromPort"], rule["ToPort"]))
    return ways


def source(rule: dict[str, Any]) -> str:
    """Who may come in by a rule."""
    assert rule["IpProtocol"] == "tcp"
    keys = {"CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "SourceSecurityGroupName"} & set(rule)
    assert len(keys) == 1
    return rule["CidrIp"] if "CidrIp" in rule else target(rule["SourceSecurityGroupId"])


def target(reference: Any) -> str:
    """The logical id behind a reference to a group."""
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])


def test_only_declared_edges_are_open() -> None:
    """The complete list of who reaches whom: each edge once, the front doors, the bastion and the bootstrap."""
    declared = {(f"{id}SecurityGroup", "MainDatabaseSecurityGroup", 5432, 5432) for id in SERVICES.values()}
    declared |= {("0.0.0.0/0", f"{id}SecurityGroup", 80, 80) for id in SERVICES.values()}
    declared |= {
        ("CartServiceSecurityGroup", "ProductServiceSecurityGroup", 8001, 8001),
        ("CartServiceSecurityGroup", "UserServiceSecurityGroup", 8002, 8002),
        ("BastionSecurityGroup", "MainDatabaseSecurityGroup", 5432, 5432),
        ("DatabaseBootstrapRunnerSecurityGroup", "MainDatabaseSecurityGroup", 5432, 5432),
    }
    assert reach(RESOURCES) == declared
    rules = len(of_type("AWS::EC2::SecurityGroupIngress")) + len(SERVICES)
    assert rules == len(declared)


def test_without_paths_no_port_is_open_to_the_world() -> None:
    """Port 80 is there for public paths only."""
    ways = reach(variant(services=without_paths()))
    assert not [way for way in ways if not way[0].endswith("SecurityGroup")]


def test_nothing_ever_opens_ssh() -> None:
    """People come in by Session Manager: no group lets in anything on port 22, not even to the bastion."""
    assert not [way for way in reach(RESOURCES) if way[2] <= 22 <= way[3]]
    assert "SecurityGroupIngress" not in properties("BastionSecurityGroup")


def test_services_that_use_one_another_compile() -> None:
    """Circular uses are normal: addresses are names, and no resource waits for itself."""
    services = {name: dict(service) for name, service in MANIFEST["services"].items()}
    for name, service in services.items():
        service["uses"] = {**service["uses"], **{other: None for other in services if other != name}}
    resources = variant(services=services)
    ways = {way for way in reach(resources) if way[1].endswith("ServiceSecurityGroup") and way[0] != "0.0.0.0/0"}
    assert len(ways) == 6
    order = {name: set(waits_for(part, resources)) for name, part in resources.items()}
    while ready := [name for name, needs in order.items() if not needs & set(order)]:
        for name in ready:
            del order[name]
    assert order == {}


def waits_for(part: Any, resources: dict[str, Any]) -> list[str]:
    """What a resource waits for: by reference, substitution or DependsOn."""
    found: list[str] = []
    for path, node in nodes(part):
        if path[-1:] == ("Ref",) or path[-1:] == ("DependsOn",) or (path[-2:-1] == ("DependsOn",)):
            found += [node] if isinstance(node, str) else node
        elif path[-2:] == ("Fn::GetAtt", 0):
            found.append(node)
        elif isinstance(node, str) and "Fn::Sub" in path:
            found += [token.partition(".")[0] for token in re.findall(r"\$\{([A-Za-z0-9.]+)\}", node)]
    return [name for name in found if name in resources]


# ---- Who may do what ----


def base(id: str, service: str) -> list[dict[str, Any]]:
    """What every service may do: write its logs, pull its image, read its secret."""
    repository = f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/shop/{service}"
    return [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": [f"{id}LogGroup", "Arn"]}),
        allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            {"Fn::Sub": repository},
        ),
        allow("secretsmanager:GetSecretValue", {"Ref": f"{id}ToMainSecret"}),
    ]


@EVERY_SERVICE
def test_a_role_may_do_exactly_what_the_edges_of_its_service_say(service: str, id: str) -> None:
    """No statement but those of the logs, the image and the declared uses."""
    expected = base(id, service)
    if service == "user-service":
        expected += [
            allow(["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], {"Fn::Sub": "${MediaBucket.Arn}/*"}),
            allow(
                "cloudfront:CreateInvalidation",
                {"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${MediaDistribution}"},
            ),
        ]
    assert statements(f"{id}Role") == expected
    assert properties(f"{id}Role")["ManagedPolicyArns"] == [{"Ref": "HostPolicy"}]
    assert properties(f"{id}InstanceProfile")["Roles"] == [{"Ref": f"{id}Role"}]


def test_hosts_share_only_what_every_host_needs() -> None:
    """The common policy: Session Manager, signalling this stack, logging in to ECR. No managed policy of AWS. The
    bastion has the first of it only."""
    allowed = properties("HostPolicy")["PolicyDocument"]["Statement"]
    sessions = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ]
    assert allowed == [
        allow(sessions, "*"),
        allow("cloudformation:SignalResource", {"Ref": "AWS::StackId"}),
        allow("ecr:GetAuthorizationToken", "*"),
    ]
    assert statements("BastionRole") == [allow(sessions, "*")]
    assert "ManagedPolicyArns" not in properties("BastionRole")
    for role in of_type("AWS::IAM::Role").values():
        assert role.get("ManagedPolicyArns", [{"Ref": "HostPolicy"}]) == [{"Ref": "HostPolicy"}]


def test_no_role_may_do_everything() -> None:
    """No action ends in a star, and `*` as a resource stands only where IAM knows no other."""
    for role in of_type("AWS::IAM::Role"):
        for statement in statements(role) if "Policies" in properties(role) else []:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action]
            if statement["Resource"] == "*":
                services = {"DatabaseBootstrapRunnerRole": {"ec2"}, "BastionRole": {"ssm", "ssmmessages"}}
                assert {action.partition(":")[0] for action in actions} == services[role]


def test_only_the_handler_of_the_bootstrap_reads_the_secrets_of_all() -> None:
    """It reads the master's and each service's secret; the runner, which stands in the network, reads none."""
    allowed = [
        (s["Action"], s["Resource"])
        for s in statements("DatabaseBootstrapHandlerRole")
        if "secretsmanager" in str(s["Action"])
    ]
    assert allowed == [
        ("secretsmanager:GetSecretValue", {"Fn::GetAtt": ["MainDatabase", "MasterUserSecret.SecretArn"]}),
        (
            ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
            [{"Ref": f"{id}ToMainSecret"} for id in SERVICES.values()],
        ),
    ]
    assert "secretsmanager" not in str(statements("DatabaseBootstrapRunnerRole"))
    runner = properties("DatabaseBootstrapRunner")["VpcConfig"]
    assert runner["SubnetIds"] == [{"Ref": "IsolatedSubnet1"}, {"Ref": "IsolatedSubnet2"}]
    (way_out,) = properties("DatabaseBootstrapRunnerSecurityGroup")["SecurityGroupEgress"]
    assert (way_out["FromPort"], way_out["ToPort"]) == (5432, 5432)
    assert way_out["DestinationSecurityGroupId"] == {"Ref": "MainDatabaseSecurityGroup"}


# ---- The template as a whole ----


def test_each_owned_image_has_one_parameter_for_its_tag() -> None:
    """There is no other parameter but the zones, and each has the manifest's tag as its default."""
    assert {name: p["Default"] for name, p in SHOP["Parameters"].items()} == {
        "Zones": "",
        **{f"{id}ImageTag": "1.0" for id in SERVICES.values()},
    }
    for service, id in SERVICES.items():
        text = template.user_data(SHOP, f"{id}LaunchTemplate", **{f"{id}ImageTag": "of-the-deployment"})
        assert f"/shop/{service}:of-the-deployment" in text


def test_every_output_and_parameter_is_described() -> None:
    """People read them in the console: each says in a sentence what it is."""
    for described in (*SHOP["Outputs"].values(), *SHOP["Parameters"].values()):
        assert re.fullmatch(r"[A-Z].*\.", described["Description"])
    assert set(SHOP["Outputs"]) >= {f"{id}Url" for id in SERVICES.values()} | {"MainEndpoint", "MediaCdnDomain"}


def test_no_secret_is_in_the_template() -> None:
    """No password, key or dynamic reference: only names, and ARNs of what holds a secret."""
    text = render.to_yaml(pipeline.compile_main(DOCUMENT).stack)
    assert "{{resolve:" not in text
    assert "AKIA" not in text
    assert "BEGIN " not in text
    for _, node in nodes(SHOP):
        if isinstance(node, dict):
            assert not {"MasterUserPassword", "SecretString", "AuthToken", "Password"} & set(node)


def test_the_template_stands_alone() -> None:
    """No asset, no file in S3, no transform: one file is all that CloudFormation needs. Its one condition is whether
    zones are named."""
    assert not {"Transform", "Rules"} & set(SHOP)
    assert set(SHOP["Conditions"]) == {"ZonesAreNamed"}
    for function in of_type("AWS::Lambda::Function").values():
        assert set(function["Code"]) == {"ZipFile"}
    forbidden = {"Fn::Cidr", "Fn::If", "Fn::Transform", "Fn::ImportValue", "Fn::GetStackOutput", "Condition"}
    for path, node in nodes(RESOURCES):
        if isinstance(node, dict):
            assert not forbidden & set(node) or {"PolicyDocument", "AvailabilityZone"} & set(path), path
        assert node != "AWS::NoValue"
    assert "&id" not in render.to_yaml(pipeline.compile_main(DOCUMENT).stack)


def test_every_reference_leads_somewhere() -> None:
    """Whatever is referred to is a resource, a parameter, a mapping or a pseudo parameter of the template."""
    known = {*RESOURCES, *SHOP["Parameters"]}
    for path, node in nodes({"Resources": RESOURCES, "Outputs": SHOP["Outputs"]}):
        if path[-1:] == ("Ref",) or path[-2:] == ("Fn::GetAtt", 0):
            assert node in known or node.startswith("AWS::"), path
        if path[-1:] == ("Fn::FindInMap",):
            assert SHOP["Mappings"][node[0]][node[1]][node[2]]
        if path[-1:] == ("DependsOn",):
            assert set([node] if isinstance(node, str) else node) <= set(RESOURCES)


def test_every_taggable_resource_says_whose_it_is() -> None:
    """What people meet in the console has a Name that begins with the stack's."""
    for name, part in RESOURCES.items():
        tags = {tag["Key"]: tag["Value"] for tag in part.get("Properties", {}).get("Tags", [])}
        if tags:
            assert tags["Name"].startswith("shop"), name


def test_physical_names_are_left_to_cloudformation() -> None:
    """A named resource cannot be replaced: only names that are addresses, and those that AWS demands, are given."""
    names = {
        "BucketName",
        "RoleName",
        "DBInstanceIdentifier",
        "FunctionName",
        "GroupName",
        "LogGroupName",
        "PolicyName",
    }
    for path, _ in nodes(RESOURCES):
        assert path[-1:] not in [(name,) for name in names] or "Policies" in path, path


def test_the_registry_stack_keeps_scanned_and_encrypted_images() -> None:
    """One repository for each owned image: scanned on push, old untagged images expire, kept when the stack goes."""
    registry = template.registry_of(DOCUMENT)
    assert registry
    found = template.load(render.to_yaml(registry))
    assert registry.name == "shop-registry"
    assert {r["Properties"]["RepositoryName"] for r in found["Resources"].values()} == {f"shop/{s}" for s in SERVICES}
    for repository in found["Resources"].values():
        assert repository["DeletionPolicy"] == repository["UpdateReplacePolicy"] == "Retain"
        assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert repository["Properties"]["EncryptionConfiguration"]["EncryptionType"] == "AES256"
        policy = json.loads(repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])
        assert policy["rules"][0]["selection"]["tagStatus"] == "untagged"
    assert all(output["Description"].endswith(".") for output in found["Outputs"].values())


@pytest.mark.parametrize(
    "named", [{}, {"private": 1}, {"public": 2}, {"private": 2, "isolated": 1}, {"public": 3}], ids=str
)
def test_subnets_that_lack_are_parameters_too(named: dict[str, int]) -> None:
    """What a network that exists lacks is told once (MSA326): nothing is missing that the template names."""
    ids = {tier: [f"subnet-0000000{number}" for number in range(count)] for tier, count in named.items()}
    network = Network(vpc="vpc-00000000", cidr="10.0.0.0/16", **ids)
    has = {each.title for each in existing_network.build(network).parameters}
    for tier in ("Public", "Private", "Isolated"):
        assert {subnet.target for subnet in existing_network.subnets(tier, network)} <= has
