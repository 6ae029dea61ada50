"""The account that commands are let loose on, as it really is: asked of the sandbox itself, past every fault."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from msaspec import pipeline
from msaspec.compile import aws_types
from msaspec.deploy import policy
from msaspec.deploy.aws import protection
from msaspec.deploy.aws.token import PREFIX
from msaspec.sandbox.controls import Hold
from msaspec.sandbox.world import World
from msaspec.template import reading
from msaspec.template.render import to_yaml
from tests.chaos.commands import Command, Done, Launcher
from tests.chaos.inside import short_cut
from tests.chaos.operations import CHANGING
from tests.chaos.plans import Plan
from tests.chaos.proxy import Call, Proxy, proxied

PACE = 0.02
"""How much shorter the pauses of commands are than they would be."""
PATIENCE = 240.0
"""Seconds after which a command hangs, whatever the machine is busy with."""
REGION = "us-east-1"
MINUTES = 0.25
"""After how many minutes without news a command ends, in the run in which something goes wrong."""
SETTLED = 240.0
"""Seconds within which every operation of the sandbox ends."""
BEGINNING = CHANGING - {"DeleteStack"}
OBJECT = "kept/by a person.txt"


@dataclass(frozen=True)
class Run:
    """What a command did, and how things stood when it ended."""

    done: Done
    calls: tuple[Call, ...]
    statuses: Mapping[str, str | None]
    """The statuses of the stacks at the moment when it ended."""
    overdue: bool
    """Whether it asked more often than anything takes that comes to an end."""

    @property
    def hits(self) -> int:
        """How many calls something went wrong with."""
        return sum(call.fault is not None for call in self.calls)

    @property
    def began(self) -> bool:
        """Whether it had AWS begin something that goes on by itself."""
        return bool(self.begun)

    @property
    def last_began(self) -> bool:
        """Whether the stack at which it wanted to begin something last did begin something."""
        asked = [call.stack for call in self._asked() if call.operation.name in CHANGING]
        return bool(asked) and asked[-1] in self.begun

    @property
    def begun(self) -> tuple[str, ...]:
        """The stacks at which it did."""
        return tuple(dict.fromkeys(call.stack for call in self._asked() if call.began_something))

    def _asked(self) -> Iterator[Call]:
        """The calls without those that take back a stack that was only proposed, of which nothing is left to tell."""
        proposed = False
        for call in self.calls:
            proposed = (proposed or call.operation.name == "CreateChangeSet") and call.operation.name not in BEGINNING
            if not (proposed and call.operation.name == "DeleteStack"):
                yield call


class Account:
    """An emulated account, and a folder with a manifest from which commands act on it."""

    region = REGION

    def __init__(self, world: World, folder: Path, launcher: Launcher, verdicts: Path) -> None:
        self.world, self.folder, self.launcher, self.verdicts = world, folder, launcher, verdicts
        self._holds: list[Hold] = []
        self.environment = {
            "AWS_DEFAULT_REGION": REGION,
            **world.key.variables,
            "MSASPEC_PACE": str(PACE),
            "MSASPEC_CACHE_DIR": str(verdicts),
        }

    def client(self, service: str) -> Any:
        """A client past all faults."""
        client = self.world.client(service)
        client.meta.events.register("before-send", short_cut(self.world.door), unique_id="inside")
        return client

    def write(self, manifest: str) -> None:
        """The manifest in the folder."""
        (self.folder / "msa.yaml").write_text(manifest, "utf-8")

    @contextmanager
    def begun(self, words: Sequence[str], plan: Plan | None = None) -> Iterator[tuple[Command, Proxy]]:
        """A command that runs, behind a proxy with a plan."""
        commands: list[Command] = []

        def strike(number: int) -> None:
            while not commands:  # the command asks before its start was told
                time.sleep(0.001)
            commands[0].signal(number)

        with proxied(self.world.endpoint, plan, strike, self.world.door) as proxy:
            timeout = {"MSASPEC_TIMEOUT": str(MINUTES)} if plan else {}
            words = (*words, "--endpoint-url", proxy.endpoint)
            command = self.launcher.run(words, self.folder, {**self.environment, **timeout})
            commands.append(command)
            with command:
                yield command, proxy

    def run(self, words: Sequence[str], plan: Plan | None = None) -> Run:
        """A command from its beginning to its end."""
        with self.begun(words, plan) as (command, proxy):
            return self.finished(command, proxy)

    def finished(self, command: Command, proxy: Proxy) -> Run:
        """Wait for the end of a command, which hangs if it asks on and on."""
        done = command.ended(PATIENCE, proxy.overdue)
        return Run(done, tuple(proxy.calls), self.statuses(), proxy.overdue.is_set())

    def statuses(self) -> dict[str, str | None]:
        """The status of every stack by its name."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {stack["StackName"]: stack["StackStatus"] for page in pages for stack in page["Stacks"]}

    def stack(self, name: str) -> Mapping[str, Any] | None:
        """A stack; None where there is none."""
        try:
            found: Mapping[str, Any] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError:
            return None
        return found

    def status(self, name: str) -> str | None:
        """The status of a stack."""
        found = self.stack(name)
        return found["StackStatus"] if found else None

    def template(self, name: str) -> str:
        """The text of a stack's template, empty where there is none."""
        with suppress(ClientError):
            found = self.client("cloudformation").get_template(StackName=name, TemplateStage="Original")
            return str(found.get("TemplateBody", ""))
        return ""

    def ids(self, name: str) -> dict[str, str]:
        """Physical ids by logical id."""
        try:
            pages = list(self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name))
        except ClientError:
            return {}
        rows = [row for page in pages for row in page["StackResourceSummaries"]]
        return {row["LogicalResourceId"]: row.get("PhysicalResourceId", "") for row in rows}

    def stale(self) -> list[str]:
        """Change sets of msaspec's that nobody executed."""
        client = self.client("cloudformation")
        return [
            f"{name}: {each['ChangeSetName']} {each.get('ExecutionStatus')}"
            for name in self.statuses()
            for each in client.list_change_sets(StackName=name)["Summaries"]
            if each["ChangeSetName"].startswith(PREFIX) and not str(each.get("ExecutionStatus")).startswith("EXECUTE_")
        ]

    def settled(self) -> None:
        """Wait until nothing is in progress."""
        end = time.monotonic() + SETTLED
        while time.monotonic() < end:
            busy = [s for s in self.statuses().values() if s and s.endswith("_IN_PROGRESS") and s[:6] != "REVIEW"]
            if not busy:
                return
            time.sleep(0.02)
        raise TimeoutError(f"the sandbox does not come to an end: {self.statuses()}")

    def settled_if_free(self) -> None:
        """The same, unless something is held, which would wait for ever."""
        if not self.holding:
            self.settled()

    def until(self, met: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        end = time.monotonic() + SETTLED
        while not met():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} does not come: {self.statuses()}")
            time.sleep(0.01)

    def missing_of(self, name: str, text: str, tags: Mapping[str, str]) -> list[str]:
        """What a stack lacks of what a manifest says: status, template, parameters."""
        found = self.stack(name)
        if found is None:
            return [f"there is no stack {name}"]
        lacks = []
        if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            lacks.append(f"the stack {name} is {found['StackStatus']}")
        if self.template(name) != wanted_template(text, name):
            lacks.append(f"the template of {name} is not the manifest's")
        values = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
        lacks += [f"{key} is {values.get(key)}" for key, value in tags.items() if values.get(key, value) != value]
        return lacks

    def unguarded(self, name: str, *, protected: bool = True) -> list[str]:
        """What a stack lacks of its protections: termination protection, a whole stack policy, and those that its
        resources have of their own."""
        found = self.stack(name)
        if found is None:
            return []
        lacks = []
        if protected and not found.get("EnableTerminationProtection"):
            lacks.append(f"termination protection of {name} is off")
        template = reading.load(self.template(name))
        there = self.client("cloudformation").get_stack_policy(StackName=name).get("StackPolicyBody")
        if not policy.same_policy(there, policy.stack_policy(template)):
            lacks.append(f"the stack policy of {name} is not whole")
        asked, ids = protection.asked_for(template), self.ids(name)
        for logical_id in asked & ids.keys():
            kind = aws_types.of(template["Resources"][logical_id]["Type"])
            if kind.protection and kind.protection.read(self, ids[logical_id]) is False:
                lacks.append(f"the protection of {logical_id} of {name} is off")
        return lacks

    def data(self) -> dict[str, Any]:
        """Everything that holds data, with what is in it."""
        return {
            **{f"object {bucket}/{key}": body for bucket, key, body in self._objects()},
            **{f"database {each['DBInstanceIdentifier']}": each["InstanceCreateTime"] for each in self._databases()},
            **{f"image {name}": digests for name, digests in self._images()},
        }

    def _objects(self) -> Iterator[tuple[str, str, bytes]]:
        s3 = self.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            if name.startswith("msaspec-"):
                continue  # for templates
            yield name, "", b""
            for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
                yield name, each["Key"], s3.get_object(Bucket=name, Key=each["Key"])["Body"].read()

    def _databases(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.client("rds").describe_db_instances()["DBInstances"]
        return found

    def _images(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        ecr = self.client("ecr")
        for repository in ecr.describe_repositories()["repositories"]:
            name = repository["repositoryName"]
            yield name, tuple(sorted(each["imageDigest"] for each in ecr.list_images(repositoryName=name)["imageIds"]))

    def has_image(self, repository: str, tag: str) -> bool:
        """Whether a tag is in a repository."""
        found = self.client("ecr").list_images(repositoryName=repository)["imageIds"]
        return any(each.get("imageTag") == tag for each in found)

    def snapshots(self) -> list[str]:
        """Snapshots of databases."""
        found = self.client("rds").describe_db_snapshots()["DBSnapshots"]
        return sorted(each["DBSnapshotIdentifier"] for each in found)

    def inventory(self) -> Counter[str]:
        """How much of everything that costs, or is in the way, the account has."""
        ec2, iam = self.client("ec2"), self.client("iam")
        reservations = ec2.describe_instances()["Reservations"]
        living = [i for r in reservations for i in r["Instances"] if i["State"]["Name"] not in ("terminated",)]
        return Counter(
            {
                "addresses": len(ec2.describe_addresses()["Addresses"]),
                "buckets": len(list(self._buckets())),
                "databases": len(self._databases()),
                "functions": len(self.client("lambda").list_functions()["Functions"]),
                "instances": len(living),
                "log groups": len(self.client("logs").describe_log_groups()["logGroups"]),
                "networks": len(ec2.describe_vpcs()["Vpcs"]),
                "repositories": len(list(self._images())),
                "roles": len(iam.list_roles()["Roles"]),
                "secrets": len(self.client("secretsmanager").list_secrets()["SecretList"]),
                "security groups": len(ec2.describe_security_groups()["SecurityGroups"]),
                "snapshots": len(self.snapshots()),
                "stacks": len(self.statuses()),
                "subnets": len(ec2.describe_subnets()["Subnets"]),
            }
        )

    def _buckets(self) -> Iterator[str]:
        for bucket in self.client("s3").list_buckets()["Buckets"]:
            if not bucket["Name"].startswith("msaspec-"):
                yield bucket["Name"]

    def fill(self, stack: str) -> None:
        """Data of a person's in the bucket of a stack."""
        for logical_id, id in self.ids(stack).items():
            if logical_id == "MediaBucket":
                self.client("s3").put_object(Bucket=id, Key=OBJECT, Body=b"a letter")

    def snapshot(self, stack: str) -> None:
        """A snapshot of a person's of the database of a stack."""
        if id := self.ids(stack).get("MainDatabase"):
            name = f"somebodys-{len(self.snapshots())}"
            self.client("rds").create_db_snapshot(DBInstanceIdentifier=id, DBSnapshotIdentifier=name)

    def talk(self, stack: str) -> None:
        """Lines in the log of a service."""
        logs, group = self.client("logs"), self.ids(stack)["CartLogGroup"]
        logs.create_log_stream(logGroupName=group, logStreamName="cart")
        now = int(time.time() * 1000)
        events = [{"timestamp": now + n, "message": f"cart listens on {port}"} for n, port in enumerate((8000, 8001))]
        logs.put_log_events(logGroupName=group, logStreamName="cart", logEvents=events)

    def push(self, repository: str, tag: str) -> None:
        """An image in a repository."""
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        config = {"digest": f"sha256:{repository}{tag}"}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []})
        self.client("ecr").put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)

    def hold(self, logical_id: str) -> Hold:
        """Has every deployment stop before a resource, until it is released."""
        self._holds.append(self.world.hold(logical_id))
        return self._holds[-1]

    @property
    def holding(self) -> bool:
        """Whether something is held."""
        return not all(held.released for held in self._holds)

    def release(self) -> None:
        """Lets whatever is held go on."""
        for held in self._holds:
            held.release()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Does something in a while."""
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        timer.start()


_TEMPLATES: dict[tuple[str, str], str] = {}


def wanted_template(text: str, stack: str) -> str:
    """The template that a manifest has for a stack."""
    if (text, stack) not in _TEMPLATES:
        for made in pipeline.compile_system(pipeline.load(text, "msa.yaml")).stacks:
            _TEMPLATES[text, made.name] = to_yaml(made)
    return _TEMPLATES[text, stack]


_MOVING = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "ENDPOINT"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00| UTC)?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"msaspec-[0-9a-f-]{36}"), "CHANGE-SET"),
    (re.compile(r"\b(shop-[A-Za-z]+)-[A-Za-z0-9]{12,13}\b"), r"\1-ID"),
)


def steady(text: str) -> str:
    """What a command says without what is another thing each time."""
    for pattern, word in _MOVING:
        text = pattern.sub(word, text)
    return text
