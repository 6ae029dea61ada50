"""How a sandbox begins and ends, what it is started with, and operations over HTTP."""

from __future__ import annotations

import threading

import boto3
import pytest
from botocore.loaders import JSONFileLoader, create_loader
from moto.core.utils import get_service_model

from msaspec import sandbox
from tests.sandbox.deploying import Deployer, small

KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-central-1"}
LOGS = "  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}\n"
BUCKET = "  Bucket: {Type: AWS::S3::Bucket}\n"


def test_there_is_one_sandbox_in_a_process() -> None:
    """A second one is refused, and the first goes on."""
    with sandbox.start() as world:
        deployer = Deployer(world.client("cloudformation"))
        for another in (sandbox.start, sandbox.serve):
            with pytest.raises(RuntimeError, match="runs in this process already"), another():
                pass
        assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"


def test_a_sandbox_ends_what_it_does() -> None:
    """Leaving the block ends a deployment that is held or slow, over HTTP too, and leaves no thread behind."""
    with sandbox.serve(pace=600) as world:
        client = boto3.client("cloudformation", endpoint_url=world.endpoint, **KEYS | world.key.credentials)
        client.create_stack(StackName="slow", TemplateBody=small(LOGS))
        world.hold("Bucket")
        client.create_stack(StackName="held", TemplateBody=small(BUCKET))
        statuses = [stack["StackStatus"] for stack in client.describe_stacks()["Stacks"]]
        assert statuses == ["CREATE_IN_PROGRESS"] * 2
    assert not [thread for thread in threading.enumerate() if thread.name == "msaspec-sandbox"]


WAITING = "  Waiting: {Type: AWS::Logs::LogGroup, CreationPolicy: {ResourceSignal: {Timeout: PT12H}}}\n"


def test_a_sandbox_ends_the_waiting_for_signals() -> None:
    """Leaving the block ends a deployment that waits for a signal, and leaves no thread behind."""
    with sandbox.serve(signals=True) as world:
        deployer = Deployer(boto3.client("cloudformation", endpoint_url=world.endpoint, **KEYS | world.key.credentials))
        deployer.client.create_stack(StackName=deployer.name, TemplateBody=small(WAITING))
        initiated = "Resource creation Initiated"
        while initiated not in [event.get("ResourceStatusReason") for event in deployer.told()]:
            assert deployer.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
    assert not [thread for thread in threading.enumerate() if thread.name == "msaspec-sandbox"]


def test_no_signal_is_awaited_unasked() -> None:
    """A resource is complete at once, with the events that all have; a signal is taken while it is in progress, and has
    no consequence."""
    with sandbox.start() as world:
        deployer = Deployer(world.client("cloudformation"))
        words = {"StackName": deployer.name, "LogicalResourceId": "Waiting", "UniqueId": "i-1", "Status": "FAILURE"}
        with world.hold("Waiting") as held:
            deployer.client.create_stack(StackName=deployer.name, TemplateBody=small(WAITING))
            assert held.reached.wait(10)
            deployer.client.signal_resource(**words)
        assert deployer.ended() == "CREATE_COMPLETE"
        assert [status for name, status in deployer.events() if name == "Waiting"] == [
            "CREATE_IN_PROGRESS",
            "CREATE_IN_PROGRESS",
            "CREATE_COMPLETE",
        ]
        with pytest.raises(
            deployer.client.exceptions.ClientError, match="CREATE_COMPLETE state and cannot be signaled"
        ):
            deployer.client.signal_resource(**words)


def test_a_service_is_described_once_to_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read by the first session that needs it, and what moto adds for itself is not seen by clients. After
    the sandbox each session reads for itself, as ever."""
    read: list[str] = []
    plain = JSONFileLoader.load_file

    def load_file(self: JSONFileLoader, path: str) -> object:
        found = plain(self, path)
        read.extend([path] if found and "polly" in path and path.endswith("service-2") else [])
        return found

    monkeypatch.setattr(JSONFileLoader, "load_file", load_file)
    with sandbox.start():
        for _ in range(3):
            boto3.Session().client("polly", **KEYS)
            assert "eu-central-1" in boto3.Session().get_available_regions("polly")
        assert len(read) == 1
        plainly = create_loader().load_service_model("ec2", "service-2")
        get_service_model("ec2")
        described = boto3.client("ec2", **KEYS).meta.service_model
        assert described.shape_names == list(plainly["shapes"])
    boto3.Session().client("polly", **KEYS)
    assert len(read) == 2


def test_operations_over_http() -> None:
    """The same over HTTP: held, cancelled, told."""
    with sandbox.serve() as world:
        deployer = Deployer(boto3.client("cloudformation", endpoint_url=world.endpoint, **KEYS | world.key.credentials))
        assert deployer.deploy(small(LOGS)) == "CREATE_COMPLETE"
        with world.hold("Logs") as held:
            described = deployer.propose(small(LOGS.replace("30", "90")))
            deployer.client.execute_change_set(ChangeSetName=described["ChangeSetId"])
            assert held.reached.wait(10)
            deployer.client.cancel_update_stack(StackName=deployer.name)
            assert deployer.ended() == "UPDATE_ROLLBACK_COMPLETE"
        waiter = deployer.client.get_waiter("stack_delete_complete")
        id = deployer.stack()["StackId"]
        deployer.client.delete_stack(StackName=deployer.name)
        waiter.wait(StackName=id, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_images_are_pushed_as_soon_as_there_is_a_repository() -> None:
    """Each with its tag, in the repository of its name only."""
    wanted = [("shop/cart", "1.0"), ("shop/cart", "2.0"), ("shop/user", "1.0")]
    text = small("  Cart: {Type: AWS::ECR::Repository, Properties: {RepositoryName: shop/cart}}\n")
    with sandbox.start(images=wanted) as world:
        assert Deployer(world.client("cloudformation")).deploy(text) == "CREATE_COMPLETE"
        found = world.client("ecr").describe_images(repositoryName="shop/cart")["imageDetails"]
        assert sorted(tag for image in found for tag in image["imageTags"]) == ["1.0", "2.0"]
        assert len({image["imageDigest"] for image in found}) == 2


def test_what_is_long_comes_in_pages() -> None:
    """A hundred rows, resources and events a page, over HTTP too; the newest event first."""
    text = small("".join(f"  Logs{number}: {{Type: AWS::Logs::LogGroup}}\n" for number in range(120)))
    with sandbox.serve() as world:
        deployer = Deployer(world.client("cloudformation"))
        described = deployer.propose(text)
        assert len(described["Changes"]) == 100
        rest = deployer.client.describe_change_set(
            ChangeSetName=described["ChangeSetId"], NextToken=described["NextToken"]
        )
        assert (len(rest["Changes"]), rest.get("NextToken")) == (20, None)
        assert deployer.execute(described) == "CREATE_COMPLETE"
        resources = deployer.client.list_stack_resources(StackName=deployer.name)
        assert (len(resources["StackResourceSummaries"]), len(deployer.rows())) == (100, 120)
        assert len(deployer.client.describe_stack_resources(StackName=deployer.name)["StackResources"]) == 100
        events = deployer.client.describe_stack_events(StackName=deployer.name)
        assert len(events["StackEvents"]) == 100
        assert events["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
        assert events["StackEvents"][0]["LogicalResourceId"] == deployer.name
        assert len(deployer.told()) == 3 * 120 + 3
