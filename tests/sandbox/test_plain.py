"""Types of resources that are made and removed by one call each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from msaspec import sandbox
from msaspec.sandbox.cloudformation.resource import lookup, supported
from msaspec.sandbox.types.plain import Plain
from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer

sandbox.load()
KINDS = {name: kind for name in sorted(supported()) if isinstance(kind := lookup(name), Plain)}
CODE = "def handler(event, context): pass"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    ],
}
BASES: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Logs": {"Type": "AWS::Logs::LogGroup"},
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
    "Method": {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
            "Integration": {"Type": "MOCK", "IntegrationResponses": [{"StatusCode": "200"}]},
            "MethodResponses": [{"StatusCode": 200}],
        },
    },
    "Release": {
        "Type": "AWS::ApiGateway::Deployment",
        "DependsOn": "Method",
        "Properties": {"RestApiId": {"Ref": "Api"}},
    },
    "Key": {"Type": "AWS::ApiGateway::ApiKey"},
    "Plan": {"Type": "AWS::ApiGateway::UsagePlan"},
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Window": {
        "Type": "AWS::SSM::MaintenanceWindow",
        "Properties": {
            "Name": "window",
            "AllowUnassociatedTargets": False,
            "Cutoff": 0,
            "Duration": 1,
            "Schedule": "rate(1 day)",
        },
    },
    "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "a"}},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": CODE},
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        },
    },
}
READER = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Principal": "*", "Resource": "*"}
PROPERTIES: dict[str, dict[str, Any]] = {
    "AWS::ApiGateway::RestApi": {"Name": "api"},
    "AWS::ApiGateway::Resource": {
        "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
        "PathPart": "carts",
        "RestApiId": {"Ref": "Api"},
    },
    "AWS::ApiGateway::Model": {
        "ContentType": "application/json",
        "RestApiId": {"Ref": "Api"},
        "Schema": {"type": "object"},
    },
    "AWS::ApiGateway::RequestValidator": {"Name": "all", "RestApiId": {"Ref": "Api"}, "ValidateRequestBody": True},
    "AWS::ApiGateway::Deployment": {"RestApiId": {"Ref": "Api"}, "Description": {"Fn::Sub": "${Method}"}},
    "AWS::ApiGateway::Stage": {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Release"}},
    "AWS::ApiGateway::ApiKey": {"Value": "a" * 20, "Enabled": True},
    "AWS::ApiGateway::UsagePlan": {"Quota": {"Limit": 5000, "Period": "MONTH"}},
    "AWS::ApiGateway::UsagePlanKey": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}},
    "AWS::EC2::PrefixList": {"PrefixListName": "list", "MaxEntries": 1, "AddressFamily": "IPv4"},
    "AWS::EC2::NetworkAcl": {"VpcId": {"Ref": "Vpc"}},
    "AWS::EC2::KeyPair": {"KeyName": "key"},
    "AWS::Lambda::EventSourceMapping": {
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "FunctionName": {"Ref": "Function"},
    },
    "AWS::Lambda::Url": {"TargetFunctionArn": {"Fn::GetAtt": ["Function", "Arn"]}, "AuthType": "NONE"},
    "AWS::Lambda::EventInvokeConfig": {
        "FunctionName": {"Ref": "Function"},
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 1,
    },
    "AWS::KinesisFirehose::DeliveryStream": {
        "ExtendedS3DestinationConfiguration": {
            "BucketARN": {"Fn::GetAtt": ["Bucket", "Arn"]},
            "RoleARN": {"Fn::GetAtt": ["Role", "Arn"]},
        },
    },
    "AWS::Elasticsearch::Domain": {"ElasticsearchVersion": "7.10", "Tags": [{"Key": "a", "Value": "b"}]},
    "AWS::OpenSearchService::Domain": {"EngineVersion": "OpenSearch_2.5"},
    "AWS::ResourceGroups::Group": {"Name": "all", "ResourceQuery": {"Type": "CLOUDFORMATION_STACK_1_0"}},
    "AWS::Scheduler::Schedule": {
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ScheduleExpression": "rate(1 day)",
        "Target": {"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
    },
    "AWS::Scheduler::ScheduleGroup": {},
    "AWS::StepFunctions::StateMachine": {
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "DefinitionString": '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${what}", "End": true}}}',
        "DefinitionSubstitutions": {"what": "done"},
    },
    "AWS::Lambda::Version": {"FunctionName": {"Ref": "Function"}},
    "AWS::Logs::LogStream": {"LogGroupName": {"Ref": "Logs"}},
    "AWS::SSM::MaintenanceWindow": {
        "Name": "window",
        "AllowUnassociatedTargets": False,
        "Cutoff": 0,
        "Duration": 1,
        "Schedule": "rate(1 day)",
    },
    "AWS::SSM::MaintenanceWindowTarget": {
        "WindowId": {"Ref": "Window"},
        "ResourceType": "INSTANCE",
        "Targets": [{"Key": "tag:Name", "Values": ["a"]}],
    },
    "AWS::SSM::MaintenanceWindowTask": {
        "WindowId": {"Ref": "Window"},
        "TaskType": "RUN_COMMAND",
        "TaskArn": "AWS-RunPatchBaseline",
        "Priority": 1,
        "TaskInvocationParameters": {"MaintenanceWindowRunCommandParameters": {"Comment": "weekly"}},
    },
    "AWS::SSM::PatchBaseline": {"Name": "baseline"},
    "AWS::SecretsManager::ResourcePolicy": {
        "SecretId": {"Ref": "Secret"},
        "ResourcePolicy": {"Version": "2012-10-17", "Statement": [READER]},
    },
}


def _needed(part: Any) -> dict[str, Any]:
    """What a part of a template refers to, and what that refers to."""
    text, found = json.dumps(part), {}
    for name, base in BASES.items():
        if f'"{name}"' in text or f"${{{name}}}" in text:
            found |= {name: base, **_needed(base)}
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_made_told_and_removed(deployer: Deployer, kind: str) -> None:
    """With a physical id and every attribute that the type has; then nothing of the stack is left."""
    attributes = KINDS[kind].attributes
    outputs = {name: {"Value": {"Fn::GetAtt": ["Thing", name]}} for name in attributes}
    thing = {"Type": kind, "Properties": PROPERTIES[kind]}
    bases = _needed(PROPERTIES[kind])
    text = json.dumps({"Resources": {**bases, "Thing": thing}, **({"Outputs": outputs} if outputs else {})})
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.reason("Thing")
    assert deployer.ids()["Thing"]
    assert all((deployer.outputs() if attributes else {}).values())
    id = deployer.stack()["StackId"]
    deployer.client.delete_stack(StackName=id)
    deployer.client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig={"Delay": 1})


STAGE = {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Release"}, "StageName": "live"}
TABLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "Replicas": [{"Region": "us-east-1"}],
}
ALIAS = {"FunctionName": {"Ref": "Function"}, "FunctionVersion": "$LATEST", "Name": "live"}
STATES = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true%s}}}'
MACHINE = {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "DefinitionString": STATES % ""}
CHANGES: tuple[tuple[str, dict[str, Any], dict[str, Any], Callable[[World, str], Any], Any], ...] = (
    (
        "AWS::ApiGateway::RestApi",
        {"Name": "api", "Description": "a"},
        {"Description": "b"},
        lambda world, id: world.client("apigateway").get_rest_api(restApiId=id)["description"],
        "b",
    ),
    (
        "AWS::ApiGateway::Stage",
        STAGE,
        {"Description": "b", "Variables": {"a/b": "c"}},
        lambda world, id: [
            each["description"]
            for api in world.client("apigateway").get_rest_apis()["items"]
            for each in world.client("apigateway").get_stages(restApiId=api["id"])["item"]
            if each["stageName"] == id
        ],
        ["b"],
    ),
    (
        "AWS::ApiGateway::UsagePlan",
        {"Quota": {"Limit": 5, "Period": "DAY"}},
        {"Quota": {"Limit": 7, "Period": "DAY"}},
        lambda world, id: int(world.client("apigateway").get_usage_plan(usagePlanId=id)["quota"]["limit"]),
        7,
    ),
    (
        "AWS::EC2::TransitGateway",
        {"Description": "a", "AmazonSideAsn": 65000},
        {"Tags": [{"Key": "a", "Value": "b"}]},
        lambda world, id: (
            {"Key": "a", "Value": "b"}
            in world.client("ec2").describe_transit_gateways(TransitGatewayIds=[id])["TransitGateways"][0]["Tags"]
        ),
        True,
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        TABLE,
        {"TimeToLiveSpecification": {"AttributeName": "at", "Enabled": True}},
        lambda world, id: world.client("dynamodb").describe_time_to_live(TableName=id)["TimeToLiveDescription"][
            "AttributeName"
        ],
        "at",
    ),
    (
        "AWS::Lambda::Alias",
        ALIAS,
        {"Description": "b"},
        lambda world, id: world.client("lambda").get_alias(FunctionName=id.split(":")[6], Name="live")["Description"],
        "b",
    ),
    (
        "AWS::StepFunctions::StateMachine",
        MACHINE,
        {"DefinitionString": STATES % ', "Comment": "b"'},
        lambda world, id: (
            '"b"' in world.client("stepfunctions").describe_state_machine(stateMachineArn=id)["definition"]
        ),
        True,
    ),
)


@pytest.mark.parametrize(("kind", "first", "change", "read", "wanted"), CHANGES, ids=[each[0] for each in CHANGES])
def test_it_is_changed_in_place(
    world: World, deployer: Deployer, kind: str, first: Any, change: Any, read: Any, wanted: Any
) -> None:
    """And keeps its physical id."""
    bases, ids = _needed(first), list[str]()
    for properties in first, {**first, **change}:
        resources = {**bases, "Thing": {"Type": kind, "Properties": properties}}
        status = deployer.deploy(json.dumps({"Resources": resources}))
        assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), deployer.reason("Thing")
        ids.append(deployer.ids()["Thing"])
    assert ids[0] == ids[1]
    assert read(world, ids[0]) == wanted


def test_a_method_is_put_together_anew(world: World, deployer: Deployer) -> None:
    """With what it hands requests to, under its other verb."""
    for verb in "GET", "PUT":
        method = {**BASES["Method"], "Properties": {**BASES["Method"]["Properties"], "HttpMethod": verb}}
        text = json.dumps({"Resources": {"Api": BASES["Api"], "Method": method}})
        assert deployer.deploy(text).endswith("_COMPLETE"), deployer.reason("Method")
    api = world.client("apigateway")
    of_the_api = {"restApiId": deployer.ids()["Api"]}
    (root,) = api.get_resources(**of_the_api)["items"]
    assert [*root["resourceMethods"]] == ["PUT"]
    assert root["resourceMethods"]["PUT"]["methodIntegration"]["type"] == "MOCK"
    assert {each["name"] for each in api.get_models(**of_the_api)["items"]} == {"Empty", "Error"}


def test_a_subscription_is_made_where_its_topic_is(world: World, deployer: Deployer) -> None:
    """In the Region that it names."""
    there = world.client("sns", "us-west-1")
    topic = there.create_topic(Name="there")["TopicArn"]
    words = {"TopicArn": topic, "Region": "us-west-1", "Protocol": "email", "Endpoint": "a@example.com"}
    text = json.dumps({"Resources": {"Thing": {"Type": "AWS::SNS::Subscription", "Properties": words}}})
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.reason("Thing")
    assert [each["TopicArn"] for each in there.list_subscriptions()["Subscriptions"]] == [topic]


def test_a_global_table_elsewhere_is_told(deployer: Deployer) -> None:
    """The sandbox replicates nothing."""
    words = {**TABLE, "Replicas": [{"Region": "us-east-1"}, {"Region": "us-west-1"}]}
    text = json.dumps({"Resources": {"Thing": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": words}}})
    assert deployer.deploy(text) == "ROLLBACK_COMPLETE"
    assert "replicates no table" in deployer.reason("Thing")


def test_a_layer_has_its_content_from_a_bucket(world: World, deployer: Deployer) -> None:
    """And goes with its stack."""
    world.client("s3").create_bucket(Bucket="code")
    world.client("s3").put_object(Bucket="code", Key="a.zip", Body=b"PK\x05\x06" + bytes(18))
    words = {"LayerName": "layer", "Content": {"S3Bucket": "code", "S3Key": "a.zip"}}
    text = json.dumps({"Resources": {"Thing": {"Type": "AWS::Lambda::LayerVersion", "Properties": words}}})
    assert deployer.deploy(text) == "CREATE_COMPLETE", deployer.reason("Thing")
    assert deployer.ids()["Thing"].endswith(":layer:1")
    id = deployer.stack()["StackId"]
    deployer.client.delete_stack(StackName=id)
    deployer.client.get_waiter("stack_delete_complete").wait(StackName=id, WaiterConfig={"Delay": 1})
    assert world.client("lambda").list_layer_versions(LayerName="layer")["LayerVersions"] == []
