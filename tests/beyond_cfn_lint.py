"""The faults that cfn-lint 1.58 does not see (docs/reference/beyond-cfn-lint.md), each with manifests that have it.

A manifest ends with the patch that is to blame, or marks the guilty line with `# <-`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SOUND = """\
msaspec: 1
name: shop
network: {placement: private, nat: single}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
databases: {main: {size: db.m7g.large}}
buckets: {media: {cdn: true}}
services:
  web: {image: web:1.0, port: 8080, paths: [/web], runtime: fargate, scale: {min: 2, max: 4}, uses: [api, main]}
  api: {image: api:1.0, port: 8000, paths: [/api], runtime: autoscaling, scale: {min: 1, max: 3}}
  mail: {image: mail:1.0}
"""
"""A system with something of everything, in which nothing is wrong."""
MARK = "# <-"


@dataclass(frozen=True)
class Case:
    """A manifest with one fault, and the code that tells it on the marked line."""

    code: str
    text: str


def said(code: str, *changes: tuple[str, str]) -> Case:
    """A fault that the sound system has once its lines say something else; the last change is to blame."""
    text = SOUND
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    lines = text.splitlines()
    (guilty,) = (number for number, line in enumerate(lines) if changes[-1][1] in line)
    return Case(code, "\n".join([*lines[:guilty], f"{lines[guilty]} {MARK}", *lines[guilty + 1 :], ""]))


def patched(code: str, *patches: str) -> Case:
    """A fault that the last of some patches brings into a sound system."""
    lines = [f"- {{{patch}}}" for patch in patches]
    return Case(code, "\n".join([SOUND + "patches:", *lines[:-1], f"{lines[-1]} {MARK}", ""]))


def in_ireland(case: Case) -> Case:
    """The same fault in a manifest that names its Region."""
    return Case(case.code, case.text.replace("name: shop\n", "name: shop\nregion: eu-west-1\n", 1))


def put(path: str, value: str) -> str:
    """A patch of a property. `Web/Ports/0` is short for its pointer."""
    return f"op: add, path: {_pointer(path)}, value: {value}"


def change(path: str, value: str) -> str:
    """A patch of an item in a list."""
    return f"op: replace, path: {_pointer(path)}, value: {value}"


def drop(path: str) -> str:
    """A patch that removes a property."""
    return f"op: remove, path: {_pointer(path)}"


def new(name: str, kind: str, properties: str) -> str:
    """A patch with a resource of its own."""
    return f"op: add, path: /Resources/{name}, value: {{Type: 'AWS::{kind}', Properties: {properties}}}"


def _pointer(path: str) -> str:
    name, _, rest = path.partition("/")
    return f"/Resources/{name}/Properties/{rest}" if name else path


def rule(priority: int) -> str:
    """The properties of a rule of the public load balancer."""
    action = "{Type: fixed-response, FixedResponseConfig: {StatusCode: '200'}}"
    condition = f"{{Field: path-pattern, PathPatternConfig: {{Values: [/more/{priority}]}}}}"
    listener = "{Ref: IngressHttpsListener}"
    return f"{{ListenerArn: {listener}, Priority: {priority}, Conditions: [{condition}], Actions: [{action}]}}"


def policy(characters: int) -> str:
    """A policy document of about so many characters."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "b" * characters}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def listed(items: Iterable[str]) -> str:
    """A list in YAML."""
    return f"[{', '.join(items)}]"


def numbered(count: int, value: str) -> str:
    """A map of so many names to one value, in YAML."""
    return "{" + ", ".join(f"N{number}: {value}" for number in range(count)) + "}"


