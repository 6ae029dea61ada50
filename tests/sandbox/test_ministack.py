"""Templates in a second emulator, ministack: what it makes of services on Fargate, and which templates it refuses.

It is no dependency. MSASPEC_MINISTACK names a Python that has it: `python -m venv V`, `V/bin/pip install
ministack==1.5.33`, `MSASPEC_MINISTACK=V/bin/python`. It runs as a process of its own on a port of 127.0.0.1.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests import template
from tests.sandbox import fronted
from tests.sandbox.deploying import Deployer

PYTHON = os.environ.get("MSASPEC_MINISTACK")
pytestmark = pytest.mark.skipif(not PYTHON, reason="MSASPEC_MINISTACK names no Python with ministack")
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
LACKING = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::DHCPOptions",
    "AWS::EC2::EIP",
    "AWS::EC2::Instance",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::VPCDHCPOptionsAssociation",
}
"""The types of msaspec's templates that ministack 1.5.33 does not know."""
FRONT = """\
msaspec: 1
name: shop
network: {placement: public}
defaults: {runtime: fargate}
services:
  front: {image: 'front:1', port: 8001, paths: [/api]}
"""
WORKERS = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: {}}
defaults: {runtime: fargate}
services:
  worker: {image: 'worker:1', uses: [media]}
  mailer: {image: 'mailer:1', env: {greeting: hello}}
"""

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Clients of a ministack that runs until the module's last test."""
    assert PYTHON
    home = tmp_path_factory.mktemp("ministack")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            [PYTHON, "-m", "ministack"], cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT
        ) as server,
    ):
        try:
            # Until it listens, botocore tries again, each time a little later.
            config = Config(retries={"mode": "standard", "total_max_attempts": 12}, connect_timeout=5)
            made = _clients(f"http://127.0.0.1:{port}", config)
            made("sts").get_caller_identity()
            assert server.poll() is None, Path(log.name).read_text()
            yield made
        finally:
            server.terminate()


def _clients(endpoint: str, config: Config) -> Client:
    def client(service: str) -> Any:
        make: Any = boto3.client
        return make(service, endpoint_url=endpoint, config=config, **KEYS)

    return client


def propose(client: Client, name: str, text: str) -> dict[str, Any]:
    """Makes a change set that creates a stack, of a template of any length."""
    words = {"TemplateBody": text}
    if len(text) > 51_200:
        s3 = client("s3")
        s3.create_bucket(Bucket="templates")
        s3.put_object(Bucket="templates", Key=name, Body=text)
        words = {"TemplateURL": f"{s3.meta.endpoint_url}/templates/{name}"}
    return dict(
        client("cloudformation").create_change_set(
            StackName=name, ChangeSetName="first", ChangeSetType="CREATE", Capabilities=["CAPABILITY_IAM"], **words
        )
    )


@pytest.fixture(scope="module")
def workers(client: Client) -> Deployer:
    """Two services that nobody calls, deployed: what of msaspec's Fargate ministack takes as it is."""
    cloudformation = client("cloudformation")
    propose(client, "workers", fronted.template_of(WORKERS))
    brief = {"Delay": 1, "MaxAttempts": 60}
    there = {"StackName": "workers", "ChangeSetName": "first"}
    cloudformation.get_waiter("change_set_create_complete").wait(**there, WaiterConfig=brief)
    cloudformation.execute_change_set(**there)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="workers", WaiterConfig=brief)
    return Deployer(cloudformation, "workers")


def types(text: str) -> set[str]:
    """The types of a template's resources."""
    return {part["Type"] for part in template.load(text)["Resources"].values()}


REFUSED = {
    "prod": lambda: fronted.compiled("production", "prod"),
    "groups": lambda: fronted.compiled("autoscaling"),
    "front": lambda: fronted.template_of(FRONT),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_refuses(client: Client, name: str) -> None:
    """It refuses a whole template for the types that it lacks, and names exactly those: for a service with a path
    that is the rule of a security group as a resource of its own."""
    text = REFUSED[name]()
    with pytest.raises(ClientError, match="Unrecognized resource types") as caught:
        propose(client, name, text)
    said = str(caught.value).partition("types: [")[2].rstrip("]").split(", ")
    assert set(said) == types(text) & LACKING
    assert name != "front" or set(said) == {"AWS::EC2::SecurityGroupIngress"}


def test_services_come_up(client: Client, workers: Deployer) -> None:
    """The stack is complete, and each service has its task, its network, its circuit breaker and its log."""
    assert workers.stack()["StackStatus"] == "CREATE_COMPLETE"
    declared, ids = template.load(fronted.template_of(WORKERS))["Resources"], workers.ids()
    assert ids.keys() == declared.keys()
    ecs = client("ecs")
    for name in ("WorkerService", "MailerService"):
        there = ecs.describe_services(cluster=ids["Cluster"], services=[ids[name]])["services"][0]
        wanted = declared[name]["Properties"]
        assert (there["status"], there["desiredCount"], there["runningCount"]) == ("ACTIVE", 1, 1)
        assert there["taskDefinition"] == ids[name.replace("Service", "Task")]
        breaker = there["deploymentConfiguration"]["deploymentCircuitBreaker"]
        assert (breaker["enable"], breaker["rollback"]) == (True, True)
        network = there["networkConfiguration"]["awsvpcConfiguration"]
        assert network["assignPublicIp"] == wanted["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"]
        assert network["securityGroups"] == [ids[name.replace("Service", "SecurityGroup")]]
        assert set(network["subnets"]) == {ids["PublicSubnet1"], ids["PublicSubnet2"]}
    task = ecs.describe_task_definition(taskDefinition=ids["MailerTask"])["taskDefinition"]
    [container] = task["containerDefinitions"]
    assert {"name": "greeting", "value": "hello"} in container["environment"]
    assert container["logConfiguration"]["options"]["awslogs-group"] == ids["MailerLogGroup"]
    groups = client("logs").describe_log_groups(logGroupNamePrefix=ids["MailerLogGroup"])["logGroups"]
    assert [group["logGroupName"] for group in groups] == [ids["MailerLogGroup"]]


def test_a_bucket_stays_when_the_stack_goes(client: Client, workers: Deployer) -> None:
    """Deleting the stack removes the services and keeps the bucket."""
    bucket, cluster = workers.ids()["MediaBucket"], workers.ids()["Cluster"]
    workers.client.delete_stack(StackName="workers")
    workers.client.get_waiter("stack_delete_complete").wait(StackName="workers", WaiterConfig={"Delay": 1})
    assert bucket in {there["Name"] for there in client("s3").list_buckets()["Buckets"]}
    running = client("ecs").describe_clusters(clusters=[cluster])["clusters"]
    assert all(there["status"] != "ACTIVE" for there in running)
