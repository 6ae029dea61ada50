"""An emulated account for the commands that speak to AWS: the commands as users call them, in this process."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from msaspec import sandbox
from msaspec.cli import main
from msaspec.cli.app import App
from msaspec.deploy.aws import target
from msaspec.deploy.aws.answers import checked
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.aws.target import THREADS, Aws, Target
from msaspec.sandbox.controls import Hold
from msaspec.sandbox.world import REGION, World
from msaspec.template import names

SMALL = """\
msaspec: 1
name: shop
tags: {team: shop}
network: {placement: public}
buckets: {media: }
services:
  cart: {image: docker.io/library/nginx:1, port: 8000, uses: [media]}
"""
"""A system without images of its own and without a database."""

OWNING = SMALL.replace("docker.io/library/nginx:1", "cart:1.0")
"""The same with an image of its own."""

STORING = SMALL.replace("buckets: {media: }", "databases: {main: }").replace("[media]", "[main]")
"""The same with a database instead of the bucket."""


class Account:
    """An account with nothing in it, and msaspec in a folder with a manifest."""

    def __init__(self, world: World, folder: Path, region: str = REGION) -> None:
        self.world = world
        self.folder = folder
        self.region = region
        self.cloudformation = world.client("cloudformation", region)
        self.pace = Pace(first=0.05, most=0.2)
        self.calls: Counter[str] = Counter()
        """How often each operation was asked for."""
        self.before: Callable[[str], None] = lambda operation: None
        """Called before each request."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """Each operation that was asked for, with what botocore sends."""

    def aws(self, words: str = "") -> Aws:
        """The account as a command sees it."""
        return Aws(self._client, self.region, self.pace, words=words)

    def _client(self, service: str) -> Any:
        client = checked(self.world.client(service, self.region))
        client.meta.events.unregister("before-call", unique_id="account")
        client.meta.events.register("before-call", self._count, unique_id="account")
        return client

    def _count(self, model: Any, params: dict[str, Any], **ignored: Any) -> None:
        thread = threading.current_thread()
        if thread is threading.main_thread() or thread.name.startswith(THREADS):  # not the sandbox's own
            self.calls[model.name] += 1
            self.asked.append((model.name, params))
            self.before(model.name)

    def at(self, operation: str, act: Callable[[], object], when: Callable[[], bool] = lambda: True) -> None:
        """Does something once, just before a command asks for an operation."""

        def before(name: str) -> None:
            if name == operation and when():
                self.before = lambda name: None
                act()

        self.before = before

    def write(self, manifest: str, name: str = "msa.yaml") -> None:
        """The manifest in the working directory."""
        (self.folder / name).write_text(manifest, "utf-8")

    def app(self, *, answerable: bool = False) -> App:
        """What commands reach the world through."""
        return App(lambda chosen, region: self.aws(target.options(chosen)), lambda: answerable)

    def run(self, *words: str, answer: str | None = None) -> Result:
        """A command of msaspec. With an answer there is somebody to ask."""
        app = self.app(answerable=answer is not None)
        return CliRunner().invoke(main, list(words), input=answer, obj=app, catch_exceptions=False)

    def deploy(self, manifest: str | None = None, *words: str) -> Result:
        """`msaspec deploy --yes`."""
        if manifest is not None:
            self.write(manifest)
        return self.run("deploy", "--yes", *words)

    def push(self, image: str, tag: str) -> None:
        """An image in the repository of a system."""
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        config = {"digest": f"sha256:{image}{tag}"}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []})
        repository = names.repository("shop", image)
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"  # moto takes that of nothing
        self.world.client("ecr", self.region).put_image(
            repositoryName=repository, imageManifest=manifest, imageTag=tag, imageDigest=digest
        )

    def stack(self, name: str = "shop") -> dict[str, Any] | None:
        """A stack, None where there is none."""
        stacks = self.cloudformation.describe_stacks()["Stacks"]
        return next((stack for stack in stacks if stack["StackName"] == name), None)

    def status(self, name: str = "shop") -> str | None:
        """The status of a stack."""
        stack = self.stack(name)
        return stack["StackStatus"] if stack else None

    def ids(self, name: str = "shop") -> dict[str, str]:
        """Physical ids by logical id."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        rows = [row for page in pages for row in page["StackResourceSummaries"]]
        return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows if "PhysicalResourceId" in row}

    def change_sets(self, name: str = "shop") -> list[str]:
        """The change sets of a stack that were not executed."""
        found = self.cloudformation.list_change_sets(StackName=name)["Summaries"]
        return [each["ChangeSetName"] for each in found if each["ExecutionStatus"] != "EXECUTE_COMPLETE"]

    def settled(self, name: str = "shop") -> str | None:
        """The status of a stack once nothing is in progress."""
        for _ in range(2000):
            status = self.status(name)
            if status is None or status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS"):
                return status
            threading.Event().wait(0.01)
        raise AssertionError(f"{name} is {status} for too long")


def interrupting(held: Hold) -> Pace:
    """A pace at which the user stops watching as soon as something is held."""

    def sleep(seconds: float) -> None:
        if held.reached.is_set():
            raise KeyboardInterrupt
        time.sleep(seconds)

    return Pace(first=0.02, most=0.1, sleep=sleep)


@contextmanager
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account of a test's own, which every command reaches."""
    with sandbox.start() as world:
        account = Account(world, folder)
        monkeypatch.chdir(folder)
        yield account


__all__ = ["OWNING", "SMALL", "STORING", "Account", "Target", "opened"]
