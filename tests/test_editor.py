"""What an editor shows of a manifest: yaml-language-server with the schema of the repository, over its protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from msaspec import pipeline
from msaspec.manifest import schema, schema_for_editors
from tests import editor
from tests.editor import ROOT, Editor

HEAD = "msaspec: 1\nname: shop\n"
SERVICE = f"{HEAD}databases:\n  main:\nservices:\n  web:\n    image: web:1.0\n"


@pytest.fixture(scope="module")
def open_editor() -> Iterator[Editor]:
    """An editor with the schema."""
    if (program := editor.server()) is None:
        pytest.skip("needs yaml-language-server, which scripts/test installs by npm")
    with editor.opened(program, ROOT / "schemas" / "msaspec.schema.json") as found:
        yield found


def test_a_runtime_is_completed_and_explained(open_editor: Editor) -> None:
    """Each runtime says what it is, in the list and under the pointer."""
    offered = open_editor.complete(f"{SERVICE}    runtime: §")
    assert set(offered) == {"instance", "autoscaling", "fargate"}
    assert "one EC2 instance with Docker" in str(offered["instance"]["documentation"])
    shown = open_editor.hover(f"{SERVICE}    runtime: far§gate\n")
    assert "`fargate`: The service runs as an ECS service" in shown


def test_what_has_many_values_is_completed(open_editor: Editor) -> None:
    """Regions, a number of copies and a range, a size with its unit."""
    assert set(schema_for_editors.REGIONS) <= set(open_editor.complete(f"{HEAD}region: §"))
    scale = open_editor.complete(f"{SERVICE}    scale: §")
    assert {"2", "a range"} <= set(scale)
    assert "20 GiB" in open_editor.complete(f"{HEAD}databases:\n  main:\n    storage: §")


def test_options_of_a_use_are_completed(open_editor: Editor) -> None:
    """The options of each kind, with what they are for."""
    offered = open_editor.complete(f"{SERVICE}    uses:\n      main:\n        §")
    assert {"database", "access", "prefix", "ports"} <= set(offered)


@pytest.mark.parametrize("section", sorted(schema_for_editors.SNIPPETS))
def test_a_snippet_is_a_sound_entry(open_editor: Editor, section: str) -> None:
    """What the editor writes compiles as it is."""
    offered = open_editor.complete(f"{HEAD}{section}:\n  §")
    for label, _, _ in schema_for_editors.SNIPPETS[section]:
        text = offered[label]["insertText"]
        for number in range(1, 9):
            start, _, rest = text.partition(f"${{{number}:")
            text = start + rest.replace("}", "", 1) if rest else text
        entry = yaml.safe_load(text)
        assert len(entry) == 1
        services = entry if section == "services" else {"web": {"image": "web:1.0", "port": 80}}
        others = {} if section == "services" else {section: entry}
        manifest = {"msaspec": 1, "name": "shop", "network": {"placement": "public"}, **others, "services": services}
        assert pipeline.compile_main(pipeline.load(yaml.safe_dump(manifest), "msa.yaml"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("    env: [A=b]", "Write `env: {LOG_LEVEL: info"),
        ("    logs: 30", "Write `logs: 30 days`, or the like."),
        ("    logs: a month", "Write it like `"),
        ("    Env: {}", "Property Env is not allowed"),
        ("    runtime: lambda", "Value is not accepted"),
        ("    prot: 80", "Property prot is not allowed"),
    ],
)
def test_what_is_wrong_is_said_in_our_words(open_editor: Editor, lines: str, said: str) -> None:
    """On its line; no pattern and no type of JSON has to be understood."""
    found = open_editor.faults(f"{SERVICE}{lines}\n")
    assert [line for line, _ in found] == [SERVICE.count("\n") + 1]
    assert found[0][1].startswith(said)


def test_examples_are_not_underlined(open_editor: Editor) -> None:
    """The server takes what msaspec takes."""
    for path in sorted(ROOT.glob("examples/**/msa.yaml")):
        text = path.read_text("utf-8").replace("yaml-language-server", "editors")  # which names a schema of its own
        assert open_editor.faults(text) == [], path


def test_a_validator_sees_the_same_schema() -> None:
    """What only editors read changes nothing that is taken or refused: every keyword of it is unknown to validators."""
    plain, whole = schema.schema(), schema.for_editors()
    Draft202012Validator.check_schema(whole)
    own = {"defaultSnippets", "markdownEnumDescriptions", "errorMessage", "patternErrorMessage"}
    assert own & Draft202012Validator.VALIDATORS.keys() == set()

    def without(node: object) -> object:
        if isinstance(node, dict):
            return {key: without(each) for key, each in node.items() if key not in own | {"examples"}}
        return [without(each) for each in node] if isinstance(node, list) else node

    assert without(whole) == without(plain)


def test_the_lock_of_the_server_has_hashes() -> None:
    """Each package has its hash, and no place that it came from."""
    lock = Path(ROOT / "requirements" / "editor" / "package-lock.json").read_text("utf-8")
    packages = {name: each for name, each in json.loads(lock)["packages"].items() if name}
    assert len(packages) > 10
    assert all(each["integrity"].startswith("sha512-") and "resolved" not in each for each in packages.values())
