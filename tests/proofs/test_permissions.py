"""Each role may do what its edges say, and nothing else: read from the templates, held against the manifests' data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec import pipeline
from tests.proofs import declared
from tests.proofs.declared import System
from tests.proofs.test_reachability import EVERY
from tests.template import Filled

ECR = "arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository"
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
SESSIONS = {
    ("ssm:UpdateInstanceInformation", "*"),
    *((f"ssmmessages:{verb}{channel}Channel", "*") for verb in ("Create", "Open") for channel in ("Control", "Data")),
}
HOST = {*SESSIONS, ("cloudformation:SignalResource", "<AWS::StackId>"), ("ecr:GetAuthorizationToken", "*")}
"""What every host may do."""


def granted(template: Mapping[str, Any], role: str) -> set[tuple[str, str]]:
    """Pairs of an action and a resource that a role allows, by its own policies and those managed in the template."""
    filled = Filled(template)
    properties = template["Resources"][role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for managed in properties.get("ManagedPolicyArns", []):
        documents.append(template["Resources"][managed["Ref"]]["Properties"]["PolicyDocument"])
    found = set()
    for document in documents:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            actions, resources = statement["Action"], filled.value(statement["Resource"])
            for action in [actions] if isinstance(actions, str) else actions:
                assert "*" not in action
                for resource in [resources] if isinstance(resources, str) else resources:
                    found.add((action, resource))
    return found


def decrypting(system: System) -> set[tuple[str, str]]:
    """What it takes to read and write what a key of the system encrypts, where it has one."""
    own = system.data.get("encryption") == "own"
    return {(f"kms:{verb}", "<EncryptionKey.Arn>") for verb in ("Decrypt", "GenerateDataKey")} if own else set()


def starting(system: System, service: str, reader: str) -> Iterator[tuple[str, str]]:
    """What it takes to start a service: its log, its image, the secrets of its databases, its own secrets."""
    prefix, spec = system.prefix[service], system.services[service]
    yield from ((action, f"<{prefix}LogGroup.Arn>") for action in ("logs:CreateLogStream", "logs:PutLogEvents"))
    yield from ((action, f"{ECR}/{system.data['name']}/{spec['image'].partition(':')[0]}") for action in PULL)
    for target in system.uses(service):
        if target in system.data.get("databases", {}):
            yield "secretsmanager:GetSecretValue", f"<{prefix}To{system.prefix[target]}Secret>"
    for place in spec.get("secrets", {}).values():
        assert place.startswith("/")
        yield reader, f"arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter{place}"


def acting(system: System, service: str) -> Iterator[tuple[str, str]]:
    """What the service itself does: with buckets, and with their distributions."""
    for target, options in system.uses(service).items():
        if target not in system.data.get("buckets", {}):
            continue
        bucket, access = f"<{system.prefix[target]}Bucket.Arn>", options.get("access", "read")
        objects = f"{bucket}/{options.get('prefix', '')}*"
        if access in ("read", "read-write"):
            yield from (("s3:ListBucket", bucket), ("s3:GetObject", objects))
        if access in ("write", "read-write"):
            yield from ((f"s3:{verb}", objects) for verb in ("PutObject", "DeleteObject", "AbortMultipartUpload"))
        if options.get("invalidate"):
            arn = (
                f"arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/<{system.prefix[target]}Distribution>"
            )
            yield "cloudfront:CreateInvalidation", arn


@EVERY
def test_each_role_is_what_its_edges_say(text: str, environment: str | None) -> None:
    """Hosts have one role for starting and acting; of a task, ECS has the one and the service the other."""
    document = pipeline.load(text, "msa.yaml")
    template = pipeline.compile_main(document, environment).stack.template
    system = declared.system(document, environment)
    expected: dict[str, set[tuple[str, str]]] = {}
    for service, prefix in ((name, system.prefix[name]) for name in system.services):
        if system.runtime(service) == "fargate":
            login = ("ecr:GetAuthorizationToken", "*")
            starts = {login, *starting(system, service, "ssm:GetParameters")}
            acts = set(acting(system, service))
            expected[f"{prefix}ExecutionRole"] = starts | decrypting(system)
            expected[f"{prefix}TaskRole"] = acts | decrypting(system) if acts else acts
        else:
            own = {*starting(system, service, "ssm:GetParameter"), *acting(system, service)}
            expected[f"{prefix}Role"] = own | HOST | decrypting(system)
    found = {role: granted(template, role) for role in expected}
    assert found == expected


@EVERY
def test_no_other_role_is_there(text: str, environment: str | None) -> None:
    """Beside the services' roles there are those of bootstrap, bastion, ECS and monitoring, as they are needed."""
    document = pipeline.load(text, "msa.yaml")
    template = pipeline.compile_main(document, environment).stack.template
    system = declared.system(document, environment)
    roles = {name for name, part in template["Resources"].items() if part["Type"] == "AWS::IAM::Role"}
    own = {
        f"{system.prefix[service]}{role}"
        for service in system.services
        for role in (("ExecutionRole", "TaskRole") if system.runtime(service) == "fargate" else ("Role",))
    }
    bootstrap = {"DatabaseBootstrapHandlerRole", "DatabaseBootstrapRunnerRole"}
    others = {"BastionRole"} if system.data.get("bastion") else set()
    assert all(granted(template, role) == SESSIONS for role in others)
    others |= bootstrap if system.data.get("databases") else set()
    audit = system.data.get("audit")
    rotates = isinstance(audit, dict) and audit.get("rotation")
    others |= {"DatabaseBootstrapRotationRole"} if rotates and list(system.edges("databases")) else set()
    shifting = any("Strategy" in str(part) and "CANARY" in str(part) for part in template["Resources"].values())
    others |= {"ClusterLoadBalancerRole", "DeploymentWatchRole"} if shifting else set()
    others |= {"AuditMonitoringRole"} if audit and system.data.get("databases") else set()
    if audit and _is_distributed(system) and system.data.get("region") != "us-east-1":
        others.add("AuditCdnRulesMakerRole")
        lists, managed = (
            f"arn:<AWS::Partition>:wafv2:us-east-1:<AWS::AccountId>:global/{each}/*"
            for each in ("webacl", "managedruleset")
        )
        acts = {f"wafv2:{act}WebACL" for act in ("Create", "Delete", "Get", "Update")} | {"wafv2:TagResource"}
        assert {each for each in granted(template, "AuditCdnRulesMakerRole") if each[0].startswith("wafv2:")} == {
            *((act, lists) for act in acts),
            *((f"wafv2:{act}WebACL", managed) for act in ("Create", "Update")),
            ("wafv2:ListWebACLs", "*"),
        }
    assert roles == own | others


def _is_distributed(system: System) -> bool:
    """Whether CloudFront is before anything of a system that is audited as a whole."""
    fronts = [system.data.get("ingress"), *(system.data.get("buckets") or {}).values()]
    return any(isinstance(each, dict) and each.get("cdn") for each in fronts)
