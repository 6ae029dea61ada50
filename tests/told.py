"""What a command prints with `--format json`, read as a program reads it: line by line, each by its schema."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema

from msaspec.explain import catalogue as diagnostics
from msaspec.messages import catalogue


@cache
def _validators() -> dict[str, Any]:
    # Stricter than for others, to whom new fields may come.
    lines = {event: {**schema, "additionalProperties": False} for event, schema in catalogue.schema()["$defs"].items()}
    return {event: jsonschema.Draft202012Validator({"$ref": f"#/$defs/{event}", "$defs": lines}) for event in lines}


def rows(printed: str, *events: str) -> list[dict[str, Any]]:
    """Every line, or those of some events. Fails where a line is no object, or not what the registry says of it."""
    found = [json.loads(line) for line in printed.splitlines()]
    for row in found:
        _validators()[row["event"]].validate(row)
        if row["event"] == "diagnostic" and row["code"].startswith("MSA"):
            assert row["code"] in diagnostics.codes()
    return [row for row in found if not events or row["event"] in events]


def outputs(printed: str) -> dict[str, str]:
    """The outputs of a stack by their keys."""
    return {row["key"]: row["value"] for row in rows(printed, "output")}
