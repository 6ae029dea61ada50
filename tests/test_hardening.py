"""What `audit` and `encryption` add to a template, and what that means for a stack that exists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from msaspec import pipeline
from msaspec.compile import aws_types
from msaspec.deploy import gate
from msaspec.language.aws_type import Holds
from msaspec.template.exceptions import every
from msaspec.update import changes, losses
from tests.template import compiled, template_of

SHOP = """\
msaspec: 1
name: shop
region: eu-west-1
network: {placement: public}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
databases: {main: {replicas: 1}}
buckets: {media: {cdn: true}}
tables: {sessions: {key: id}}
topics: {events: }
queues: {orders: {from: [events]}}
bastion: true
services:
  web:
    image: web:1.0
    port: 8080
    paths: [/]
    runtime: fargate
    uses: {main: , media: , sessions: , orders: send, events: publish}
"""


def resources(more: str = "") -> Mapping[str, Any]:
    """The resources of the shop with further lines."""
    found: Mapping[str, Any] = template_of(SHOP + more)["Resources"]
    return found


def reasons(body: Mapping[str, Any]) -> set[str]:
    """The rules that a resource has an exception for."""
    said = body.get("Metadata", {})
    rules = [each["id"] for each in said.get("cdk_nag", {}).get("rules_to_suppress", [])]
    rules += [each["id"] for each in said.get("checkov", {}).get("skip", [])]
    return {*rules, *said.get("guard", {}).get("SuppressedRules", [])}


def test_without_audit_nothing_is_added() -> None:
    """A manifest that says nothing of audits compiles to what it did: no reasons, no key, no bucket for logs."""
    there = resources()
    assert not [name for name in there if name.startswith(("Audit", "Encryption"))]
    assert not [name for name, body in there.items() if reasons(body)]


def test_the_reasons_of_a_resource_fit_it() -> None:
    """A reason stands only where its rule finds something, and stands there once."""
    there = resources("audit: true\n")
    assert "AwsSolutions-RDS2" in reasons(there["MainDatabaseReplica1"])
    assert "AwsSolutions-RDS2" not in reasons(there["MainDatabase"])
    assert "CKV_AWS_157" not in reasons(there["MainDatabase"])  # `multi_zone` is the user's to say
    assert "CKV_AWS_149" in reasons(there["WebToMainSecret"])
    assert "CKV_AWS_149" not in reasons(resources("audit: true\nencryption: own\n")["WebToMainSecret"])
    assert there["MainDatabase"]["Metadata"]["cfn-lint"]
    for name, body in there.items():
        listed = body.get("Metadata", {}).get("cdk_nag", {}).get("rules_to_suppress", [])
        assert len(listed) == len({each["id"] for each in listed}), name


def test_the_reasons_of_a_cluster_are_at_the_cluster() -> None:
    """Its port, logs and restoring are its own; cdk-nag misses the plan of AWS Backup at its instances."""
    text = SHOP + "audit: true\n"
    for engine in ("aurora-mysql", "aurora-postgres"):
        there = template_of(text.replace("replicas: 1", f"engine: {engine}"))["Resources"]
        of_mysql = {"AwsSolutions-RDS11", "AwsSolutions-RDS14", "PCI.DSS.321-RDSLoggingEnabled"}
        assert of_mysql & reasons(there["MainCluster"]) == (of_mysql if engine == "aurora-mysql" else set())
        found = reasons(there["MainClusterInstance1"])
        assert "HIPAA.Security-RDSInBackupPlan" in found
        assert not of_mysql & found


def test_the_reasons_of_documents_are_at_their_cluster() -> None:
    """Its port where it is the usual one, its master password and its logs; a restored one is encrypted as it was."""
    text = SHOP + "audit: true\n"
    there = template_of(text.replace("replicas: 1", "engine: documentdb"))["Resources"]
    found = {"AwsSolutions-DOC1", "AwsSolutions-DOC2", "AwsSolutions-DOC3", "AwsSolutions-DOC5"}
    assert found & reasons(there["MainDocuments"]) == found - {"AwsSolutions-DOC1"}
    other = text.replace("replicas: 1", "engine: documentdb, port: 27018, from_snapshot: one")
    assert found & reasons(template_of(other)["Resources"]["MainDocuments"]) == found - {"AwsSolutions-DOC2"}


def test_every_exception_is_one_sentence_of_its_own() -> None:
    """Each has a title and a reason that stand nowhere else, on one line, and names at least one rule."""
    listed = list(every())
    for word in ("title", "reason"):
        said = [getattr(each, word) for each in listed]
        assert len(said) == len(set(said))
    for each in listed:
        assert each.reason.endswith(".")
        assert len(each.reason) <= 110
        assert each.reason.isprintable()
        assert [*each.cdk_nag, *each.checkov, *each.guard]


def test_the_reason_of_a_patch_joins_those_that_are_there() -> None:
    """`why` of a patch is written beside the reasons of the template."""
    why = "Nobody but the office reaches this."
    patch = f"""\