FIRST_ZONE = "{'Fn::Select': [0, {'Fn::GetAZs': ''}]}"
SEVENTH_ZONE = "{'Fn::Select': [6, {'Fn::GetAZs': ''}]}"
SSH = "IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.9.0.0/16"
BALANCER, GROUP, RULE = "IngressLoadBalancer", "WebSecurityGroup/SecurityGroupIngress", "WebRuleWeb/Conditions"
PATTERN = f"{RULE}/0/PathPatternConfig/Values/0"
USER_DATA = "LaunchTemplateData/UserData"
LARGE = f"{{'Fn::Base64': {'x' * 17_000}}}"
PUBLIC_ROUTE = "RouteTableId: {Ref: PublicRouteTable}, DestinationCidrBlock: 0.0.0.0/0"
LISTENER = "LoadBalancerArn: {Ref: IngressLoadBalancer}, Port: 80, Protocol: HTTP"
ACM = "{AcmCertificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1b', SslSupportMethod: sni-only}"
CONTROL = "{Name: one, OriginAccessControlOriginType: s3, SigningBehavior: always, SigningProtocol: sigv4}"
EXPORTED = "{Value: x, Export: {Name: shop-vpc}}"
WITHOUT_PASSWORD = "MainDatabase/ManageMasterUserPassword"
PLAIN = "DBInstanceClass: db.t4g.micro, AllocatedStorage: '20', StorageEncrypted: true, DeletionProtection: true}"
KEPT = f"{PLAIN}, DeletionPolicy: Snapshot, UpdateReplacePolicy: Snapshot"
ONE_NODE = "Engine: redis, NumCacheNodes: 1}"
DISK = "ApiLaunchTemplate/LaunchTemplateData/BlockDeviceMappings/0/Ebs"


