"""Patches that weaken the system: each is told on its line, unless it says why; then checkers read the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from msaspec import pipeline
from msaspec.cli import main
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.template import weaknesses
from msaspec.template.exceptions import every
from msaspec.template.stack import Stack
from msaspec.template.weakness import Group, Template, Weakness
from tests import goldens

SHOP = """\
msaspec: 1
name: shop
region: us-east-1
network: {placement: private, nat: single}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
databases: {main: {size: db.m7g.large, replicas: 1}}
buckets: {media: {cdn: true, versioned: true}}
bastion: true
services:
  web: {image: web:1.0, port: 8080, paths: [/web], runtime: fargate, scale: {min: 2, max: 4}, uses: [api, main, media]}
  api: {image: api:1.0, port: 8000, paths: [/api], runtime: autoscaling, scale: {min: 1, max: 3}}
"""
WHY = "The office tests this until the end of the month."


def add(path: str, value: Any) -> dict[str, Any]:
    """A patch of a property, or of a resource where the path begins with `/`."""
    name, _, rest = path.partition("/")
    return {"op": "add", "path": path if not name else f"/Resources/{name}/Properties/{rest}", "value": value}


def remove(path: str) -> dict[str, Any]:
    """A patch that removes a property, or what a path that begins with `/` names."""
    name, _, rest = path.partition("/")
    return {"op": "remove", "path": path if not name else f"/Resources/{name}/Properties/{rest}"}


def resource(name: str, kind: str, **properties: Any) -> dict[str, Any]:
    """A patch with a resource of its own."""
    return add(f"/Resources/{name}", {"Type": f"AWS::{kind}", "Properties": properties})


def statement(**words: Any) -> dict[str, Any]:
    """A policy document with one statement."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **words}]}


