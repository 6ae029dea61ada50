"""Deploys as `aws cloudformation deploy` does, by change sets, and reads back what stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msaspec import pipeline
from msaspec.template import render
from tests import template

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "msa.yaml"


@cache
def example() -> str:
    """The template of the example."""
    return render.to_yaml(pipeline.compile_main(pipeline.load(EXAMPLE.read_bytes(), "msa.yaml")).stack)


@cache
def example_registry() -> str:
    """The registry template of the example."""
    registry = template.registry_of(pipeline.load(EXAMPLE.read_bytes(), "msa.yaml"))
    assert registry
    return render.to_yaml(registry)


def small(resources: str) -> str:
    """A template with nothing but some resources."""
    return f"Resources:\n{resources}"


WORDS = {
    "DeploymentMode",
    "DisableValidation",
    "ImportExistingResources",
    "IncludeNestedStacks",
    "OnStackFailure",
    "RoleARN",
    "Tags",
}


class Deployer:
    """One stack of a sandbox."""

    def __init__(self, client: Any, name: str = "shop", s3: Any = None) -> None:
        self.client = client
        self.name = name
        self.s3 = s3
        """For templates that are too long to be sent."""
        self._number = 0

    def propose(self, text: str, **parameters: Any) -> dict[str, Any]:
        """Makes a change set and describes it. Words of the API itself are told from parameters by `WORDS`."""
        words = {key: parameters.pop(key) for key in WORDS & parameters.keys()}
        self._number += 1
        there = any(
            stack["StackName"] == self.name and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
            for stack in self.client.describe_stacks()["Stacks"]
        )
        self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"change-{self._number}",
            ChangeSetType="UPDATE" if there else "CREATE",
            **self._template(text),
            Parameters=[
                {"ParameterKey": key, **(value if isinstance(value, dict) else {"ParameterValue": value})}
                for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
            **{"Tags": [{"Key": "team", "Value": "shop"}], **words},
        )
        described: dict[str, Any] = self.client.describe_change_set(
            StackName=self.name, ChangeSetName=f"change-{self._number}"
        )
        return described

    def _template(self, text: str) -> dict[str, str]:
        if self.s3 is None or len(text) <= 51_200:
            return {"TemplateBody": text}
        self.s3.create_bucket(Bucket="templates")
        self.s3.put_object(Bucket="templates", Key=self.name, Body=text)
        return {"TemplateURL": f"https://templates.s3.amazonaws.com/{self.name}"}

    def deploy(self, text: str, **parameters: Any) -> str:
        """Carries a change set out; returns the status of the stack."""
        described = self.propose(text, **parameters)
        assert described["ExecutionStatus"] == "AVAILABLE", described
        return self.execute(described)

    def execute(self, described: dict[str, Any]) -> str:
        """Carries a change set out, and waits; returns the status of the stack."""
        self.client.execute_change_set(StackName=self.name, ChangeSetName=described["ChangeSetName"])
        return self.ended()

    def delete(self, **words: Any) -> str:
        """Deletes the stack, and waits; returns its status."""
        id = self.stack()["StackId"]
        self.client.delete_stack(StackName=self.name, **words)
        return self.ended(id)

    def ended(self, name: str | None = None) -> str:
        """Waits until nothing is done to the stack any more; returns its status."""
        return self.wait(lambda status: not status.endswith("_IN_PROGRESS"), name)

    def wait(self, wanted: Callable[[str], bool], name: str | None = None) -> str:
        """Waits until the stack has a status as wanted, and returns it."""
        for _ in range(1500):
            status = str(self.client.describe_stacks(StackName=name or self.name)["Stacks"][0]["StackStatus"])
            if wanted(status):
                return status
            time.sleep(0.02)
        raise AssertionError(f"{self.name} is still {status}")

    def stack(self) -> dict[str, Any]:
        """The stack as it stands."""
        found: dict[str, Any] = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
        return found

    def outputs(self) -> dict[str, str]:
        """The outputs by name."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack().get("Outputs", [])}

    def ids(self) -> dict[str, str]:
        """The physical ids by logical id, of what is there."""
        gone = "DELETE_COMPLETE", "DELETE_SKIPPED"
        return {
            row["LogicalResourceId"]: row["PhysicalResourceId"]
            for row in self.rows()
            if row["ResourceStatus"] not in gone and "PhysicalResourceId" in row
        }

    def rows(self, name: str | None = None) -> list[dict[str, Any]]:
        """The resources as the stack lists them."""
        pages = self.client.get_paginator("list_stack_resources").paginate(StackName=name or self.name)
        return [row for page in pages for row in page["StackResourceSummaries"]]

    def statuses(self, name: str | None = None) -> dict[str, str]:
        """The statuses of the resources by logical id."""
        return {row["LogicalResourceId"]: row["ResourceStatus"] for row in self.rows(name)}

    def events(self) -> list[tuple[str, str]]:
        """What happened since the last time that someone began something, oldest first."""
        events = [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(self.told())]
        begun = [
            number
            for number, (name, status) in enumerate(events)
            if name == self.name and status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        ]
        return events[begun[-1] :]

    def told(self, name: str | None = None) -> list[dict[str, Any]]:
        """All events, the newest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=name or self.name)
        return [event for page in pages for event in page["StackEvents"]]

    def reason(self, name: str) -> str:
        """Why a resource failed, the last time it did."""
        found = self.told()
        return next(
            str(event["ResourceStatusReason"])
            for event in found
            if event["LogicalResourceId"] == name and event["ResourceStatus"].endswith("FAILED")
        )


class Standing:
    """A deployed template, with what its intrinsics stand for by what the services say."""

    def __init__(self, world: Any, deployer: Deployer, text: str) -> None:
        self.client = world.client
        self.deployer = deployer
        self.template = template.load(text)
        self.ids = deployer.ids()
        self.filled = template.Filled(self.template, **self._values())

    def _values(self) -> dict[str, str]:
        account = "123456789012"
        values = {
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::Region": "us-east-1",
            "AWS::StackId": self.deployer.stack()["StackId"],
            "AWS::StackName": self.deployer.name,
            "AWS::URLSuffix": "amazonaws.com",
            **{name: str(part["Default"]) for name, part in self.template.get("Parameters", {}).items()},
            **self.ids,
        }
        for name, id in self.of("AWS::IAM::Role"):
            values[f"{name}.Arn"] = f"arn:aws:iam::{account}:role/{id}"
        for name, id in self.of("AWS::IAM::InstanceProfile"):
            values[f"{name}.Arn"] = f"arn:aws:iam::{account}:instance-profile/{id}"
        for name, id in self.of("AWS::Lambda::Function"):
            values[f"{name}.Arn"] = f"arn:aws:lambda:us-east-1:{account}:function:{id}"
        for name, id in self.of("AWS::Logs::LogGroup"):
            values[f"{name}.Arn"] = f"arn:aws:logs:us-east-1:{account}:log-group:{id}:*"
        for name, id in self.of("AWS::S3::Bucket"):
            values |= {
                f"{name}.Arn": f"arn:aws:s3:::{id}",
                f"{name}.RegionalDomainName": f"{id}.s3.us-east-1.amazonaws.com",
            }
        for name, id in self.of("AWS::RDS::DBInstance"):
            there = self.database(id)
            values[f"{name}.Endpoint.Address"] = there["Endpoint"]["Address"]
            values[f"{name}.MasterUserSecret.SecretArn"] = there.get("MasterUserSecret", {}).get("SecretArn", "")
        for name, id in self.of("AWS::CloudFront::Distribution"):
            there = self.client("cloudfront").get_distribution(Id=id)["Distribution"]
            values[f"{name}.DomainName"] = there["DomainName"]
        for name, id in self.of("AWS::EC2::Instance"):
            values[f"{name}.PrivateIp"] = self.host(id)["PrivateIpAddress"]
        values |= {f"{name}.PublicIp": id for name, id in self.of("AWS::EC2::EIP")}
        for kind in (
            "CloudFront::OriginAccessControl",
            "ServiceDiscovery::PrivateDnsNamespace",
            "ServiceDiscovery::Service",
        ):
            values |= {f"{name}.Id": id for name, id in self.of(f"AWS::{kind}")}
        return values

    def of(self, kind: str) -> list[tuple[str, str]]:
        """Logical and physical ids of a type."""
        parts = self.template["Resources"].items()
        found = [(name, self.ids[name]) for name, part in parts if part["Type"] == kind]
        assert found, kind
        return found

    def properties(self, name: str) -> Mapping[str, Any]:
        """What the template says of a resource, filled in."""
        filled: Mapping[str, Any] = self.filled.value(self.template["Resources"][name].get("Properties", {}))
        return filled

    def database(self, id: str) -> dict[str, Any]:
        """A database instance."""
        found: dict[str, Any] = self.client("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]
        return found

    def host(self, id: str) -> dict[str, Any]:
        """An EC2 instance."""
        answer = self.client("ec2").describe_instances(InstanceIds=[id])
        found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
        return found
