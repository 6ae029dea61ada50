"""What a template itself tells of the entries that its resources belong to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from msaspec import changes, origin, pipeline
from msaspec.compile import Stack
from tests import goldens

COMPILED = [path.with_name("msa.yaml") for path in goldens.CASES.glob("*/expected.yaml")]
MANIFESTS = sorted([*COMPILED, *goldens.EXAMPLES.rglob("msa.yaml")])
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
    registry, _ = pipeline.compile_registry(document)
    if registry:
        yield registry


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_a_template_tells_what_its_compiler_knew(manifest: Path) -> None:
    """The section at least, and no wrong entry. Secrets of edges are told by the edge, for they go with it, and what a
    patch brings in belongs to no entry."""
    for stack in stacks(manifest):
        entry_of = origin.reader(stack.template)
        for name, part in stack.template["Resources"].items():
            known, told = stack.origins.get(name, ("patches",)), entry_of(name)
            if known[0] == "patches" or part["Type"] == "AWS::SecretsManager::Secret":
                continue
            assert told[0] == known[0], name
            assert len(told) == 1 or told[:2] == known[:2], name


def test_the_repository_of_a_service_is_the_services() -> None:
    """Whatever its image is called, also where that is the name of another service. The Metadata has no more than ids
    do not tell."""
    registry, _ = pipeline.compile_registry(pipeline.load(OWNED, "msa.yaml"))
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


@pytest.mark.parametrize("said", [[], {"manifest": [1]}, {"resources": ["A"]}, {"resources": {"A": 1}}])
def test_metadata_of_another_maker(said: object) -> None:
    """What is not msaspec's tells nothing."""
    assert origin.reader({"Metadata": {"msaspec": said}})("A") == ("network",)