audit: true
patches:
- op: add
  path: /Resources/MainDatabaseReplica1/Properties/PubliclyAccessible
  value: true
  why: {why}
"""
    listed = resources(patch)["MainDatabaseReplica1"]["Metadata"]["checkov"]["skip"]
    assert why in {each["comment"] for each in listed}
    assert {"CKV_AWS_16", "CKV_AWS_157"} < {each["id"] for each in listed}


def test_who_writes_logs_comes_after_the_policy_of_the_bucket() -> None:
    """Elastic Load Balancing tries the bucket when its attribute is set, so the policy has to be there."""
    there = resources("audit: true\n")
    for name in ("IngressLoadBalancer", "MediaBucket", "MediaDistribution", "AuditFlowLog"):
        assert "AuditLogsPolicy" in there[name]["DependsOn"], name
    assert there["AuditLogs"]["DeletionPolicy"] == "Retain"
    owners = there["AuditLogs"]["Properties"]["OwnershipControls"]["Rules"]
    assert owners == [{"ObjectOwnership": "BucketOwnerPreferred"}]


def test_the_key_admits_services_for_this_account_only() -> None:
    """No statement of the key's policy admits everybody, and each of a service has a condition."""
    policy = resources("encryption: own\n")["EncryptionKey"]["Properties"]["KeyPolicy"]
    for statement in policy["Statement"]:
        assert statement["Principal"] != "*"
        assert ("Service" in statement["Principal"]) == ("Condition" in statement)


def test_who_reads_what_the_key_encrypts_may_decrypt_it() -> None:
    """Each role that reads a secret or a bucket of the system may use the key, and no other role."""
    there = resources("encryption: own\n")
    for name, body in there.items():
        if body["Type"] == "AWS::IAM::Role":
            said = json.dumps(body["Properties"])
            reads = "secretsmanager:GetSecretValue" in said or '"s3:' in said
            uses = "kms:Decrypt" in said
            assert uses >= reads, name
            assert uses <= (reads or "Handler" in name), name


def test_everything_that_stores_data_has_the_key() -> None:
    """Logs, secrets, the database, buckets and variables of functions; not the bucket that load balancers write into,
    and not the replica, which has the key of its source."""
    there = resources("audit: true\nencryption: own\n")
    with_key = {name for name, body in there.items() if "EncryptionKey" in json.dumps(body)}
    types = ("AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::S3::Bucket", "AWS::RDS::DBInstance")
    stores = {name for name, body in there.items() if body["Type"] in types}
    assert stores - with_key == {"AuditLogs", "MainDatabaseReplica1"}
    assert "DatabaseBootstrapHandler" in with_key


def _changes(before: str, after: str) -> tuple[changes.Change, ...]:
    old, new = (compiled(text).stack for text in (before, after))
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


def test_another_key_for_a_database_that_exists_is_a_loss() -> None:
    """RDS encrypts a database once: `encryption: own` would replace it, which `deploy` refuses like any other loss."""
    found = [told for _, told in losses.found(_changes(SHOP, SHOP + "encryption: own\n"))]
    assert [told.code for told in found] == ["MSA511"]
    assert "KmsKeyId" in found[0].message


def test_the_key_and_the_logs_are_data() -> None:
    """Who removes `audit` or `encryption` from a manifest is told what leaves the stack."""
    after = SHOP
    before = SHOP + "audit: true\nencryption: own\n"
    entries = {change.logical_id for change, _ in losses.found(_changes(before, after))}
    assert {"AuditLogs", "EncryptionKey"} <= entries
    assert aws_types.of("AWS::KMS::Key").holds is Holds.DATA
    words = {gate.name_of(change) for change, _ in losses.found(_changes(before, after))}
    assert {"AuditLogs", "EncryptionKey"} <= words


def test_reasons_alone_cost_nothing() -> None:
    """With every measure off there is nothing new in a template but reasons, and settings that are off."""
    off = "audit: {access_logs: false, flow_logs: false, monitoring: false, iam_login: false, firewall: false}\n"
    there, before = resources(off), resources()
    assert there.keys() == before.keys()
    assert "AwsSolutions-SMG4" in reasons(there["WebToMainSecret"])
    assert "CKV_AWS_91" not in reasons(there["IngressLoadBalancer"])
    assert "CKV_AWS_86" not in reasons(there["MediaDistribution"])


