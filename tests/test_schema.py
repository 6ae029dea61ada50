"""The JSON Schema: complete, valid, and never stricter than the manifest's own models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from msaspec import pipeline
from msaspec.cli import main
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.manifest import schema

ROOT = Path(__file__).resolve().parents[1]

FULL = """\
msaspec: 1
name: shop
region: eu-west-1
tags: {team: shop}
network: {placement: public, zones: 2}
bastion: {instance_type: t4g.micro}
ingress: {allow: [10.0.0.0/16]}
databases: {main: {storage: 20 GiB, backups: 7 days, replicas: 0}}
buckets: {media: {cdn: true, versioned: false}, logs: }
defaults:
  framework: plain
  runtime: {type: instance, instance_type: t4g.small}
  logs: 14 days
  env: {LOG_LEVEL: info}
services:
  user-service:
    image: user-service:1.0
    port: 8080
    paths: [/api/users]
    health: {path: /api/users/health, interval: 20 s}
    uses: {main: {database: users, access: owner}, media: {access: write, invalidate: true}, cart: }
    env: {DEPTH: 3, DEBUG: false, HOST: "${main.host}"}
    secrets: {API_KEY: /shop/api-key}
    command: [serve, --all]
  cart:
    image: cart:1.0
    port: 8000
    uses: [logs]
    health: /up
    scale: 2
environments:
  prod:
    databases: {main: {multi_zone: true, size: db.m7g.large}}
    services: {cart: {scale: {max: 4}, health: }}
    buckets: {logs: {versioned: true}}
  test:
patches: [{op: add, path: /Metadata/x, value: 1}]
"""

HEAD = "msaspec: 1\nname: shop\n"

GOOD = {
    "everything": FULL,
    "the least": HEAD + "services: {a1: {image: a1}}",
    "empty maps": HEAD + "network:\nbastion:\ningress:\ndefaults:\nservices: {a1: {image: a1, health: , scale: }}",
    "what is required comes from defaults": HEAD + "defaults: {image: one:1}\nservices: {a1: , b1: }",
    "a part of it comes from defaults": HEAD + "network: {placement: public}\n"
    "defaults: {health: {path: /}}\nservices: {a1: {image: a1, port: 1, health: {interval: 1 min}}}",
    "null deletes a default": HEAD + "defaults: {env: {A: 1, B: 2}, command: [a]}\n"
    "services: {a1: {image: a1, env: {A: }, command: }}",
    "defaults in every short form": HEAD + "databases: {main: }\nservices: {a1: {image: a1, port: 80}}\n"
    "defaults: {uses: [main], logs: 1 week, command: [run], health: /up, scale: 1, hosts: [shop.example.com]}",
    "an environment that empties and deletes": HEAD + "buckets: {media: {cdn: true}, old: }\n"
    "services: {a1: {image: a1, uses: [media]}}\n"
    "environments: {prod: {buckets: {media: {cdn: null}, old: null}, services: {a1: {uses: {media: {}}}}}}",
}

BAD = {
    "an unknown key at the top": HEAD + "service: {}\nservices: {a1: {image: a1}}",
    "an unknown key of a service": HEAD + "services: {a1: {image: a1, ports: 1}}",
    "no image": HEAD + "services: {a1: {port: 1}}",
    "an empty service": HEAD + "services: {a1: }",
    "another version": "msaspec: 2\nname: shop\nservices: {a1: {image: a1}}",
    "a name in upper case": HEAD + "services: {A1: {image: a1}}",
    "a reserved name": HEAD + "services: {aws: {image: a1}}",
    "an environment of the name of the repositories": HEAD
    + "services: {a1: {image: a1}}\nenvironments: {registry: {}}",
    "a port as text": 'msaspec: 1\nname: shop\nservices: {a1: {image: a1, port: "80"}}',
    "a size without its unit": HEAD + "databases: {main: {storage: 20}}\nservices: {a1: {image: a1}}",
    "a runtime that is none": HEAD + "services: {a1: {image: a1, runtime: lambda}}",
    "a field of no runtime": HEAD + "services: {a1: {image: a1, runtime: {type: instance, cpu: 1}}}",
    "no option of a use": HEAD + "databases: {main: }\nservices: {a1: {image: a1, uses: {main: {db: x}}}}",
    "a word for no access": HEAD + "buckets: {media: }\nservices: {a1: {image: a1, uses: {media: {access: all}}}}",
    "a list in env": HEAD + "services: {a1: {image: a1, env: {A: [1]}}}",
    "null in a list": HEAD + "services: {a1: {image: a1, command: [a, null]}}",
    "null for a list": HEAD + "services: {a1: {image: a1, paths: }}",
    "an unknown key of defaults": HEAD + "defaults: {port: 1, ports: 1}\nservices: {a1: {image: a1}}",
    "an unknown key of an environment": HEAD + "services: {a1: {image: a1}}\n"
    "environments: {prod: {services: {a1: {ports: 1}}}}",
    "a name in an environment": HEAD + "services: {a1: {image: a1}}\nenvironments: {prod: {name: x}}",
    "a patch without an operation": HEAD + "services: {a1: {image: a1}}\npatches: [{path: /a}]",
    "a patch from nowhere": HEAD + "services: {a1: {image: a1}}\npatches: [{op: move, path: /a, from_: /b}]",
}


@cache
def validator() -> Draft202012Validator:
    """The schema, ready to be asked."""
    return Draft202012Validator(schema.schema())


def data(text: str) -> Any:
    """A manifest as editors see it."""
    return pipeline.load(text, "msa.yaml").data()


def refusal(text: str) -> str | None:
    """What msaspec says against a manifest or one of its environments, None if it takes all."""
    try:
        document = pipeline.load(text, "msa.yaml")
        for environment in (None, *pipeline.environments(document)):
            pipeline.plan_of(document, environment)
    except Invalid as invalid:
        return str(invalid)
    return None


def fields(node: Any) -> Iterator[tuple[str, Any]]:
    """Every property that a model of the schema has."""
    if isinstance(node, dict):
        yield from node.get("properties", {}).items()
        for key, value in node.items():
            if key not in ("default", "examples", "enum", "allOf"):
                yield from fields(list(value.values()) if key in ("properties", "$defs") else value)
    elif isinstance(node, list):
        for item in node:
            yield from fields(item)


def test_the_schema_is_valid() -> None:
    """It conforms to the metaschema it names, and has an id, a title and a description."""
    made = schema.schema()
    Draft202012Validator.check_schema(made)
    assert made["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert {"$id", "title", "description"} <= made.keys()


def test_every_property_is_described() -> None:
    """An editor has a title and a description to show for each, and something to complete."""
    found = list(fields(schema.schema()))
    assert len(found) > 100
    for name, field in found:
        assert field.get("description"), name
        assert field.get("title"), name
        refers = "$ref" in json.dumps(field)
        boolean = "boolean" in field.get("type", ())
        assert refers or boolean or field.get("enum") or field.get("examples"), name


def test_every_map_refuses_what_it_does_not_know() -> None:
    """A model has no other keys, and what is named has names."""
    definitions = schema.schema()["$defs"]
    for name, definition in definitions.items():
        for form in definition.get("anyOf", [definition]):
            if "properties" in form:
                assert form["additionalProperties"] is False, name


def test_keys_are_those_of_the_file() -> None:
    """Python's spelling of a key that is a word of Python is nowhere to be seen."""
    names = {name for name, _ in fields(schema.schema())}
    assert "from" in names
    assert not {name for name in names if name.startswith("_") or name.endswith("_")}


