"""Secrets inside longer texts on `fargate`: what the function writes is what a task is started with."""

from __future__ import annotations

import json
from typing import Any

from msaspec import pipeline
from msaspec.sandbox.world import World
from msaspec.template import render
from tests.sandbox.deploying import Deployer
from tests.template import nodes
from tests.test_ports import text


def template(value: str, **more: str) -> str:
    """A system with a database, and a service with a composed variable."""
    env = {"CONNECTION": value, **more}
    web = {"image": "public.ecr.aws/a/web:1", "runtime": "fargate", "uses": ["main"], "env": env}
    written = text({"web": web}, databases={"main": {"protect": False}})
    return render.to_yaml(pipeline.compile_main(pipeline.load(written, "msa.yaml")).stack)


def started_with(world: World, deployer: Deployer) -> tuple[dict[str, str], list[str]]:
    """The variables that ECS injects, and the keys that the secret has."""
    definition = world.client("ecs").describe_task_definition(taskDefinition=deployer.ids()["WebTask"])
    found: dict[str, str] = {}
    for secret in definition["taskDefinition"]["containerDefinitions"][0]["secrets"]:
        arn, key, _, _ = secret["valueFrom"].rsplit(":", 3)
        whole = json.loads(world.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
        found[secret["name"]] = whole[key]
    texts = world.client("secretsmanager").get_secret_value(SecretId=deployer.ids()["WebTextsSecret"])
    return found, sorted(json.loads(texts["SecretString"]))


def test_a_composed_text_reaches_a_task(world: World, deployer: Deployer) -> None:
    """It is written before the service starts. A new text is a new key, and the tasks of before keep theirs for the
    update; then only these two versions are there."""
    assert deployer.deploy(template("Host=${main.host};Password=${main.password};$$")) == "CREATE_COMPLETE"
    injected, first = started_with(world, deployer)
    host = deployer.outputs()["MainEndpoint"]
    assert injected["CONNECTION"] == f"Host={host};Password={injected['MAIN_PASSWORD']};$"
    assert deployer.deploy(template("${main.password}@${main.host}", MODE="fast")) == "UPDATE_COMPLETE"
    injected, second = started_with(world, deployer)
    assert injected["CONNECTION"] == f"{injected['MAIN_PASSWORD']}@{host}"
    assert set(first) < set(second)
    assert deployer.deploy(template("${main.password}!")) == "UPDATE_COMPLETE"
    _, third = started_with(world, deployer)
    assert len(third) == 2
    assert set(first).isdisjoint(third)
    assert deployer.deploy(template("${main.password}")) == "UPDATE_COMPLETE", "a whole secret needs no function"
    assert "WebTexts" not in deployer.ids()


def test_no_secret_is_told(world: World, deployer: Deployer) -> None:
    """Neither the template, nor what CloudFormation lists, nor the log of the function has the password."""
    assert deployer.deploy(template("x ${main.password}")) == "CREATE_COMPLETE"
    injected, _ = started_with(world, deployer)
    told: list[Any] = [deployer.told(), deployer.client.get_template(StackName=deployer.name)["TemplateBody"]]
    logs = world.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        told.append(logs.filter_log_events(logGroupName=group["logGroupName"])["events"])
    assert not any(injected["MAIN_PASSWORD"] in str(node) for _, node in nodes(told))