@pytest.mark.parametrize(
    ("region", "logged"),
    [("eu-west-1", True), ("us-east-1", True), ("me-south-1", False)],
)
def test_a_distribution_has_what_its_region_allows(region: str, logged: bool) -> None:
    """What a Region has is turned on; what it has not is explained, and what the user turns off is not."""
    text = SHOP.replace("eu-west-1", region)
    for more, on in (("audit: true\n", True), ("audit: {access_logs: false, firewall: false}\n", False)):
        cdn = template_of(text + more)["Resources"]["MediaDistribution"]
        config = cdn["Properties"]["DistributionConfig"]
        assert ("Logging" in config, "WebACLId" in config) == (on and logged, on)
        assert ("CKV_AWS_86" in reasons(cdn), "CKV_AWS_68" in reasons(cdn)) == (not logged, False)


@pytest.mark.parametrize("field", ["monitoring", "iam_login", "access_logs"])
def test_what_is_turned_off_says_so(field: str) -> None:
    """CloudFormation leaves on what a template says no more; so a measure that is off is written out."""
    there = resources(f"audit: {{{field}: false}}\n")
    said = json.dumps([there["MainDatabase"]["Properties"], there["IngressLoadBalancer"]["Properties"]])
    off = {
        "monitoring": '"MonitoringInterval": 0',
        "iam_login": '"EnableIAMDatabaseAuthentication": false',
        "access_logs": '{"Key": "access_logs.s3.enabled", "Value": "false"}',
    }
    assert off[field] in said


def test_environments_choose() -> None:
    """An environment can be audited alone; the repositories that all share then have their reasons."""
    text = SHOP + "environments: {dev: , prod: {audit: true, encryption: own}}\n"
    document = pipeline.load(text, "msa.yaml")
    by_name = {name: pipeline.compile_system(document, name).stacks for name in ("dev", "prod")}
    assert "AuditLogs" in by_name["prod"][-1].template["Resources"]
    assert "AuditLogs" not in by_name["dev"][-1].template["Resources"]
    assert by_name["dev"][0].template == by_name["prod"][0].template
    assert "CKV_AWS_136" in yaml.safe_dump(dict(by_name["dev"][0].template))


def test_egress_that_is_wider_than_one_port_has_its_reason_in_the_template() -> None:
    """Databases and functions call what they need. Load balancers and services call more, and the template says why."""
    file = Path(__file__).parents[1] / "examples" / "production" / "msa.yaml"
    stack = pipeline.compile_main(pipeline.load(file.read_bytes(), str(file)), "prod").stack
    wide: dict[str, list[str]] = {}
    for name, group in stack.template["Resources"].items():
        if group["Type"] != "AWS::EC2::SecurityGroup":
            continue
        rules = group["Properties"]["SecurityGroupEgress"]
        if any(rule["IpProtocol"] == "-1" or rule["FromPort"] < rule["ToPort"] for rule in rules):
            wide[name] = group["Metadata"]["guard"]["SuppressedRules"]
    anywhere = ["EC2_SECURITY_GROUP_EGRESS_OPEN_TO_WORLD_RULE", "SECURITY_GROUP_EGRESS_ALL_PROTOCOLS_RULE"]
    services = ("Bastion", "CartService", "ProductService", "UserService")
    assert wide.pop("IngressSecurityGroup") == ["SECURITY_GROUP_EGRESS_PORT_RANGE_RULE"]
    assert wide == {f"{name}SecurityGroup": anywhere for name in services}


def test_messages_are_encrypted_with_the_key_and_reach_their_queue() -> None:
    """Queues and topics have the system's key, and SNS may use it for what it delivers."""
    there = resources("encryption: own\n")
    arn = {"Fn::GetAtt": ["EncryptionKey", "Arn"]}
    for name in ("OrdersQueue", "OrdersDeadLetters", "EventsTopic"):
        assert there[name]["Properties"]["KmsMasterKeyId"] == arn
        assert "SqsManagedSseEnabled" not in there[name]["Properties"]
    policy = there["EncryptionKey"]["Properties"]["KeyPolicy"]["Statement"]
    (senders,) = (each for each in policy if each["Sid"] == "Senders")
    assert senders["Principal"] == {"Service": ["sns.amazonaws.com"]}
    assert there["SessionsTable"]["Properties"]["SSESpecification"]["KMSMasterKeyId"] == arn


def test_the_traffic_of_a_vpc_that_exists_is_not_logged() -> None:
    """Its owner decides that; everything else of an audit is there."""
    subnets = "public: [subnet-1111111a, subnet-1111111b]"
    vpc = f"network: {{vpc: vpc-11111111, cidr: 10.0.0.0/16, placement: public, {subnets}}}"
    found = template_of(SHOP.replace("network: {placement: public}", vpc) + "audit: true\n")["Resources"]
    assert "AuditFlowLog" in resources("audit: true\n")
    assert "AuditLogs" in found
    assert "AuditFlowLog" not in found