def test_defaults_are_as_written() -> None:
    """A default has its unit, as the manifest would."""
    definitions = schema.schema()["$defs"]
    assert definitions["Database"]["properties"]["storage"]["default"] == "20 GiB"
    assert definitions["Service"]["properties"]["logs"]["default"] == "30 days"


def test_examples_and_defaults_are_valid() -> None:
    """What the schema proposes, it takes."""
    made = schema.schema()
    for name, field in fields(made):
        inner = Draft202012Validator({"$defs": made["$defs"], **field})
        for proposed in [*field.get("examples", ()), *([field["default"]] if "default" in field else ())]:
            assert inner.is_valid(proposed), (name, proposed)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/**/*.yaml")), ids=lambda path: path.stem)
def test_examples_conform(path: Path) -> None:
    """No example is underlined in an editor."""
    assert [error.message for error in validator().iter_errors(data(path.read_text("utf-8")))] == []


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_is_good_passes_both(text: str) -> None:
    """Short forms, empty maps and what comes from another layer are accepted as the models accept them."""
    assert refusal(text) is None
    assert [error.message for error in validator().iter_errors(data(text))] == []


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_has_no_shape_fails_both(text: str) -> None:
    """The schema tells of wrong shapes what msaspec would."""
    assert refusal(text) is not None
    assert not validator().is_valid(data(text))


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/cases/*/msa.yaml")), ids=lambda path: path.parent.name)
def test_the_schema_is_never_stricter(path: Path) -> None:
    """Whatever it refuses, msaspec refuses."""
    text = path.read_text("utf-8")
    if refusal(text) is None:
        assert [error.message for error in validator().iter_errors(data(text))] == []


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70000),
    st.sampled_from(
        ["", "main", "instance", "30 s", "7 days", "20 GiB", "/api", "read", "owner", "17", "db.t4g.micro"]
    ),
    st.sampled_from(
        [{}, [], {"type": "instance"}, {"path": "/"}, {"access": "read"}, ["main"], [None], {"enabled": True}]
    ),
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every map or list with each of its keys or positions."""
    if isinstance(node, dict | list):
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            yield node, key
            yield from places(value)


@settings(deadline=None)
@given(st.data())
def test_no_change_makes_the_schema_stricter(draw: st.DataObject) -> None:
    """However a good manifest is changed in some places: what the schema refuses, msaspec refuses."""
    changed = deepcopy(data(FULL))
    for _ in range(draw.draw(st.integers(1, 3))):
        holder, key = draw.draw(st.sampled_from(list(places(changed))))
        match draw.draw(st.sampled_from(["replace", "delete", "add"])):
            case "replace":
                holder[key] = deepcopy(draw.draw(VALUES))
            case "delete":
                del holder[key]
            case "add" if isinstance(holder, dict):
                added = draw.draw(
                    st.sampled_from(["port", "env", "path", "media", "runtime", "uses", "cdn", "type", "max"])
                )
                holder[added] = deepcopy(draw.draw(VALUES))
        if not changed:
            break
    text = json.dumps(changed)
    try:
        seen = data(text)
    except Invalid:
        return
    errors = [error.message for error in validator().iter_errors(seen)]
    if errors:
        assert refusal(text) is not None, errors


def test_the_command_prints_the_schema() -> None:
    """`msaspec schema` writes what the repository has under schemas/."""
    result = CliRunner().invoke(main, ["schema"])
    assert result.exit_code == 0
    assert result.output == schema.to_json()
    assert result.output.endswith("}\n")
