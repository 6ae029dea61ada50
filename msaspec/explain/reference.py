"""The reference of the manifest: every section and field, from the schema of its models.

It is `docs/reference/manifest.md`, and what `msaspec init --agents` writes for coding agents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.language.runtime import PUBLIC_ATTRIBUTES, SERVICE_ATTRIBUTES
from msaspec.manifest import schema
from msaspec.manifest.sections import kinds, runtimes
from msaspec.source import scalar

Schema = Mapping[str, Any]

_INLINE = frozenset({"Name", "Use", "Runtime", "Defaults", *(kind.options.__name__ for kind in kinds())})
"""Definitions without a table of their own, or with one further below."""
_UNIT = re.compile(r"\^\[0-9\]\{1,11\} \?\((.*)\)\$")


def page() -> str:
    """Return the whole page, as Markdown."""
    models = schema.models()
    sections = [_section(name, models) for name in _order("Manifest", models)]
    about = (
        "Everything that may stand in a manifest. A key in **bold** is required. A map with nothing behind its\n"
        "colon is empty. Names are lower case letters and digits with single dashes between, and mean one thing in\n"
        "the whole file.\n"
    )
    return "\n".join(["# Manifest reference\n", about, *sections, *_layers(), *_attributes()])


def _order(name: str, models: Mapping[str, Schema]) -> list[str]:
    """Return the definitions that `name` leads to, in reading order."""
    found: list[str] = []

    def visit(current: str) -> None:
        if current not in found:
            found.append(current)
            for reference in _references(models[current]):
                visit(reference)

    visit(name)
    return [each for each in found if each not in _INLINE]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        for key, value in node.items():
            if key not in ("examples", "default"):
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _section(name: str, models: Mapping[str, Schema]) -> str:
    definition = models[name]
    forms = definition.get("anyOf", [definition])
    long = next(form for form in forms if "properties" in form)
    short = [_short(form) for form in forms if form is not long]
    lines = [f"## {name}\n", long["description"] + "\n", *short]
    lines += ["| key | type | default | meaning | example |", "| --- | --- | --- | --- | --- |"]
    required = long.get("required", ())
    for key, field in long["properties"].items():
        shown = f"**`{key}`**" if key in required else f"`{key}`"
        default = f"`{_yaml(field['default'])}`" if "default" in field else ""
        examples = [f"`{_yaml(example)}`" for example in field.get("examples", ())]
        kind = "map of names to [overlays](#environments)" if key == "environments" else _type(field)
        cells = [shown, kind, default, field["description"], ", ".join(examples)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _short(form: Mapping[str, Any]) -> str:
    about = str(form["description"])
    return f"A bare {_bare(form)} is s{about[1:]}\n" if about.startswith("Short for") else f"{about}\n"


def _bare(form: Schema) -> str:
    """Return a form that is no map in words: the words that it may be, or its type without its range."""
    return (
        " or ".join(f"`{word}`" for word in form["enum"])
        if len(form.get("enum", ())) > 1
        else _type(form).partition(",")[0]
    )


def _type(field: Schema) -> str:
    """Return the type of a field in words."""
    if "$ref" in field:
        return _named(field["$ref"].rpartition("/")[2])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(option) for option in field["anyOf"] if option.get("type") != "null"))
    if "enum" in field:
        return ", ".join(f"`{_yaml(word)}`" for word in field["enum"] if word is not None)
    kinds = field.get("type", "anything")
    kinds = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    return " or ".join(_plain(kind, field) for kind in kinds)


def _named(name: str) -> str:
    if name == "Name":
        return "name"
    if name == "Use":
        return "access options"
    if name == "Runtime":
        forms = [runtime.model.__name__ for runtime in runtimes().values()]
        return f"name of a runtime, or {' or '.join(map(_named, forms))}"
    if name == "Defaults":
        return "fields of a [Service](#service)"
    return f"[{name}](#{name.lower()})"


def _plain(kind: str, field: Schema) -> str:
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if kind == "object":
        inner = field.get("additionalProperties")
        return f"map of names to {_type(inner)}" if isinstance(inner, Mapping) else "map"
    if kind == "integer" and ("minimum" in field or "maximum" in field):
        low, high = field.get("minimum"), field.get("maximum")
        return f"integer, {low} to {high}" if high is not None else f"integer, at least {low}"
    if kind == "string":
        unit = _UNIT.fullmatch(field.get("pattern", ""))
        return f"number with unit ({', '.join(unit[1].split('|'))})" if unit else "text"
    return kind


def _yaml(value: Any, *, inside: bool = False) -> str:
    """Return a value in YAML's flow style, `inside` a list or map or by itself."""
    if isinstance(value, str):
        plain = scalar.resolve(value) == value and not (inside and set(value) & set("[]{},"))
        return value if plain else json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(item, inside=True)}".rstrip() for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item, inside=True) for item in value) + "]"
    return "" if value is None else json.dumps(value)


def _layers() -> Iterator[str]:
    uses = [f"a {kind.noun}: {_named(kind.options.__name__)}" for kind in kinds()]
    uses.append("a service: [ServiceUse](#serviceuse)")
    uses.append("a service of another system: [OtherUse](#otheruse)")
    yield f"## Access options\n\nThe options of a use depend on what it names: {'; '.join(uses)}.\n"
    for kind in kinds():
        yield _section(kind.options.__name__, schema.models())
    yield (
        "## Environments\n\nAn entry of `environments` is laid over the file: maps merge, everything else replaces,\n"
        "null deletes. It has the keys of the file but `msaspec`, `name` and `environments`, and none is required.\n"
    )


def _attributes() -> Iterator[str]:
    known = {kind.noun: kind.attributes for kind in kinds()} | {"service": SERVICE_ATTRIBUTES}
    known["service with `paths`"] = PUBLIC_ATTRIBUTES
    known["system"] = {"name": "Name of the system.", "environment": "Name of the environment; `default` without one."}
    known["aws"] = {"region": "Region.", "account": "Account id.", "partition": "Partition, such as `aws`."}
    yield (
        "## References\n\n`${NAME.ATTRIBUTE}` in a value under `env` or a word of `command`: NAME is of something\n"
        "under `uses`, such as `main` or `payments/ledger`, or `system` or `aws`. `$$` is a literal `$` in `env`.\n"
        "In `command` every other `$` stays as it is, for shells, and `$${NAME.ATTRIBUTE}` is a literal reference.\n"
        "`${system.name}` and `${system.environment}` may also stand in `hosts`, `secrets` and `ingress.domain`.\n"
    )
    for noun, attributes in known.items():
        rows = [f"| `{name}` | {about} |" for name, about in attributes.items()]
        title = f"`{noun}`" if noun in ("system", "aws") else noun
        yield "\n".join([f"| attribute of {title} | meaning |", "| --- | --- |", *rows]) + "\n"