OTHERS = "arn:aws:iam::999999999999:root"
PORT = {"GroupId": {"Ref": "WebSecurityGroup"}, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
EVERYTHING = statement(Action="*", Resource="*")
CONTAINER = "WebTask/ContainerDefinitions/0"
HOST = "ApiLaunchTemplate/LaunchTemplateData"
CDN = "MediaDistribution/DistributionConfig"

ROUTE = resource(
    "X",
    "EC2::Route",
    RouteTableId={"Ref": "IsolatedRouteTable"},
    DestinationCidrBlock="0.0.0.0/0",
    GatewayId={"Ref": "InternetGateway"},
)
ROUTE["value"]["DependsOn"] = "InternetGatewayAttachment"

WEAKENING: Mapping[str, list[dict[str, Any]]] = {
    "MSA450": [
        add("MainDatabase/PubliclyAccessible", True),
        add("MainDatabase/PubliclyAccessible", "true"),
        add("MainDatabase/PubliclyAccessible", {"Fn::If": ["Never", False, True]}),
        remove("MediaBucket/PublicAccessBlockConfiguration"),
        add("MediaBucket/PublicAccessBlockConfiguration/BlockPublicPolicy", False),
        remove("MediaBucket/PublicAccessBlockConfiguration/RestrictPublicBuckets"),
        add("MediaBucket/AccessControl", "PublicRead"),
        add(
            "MediaBucketPolicy/PolicyDocument/Statement/-",
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"},
        ),
        resource("Pull", "ECR::PublicRepository"),
        resource(
            "X",
            "EC2::SecurityGroupIngress",
            GroupId={"Ref": "MainDatabaseSecurityGroup"},
            IpProtocol="tcp",
            FromPort=5432,
            ToPort=5432,
            CidrIp="0.0.0.0/0",
        ),
        resource(
            "X", "EC2::SecurityGroupIngress", GroupId={"Ref": "WebSecurityGroup"}, IpProtocol="-1", CidrIpv6="::/0"
        ),
        resource(
            "X",
            "EC2::SecurityGroupIngress",
            GroupId={"Ref": "WebSecurityGroup"},
            IpProtocol="tcp",
            FromPort=22,
            ToPort=22,
            CidrIp="0.0.0.0/1",
        ),
        add(
            "WebSecurityGroup/SecurityGroupIngress/-",
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "CidrIp": "0.0.0.0/0"},
        ),
        add("IsolatedSubnet1/MapPublicIpOnLaunch", True),
        add("WebService/NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp", "ENABLED"),
        ROUTE,
        add("InternalLoadBalancer/Scheme", "internet-facing"),
        resource("X", "Lambda::Permission", FunctionName="f", Action="lambda:InvokeFunction", Principal="*"),
        resource("X", "Lambda::Url", TargetFunctionArn="f", AuthType="NONE"),
        resource(
            "X", "SQS::QueuePolicy", Queues=["q"], PolicyDocument=statement(Principal="*", Action="sqs:*", Resource="*")
        ),
        add("WebTaskRole/AssumeRolePolicyDocument/Statement/0/Principal", {"AWS": "*"}),
        remove(f"{CDN}/Origins/0/OriginAccessControlId"),
        resource("X", "EC2::SecurityGroupIngress", **PORT, CidrIp={"Fn::Sub": ["${A}/0", {"A": "0.0.0.0"}]}),
        resource(
            "X", "EC2::SecurityGroupIngress", **PORT, CidrIp={"Fn::Select": ["1", {"Fn::Split": [",", "a,::/0"]}]}
        ),
        resource("X", "EC2::SecurityGroupIngress", **PORT, CidrIp="52.0.0.0/8"),
        resource("X", "EC2::PrefixList", Entries=[{"Cidr": "0.0.0.0/0"}]),
        resource("X", "EC2::SecurityGroupEgress", GroupId="g", IpProtocol="-1", CidrIp="0.0.0.0/0"),
        remove("MainDatabaseSecurityGroup/SecurityGroupEgress"),
        add("IsolatedSubnet1Routes/RouteTableId", {"Ref": "PublicRouteTable"}),
        add("MediaBucket/OwnershipControls", {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}),
        resource("X", "S3::AccessPoint", Policy=statement(Principal="*", Action="s3:*", Resource="*")),
        resource("X", "SNS::TopicInlinePolicy", PolicyDocument=statement(Principal="*", Action="sns:*", Resource="*")),
        resource("X", "Logs::ResourcePolicy", PolicyDocument=json.dumps(statement(Principal="*", Action="logs:*"))),
        *(
            resource("X", "SQS::QueuePolicy", PolicyDocument=statement(Principal="*", Action="sqs:*", Condition=each))
            for each in (
                {"StringLike": {"aws:PrincipalArn": "*"}},
                {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
                {"StringNotEquals": {"aws:PrincipalAccount": "1"}},
                {"StringEqualsIfExists": {"aws:PrincipalAccount": "1"}},
            )
        ),
        resource(
            "X", "KMS::Key", EnableKeyRotation=True, KeyPolicy=statement(Principal={"AWS": OTHERS}, Action="kms:*")
        ),
        resource("X", "Lambda::Permission", FunctionName="f", Principal="999999999999"),
        add(
            "WebTaskRole/AssumeRolePolicyDocument/Statement/-",
            {"Effect": "Allow", "Principal": {"AWS": OTHERS}, "Action": "sts:AssumeRole"},
        ),
        resource("X", "ElastiCache::User", NoPasswordRequired=True),
    ],
    "MSA451": [
        add("MainDatabase/StorageEncrypted", False),
        remove("MainDatabase/StorageEncrypted"),
        add("MainDatabaseParameters/Parameters/rds.force_ssl", "0"),
        resource("Own", "DocDB::DBClusterParameterGroup", Family="docdb5.0", Parameters={"tls": "disabled"}),
        add("MainDatabase/MasterUserPassword", "a-literal-password"),
        add("IngressHttpsListener/Protocol", "HTTP"),
        add("IngressHttpsListener/SslPolicy", "ELBSecurityPolicy-2016-08"),
        remove("IngressHttpsListener/SslPolicy"),
        add(f"{CDN}/DefaultCacheBehavior/ViewerProtocolPolicy", "allow-all"),
        add(f"{HOST}/BlockDeviceMappings/0/Ebs/Encrypted", False),
        remove("/Resources/MediaBucketPolicy"),
        resource("Own", "EFS::FileSystem"),
        resource("Own", "EC2::Volume", Size=1, AvailabilityZone="us-east-1a"),
        resource(
            "Own",
            "ElastiCache::ReplicationGroup",
            ReplicationGroupDescription="x",
            TransitEncryptionEnabled=False,
            AtRestEncryptionEnabled=True,
        ),
        resource("Own", "SecretsManager::Secret", SecretString="hunter2"),
        remove("MainDatabase/DBParameterGroupName"),
        remove("MainDatabaseParameters/Parameters/rds.force_ssl"),
        add("IngressHttpListener/DefaultActions", [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP"}}]),
        resource(
            "X",
            "ElasticLoadBalancingV2::ListenerRule",
            ListenerArn={"Ref": "IngressHttpListener"},
            Priority=1,
            Actions=[{"Type": "forward", "TargetGroupArn": {"Ref": "WebTargetGroup"}}],
        ),
        add(f"{CONTAINER}/Environment/-", {"Name": "DB_PASSWORD", "Value": "hunter2"}),
        add(f"{CONTAINER}/Environment/-", {"Name": "API_TOKEN", "Value": {"Fn::Sub": "hunter2"}}),
        add(f"{CONTAINER}/Environment/-", {"Name": "P", "Value": "{{resolve:secretsmanager:x:SecretString:password}}"}),
        add(f"{CONTAINER}/Command", ["run", "--password", "hunter2"]),
        add("/Parameters/DbPassword", {"Type": "String", "Default": "hunter2"}),
        add(
            "/Outputs/X", {"Value": {"Fn::Sub": "{{resolve:secretsmanager:${WebToMainSecret}:SecretString:password}}"}}
        ),
        resource("X", "Lambda::Function", Environment={"Variables": {"DB_PASSWORD": "hunter2"}}),
        resource("X", "SSM::Parameter", Type="String", Name="/x/password", Value="hunter2"),
        resource("X", "AmazonMQ::Broker", Users=[{"Username": "a", "Password": "hunter2hunter2"}]),
        resource("X", "ElastiCache::ReplicationGroup", AuthToken="hunter2hunter2hunter2"),
        resource("X", "EC2::Instance", UserData={"Fn::Base64": "#!/bin/sh\nexport DB_PASSWORD=hunter2\n"}),
        resource("X", "MSK::Cluster", EncryptionInfo={"EncryptionInTransit": {"ClientBroker": "PLAINTEXT"}}),
        resource("X", "ECS::TaskDefinition", Volumes=[{"EFSVolumeConfiguration": {"FilesystemId": "x"}}]),
    ],
    "MSA452": [
        add("MainDatabase/DeletionProtection", False),
        remove("MainDatabase/DeletionProtection"),
        add("/Resources/MainDatabase/DeletionPolicy", "Delete"),
        remove("/Resources/MediaBucket/DeletionPolicy"),
        add("/Resources/MediaBucket/UpdateReplacePolicy", "Delete"),
        add("MainDatabase/BackupRetentionPeriod", 0),
        add("MediaBucket/VersioningConfiguration/Status", "Suspended"),
        resource("Own", "DynamoDB::Table", DeletionProtectionEnabled=False),
        resource("Own", "RDS::DBInstance", StorageEncrypted=True, DeletionProtection=True),
        add("MainDatabase/BackupRetentionPeriod", 1),
        remove("MediaBucket/VersioningConfiguration"),
        resource("X", "EFS::FileSystem", Encrypted=True, BackupPolicy={"Status": "DISABLED"}),
    ],
    "MSA453": [
        resource("X", "IAM::ManagedPolicy", PolicyDocument=EVERYTHING),
        resource(
            "X",
            "IAM::Policy",
            PolicyName="x",
            Roles=[{"Ref": "WebTaskRole"}],
            PolicyDocument=statement(Action=["s3:GetObject", "iam:*"], Resource=["*"]),
        ),
        resource("X", "IAM::Policy", PolicyName="x", PolicyDocument=statement(NotAction="iam:*", Resource="*")),
        resource("X", "IAM::Policy", PolicyName="x", PolicyDocument=statement(Action="iam:PassRole", Resource="*")),
        add("WebTaskRole/Policies/-", {"PolicyName": "x", "PolicyDocument": EVERYTHING}),
        add(
            "WebTaskRole/ManagedPolicyArns", [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"}]
        ),
        *(
            resource("X", "IAM::Policy", PolicyName="x", PolicyDocument=statement(Action=action, Resource=where))
            for action, where in (
                ("s3:**", "*"),
                ("iam:Pass*", "*"),
                ("iam:AttachRolePolicy", "*"),
                ("secretsmanager:GetSecretValue", "*"),
                ("s3:Get*", "arn:aws:s3:::*/*"),
                ("*", "arn:aws:*:*:*:*"),
                ("s3:*", "arn:aws:s3:::*"),
                ("iam:PassRole", {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/*"}),
                ("secretsmanager:GetSecretValue", {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:*:*:secret:*"}),
            )
        ),
        *(
            resource("X", "IAM::RolePolicy", PolicyDocument=statement(Action="*", Resource="*", Condition=each))
            for each in ({"StringLike": {"aws:PrincipalArn": "*"}}, {"Bool": {"aws:SecureTransport": "true"}})
        ),
        add("WebTaskRole/ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]),
        add("WebTaskRole/ManagedPolicyArns", ["arn:aws:iam::aws:policy/SecretsManagerReadWrite"]),
        resource("X", "IAM::AccessKey", UserName="x"),
    ],
    "MSA454": [
        remove(f"{CONTAINER}/LogConfiguration"),
        remove("MainDatabase/EnableCloudwatchLogsExports"),
        add("MainDatabase/EnableCloudwatchLogsExports", []),
        remove("/Resources/WebLogGroup"),
        add(f"{CONTAINER}/LogConfiguration", {"LogDriver": "none"}),
        add("/Resources/WebLogGroup/Condition", "Never"),
        add("WebLogGroup/RetentionInDays", 1),
    ],
    "MSA455": [
        add(f"{HOST}/MetadataOptions/HttpTokens", "optional"),
        remove(f"{HOST}/MetadataOptions"),
        add(f"{CONTAINER}/Privileged", True),
        add(f"{CONTAINER}/LinuxParameters/Capabilities", {"Add": ["SYS_ADMIN"]}),
        add("WebTask/PidMode", "host"),
        add("WebService/EnableExecuteCommand", True),
        add(f"{HOST}/MetadataOptions/HttpPutResponseHopLimit", 3),
        add(f"{HOST}/KeyName", "me"),
        add("WebTask/Volumes", [{"Name": "h", "Host": {"SourcePath": "/var/run/docker.sock"}}]),
        add(f"{CONTAINER}/DockerSecurityOptions", ["apparmor:unconfined"]),
        add(f"{CONTAINER}/User", "root"),
        resource("Own", "ECR::Repository", ImageTagMutability="MUTABLE"),
    ],
    "MSA456": [
        add("/Resources/Vpc/Metadata", {"cfn-lint": {"config": {"ignore_checks": ["W3045"]}}}),
        add("/Metadata/cfn-lint", {"config": {"ignore_checks": ["E"]}}),
        add("/Resources/Vpc/Metadata", {"checkov": {"skip": [{"id": "CKV_AWS_1", "comment": "x"}]}}),
        add("/Resources/Vpc/Metadata", {"cdk_nag": {"rules_to_suppress": []}}),
        add("/Transform", [{"Name": "AWS::Include", "Parameters": {"Location": "s3://x/y.yaml"}}]),
        add("/Resources/X", {"Type": "AWS::S3::Bucket", "Properties": {"Fn::Transform": {"Name": "Mine"}}}),
        resource("X", "CloudFormation::Stack", TemplateURL="https://x.s3.amazonaws.com/y.yaml"),
    ],
}
HARMLESS = [
    add("Vpc/CidrBlock", "10.1.0.0/16"),
    add("MainDatabase/PubliclyAccessible", False),
    add("MainDatabase/StorageEncrypted", "true"),
    add("WebService/HealthCheckGracePeriodSeconds", 10),
    resource(
        "X",
        "EC2::SecurityGroupIngress",
        GroupId={"Ref": "WebSecurityGroup"},
        IpProtocol="tcp",
        FromPort=22,
        ToPort=22,
        CidrIp="10.0.0.0/8",
    ),
    resource("X", "IAM::Policy", PolicyName="x", PolicyDocument=statement(Action="s3:*", Resource="arn:aws:s3:::b/*")),
    resource("X", "IAM::Policy", PolicyName="x", PolicyDocument=statement(Action="ec2:Describe*", Resource="*")),
    resource(
        "X",
        "SNS::TopicPolicy",
        Topics=["t"],
        PolicyDocument=statement(
            Principal="*", Action="sns:Publish", Resource="*", Condition={"StringEquals": {"aws:SourceAccount": "1"}}
        ),
    ),
    resource("X", "Lambda::Permission", FunctionName="f", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"),
    resource("Own", "SecretsManager::Secret", GenerateSecretString={}),
    resource("Own", "ECR::Repository", RepositoryName="x"),
    add("/Resources/Vpc/Metadata", {"Note": "ours"}),
    add(f"{CONTAINER}/Environment/-", {"Name": "DB_PASSWORD_FILE", "Value": "/run/secrets/x"}),
    add(
        f"{CONTAINER}/Environment/-", {"Name": "TOKEN_URL", "Value": {"Fn::Sub": "https://${AWS::Region}.example.com"}}
    ),
    add("/Transform", "AWS::LanguageExtensions"),
    add("MainDatabase/BackupRetentionPeriod", 30),
    resource(
        "X", "IAM::Policy", PolicyName="x", PolicyDocument=statement(Action="s3:Get*", Resource="arn:aws:s3:::b/*")
    ),
    resource(
        "X",
        "IAM::Policy",
        PolicyName="x",
        PolicyDocument=statement(
            Action="iam:PassRole",
            Resource="*",
            Condition={"StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}},
        ),
    ),
    resource(
        "X",
        "KMS::Key",
        EnableKeyRotation=True,
        KeyPolicy=statement(Principal={"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}, Action="kms:*"),
    ),
    resource("X", "EC2::SecurityGroup", GroupDescription="x"),
    add("IngressHttpsListener/SslPolicy", "ELBSecurityPolicy-TLS13-1-3-2021-06"),
    {"op": "test", "path": "/Resources/Vpc/Type", "value": "AWS::EC2::VPC"},
]
NEEDED = {
    "MediaBucket/VersioningConfiguration/Status": [add("MediaBucket/VersioningConfiguration", {"Status": "Enabled"})],
    "WebTaskRole/Policies/-": [add("WebTaskRole/Policies", [])],
    f"{CONTAINER}/LinuxParameters/Capabilities": [add(f"{CONTAINER}/LinuxParameters", {})],
    "WebSecurityGroup/SecurityGroupIngress/-": [add("WebSecurityGroup/SecurityGroupIngress", [])],
}
"""Patches that come before one, so that it has a place."""


def pointer(path: str) -> str:
    """The pointer of a short path."""
    name, _, rest = path.partition("/")
    return f"/Resources/{name}/Properties/{rest}"


BEFORE = {pointer(path): patches for path, patches in NEEDED.items()}
CASES = [(code, patch) for code, patches in WEAKENING.items() for patch in patches]


def manifest(*patches: dict[str, Any]) -> str:
    """The shop with patches, and what these need."""
    needed = [each for patch in patches for each in BEFORE.get(patch["path"], [])]
    return SHOP + yaml.safe_dump({"patches": [*needed, *patches]}, width=10**6)


def compiled(*patches: dict[str, Any]) -> tuple[Stack, list[Diagnostic]]:
    """The stack, and what is told of its patches' weaknesses."""
    made = pipeline.compile_system(pipeline.load(manifest(*patches), "msa.yaml"))
    (stack,) = [stack for stack in made.stacks if stack.name == "shop"]
    return stack, [found for found in made.warnings if "MSA450" <= found.code <= "MSA456"]


def named(value: Any) -> str:
    """A short name of a case."""
    return value if isinstance(value, str) else f"{value['op']} {value['path'].removeprefix('/Resources/')[:60]}"


@pytest.mark.parametrize(("code", "patch"), CASES, ids=named)
def test_a_patch_that_weakens_is_told_on_its_line(code: str, patch: dict[str, Any]) -> None:
    """With a sentence that names the resource, and a way to accept it."""
    stack, told = compiled(patch)
    assert code in [found.code for found in told], [found.message for found in told]
    last = ("patches", len(BEFORE.get(patch["path"], [])))
    assert {found.path[:2] for found in told} == {last}
    assert all("why" in (found.hint or "") for found in told)
    assert all(why is None for *_, why in stack.weakened)


@pytest.mark.parametrize(("code", "patch"), CASES, ids=named)
def test_with_a_reason_it_is_an_exception_for_checkers(code: str, patch: dict[str, Any]) -> None:
    """Nothing is told, and the resource has the reason where cdk-nag, checkov and Guard look for it."""
    stack, told = compiled({**patch, "why": WHY})
    assert told == []
    assert stack.weakened
    for weakness, _, why in stack.weakened:
        assert why == WHY
        resource = stack.template["Resources"].get(weakness.resource)
        if resource is None or weakness.kind.group is Group.SILENT:
            continue
        metadata = resource.get("Metadata", {})
        rules = metadata.get("cdk_nag", {}).get("rules_to_suppress", [])
        skips = metadata.get("checkov", {}).get("skip", [])
        assert {rule["id"] for rule in rules} >= set(weakness.kind.cdk_nag)
        assert {skip["id"] for skip in skips} >= set(weakness.kind.checkov)
        assert set(metadata.get("guard", {}).get("SuppressedRules", [])) >= set(weakness.kind.guard)
        assert all(rule["reason"] == WHY for rule in rules)
        assert all(skip["comment"] == WHY for skip in skips)


@pytest.mark.parametrize("patch", HARMLESS, ids=named)
def test_other_patches_are_not(patch: dict[str, Any]) -> None:
    """What is as strong as before, or stronger."""
    assert [found.message for found in compiled(patch)[1]] == []


STORES = """\
msaspec: 1
name: shop
region: us-east-1
network: {placement: private, nat: single}
databases: {docs: {engine: documentdb}}
buckets: {media: {cdn: true}}
caches: {cac: {}}
queues: {que: {}}
tables: {tab: {key: id}}
brokers: {brk: {}}
volumes: {vol: {}}
encryption: {key: own}
audit: true
services:
  web:
    image: web:1.0
    port: 80
    runtime: fargate
    scale: {min: 1, max: 1}
    uses: {docs: , media: , cac: , que: {access: send}, tab: {access: write}, brk: , vol: /data}
"""
VOLUME = "WebTask/Volumes/0/EFSVolumeConfiguration"
OF_STORES = [
    (remove("DocsDocuments/DBClusterParameterGroupName"), "MSA451"),
    (remove("DocsDocuments/KmsKeyId"), "MSA451"),
    (add("CacCache/TransitEncryptionMode", "preferred"), "MSA451"),
    (remove("QueQueue/KmsMasterKeyId"), "MSA451"),
    (remove("MediaBucket/BucketEncryption"), "MSA451"),
    (remove("WebLogGroup/KmsKeyId"), "MSA451"),
    (add(f"{VOLUME}/TransitEncryption", "DISABLED"), "MSA451"),
    (add(f"{VOLUME}/AuthorizationConfig/IAM", "DISABLED"), "MSA450"),
    (remove("CacCache/UserGroupIds"), "MSA450"),
    (add("TabTable/ResourcePolicy", {"PolicyDocument": statement(Principal="*", Action="dynamodb:*")}), "MSA450"),
    (remove("TabTable/PointInTimeRecoverySpecification"), "MSA452"),
    (remove("TabTable/DeletionProtectionEnabled"), "MSA452"),
    (add("VolFileSystem/BackupPolicy", {"Status": "DISABLED"}), "MSA452"),
    (add("DocsDocuments/BackupRetentionPeriod", 1), "MSA452"),
    (remove("VolFileSystem/FileSystemPolicy"), "MSA453"),
    (remove("DocsDocuments/EnableCloudwatchLogsExports"), "MSA454"),
    (remove("BrkBroker/Logs"), "MSA454"),
    (remove("MediaDistribution/DistributionConfig/WebACLId"), "MSA454"),
    (add("AuditCdnFirewall/Rules", []), "MSA454"),
    (add("AuditCdnFirewall/Rules/0/OverrideAction", {"Count": {}}), "MSA454"),
    (add("AuditFlowLog/TrafficType", "REJECT"), "MSA454"),
]


@pytest.mark.parametrize(("patch", "code"), OF_STORES, ids=named)
def test_what_a_patch_takes_from_a_store_is_told(patch: dict[str, Any], code: str) -> None:
    """Its key, its parameters, its users, its backups and its records, and what its policy denies."""
    text = STORES + yaml.safe_dump({"patches": [patch]}, width=10**6)
    warnings = pipeline.compile_system(pipeline.load(text, "msa.yaml")).warnings
    assert code in [found.code for found in warnings], [found.message for found in warnings]


@pytest.mark.parametrize("style", [True, False])
def test_a_credential_in_a_patch_is_not_printed(style: bool, tmp_path: Path) -> None:
    """Neither by what tells of it, nor by what else is said of its line."""
    patches = [
        add(f"{CONTAINER}/Environment/-", {"Name": "DB_PASSWORD", "Value": "hunter2"}),
        add("MainDatabase/MasterUserPassword", "hunter2"),
    ]
    written = yaml.safe_dump(patches, default_flow_style=style, width=10**6)
    (tmp_path / "msa.yaml").write_text(f"{SHOP}patches:\n" + (f"  {written}" if style else written), "utf-8")
    result = CliRunner().invoke(main, ["lint", str(tmp_path / "msa.yaml")])
    assert "MSA451" in result.output
    assert "hunter2" not in result.output


def test_a_loop_is_looked_into() -> None:
    """Its resources are those of any other template."""
    rule = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {**PORT, "CidrIp": "0.0.0.0/0"}}
    loop = add("/Resources/Fn::ForEach::Rules", ["I", ["a"], {"X${I}": rule}])
    _, told = compiled(add("/Transform", "AWS::LanguageExtensions"), loop)
    assert [found.code for found in told] == ["MSA450"]


def test_moving_something_away_is_removing_it() -> None:
    """Where a patch took it from counts, too."""
    source = "/Resources/MainDatabase/Properties/DeletionProtection"
    _, told = compiled({"op": "move", "from": source, "path": "/Metadata/Was"})
    assert [found.code for found in told] == ["MSA452"]


def test_a_parameter_and_a_mapping_are_looked_into() -> None:
    """A default, or a looked-up value, is as good as the value itself."""
    for value, section in (
        ({"Ref": "Open"}, add("/Parameters/Open", {"Type": "String", "Default": "true"})),
        ({"Fn::FindInMap": ["M", "a", "b"]}, add("/Mappings/M", {"a": {"b": "true"}})),
        ({"Fn::Join": ["", ["tr", "ue"]]}, add("/Metadata/X", 1)),
    ):
        _, told = compiled(section, add("MainDatabase/PubliclyAccessible", value))
        assert [found.code for found in told] == ["MSA450"]


def test_strict_lint_fails_and_a_reason_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning by itself; an error under --strict."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    patch = add("MainDatabase/DeletionProtection", False)
    file = tmp_path / "msa.yaml"
    for words, reason, code in (([], {}, 0), (["--strict"], {}, 1), (["--strict"], {"why": WHY}, 0)):
        file.write_text(manifest({**patch, **reason}), "utf-8")
        result = CliRunner().invoke(main, ["lint", *words, str(file)])
        assert result.exit_code == code, result.output
        assert ("MSA452" in result.output) is not bool(reason)


def test_exceptions_of_the_users_own_stay() -> None:
    """What a patch wrote for a checker is kept, and no rule stands twice."""
    own = {"checkov": {"skip": [{"id": "CKV_AWS_17", "comment": "mine"}]}, "guard": {"SuppressedRules": ["OWN"]}}
    stack, _ = compiled(
        add("/Resources/MainDatabase/Metadata", own), {**add("MainDatabase/PubliclyAccessible", True), "why": WHY}
    )
    metadata = stack.template["Resources"]["MainDatabase"]["Metadata"]
    assert [skip for skip in metadata["checkov"]["skip"] if skip["id"] == "CKV_AWS_17"] == own["checkov"]["skip"]
    assert metadata["guard"]["SuppressedRules"][0] == "OWN"


@pytest.mark.parametrize("example", goldens.examples(), ids=lambda path: path.parent.name)
def test_what_the_compiler_writes_weakens_nothing_by_itself(example: Path) -> None:
    """Of the worst kinds nothing is in any example: so a patch is to blame for all of them."""
    document = pipeline.load(example.read_bytes(), str(example))
    for environment in (None, *pipeline.environments(document)):
        for stack in pipeline.compile_system(document, environment).stacks:
            found = [
                each for each in weaknesses.found(stack.template) if each.kind.group in (Group.RIGHTS, Group.SILENT)
            ]
            # In an audited system the reasons of the registry, which are not silence.
            reasons = {name for name, body in stack.template["Resources"].items() if explained(body)}
            assert [each.what for each in found if "W3691" not in each.what and each.resource not in reasons] == []


def explained(body: Mapping[str, Any]) -> bool:
    """Whether a resource has reasons for checkers, all of them from the registry."""
    told = body.get("Metadata", {})
    said = [each["reason"] for each in told.get("cdk_nag", {}).get("rules_to_suppress", [])]
    said += [each["comment"] for each in told.get("checkov", {}).get("skip", [])]
    return bool(told.keys() & {"cdk_nag", "checkov", "guard"}) and {*said} <= {each.reason for each in every()}


def test_a_rule_more_is_told_where_others_have_reasons() -> None:
    """In an audited system, too, a patch that silences a rule is told on its line."""
    rule = {"id": "CKV_AWS_18", "comment": "mine"}
    patch = {"op": "add", "path": "/Resources/MainDatabase/Metadata/checkov", "value": {"skip": [rule]}}
    text = SHOP + "audit: true\n" + yaml.safe_dump({"patches": [patch]})
    result = pipeline.compile_main(pipeline.load(text, "msa.yaml"))
    assert [each.kind.group for each, _, _ in result.stack.weakened] == [Group.SILENT]


def test_odd_templates_are_no_fault_here() -> None:
    """What a patch may leave has any shape; other checks tell that."""
    odd: list[Any] = [
        None,
        1,
        "x",
        [],
        {},
        {"Ref": "A"},
        [[]],
        {"Fn::If": ["a"]},
        {"Statement": 1},
        {"Fn::If": [1, {}, []]},
    ]
    for kind in {entry.type for entry in Template(compiled()[0].template).entries} | {"AWS::EC2::LaunchTemplate"}:
        for value in odd:
            names = ("PolicyDocument", "Policies", "ContainerDefinitions", "LaunchTemplateData", "Origins")
            properties = dict.fromkeys(
                [*names, "DistributionConfig", "SecurityGroupIngress", "LoadBalancerAttributes"], value
            )
            body = {"Type": kind, "Properties": properties, "Metadata": value, "DeletionPolicy": value}
            for template in ({"Resources": {"A": body}}, {"Resources": {"A": {"Type": kind, "Properties": value}}}):
                assert all(isinstance(each, Weakness) for each in weaknesses.found(template))
