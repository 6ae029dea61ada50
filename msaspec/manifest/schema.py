"""The JSON Schema of the manifest, for editors: what is allowed where, with descriptions, defaults and examples.

It is made of the models that validate a manifest, and completed where a shape depends on what is named (`uses`,
`runtime`) or on another layer (an environment is an overlay, `defaults` are below every service). It never refuses
what `msaspec.manifest.root` takes; the manifest refuses more, since not all rules are about shape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from msaspec.language.base import NAME_LENGTH, NAME_PATTERN, RESERVED_NAMES, TAKEN_ENVIRONMENTS
from msaspec.language.job import RUNTIME as JOB_RUNTIME
from msaspec.language.kind import AnyKind
from msaspec.language.service import DEFAULT_RUNTIME, IMAGED, ServiceUse
from msaspec.language.systems import ENTRY_PATTERN
from msaspec.manifest import schema_for_editors
from msaspec.manifest.root import model
from msaspec.manifest.sections import kinds, other_use, runtimes

Schema = dict[str, Any]

ID = "urn:msaspec:manifest:1"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NULL = {"type": "null"}
_SAME_EVERYWHERE = ("msaspec", "name", "environments")
"""Keys that an environment cannot change."""


def to_json() -> str:
    """Return the schema as text, the same for every run."""
    return json.dumps(for_editors(), indent=2, ensure_ascii=False) + "\n"


def for_editors() -> Schema:
    """Return the schema with what only editors read."""
    return schema_for_editors.complete(deepcopy(schema()))


def schema() -> Schema:
    """Return the schema of a whole manifest."""
    definitions = models()
    root = definitions.pop("Manifest")
    overlay = _overlay(definitions, root)
    properties = root["properties"]
    properties["environments"]["additionalProperties"] = overlay
    properties["environments"]["propertyNames"] = {**_ref("Name"), "not": {"enum": sorted(TAKEN_ENVIRONMENTS)}}
    strict = properties["services"].pop("additionalProperties")
    # A service overlays `defaults`, so with them it may leave out what is required, and delete with null.
    loose = {"$ref": strict["$ref"] + "Overlay"}
    for name in ("Service", "Job"):
        definitions[name] |= {"type": "object", "allOf": [_any(IMAGED)]}
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "msaspec manifest",
        "description": root["description"],
        "type": "object",
        "properties": properties,
        "required": root["required"],
        "additionalProperties": False,
        "allOf": [
            _if_defaults({"minProperties": 1}, then=loose, otherwise=strict),
            _if_defaults(_any(IMAGED), then={}, otherwise={"type": "object", **_any(IMAGED)}),
        ],
        "$defs": dict(sorted(definitions.items())),
    }


def _any(fields: Iterable[str]) -> Schema:
    """Return what a map is that has one of some fields, or more."""
    return {"anyOf": [{"required": [field]} for field in fields]}


def models() -> dict[str, Schema]:
    """Return the schema of every model by its title; the whole manifest is `Manifest`."""
    parts: list[type[BaseModel]] = [model(), ServiceUse, other_use()]
    parts += [*(kind.options for kind in kinds()), *(runtime.model for runtime in runtimes().values())]
    raw = models_json_schema([(part, "validation") for part in parts])[1]["$defs"]
    definitions: dict[str, Schema] = {name: _tidy(definition) for name, definition in raw.items()}
    for definition in definitions.values():
        _accept_empty(definition, root=definition is definitions["Manifest"])
    definitions["Name"] = {
        "title": "Name",
        "description": "Lower case letters and digits, with single dashes between.",
        "type": "string",
        "pattern": NAME_PATTERN,
        "minLength": 2,
        "maxLength": NAME_LENGTH,
        "not": {"enum": sorted(RESERVED_NAMES)},
    }
    definitions["Use"] = {
        "title": "Use",
        "description": "Options of one use: "
        + "; ".join(
            f"of a {kind.noun}: {', '.join(f'`{key}`' for key in kind.options.model_fields)}" for kind in kinds()
        )
        + "; of a service, here or in another system: `ports`.",
        "anyOf": [*(_ref(kind.options.__name__) for kind in kinds()), *map(_ref, ("ServiceUse", "OtherUse"))],
    }
    definitions["Runtime"] = _runtime(definitions)
    definitions["Scale"] = _scale(definitions["Scale"])
    service = definitions["Service"]["properties"]
    service["scale"]["examples"] = [2]
    service["uses"] |= {
        "anyOf": _uses(),
        "examples": [{"main": {"database": "cart_database"}, "media": None}, ["main"]],
    }
    service["runtime"] |= _ref("Runtime") | {"examples": [*runtimes()]}
    job = definitions["Job"]["properties"]
    job["uses"] |= service["uses"]
    definitions["JobRuntime"] = _runtime_of_jobs(definitions)
    job["runtime"] |= _ref("JobRuntime") | {"examples": [{"cpu": "1 vCPU", "memory": "2 GiB"}]}
    definitions["Defaults"]["properties"] = {
        name: _nullable({key: value for key, value in field.items() if key != "default"})
        for name, field in service.items()
    }
    for definition in definitions.values():
        for field in _fields(definition):
            _complete(field, definitions)
    return definitions


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _uses() -> list[Schema]:
    name = {
        "description": "Name of an entry, or of another system and an entry of it, such as `payments/ledger`.",
        "anyOf": [_ref("Name"), {"type": "string", "pattern": ENTRY_PATTERN}],
    }
    return [
        {"type": "object", "propertyNames": name, "additionalProperties": _ref("Use")},
        {"description": "Names, each used with its default options.", "type": "array", "items": name},
    ]


def _options_of(kind: AnyKind) -> str:
    return f"of a {kind.noun}: {', '.join(f'`{key}`' for key in kind.options.model_fields)}"


def _runtime(definitions: dict[str, Schema]) -> Schema:
    """Return a runtime's name, or a map with its own fields."""
    known = runtimes()
    forms: list[Schema] = [{"description": "Name of a runtime.", "type": "string", "enum": list(known)}]
    for name, runtime in known.items():
        own = definitions[runtime.model.__name__]
        kind = {"title": "Type", "description": "Name of the runtime.", "enum": [name]}
        own["properties"] = {"type": kind, **own.get("properties", {})}
        # Without `type` the fields are those of the default.
        own["required"] = [*([] if name == DEFAULT_RUNTIME else ["type"]), *own.get("required", [])]
        if not own["required"]:
            del own["required"]
        own["type"] = "object"
        forms.append(_ref(runtime.model.__name__))
    return {
        "title": "Runtime",
        "description": "How a service runs: the name of a runtime, or a map of its `type` and its own fields.",
        "anyOf": forms,
    }