PATCHED: Mapping[str, tuple[Case, ...]] = {
    "ALB: 2 subnets, same AZ (Select GetAZs)": (
        patched("MSA414", put("PublicSubnet2/AvailabilityZone", FIRST_ZONE)),
        patched("MSA414", put(f"{BALANCER}/Subnets", "[{Ref: PublicSubnet1}]")),
    ),
    "ALB Name 33 chars": (patched("MSA412", put(f"{BALANCER}/Name", "a" * 33)),),
    "ALB Name starts with internal-": (patched("MSA412", put(f"{BALANCER}/Name", "internal-shop")),),
    "ALB Name with underscore": (patched("MSA412", put(f"{BALANCER}/Name", "shop_front")),),
    "ALB Name leading/trailing hyphen": (patched("MSA412", put(f"{BALANCER}/Name", "shop-")),),
    "ALB Name Sub resolving >32": (
        patched("MSA412", put(f"{BALANCER}/Name", f"{{'Fn::Sub': '${{AWS::StackName}}-{'a' * 28}'}}")),
        patched("MSA412", put(f"{BALANCER}/Name", f"{{'Fn::Join': ['-', [{{Ref: 'AWS::StackName'}}, {'a' * 28}]]}}")),
    ),
    "TargetGroup Name 33 chars": (patched("MSA412", put("WebTargetGroup/Name", "a" * 33)),),
    "TargetGroup Name underscore": (patched("MSA412", put("WebTargetGroup/Name", "shop_web")),),
    "TargetGroup type ip used w/ ECS fargate type=instance": (
        patched("MSA421", put("WebTargetGroup/TargetType", "instance")),
    ),
    "ECS LB ContainerName not in task def": (
        patched("MSA421", put("WebService/LoadBalancers/0/ContainerName", "app")),
    ),
    "ECS LB ContainerPort not in portMappings": (
        patched("MSA421", put("WebService/LoadBalancers/0/ContainerPort", "9090")),
        patched("MSA421", drop("WebTask/ContainerDefinitions/0/PortMappings")),
    ),
    "ECS service without listener dependency (TG not attached to LB)": (
        patched("MSA422", "op: replace, path: /Resources/WebService/DependsOn, value: MainBootstrap"),
        patched(
            "MSA422",
            new("Lone", "ElasticLoadBalancingV2::TargetGroup", "{TargetType: ip, Port: 80, Protocol: HTTP}"),
            put("WebService/LoadBalancers/0/TargetGroupArn", "{Ref: Lone}"),
        ),
    ),
    "Fargate container memory > task memory": (
        patched("MSA423", put("WebTask/ContainerDefinitions/0/Memory", "4096")),
        patched("MSA423", put("WebTask/ContainerDefinitions/0/MemoryReservation", "1025")),
    ),
    "Task: awslogs without ExecutionRole (FARGATE)": (patched("MSA424", drop("WebTask/ExecutionRoleArn")),),
    "RDS subnet group single subnet": (
        patched("MSA414", put("MainDatabaseSubnets/SubnetIds", "[{Ref: IsolatedSubnet1}]")),
    ),
    "RDS subnet group 2 subnets same AZ": (patched("MSA414", put("IsolatedSubnet2/AvailabilityZone", FIRST_ZONE)),),
    "SG FromPort > ToPort": (patched("MSA429", put(GROUP, f"[{{{SSH.replace('ToPort: 22', 'ToPort: 21')}}}]")),),
    "SG port 70000": (patched("MSA429", put(GROUP, f"[{{{SSH.replace('22', '70000')}}}]")),),
    "SG duplicate via differing description": (
        patched("MSA430", put(GROUP, f"[{{{SSH}, Description: a}}, {{{SSH}, Description: b}}]")),
    ),
    "SG 61 ingress rules": (
        patched("MSA341", put(GROUP, listed(f"{{{SSH.replace('22', str(n))}}}" for n in range(61)))),
    ),
    "SG GroupName starts sg-": (patched("MSA412", put("WebSecurityGroup/GroupName", "sg-web")),),
    "SG description empty": (patched("MSA412", put("WebSecurityGroup/GroupDescription", "''")),),
    "Subnet CIDR /29 (too small)": (patched("MSA431", put("PublicSubnet1/CidrBlock", "10.0.0.0/29")),),
    "VPC CIDR /8": (patched("MSA431", put("Vpc/CidrBlock", "10.0.0.0/8")),),
    "Subnet AZ GetAZs index 6+": (patched("MSA415", put("PublicSubnet2/AvailabilityZone", SEVENTH_ZONE)),),
    "Route to IGW without VPCGatewayAttachment": (
        patched("MSA434", new("Door", "EC2::InternetGateway", "{}"), put("PublicRoute/GatewayId", "{Ref: Door}")),
        patched("MSA434", "op: remove, path: /Resources/PublicRoute/DependsOn"),
    ),
    "Route: two targets": (patched("MSA432", put("PublicRoute/NatGatewayId", "{Ref: NatGateway1}")),),
    "Route: no target": (patched("MSA432", drop("PublicRoute/GatewayId")),),
    "Duplicate route (same table+cidr)": (
        patched("MSA433", new("Again", "EC2::Route", f"{{{PUBLIC_ROUTE}, NatGatewayId: {{Ref: NatGateway1}}}}")),
    ),
    "NAT gateway public without AllocationId": (patched("MSA435", drop("NatGateway1/AllocationId")),),
    "UserData > 16 KB (plain Base64 fn) LaunchTemplate": (
        patched("MSA436", put(f"MailLaunchTemplate/{USER_DATA}", LARGE)),
    ),
    "UserData > 16 KB EC2 Instance": (patched("MSA436", put("MailInstance/UserData", LARGE)),),
    "UserData not base64 (literal)": (
        patched("MSA436", put("MailInstance/UserData", "'#!/bin/bash'")),
        patched("MSA436", put(f"MailLaunchTemplate/{USER_DATA}", "'#!/bin/bash'")),
    ),
    "ARM AMI vs x86 instance (SSM path arm64 + t3)": (
        patched("MSA437", put("MailLaunchTemplate/LaunchTemplateData/InstanceType", "t3.small")),
        patched("MSA437", put("MailInstance/InstanceType", "t3.small")),
    ),
    "IAM ManagedPolicy > 6144 chars": (patched("MSA438", put("HostPolicy/PolicyDocument", policy(6_100))),),
    "IAM role inline total > 10240 chars": (
        patched("MSA342", put("MailRole/Policies", f"[{{PolicyName: p, PolicyDocument: {policy(10_200)}}}]")),
    ),
    "IAM trust policy > 2048 chars": (patched("MSA439", put("MailRole/AssumeRolePolicyDocument", policy(2_000))),),
    "IAM role 11+ managed policies (limit 10; now 20 w/ quota)": (
        patched(
            "MSA439", put("MailRole/ManagedPolicyArns", listed(f"'arn:aws:iam::aws:policy/P{n}'" for n in range(11)))
        ),
    ),
    "Listener rules: duplicate Priority": (
        patched("MSA419", put("ApiRuleApi/Priority", "7"), put("WebRuleWeb/Priority", "'7'")),
    ),
    "Listener rule 6 values over 2 conditions": (
        patched(
            "MSA420",
            put(
                RULE,
                "[{Field: path-pattern, PathPatternConfig: {Values: [/a, /b, /c]}},"
                " {Field: host-header, HostHeaderConfig: {Values: [a.example.com, b.example.com, c.example.com]}}]",
            ),
        ),
    ),
    "Listener rule path pattern w/o leading slash": (patched("MSA420", change(PATTERN, "web")),),
    "Listener rule path pattern > 128 chars": (patched("MSA420", change(PATTERN, "/" + "w" * 128)),),
    "Listener rule path pattern with other characters": (
        patched("MSA420", change(PATTERN, "/web!")),
        patched("MSA420", put(RULE, "[{Field: path-pattern, Values: ['/web(1)']}]")),
    ),
    "101 listener rules on 1 ALB": (
        patched("MSA439", *(new(f"More{n}", "ElasticLoadBalancingV2::ListenerRule", rule(n)) for n in range(1, 100))),
    ),
    "Two listeners same port": (
        patched(
            "MSA416",
            new(
                "Again",
                "ElasticLoadBalancingV2::Listener",
                f"{{{LISTENER}, DefaultActions: [{{Type: forward, TargetGroupArn: {{Ref: WebTargetGroup}}}}]}}",
            ),
        ),
    ),
    "Listener forward without TargetGroupArn": (
        patched("MSA417", change("InternalListener8000/DefaultActions/0", "{Type: forward}")),
        patched("MSA417", drop("ApiRuleApi/Actions/0/TargetGroupArn")),
    ),
    "TG HealthCheck timeout >= interval": (
        patched("MSA418", put("WebTargetGroup/HealthCheckTimeoutSeconds", "10")),
        patched("MSA418", put("WebTargetGroup/HealthCheckIntervalSeconds", "5")),
    ),
    "TG Matcher HttpCode '99'": (patched("MSA418", put("WebTargetGroup/Matcher/HttpCode", "'99'")),),
    "S3 bucket IP-like": (patched("MSA412", put("MediaBucket/BucketName", "10.0.0.1")),),
    "S3 bucket 'xn--' prefix": (patched("MSA412", put("MediaBucket/BucketName", "xn--shop")),),
    "S3 bucket '-s3alias' suffix": (patched("MSA412", put("MediaBucket/BucketName", "shop-s3alias")),),
    "ASG no subnets/AZs": (patched("MSA427", drop("ApiGroup/VPCZoneIdentifier")),),
    "CloudFront Aliases w/o ACM cert": (
        patched("MSA444", put("MediaDistribution/DistributionConfig/Aliases", "[shop.example.com]")),
    ),
    "CloudFront cert not in us-east-1": (
        patched(
            "MSA444",
            put("MediaDistribution/DistributionConfig/Aliases", "[shop.example.com]"),
            put("MediaDistribution/DistributionConfig/ViewerCertificate", ACM),
        ),
    ),
    "51 tags on a bucket": (
        patched("MSA344", put("MediaBucket/Tags", listed(f"{{Key: k{n}, Value: v}}" for n in range(51)))),
    ),
    "Dup SecurityGroup GroupName in same VPC": (
        patched("MSA413", put("MailSecurityGroup/GroupName", "one"), put("WebSecurityGroup/GroupName", "one")),
    ),
    "Dup OriginAccessControl Name": (
        patched(
            "MSA413",
            put("MediaOriginAccess/OriginAccessControlConfig/Name", "one"),
            new("Again", "CloudFront::OriginAccessControl", f"{{OriginAccessControlConfig: {CONTROL}}}"),
        ),
    ),
    "Autoscaling target MinCapacity>MaxCapacity": (patched("MSA426", put("WebScalableTarget/MinCapacity", "9")),),
    "ECS deploy: min healthy 100 / max 100": (
        patched("MSA425", put("WebService/DeploymentConfiguration/MaximumPercent", "100")),
    ),
    "RDS MasterUsername 'admin' / 'rdsadmin' on postgres": (
        patched("MSA440", put("MainDatabase/MasterUsername", "rdsadmin")),
        patched("MSA440", put("MainDatabase/MasterUsername", "admin")),
    ),
    "RDS DBName with hyphen or reserved word": (
        patched("MSA440", put("MainDatabase/DBName", "my-shop")),
        patched("MSA440", put("MainDatabase/DBName", "select")),
    ),
    "RDS password too short or with / @": (
        patched("MSA440", drop(WITHOUT_PASSWORD), put("MainDatabase/MasterUserPassword", "short")),
        patched("MSA440", drop(WITHOUT_PASSWORD), put("MainDatabase/MasterUserPassword", "long-enough/but@wrong")),
    ),
    "MasterUserPassword together with ManageMasterUserPassword": (
        patched("MSA440", put("MainDatabase/MasterUserPassword", "one-of-my-own")),
    ),
    "RDS gp3 AllocatedStorage 5": (patched("MSA441", put("MainDatabase/AllocatedStorage", "'5'")),),
    "RDS io1 without Iops": (
        patched("MSA441", put("MainDatabase/AllocatedStorage", "100"), put("MainDatabase/StorageType", "io1")),
    ),
    "RDS gp3 Iops or StorageThroughput that RDS refuses": (
        patched("MSA441", put("MainDatabase/Iops", "12000")),
        patched("MSA441", put("MainDatabase/AllocatedStorage", "400"), put("MainDatabase/Iops", "3000")),
        patched("MSA441", put("MainDatabase/AllocatedStorage", "'400'"), put("MainDatabase/StorageThroughput", "100")),
        patched(
            "MSA441",
            put("MainDatabase/AllocatedStorage", "400"),
            put("MainDatabase/Iops", "12000"),
            put("MainDatabase/StorageThroughput", "3500"),
        ),
    ),
    "RDS maintenance and backup windows overlap": (
        patched(
            "MSA442",
            put("MainDatabase/PreferredBackupWindow", "'23:45-00:15'"),
            put("MainDatabase/PreferredMaintenanceWindow", "'mon:00:00-mon:01:00'"),
        ),
    ),
    "DBParameterGroup family not of the engine": (
        patched("MSA443", put("MainDatabase/EngineVersion", "'16.4'")),
        patched("MSA443", put("MainDatabaseParameters/Family", "mysql8.0")),
    ),
    "201 parameters": (patched("MSA340", put("/Parameters", numbered(201, "{Type: String, Default: x}"))),),
    "201 mappings": (patched("MSA340", put("/Mappings", numbered(201, "{a: {b: c}}"))),),
    "Duplicate export name": (patched("MSA413", put("/Outputs/One", EXPORTED), put("/Outputs/Two", EXPORTED)),),
    "Secret name with a space": (patched("MSA412", put("WebToMainSecret/Name", "'shop web'")),),
    "GenerateStringKey without template": (
        patched("MSA445", drop("WebToMainSecret/GenerateSecretString/SecretStringTemplate")),
    ),
    "Secret name ends with a hyphen and six characters": (
        patched("MSA457", put("WebToMainSecret/Name", "shop/web-abc123")),
    ),
    "RDS MasterUsername longer than the engine takes": (
        patched("MSA440", new("Own", "RDS::DBInstance", f"{{Engine: mysql, MasterUsername: {'a' * 17}, {KEPT}")),
        patched("MSA440", new("Own", "RDS::DBInstance", f"{{Engine: oracle-se2, MasterUsername: {'a' * 31}, {KEPT}")),
        patched("MSA440", put("MainDatabase/MasterUsername", "a" * 64)),
    ),
    "RDS MasterUsername that a Sub without variables, or a default, spells": (
        patched("MSA440", put("MainDatabase/MasterUsername", "{'Fn::Sub': admin}")),
        patched(
            "MSA440",
            put("/Parameters/Who", "{Type: String, Default: rdsadmin}"),
            put("MainDatabase/MasterUsername", "{Ref: Who}"),
        ),
    ),
    "RDS password of five characters, by a parameter's default": (
        patched(
            "MSA440",
            drop(WITHOUT_PASSWORD),
            put("/Parameters/Word", "{Type: String, NoEcho: true, Default: short}"),
            put("MainDatabase/MasterUserPassword", "{Ref: Word}"),
        ),
    ),
    "RDS DBName on SQL Server": (
        patched("MSA440", new("Own", "RDS::DBInstance", f"{{Engine: sqlserver-ex, DBName: shop, {KEPT}")),
    ),
    "RDS instance class of a retired generation": (
        patched("MSA446", put("MainDatabase/DBInstanceClass", "db.t1.micro")),
        patched("MSA446", put("MainDatabase/DBInstanceClass", "db.m4.large")),
    ),
    "ElastiCache ClusterName of 51 characters": (
        patched("MSA412", new("Own", "ElastiCache::CacheCluster", f"{{ClusterName: {'a' * 51}, {ONE_NODE}")),
        patched("MSA412", new("Own", "ElastiCache::CacheCluster", f"{{ClusterName: a--b, {ONE_NODE}")),
    ),
    "ElastiCache redis with NumCacheNodes 2": (
        patched("MSA447", new("Own", "ElastiCache::CacheCluster", "{Engine: redis, NumCacheNodes: 2}")),
        patched("MSA447", new("Own", "ElastiCache::CacheCluster", "{Engine: memcached, NumCacheNodes: '41'}")),
    ),
    "EBS gp3 10 GiB with 20,000 IOPS": (
        patched("MSA448", put(f"{DISK}/Iops", "20000")),
        patched("MSA448", put(f"{DISK}/Throughput", "800")),
    ),
    "Subnet AZ of another region": (
        in_ireland(patched("MSA449", put("PublicSubnet2/AvailabilityZone", "us-east-1b"))),
    ),
    "ASG Desired > Max": (patched("MSA426", put("ApiGroup/DesiredCapacity", "'9'")),),
    "ASG LaunchTemplate $Latest": (patched("MSA428", put("ApiGroup/LaunchTemplate/Version", "$Latest")),),
}
"""Faults that a patch brings in."""

