"""What only editors read in the JSON Schema: words for what is wrong, what enumerated values mean, snippets.

The keywords are those of yaml-language-server, which the YAML support of most editors is. A validator passes over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.manifest.sections import runtimes

Schema = dict[str, Any]

REGIONS = ("ap-northeast-2", "ap-southeast-1", "eu-central-1", "eu-west-1", "us-east-1", "us-west-2")
"""Examples: an editor proposes them, and takes any other."""
SNIPPETS: Mapping[str, tuple[tuple[str, str, Any], ...]] = {
    "services": (
        (
            "service with a public path",
            "A service of your own, which the internet can reach at a path.",
            {
                "${1:web}": {
                    "build": "${2:./web}",
                    "port": "${3:8080}",
                    "paths": ["${4:/api}"],
                    "health": "${5:/api/health}",
                }
            },
        ),
        (
            "internal service",
            "A service that only the services which use it can reach.",
            {"${1:orders}": {"build": "${2:./orders}", "port": "${3:8080}"}},
        ),
        ("worker", "A service that nobody calls.", {"${1:worker}": {"build": "${2:./worker}"}}),
    ),
    "databases": (("database", "A database instance.", {"${1:main}": {"size": "db.t4g.micro", "storage": "20 GiB"}}),),
    "buckets": (("bucket", "A private bucket.", {"${1:media}": {}}),),
}


def complete(schema: Schema) -> Schema:
    """Add them to a schema, and return it."""
    properties = schema["properties"]
    properties["region"]["examples"] = list(REGIONS)
    for section, snippets in SNIPPETS.items():
        properties[section]["defaultSnippets"] = [
            {"label": label, "description": description, "body": body} for label, description, body in snippets
        ]
    names = next(form for form in schema["$defs"]["Runtime"]["anyOf"] if "enum" in form)
    known = runtimes()
    names["markdownEnumDescriptions"] = [f"The service runs as {known[name].about}." for name in names["enum"]]
    schema["$defs"]["Service"]["properties"]["scale"]["defaultSnippets"] = [
        {"label": "a range", "description": "Copies follow the load.", "body": {"min": 2, "max": 10, "cpu": 60}}
    ]
    for node in _nodes(schema):
        _word(node)
    return schema


def _word(node: Schema) -> None:
    """Say of a field what is right, in place of what the server would say of a pattern or a type."""
    shown = [*node.get("examples", ()), *([node["default"]] if "default" in node else ())]
    proposed = next((each for each in shown if each not in (None, "", [], {})), None)
    if "pattern" in node:
        like = f"Write it like `{_written(proposed)}`." if proposed is not None else node.get("description")
        if like:
            node["patternErrorMessage"] = like
    if proposed is None or "title" not in node or "enum" in node:
        return
    node["errorMessage"] = f"Write `{node['title'].lower().replace(' ', '_')}: {_written(proposed)}`, or the like."


def _written(value: Any) -> str:
    """Return a value as a manifest has it on one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(each)}".rstrip() for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return "" if value is None else json.dumps(value)


def _nodes(node: Any) -> Iterator[Schema]:
    """Yield every schema in one."""
    if isinstance(node, list):
        for each in node:
            yield from _nodes(each)
    elif isinstance(node, dict):
        yield node
        for key, each in node.items():
            if key in ("default", "examples", "enum", "defaultSnippets"):
                continue
            yield from _nodes(list(each.values()) if key in ("properties", "$defs") else each)
