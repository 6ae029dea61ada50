"""Services of compose that run to their end, such as migrations: jobs that run before each deployment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msaspec.importing.compose_files import keyed
from msaspec.importing.tree import entries, text_of

COMPLETED = "service_completed_successfully"
_OF_SERVICES = ("scale", "port", "ports", "paths", "health")


def among(trees: Mapping[str, Any], stores: Collection[str]) -> frozenset[str]:
    """Return the services that run to their end: another waits for that, or nothing restarts them and they have a
    command of their own. One that listens is none; and where nothing else would be left, none is."""
    waited = {
        name
        for tree in trees.values()
        for name, each in keyed(entries(tree).get("depends_on")).items()
        if text_of(entries(each).get("condition")) == COMPLETED
    }
    found = {
        key
        for key, tree in trees.items()
        if key not in stores
        and not ({"ports", "expose", "healthcheck"} & {*entries(tree)})
        and (key in waited or (text_of(entries(tree).get("restart")) == "no" and entries(tree).get("command")))
    }
    return frozenset(found if found < {*trees} - {*stores} else ())


def write(spec: dict[str, Any]) -> None:
    """Make a job of what was written as a service."""
    for key in _OF_SERVICES:
        spec.pop(key, None)
    if "runtime" in spec:
        spec["runtime"].pop("type", None)
    spec["run"] = "before-deploy"