MAIL, WEB, CDN = "{image: mail:1.0}", "paths: [/web]", "cdn: true"
CERTIFICATE = "certificate: 'arn:aws:acm:eu-west-1:123456789012:certificate/1b'"
SECRETS = ", ".join(f"A{n}: /shop/secret-of-the-mail-service-{n}" for n in range(130))
ALLOW = "ingress: {"
NOTES = put("/Metadata/Notes", "x" * 1_000_001)

SAID: Mapping[str, tuple[Case, ...]] = {
    "SG port 70000": (said("MSA204", ("8080", "70000")),),
    "SG duplicate via differing description": (said("MSA345", (ALLOW, f"{ALLOW}allow: [10.0.0.0/8, 10.0.0.0/8], ")),),
    "SG 61 ingress rules": (said("MSA341", (ALLOW, f"{ALLOW}allow: {listed(f'10.0.{n}.0/24' for n in range(61))}, ")),),
    "VPC CIDR /8": (said("MSA204", ("network: {", "network: {cidr: 10.0.0.0/8, ")),),
    "Template > 1 MB": (Case("MSA340", f"{SOUND.replace('services:', f'services: {MARK}')}patches:\n- {{{NOTES}}}\n"),),
    "UserData > 16 KB (plain Base64 fn) LaunchTemplate": (
        said("MSA332", (MAIL, f"{{image: mail:1.0, env: {{V: {'x' * 17_000}}}}}")),
    ),
    "ARM AMI vs x86 instance (SSM path arm64 + t3)": (
        said("MSA330", (MAIL, "{image: mail:1.0, runtime: {type: instance, instance_type: t3.small}}")),
    ),
    "IAM role inline total > 10240 chars": (said("MSA342", (MAIL, f"{{image: mail:1.0, secrets: {{{SECRETS}}}}}")),),
    "Listener rules: duplicate Priority": (
        said("MSA364", ("paths: [/api]", "paths: [/api], priority: 7"), (WEB, f"{WEB}, priority: 7")),
    ),
    "Listener rule path pattern w/o leading slash": (said("MSA204", (WEB, "paths: [web]")),),
    "Listener rule path pattern > 128 chars": (said("MSA204", (WEB, f"paths: [/{'w' * 126}]")),),
    "Listener rule path pattern with other characters": (said("MSA204", (WEB, "paths: [/web!]")),),
    "101 listener rules on 1 ALB": (
        said(
            "MSA366",
            (
                WEB,
                f"paths: {listed(f'/web/{n}' for n in range(100))},"
                f" priority: {{{', '.join(f'/web/{n}: {n + 1}' for n in range(100))}}}",
            ),
            ("services:", "services:"),
        ),
    ),
    "Two listeners same port": (
        said("MSA367", ("[api, main]", "[api, mail, main]"), (MAIL, MAIL[:-1] + ", port: 8000, runtime: autoscaling}")),
    ),
    "TG HealthCheck timeout >= interval": (
        said("MSA204", (WEB, f"{WEB}, health: {{path: /web, timeout: 10 s, interval: 10 s}}")),
    ),
    "TG Matcher HttpCode '99'": (said("MSA204", (WEB, f"{WEB}, health: {{path: /web, codes: '99'}}")),),
    "CloudFront Aliases w/o ACM cert": (said("MSA204", (CDN, "cdn: {hosts: [shop.example.com]}")),),
    "CloudFront cert not in us-east-1": (said("MSA204", (CDN, f"cdn: {{hosts: [shop.example.com], {CERTIFICATE}}}")),),
    "51 tags on a bucket": (
        said("MSA344", ("network: {", f"tags: {numbered(50, 'v')}\nnetwork: {{"), ("tags:", "tags:")),
    ),
    "Autoscaling target MinCapacity>MaxCapacity": (said("MSA204", ("{min: 2, max: 4}", "{min: 5, max: 4}")),),
    "RDS DBName with hyphen or reserved word": (said("MSA204", ("[api, main]", "{api: , main: {database: my-shop}}")),),
    "RDS instance class of a retired generation": (said("MSA446", ("db.m7g.large", "db.t2.micro")),),
    "RDS gp3 AllocatedStorage 5": (said("MSA204", ("{size: db.m7g.large}", "{storage: 5 GiB}")),),
}
"""Faults that a manifest has by itself."""