def _runtime_of_jobs(definitions: Mapping[str, Schema]) -> Schema:
    """Return what a job says of how it runs: the fields of the one runtime that it can have."""
    fields = dict(definitions[runtimes()[JOB_RUNTIME].model.__name__])
    fields.pop("required", None)
    name = {"description": "Name of the runtime.", "type": "string", "enum": [JOB_RUNTIME]}
    return {"title": "JobRuntime", "description": "What a run of a job gets.", "anyOf": [name, fields]}


def _scale(long_form: Schema) -> Schema:
    highest = long_form["properties"]["max"]
    number = {"description": "Short for `{min: N, max: N}`.", "type": "integer"}
    return {"anyOf": [number | {key: highest[key] for key in ("minimum", "maximum")}, long_form]}


def _tidy(node: Any) -> Any:
    """pydantic's schema without what only repeats it, and with maps that refuse other names."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy: Schema = {key: value if key in ("default", "examples") else _tidy(value) for key, value in node.items()}
    if "properties" in tidy:
        for name, field in tidy["properties"].items():
            field["title"] = name.replace("_", " ").capitalize()
    if tidy.get("default") is None or (isinstance(tidy["default"], dict) and tidy["default"]):
        tidy.pop("default", None)
    if "const" in tidy:
        tidy["enum"] = [tidy.pop("const")]
    if "patternProperties" in tidy:
        (pattern, value), *_ = tidy.pop("patternProperties").items()
        names = {"type": "string", "pattern": pattern, **tidy.pop("propertyNames", {})}
        tidy |= {"propertyNames": _ref("Name") if pattern == NAME_PATTERN else names, "additionalProperties": value}
    if _NULL in tidy.get("anyOf", ()) and len(tidy["anyOf"]) == 2:
        inner = next(option for option in tidy.pop("anyOf") if option != _NULL)
        tidy = _nullable({**inner, **tidy})
    return tidy


def _nullable(node: Schema) -> Schema:
    """Return the same, or null."""
    if "anyOf" in node:
        return node if _NULL in node["anyOf"] else {**node, "anyOf": [*node["anyOf"], _NULL]}
    if "$ref" in node:
        about = {key: value for key, value in node.items() if key != "$ref"}
        return {**about, "anyOf": [{"$ref": node["$ref"]}, _NULL]}
    changed = dict(node)
    if "type" in node:
        kinds = [node["type"]] if isinstance(node["type"], str) else node["type"]
        changed["type"] = list(dict.fromkeys([*kinds, "null"]))
    if "enum" in node:
        changed["enum"] = list(dict.fromkeys([*node["enum"], None]))
    return changed


def _accept_empty(definition: Schema, *, root: bool) -> None:
    """Allow an empty value for a map in which nothing is required."""
    for form in definition.get("anyOf", [definition]):
        if form.get("type") == "object" and "required" not in form and not root:
            form["type"] = ["object", "null"]


def _complete(field: Schema, definitions: Mapping[str, Schema]) -> None:
    """Add a description and an example from what is known of the field, where its model gives none."""
    if "$ref" in field and "description" not in field:
        # pydantic leaves it out where it is that of the field's own model.
        field["description"] = definitions[field["$ref"].rpartition("/")[2]]["description"]
    if not {"examples", "enum", "$ref"} & field.keys() and field.get("type") != "boolean":
        if items := field.get("items", {}).get("examples"):
            field["examples"] = [items]
        elif field.get("default") not in (None, {}, []):
            field["examples"] = [field["default"]]


def _fields(definition: Schema) -> Iterator[Schema]:
    for form in definition.get("anyOf", [definition]):
        yield from form.get("properties", {}).values()


def _overlay(definitions: dict[str, Schema], root: Schema) -> Schema:
    """Return an environment: the root with nothing required and null everywhere. Adds the definitions it needs."""
    relaxed: dict[str, Schema] = {}

    def refer(reference: str) -> str:
        name = reference.rpartition("/")[2]
        if name + "Overlay" not in relaxed:
            relaxed[name + "Overlay"] = {}
            relaxed[name + "Overlay"] |= _relaxed(definitions[name], refer)
        return reference + "Overlay"

    properties = {name: field for name, field in root["properties"].items() if name not in _SAME_EVERYWHERE}
    environment = _relaxed({"type": "object", "properties": properties, "additionalProperties": False}, refer)
    definitions |= relaxed
    definitions["Environment"] = {
        "title": "Environment",
        "description": "Differences of an environment: maps merge, other values replace, null removes.",
        **environment,
    }
    return _ref("Environment")


def _relaxed(node: Schema, refer: Callable[[str], str]) -> Schema:
    """Return the same without required keys and defaults, and with null. The content of a list is replaced as a
    whole."""
    changed = {key: value for key, value in node.items() if key not in ("required", "default", "minProperties")}
    if "$ref" in changed:
        changed["$ref"] = refer(changed["$ref"])
    if "properties" in changed:
        changed["properties"] = {name: _relaxed(field, refer) for name, field in changed["properties"].items()}
    if isinstance(changed.get("additionalProperties"), Mapping):
        changed["additionalProperties"] = _relaxed(changed["additionalProperties"], refer)
    if "anyOf" in changed:
        changed["anyOf"] = [_relaxed(option, refer) for option in changed["anyOf"] if option != _NULL]
        return changed
    return changed if "$ref" in changed else _nullable(changed)


def _if_defaults(condition: Schema, *, then: Schema, otherwise: Schema) -> Schema:
    """Return what every service is, by what `defaults` hold."""
    return {
        "if": {"properties": {"defaults": {"type": "object", **condition}}, "required": ["defaults"]},
        "then": {"properties": {"services": {"additionalProperties": then}}},
        "else": {"properties": {"services": {"additionalProperties": otherwise}}},
    }
