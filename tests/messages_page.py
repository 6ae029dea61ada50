"""The page of the reference about what is said: every kind of message with its code, level and payload."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from typing import Any

from msaspec.messages import catalogue
from msaspec.messages.message import Level, Message

ABOUT = """\
# Messages

With `--format json` every command prints one JSON object a line on standard output, and nothing else there: results,
progress, messages, questions and what is wrong. Each object has a `code`, an `event`, which names the kind of message,
a `level`, and the fields of its kind. `message` is the sentence that people read; programs read the fields instead. New
fields and events may come: ignore what you do not know. `schemas/messages.schema.json` has all of it as a JSON Schema.

```sh
msaspec deploy --yes --format json | jq -r 'select(.event == "output") | "\\(.key)=\\(.value)"'
msaspec lint --format json | jq 'select(.event == "diagnostic" and .level == "error")'
```

What is wrong with a manifest, or what AWS refuses, is a `diagnostic`: its `code` is that of
[the diagnostic](diagnostics.md). Exit codes are those of the text form. `msaspec compile --format json -o PATH` writes
the template itself into the file, as JSON.

| level | meaning |
|---|---|
| `result` | what was asked for |
| `progress` | how far an operation of CloudFormation is |
| `info`, `warning`, `error` | what was done, may go wrong, is wrong |
| `question` | the user answers it on the terminal; `--yes` does beforehand |
"""


def page(notice: str) -> str:
    """The whole page."""
    assert len(Level) == 6, "a new level: say what it means"
    return "\n".join([notice, ABOUT, *_topics()])


def _topics() -> Iterator[str]:
    topics: dict[str, list[type[Message]]] = {}
    for kind in catalogue.kinds().values():
        topics.setdefault(kind.__module__, []).append(kind)
    for module, kinds in topics.items():
        yield f"## {cleandoc(import_module(module).__doc__ or '').splitlines()[0].rstrip('.')}\n"
        yield from map(_kind, kinds)


def _kind(kind: type[Message]) -> str:
    about = cleandoc(kind.__doc__ or "")
    lines = [f"### {kind.code}: {kind.event}", "", f"*{str(kind.level).capitalize()}.* {about}", ""]
    if kind.said:
        lines += [f"> {kind.said}", ""]
    payload = catalogue.schema_of(kind)
    own = {name: schema for name, schema in payload["properties"].items() if name in kind.names}
    if own:
        lines += _table(own)
    for name, record in payload.get("$defs", {}).items():
        lines += [f"A `{name}`: {_about(record)}", "", *_table(record["properties"])]
    return "\n".join(lines)


def _about(record: dict[str, Any]) -> str:
    text = str(record.get("description", "")).splitlines()[0]
    return text[:1].lower() + text[1:]


def _table(fields: dict[str, Any]) -> list[str]:
    rows = [f"| `{name}` | {catalogue.type_of(schema)} |" for name, schema in fields.items()]
    return ["| field | type |", "|---|---|", *rows, ""]
