"""Files of other tools that are taken for a manifest: what they are, and the command that imports them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.source.document import Document

ANOTHER_TOOL = Code(
    "MSA206",
    "A file of another tool",
    """
    The file is not a manifest but a file of another tool: it has keys of that tool and no `msaspec: 1`. `msaspec
    import compose` and `msaspec import copilot` write a manifest from a compose file and from the manifests of AWS
    Copilot. For other tools, `msaspec init` writes a manifest to start with.

    Wrong: `msaspec lint docker-compose.yml`
    Right: `msaspec import compose docker-compose.yml -o msa.yaml`, then `msaspec lint`
    """,
)

OF_COMPOSE = frozenset(
    (
        *("environment", "ports", "depends_on", "volumes", "restart", "container_name", "networks", "env_file"),
        *("healthcheck", "links", "expose", "entrypoint", "profiles", "extends", "cap_add", "labels", "logging"),
        *("hostname", "network_mode", "privileged", "stdin_open", "tty", "working_dir", "develop", "configs"),
    )
)
"""Keys of a compose service that a service of a manifest does not have."""
OF_MANIFESTS = frozenset(
    (
        "brokers",
        "buckets",
        "caches",
        "databases",
        "queues",
        "tables",
        "topics",
        "defaults",
        "ingress",
        "accept",
        "patches",
        "bastion",
    )
)
COPILOT_TYPES = frozenset(
    (
        *("Load Balanced Web Service", "Backend Service", "Worker Service", "Scheduled Job", "Static Site"),
        *("Request-Driven Web Service", "Environment"),
    )
)


def recognized(document: Document) -> Diagnostic | None:
    """Return an error that says which tool's file this is; None where it may be a manifest."""
    data = document.data()
    if not isinstance(data, dict) or "msaspec" in data or OF_MANIFESTS & set(data):
        return None
    for what, command, fits in _TOOLS:
        if fits(data):
            file = document.text.file
            named = file if "<" not in file else "-"
            hint = (
                f"Import it: `msaspec import {command} {named if command == 'compose' else ''}".rstrip() + "`."
                if command
                else "Write a manifest to start with: `msaspec init`."
            )
            key = next(iter(data))
            return document.place(ANOTHER_TOOL.at((key,), f"This is {what}, not a manifest.", hint=hint, key=True))
    return None


def _is_compose(data: Mapping[str, Any]) -> bool:
    services = data.get("services")
    if not isinstance(services, dict):
        return "include" in data and not {"name", "region", "tags"} - {"name"} & set(data)
    maps = [each for each in services.values() if isinstance(each, dict)]
    around = {"version", "volumes", "networks", "configs", "secrets", "include"} & set(data)
    return bool(around and maps) or any(OF_COMPOSE & set(each) for each in maps)


def _is_copilot(data: Mapping[str, Any]) -> bool:
    kind = data.get("type")
    return isinstance(kind, str) and kind in COPILOT_TYPES and "name" in data


_TOOLS: tuple[tuple[str, str | None, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("a manifest of AWS Copilot", "copilot", _is_copilot),
    ("a Score file", None, lambda data: str(data.get("apiVersion", "")).startswith("score.dev/")),
    ("a Kubernetes manifest", None, lambda data: {"apiVersion", "kind"} <= set(data)),
    (
        "a CloudFormation template",
        None,
        lambda data: "AWSTemplateFormatVersion" in data or _typed(data.get("Resources"), "Type"),
    ),
    ("a serverless.yml", None, lambda data: {"service", "provider"} <= set(data) and "functions" in data),
    ("a compose file", "compose", _is_compose),
)


def _typed(value: Any, key: str) -> bool:
    """Return whether every entry of a map has a key."""
    return bool(value) and isinstance(value, dict) and all(isinstance(x, dict) and key in x for x in value.values())
