"""Versions of engines on which what msaspec makes would not hold."""

from __future__ import annotations

import pytest
import yaml

from msaspec.diagnostics.diagnostic import Invalid
from tests import template


def text(version: str) -> str:
    """Return a manifest with a database of a version."""
    sections = {"msaspec": 1, "name": "shop", "databases": {"main": {"version": version}}}
    return yaml.safe_dump({**sections, "services": {"web": {"image": "web:1", "uses": ["main"]}}})


@pytest.mark.parametrize("version", ["15.9", "16.5", "17.1"])
def test_minors_that_ignore_the_role_of_an_owner_are_refused(version: str) -> None:
    """Tables would belong to the service instead of its group, and every other user would be denied."""
    with pytest.raises(Invalid) as caught:
        template.compiled(text(version))
    (found,) = caught.value.diagnostics
    assert (found.code, found.path) == ("MSA314", ("databases", "main", "version"))


@pytest.mark.parametrize("version", ["15", "15.10", "16.6", "17", "17.2", "17.6", "18"])
def test_others_are_taken(version: str) -> None:
    """A major version gets minors of RDS's choice, which are newer."""
    assert template.compiled(text(version))
