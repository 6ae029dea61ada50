"""Logical ids: frozen for the example, pure functions of names, and untouched by neighbours."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msaspec.template import names
from tests import goldens
from tests.template import template_of

NAME = st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3}){0,2}", fullmatch=True).filter(
    lambda name: len(name) > 1 and name not in ("aws", "system", "bastion", "network", "localhost")
)

SHARED = re.compile(
    r"HostPolicy|DatabaseBootstrap\w*|Namespace|DhcpOptions\w*|Isolated\w*|S3Endpoint"
    # The list of what to make on an instance, and the rule to the runner.
    r"|\w+Bootstrap"
)
"""What several entries share, and what therefore may come, go or change with any of them."""


def system(**sections: Any) -> dict[str, Any]:
    """A manifest as data."""
    return {"msaspec": 1, "name": "shop", "network": {"placement": "public"}, "bastion": True, **sections}


BASE = system(
    databases={"main": {}, "reports": {"version": "16"}},
    buckets={"media": {"cdn": True}, "letters": {}},
    services={
        "cart": {"image": "cart:1", "port": 8000, "paths": ["/carts"], "uses": {"main": None, "user": None}},
        "user": {"image": "user:1", "port": 8001, "uses": {"main": None, "media": {"access": "write"}, "cart": None}},
        "mailer": {"image": "mailer:1", "uses": ["reports", "letters"]},
    },
)


def resources(manifest: dict[str, Any]) -> dict[str, Any]:
    """The resources of a manifest."""
    found: dict[str, Any] = template_of(yaml.safe_dump(manifest, sort_keys=False))["Resources"]
    return found


def extended(section: str, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The base with one more entry."""
    return {**BASE, section: {**BASE[section], name: entry}}


def fresh(name: str) -> bool:
    """Whether the base has nothing of that name, or of one that would become the same."""
    taken = [names.normal(entry) for section in ("databases", "buckets", "services") for entry in BASE[section]]
    return names.normal(name) not in taken


def test_the_logical_ids_of_the_example_are_frozen() -> None:
    """Changing the id of a resource replaces it, and a database's data with it: the list changes only on purpose."""
    golden = goldens.logical_ids()
    assert golden.text == golden.found


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_the_order_of_a_manifest_means_nothing(random: Any) -> None:
    """The same entries in another order become the same template."""

    def shuffled(data: Any) -> Any:
        if isinstance(data, dict):
            keys = list(data)
            random.shuffle(keys)
            return {key: shuffled(data[key]) for key in keys}
        return data

    text = yaml.safe_dump(shuffled(BASE), sort_keys=False)
    assert template_of(text) == template_of(yaml.safe_dump(BASE, sort_keys=False))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    NAME.filter(fresh),
    st.sampled_from(
        [
            ("services", {"image": "new:1"}),
            ("services", {"image": "new:1", "port": 9000, "paths": ["/new"], "uses": ["main", "media", "cart"]}),
            ("databases", {}),
            ("databases", {"replicas": 1}),
            ("buckets", {"cdn": True}),
            ("buckets", {}),
        ]
    ),
)
def test_one_more_entry_leaves_every_resource_of_the_others_as_it_is(name: str, added: tuple[str, Any]) -> None:
    """Adding a service, database or bucket changes no resource that others have, beside what all of them share."""
    before, after = resources(BASE), resources(extended(added[0], name, added[1]))
    assert set(before) <= set(after)
    changed = {each for each in before if before[each] != after[each]}
    assert [each for each in changed if not SHARED.fullmatch(each)] == []
    assert all(before[each]["Type"] == after[each]["Type"] for each in before)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("databases", "main", "size"), "db.m7g.large"),
        (("databases", "main", "multi_zone"), True),
        (("services", "cart", "port"), 9000),
        (("services", "cart", "image"), "docker.io/library/nginx:1"),
        (("services", "cart", "env"), {"A": "b"}),
        (("buckets", "media", "versioned"), True),
        (("tags",), {"team": "shop"}),
        (("region",), "eu-west-1"),
    ],
)
def test_a_value_changes_no_logical_id(path: tuple[str, ...], value: Any) -> None:
    """Ids depend on names: whatever a field says, each resource keeps its id and its type."""

    def changed(data: Any, rest: tuple[str, ...]) -> Any:
        return {**(data or {}), rest[0]: changed((data or {}).get(rest[0]), rest[1:])} if rest else value

    before, after = resources(BASE), resources(changed(BASE, path))
    assert {name: part["Type"] for name, part in before.items()} == {name: part["Type"] for name, part in after.items()}


@settings(max_examples=200, deadline=None)
@given(NAME, NAME)
def test_names_that_differ_beyond_dashes_have_ids_that_differ(one: str, other: str) -> None:
    """Two names get one beginning of a logical id only if msaspec takes them for one name."""
    if names.camel(one).lower() == names.camel(other).lower():
        assert names.normal(one) == names.normal(other)
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", names.camel(one))


def test_an_environment_of_the_same_entries_has_the_same_ids() -> None:
    """The ids of a stack do not hold the name of the environment."""
    manifest = {**BASE, "environments": {"prod": {"services": {"cart": {"logs": "7 days"}}}}}
    text = yaml.safe_dump(manifest, sort_keys=False)
    assert set(template_of(text)["Resources"]) == set(template_of(text, "prod")["Resources"])
