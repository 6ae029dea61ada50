"""A sandbox for the tests of a module, and a stack of its own for each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests.sandbox.deploying import Deployer


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A sandbox."""
    with sandbox.start() as world:
        yield world


_NUMBERS = itertools.count(1)


@pytest.fixture
def deployer(world: World, request: pytest.FixtureRequest) -> Deployer:
    """A stack of the test's own."""
    name = re.sub(r"[^a-z]+", "-", request.node.name)[:34].strip("-")
    return Deployer(world.client("cloudformation"), f"{name}-{next(_NUMBERS)}")