def test_what_is_restored_keeps_the_key_of_its_snapshot() -> None:
    """RDS takes no key together with a snapshot, and its micro classes of MySQL have no Performance Insights."""
    text = SHOP.replace("main: {replicas: 1}", "main: {engine: mysql, from_snapshot: before}")
    found = template_of(text + "audit: true\nencryption: own\n")["Resources"]["MainDatabase"]
    assert not {"KmsKeyId", "StorageEncrypted", "MasterUsername"} & set(found["Properties"])
    assert found["Properties"]["MasterUserSecret"] == {"KmsKeyId": {"Fn::GetAtt": ["EncryptionKey", "Arn"]}}
    assert found["Properties"]["EnablePerformanceInsights"] is False
    assert "NIST.800.53.R5-RDSLoggingEnabled" in reasons(found)


def test_jobs_are_traced_where_it_is_asked_for() -> None:
    """`tracing` turns X-Ray of a state machine on, and its role may send; otherwise the template says why it is off."""
    job = "jobs: {nightly: {image: 'web:1.0', run: by-hand}}\n"
    there = resources(job + "audit: true\n")
    assert {"AwsSolutions-SF1", "AwsSolutions-SF2"} <= reasons(there["NightlyMachine"])
    traced = resources(job + "audit: {tracing: true}\n")
    assert traced["NightlyMachine"]["Properties"]["TracingConfiguration"] == {"Enabled": True}
    assert "AwsSolutions-SF2" not in reasons(traced["NightlyMachine"])
    assert "xray:GetSamplingTargets" in json.dumps(traced["NightlyMachineRole"])
    assert "xray:GetSamplingTargets" not in json.dumps(traced["DatabaseBootstrapHandlerRole"])


ROTATING = "audit: {rotation: 30 days}\n"


def test_audit_alone_rotates_nothing() -> None:
    """`audit: true` brings no schedule, and leaves the names of users as they are; the exception says how."""
    there = resources("audit: true\n")
    assert not [name for name, body in there.items() if "Rotation" in body["Type"]]
    assert "AwsSolutions-SMG4" in reasons(there["WebToMainSecret"])


def test_every_password_of_a_service_rotates() -> None:
    """Each secret of a service on a database has a schedule and no exception; that of the master says why it stays."""
    there = resources(ROTATING)
    schedule = there["WebToMainSecretRotation"]
    assert schedule["Properties"]["RotationRules"] == {"AutomaticallyAfterDays": 30}
    assert schedule["Properties"]["RotateImmediatelyOnUpdate"] is False
    assert "MainBootstrap" in schedule["DependsOn"]
    assert "AwsSolutions-SMG4" not in reasons(there["WebToMainSecret"])
    assert "AwsSolutions-SMG4" in reasons(there["MainDatabaseMasterSecret"])


def test_the_user_of_a_service_that_rotates_is_a_secret() -> None:
    """The task gets the user's name from the secret, since it changes with the password."""
    named = {}
    for more in "audit: true\n", ROTATING:
        (container,) = resources(more)["WebTask"]["Properties"]["ContainerDefinitions"]
        named[more] = {each["Name"] for each in container["Secrets"]}
    assert named[ROTATING] - named["audit: true\n"] == {"MAIN_USERNAME"}


def test_a_rotation_may_start_who_reads_the_secret_and_nobody_else() -> None:
    """Its role names the services that read a secret on a database, and those of no other."""
    other = "  other: {image: 'web:1', runtime: fargate}\n  host: {image: 'web:1', uses: {main: {database: h}}}\n"
    there = template_of(SHOP.replace("services:\n", f"services:\n{other}") + ROTATING)["Resources"]
    statements = there["DatabaseBootstrapRotationRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    allowed = {each["Action"]: each["Resource"] for each in statements if isinstance(each["Action"], str)}
    assert allowed["ecs:UpdateService"] == {"Ref": "WebService"}
    assert "${HostInstance}" in json.dumps(allowed["ec2:RebootInstances"])
    assert "autoscaling:StartInstanceRefresh" not in allowed
    assert not [each for each in statements if each["Resource"] == "*"]


def test_the_role_of_many_services_names_their_cluster() -> None:
    """A role's policies have 10,240 characters, so more than twenty services are those of the system's cluster."""
    many = "".join(f"  s{n}: {{image: 'web:1', runtime: fargate, uses: [main]}}\n" for n in range(25))
    text = SHOP.replace("main: {replicas: 1}", "main: {size: db.r7g.2xlarge}").replace(
        "services:\n", f"services:\n{many}"
    )
    there = template_of(text + ROTATING)["Resources"]
    statements = there["DatabaseBootstrapRotationRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (allowed,) = (each["Resource"] for each in statements if each["Action"] == "ecs:UpdateService")
    assert json.dumps(allowed).endswith('service/${Cluster}/*"}')
