"""Types that are made by one call and removed by one call, and that only patches bring in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, add
from msaspec.sandbox.cloudformation.shapes import known, shaped, without


@dataclass(frozen=True)
class Plain(Resource):
    """A type whose properties are called as the words of the operation that makes one."""

    service: str
    make: str
    """The operation that makes one, such as `CreateRestApi`."""
    remove: str
    """The operation that removes one."""
    id: str
    """Where the physical id is: in the answer, as `Member.Member`, or in the words of the operation."""
    removed_by: tuple[str, ...] = ()
    """The words of `remove`: the first gets the id, others what the properties say."""
    change: str = ""
    """The operation that changes one, where there is one."""
    named: str = ""
    """The property that gives a name. Where a template says none, CloudFormation makes one up."""
    longest: int = 128
    """How long a name that CloudFormation makes up is at most."""
    lower: bool = False
    """Whether such a name is in lower case."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """Properties that the operation calls otherwise."""
    tagged: bool = True
    """Whether moto takes tags."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What `Fn::GetAtt` gives, and where it is in the answer or in the words."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        words = self._words(at, new)
        answer = self._call(at, self.make, words)
        return self._made(str(_found(self.id, answer, words)), answer, words)

    def _made(self, id: str, answer: Mapping[str, Any], words: Mapping[str, Any]) -> Made:
        found = {name: _found(where, answer, words, {self.id: id}) for name, where in self.attributes.items()}
        return Made(id, {name: value for name, value in found.items() if value is not None})

    def _call(self, at: At, operation: str, words: Mapping[str, Any]) -> dict[str, Any]:
        from botocore import xform_name

        answer: dict[str, Any] = getattr(at.api(self.service), xform_name(operation))(**words)
        return answer

    def _words(self, at: At, new: Properties) -> dict[str, Any]:
        api = at.api(self.service)
        words = {self.spelled.get(key, key): value for key, value in new.items() if key != "Tags" or self.tagged}
        members = api.meta.service_model.operation_model(self.make).input_shape.members
        if any(name.lower() == "tags" and shape.type_name == "map" for name, shape in members.items()):
            words |= {"Tags": {tag["Key"]: tag["Value"] for tag in words["Tags"]}} if "Tags" in words else {}
        if self.named and self.named not in new:
            words[self.spelled.get(self.named, self.named)] = at.name(self.longest, lower=self.lower)
        unknown = [key for key in words if key.lower() not in known(api, self.make)]
        return shaped(api, self.make, {key: _text(words[key], key) for key in without(words, *unknown)})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change it, where there is an operation for that."""
        if not self.change:
            return super().update(at, id, old, new)
        api, words = at.api(self.service), self._words(at, new)
        fitting = {key: value for key, value in words.items() if key.lower() in known(api, self.change)}
        return self._made(id, self._call(at, self.change, {**fitting, self.removed_by[0]: id}), words)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        api, (first, *others) = at.api(self.service), self.removed_by
        shape = api.meta.service_model.operation_model(self.remove).input_shape.members[first]
        words = {first: [id] if shape.type_name == "list" else id}
        said = {self.spelled.get(key, key).lower(): value for key, value in old.items()}
        self._call(at, self.remove, words | {key: said[key.lower()] for key in others if key.lower() in said})


def _found(path: str, *places: Mapping[str, Any]) -> Any:
    for place in places:
        value: Any = place
        for step in [path] if path in place else path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _text(value: Any, key: str) -> Any:
    """Policies are documents in templates, and texts in operations."""
    return json.dumps(value) if "policy" in key.lower() and isinstance(value, Mapping) else value


PLAIN = {
    "AWS::EC2::PrefixList": Plain(
        "ec2",
        "CreateManagedPrefixList",
        "DeleteManagedPrefixList",
        "PrefixList.PrefixListId",
        ("PrefixListId",),
        attributes={"PrefixListId": "PrefixList.PrefixListId", "Arn": "PrefixList.PrefixListArn"},
    ),
    "AWS::EC2::NetworkAcl": Plain(
        "ec2",
        "CreateNetworkAcl",
        "DeleteNetworkAcl",
        "NetworkAcl.NetworkAclId",
        ("NetworkAclId",),
        attributes={"Id": "NetworkAcl.NetworkAclId"},
    ),
    "AWS::EC2::KeyPair": Plain(
        "ec2",
        "CreateKeyPair",
        "DeleteKeyPair",
        "KeyName",
        ("KeyName",),
        attributes={"KeyPairId": "KeyPairId", "KeyFingerprint": "KeyFingerprint"},
    ),
    "AWS::Lambda::EventSourceMapping": Plain(
        "lambda",
        "CreateEventSourceMapping",
        "DeleteEventSourceMapping",
        "UUID",
        ("UUID",),
        change="UpdateEventSourceMapping",
        attributes={"Id": "UUID"},
    ),
    "AWS::Lambda::Version": Plain(
        "lambda",
        "PublishVersion",
        "DeleteFunction",
        "FunctionArn",
        ("FunctionName",),
        attributes={"Version": "Version", "FunctionArn": "FunctionArn"},
    ),
    "AWS::Lambda::Url": Plain(
        "lambda",
        "CreateFunctionUrlConfig",
        "DeleteFunctionUrlConfig",
        "FunctionArn",
        ("FunctionName",),
        change="UpdateFunctionUrlConfig",
        spelled={"TargetFunctionArn": "FunctionName"},
        attributes={"FunctionArn": "FunctionArn", "FunctionUrl": "FunctionUrl"},
    ),
    "AWS::Lambda::EventInvokeConfig": Plain(
        "lambda",
        "PutFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
        "FunctionName",
        ("FunctionName", "Qualifier"),
        change="PutFunctionEventInvokeConfig",
    ),
    "AWS::Logs::LogStream": Plain(
        "logs",
        "CreateLogStream",
        "DeleteLogStream",
        "logStreamName",
        ("logStreamName", "logGroupName"),
        named="LogStreamName",
    ),
    "AWS::SSM::MaintenanceWindow": Plain(
        "ssm", "CreateMaintenanceWindow", "DeleteMaintenanceWindow", "WindowId", ("WindowId",)
    ),
    "AWS::SSM::MaintenanceWindowTarget": Plain(
        "ssm",
        "RegisterTargetWithMaintenanceWindow",
        "DeregisterTargetFromMaintenanceWindow",
        "WindowTargetId",
        ("WindowTargetId", "WindowId"),
    ),
    "AWS::SSM::PatchBaseline": Plain(
        "ssm", "CreatePatchBaseline", "DeletePatchBaseline", "BaselineId", ("BaselineId",), tagged=False
    ),
    "AWS::Scheduler::Schedule": Plain(
        "scheduler",
        "CreateSchedule",
        "DeleteSchedule",
        "Name",
        ("Name", "GroupName"),
        change="UpdateSchedule",
        named="Name",
        attributes={"Arn": "ScheduleArn"},
    ),
    "AWS::Scheduler::ScheduleGroup": Plain(
        "scheduler",
        "CreateScheduleGroup",
        "DeleteScheduleGroup",
        "Name",
        ("Name",),
        named="Name",
        attributes={"Arn": "ScheduleGroupArn"},
    ),
    "AWS::KinesisFirehose::DeliveryStream": Plain(
        "firehose",
        "CreateDeliveryStream",
        "DeleteDeliveryStream",
        "DeliveryStreamName",
        ("DeliveryStreamName",),
        named="DeliveryStreamName",
        attributes={"Arn": "DeliveryStreamARN"},
    ),
    "AWS::OpenSearchService::Domain": Plain(
        "opensearch",
        "CreateDomain",
        "DeleteDomain",
        "DomainStatus.DomainName",
        ("DomainName",),
        change="UpdateDomainConfig",
        named="DomainName",
        longest=28,
        lower=True,
        spelled={"Tags": "TagList"},
        attributes={
            "Arn": "DomainStatus.ARN",
            "DomainArn": "DomainStatus.ARN",
            "DomainEndpoint": "DomainStatus.Endpoint",
            "Id": "DomainStatus.DomainId",
        },
    ),
    "AWS::Elasticsearch::Domain": Plain(
        "es",
        "CreateElasticsearchDomain",
        "DeleteElasticsearchDomain",
        "DomainStatus.DomainName",
        ("DomainName",),
        named="DomainName",
        longest=28,
        lower=True,
        spelled={"Tags": "TagList"},
        attributes={
            "Arn": "DomainStatus.ARN",
            "DomainArn": "DomainStatus.ARN",
            "DomainEndpoint": "DomainStatus.Endpoint",
        },
    ),
    "AWS::SecretsManager::ResourcePolicy": Plain(
        "secretsmanager",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
        "ARN",
        ("SecretId",),
        change="PutResourcePolicy",
    ),
}
for _name, _kind in PLAIN.items():
    add(_name, _kind)
