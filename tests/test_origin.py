"""What a template itself tells of the entries that its resources belong to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.template import origin
from msaspec.template.stack import Stack
from msaspec.update import changes
from tests import goldens
from tests.template import registry_of

COMPILED = [path.with_name("msa.yaml") for path in goldens.CASES.glob("*/expected.yaml")]
MANIFESTS = sorted([*COMPILED, *goldens.examples()])
OWNED = """\
msaspec: 1
name: shop
services:
  web: {image: 'nginx:1.25'}
  nginx-proxy: {image: 'proxy:1'}
  cart: {image: 'cart:1'}
"""


def stacks(manifest: Path) -> Iterator[Stack]:
    """All stacks of a manifest: of the file, of each environment, and of the repositories."""
    document = pipeline.load(manifest.read_bytes(), manifest.name)
    for environment in (None, *pipeline.environments(document)):
        yield pipeline.compile_main(document, environment).stack
    registry = registry_of(document)
    if registry:
        yield registry


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_a_template_tells_what_its_compiler_knew(manifest: Path) -> None:
    """The section at least, and no wrong entry. What goes with an edge is told by the edge, and what a patch brings in
    belongs to no entry."""
    for stack in stacks(manifest):
        entry_of = origin.reader(stack.template)
        for name in (*stack.template.get("Parameters", ()), *stack.template.get("Outputs", ())):
            known, told = stack.origins.get(name, ("patches",)), entry_of(name)
            assert known[0] == "patches" or told[:1] == known[:1], name
        for name in stack.template["Resources"]:
            known, told = stack.origins.get(name, ("patches",)), entry_of(name)
            if known[0] == "patches" or (told[2:3] == ("uses",) and told[3:4] == known[1:2]):
                continue
            assert told[:1] == known[:1], name
            assert len(told) == 1 or told[:2] == known[:2], name


def test_the_repository_of_a_service_is_the_services() -> None:
    """Whatever its image is called, also where that is the name of another service. The Metadata has no more than ids
    do not tell."""
    registry = registry_of(pipeline.load(OWNED, "msa.yaml"))
    assert registry
    assert registry.template["Metadata"]["msaspec"]["resources"] == {
        "NginxRepository": "services.web",
        "ProxyRepository": "services.nginx-proxy",
    }
    entry_of = origin.reader(registry.template)
    assert entry_of("NginxRepository") == ("services", "web")
    assert entry_of("CartRepository") == ("services", "cart")
    (gone,) = (
        change
        for change in changes.between(registry.template, {"Resources": {}})
        if change.logical_id == "NginxRepository"
    )
    assert gone.entry == ("services", "web")


def test_what_several_entries_share() -> None:
    """It belongs to their section, also where an entry has the name that its id begins with."""
    entries = [("services", "host"), ("services", "database"), ("services", "internal-api")]
    assert origin.origin("HostPolicy", entries) == ("services",)
    assert origin.origin("HostRole", entries) == ("services", "host")
    assert origin.origin("DatabaseBootstrapHandlerRole", entries) == ("databases",)
    assert origin.origin("DatabaseRole", entries) == ("services", "database")
    assert origin.origin("InternalListener80", entries) == ("services",)
    assert origin.origin("InternalApiRole", entries) == ("services", "internal-api")


@pytest.mark.parametrize(
    "said", [{}, {"manifest": [1]}, {"manifest": 1}, {"resources": ["A"]}, {"resources": {"A": 1}}]
)
def test_metadata_that_is_not_understood(said: object) -> None:
    """It tells nothing: an id that the compiler would not give is from no manifest."""
    entry_of = origin.reader({"Metadata": {"msaspec": said}})
    assert (entry_of("A"), entry_of("Vpc")) == ((), ("network",))


@pytest.mark.parametrize("template", [{}, {"Metadata": 1}, {"Metadata": {"msaspec": []}}, {"Metadata": {"other": {}}}])
def test_a_template_of_another_maker(template: dict[str, Any]) -> None:
    """Nothing of it is from a manifest, whatever it is called."""
    assert origin.reader(template)("Vpc") == ()


def test_a_resource_that_is_called_like_one_of_the_network() -> None:
    """Its type tells it apart."""
    parts = {"PublicTopic": {"Type": "AWS::SNS::Topic"}, "PublicRoute": {"Type": "AWS::EC2::Route"}}
    entry_of = origin.reader({"Metadata": {"msaspec": {}}, "Resources": parts})
    assert (entry_of("PublicTopic"), entry_of("PublicRoute")) == ((), ("network",))


def test_what_a_patch_brought_in_is_told() -> None:
    """By the template itself, so that it is still known when the patch is gone."""
    patch = "{op: add, path: /Resources/CartQueue, value: {Type: AWS::SQS::Queue}}"
    text = f"{OWNED}patches:\n- {patch}\n- {{op: remove, path: /Resources/CartRole}}\n"
    stack = pipeline.compile_main(pipeline.load(text, "msa.yaml")).stack
    assert stack.template["Metadata"]["msaspec"]["resources"] == {"CartQueue": "patches"}
    (gone,) = (c for c in changes.between(stack.template, {"Resources": {}}) if c.logical_id == "CartQueue")
    assert gone.entry == ("patches",)
