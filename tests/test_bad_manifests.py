"""Whatever is in a manifest: it compiles, or diagnostics say what is wrong. Never anything else.

A few random manifests are tried each time, many more with MSASPEC_WHOLE=1 in the environment, and by `scripts/fuzz`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msaspec import pipeline
from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, Severity, errors
from msaspec.diagnostics.reports import json as json_report
from msaspec.diagnostics.reports import text as text_report
from msaspec.source.document import Document
from msaspec.template import render
from tests import goldens, sampling, template

VALID: tuple[dict[str, Any], ...] = (
    {
        "msaspec": 1,
        "name": "shop",
        "region": "eu-west-1",
        "tags": {"team": "shop"},
        "network": {"cidr": "10.0.0.0/16", "zones": 2, "placement": "public"},
        "bastion": {"instance_type": "t4g.micro"},
        "ingress": {"allow": ["0.0.0.0/0"]},
        "databases": {
            "main": {"version": "17", "size": "db.t4g.micro", "storage": "20 GiB", "backups": "7 days", "replicas": 1},
            "other": None,
        },
        "buckets": {"media": {"cdn": True, "versioned": False}},
        "defaults": {"runtime": "instance", "arch": "arm64", "logs": "7 days", "env": {"LEVEL": "info"}},
        "services": {
            "cart": {
                "image": "cart:1.0",
                "port": 8000,
                "paths": ["/api/carts"],
                "health": {"path": "/api/carts/up", "interval": "10 s", "codes": "200-299"},
                "uses": {"main": {"database": "carts"}, "user": None, "media": {"access": "read-write"}},
                "env": {"READER": "${main.reader_host}", "NUMBER": 5},
                "secrets": {"KEY": "/shop/key"},
                "command": ["run", "it"],
                "scale": {"min": 1, "max": 2},
            },
            "user": {"image": "user", "port": 8001, "uses": ["cart", "other"], "framework": "spring-boot"},
            "mailer": {"image": "docker.io/library/mailer:1", "runtime": {"type": "instance"}},
        },
        "environments": {"prod": {"services": {"cart": {"env": {"LEVEL": None}, "scale": 2}}}, "test": None},
        "patches": [
            {"op": "replace", "path": "/Resources/Vpc/Properties/CidrBlock", "value": "10.1.0.0/16"},
            {"op": "copy", "from": "/Resources/Vpc/Properties/Tags", "path": "/Resources/Vpc/Metadata"},
        ],
    },
    {"msaspec": 1, "name": "shop", "network": {"nat": "none"}, "services": {"cart": {"image": "cart:1", "uses": []}}},
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, 2**63 - 1, -(2**63), 2**64, 10**40, 65535, 0.5, -0.0, 1e308]),
    st.sampled_from(
        [
            "", " ", "a", "-", ".", "/", "~", "null", "*", "é", "한국", "😀", "a\nb", "a\0b", "\x85", "\u2028", "\x7f",
            "${", "${main.host}", "${main.password}", "${main}", "$$", "{{resolve:ssm:x}}", "arn:aws:s3:::x", "1 GiB",
            "99999999999999999999 days", "٣ s", "0 s", "/a", "/Resources", "", "/Resources/Vpc", "/Resources/Vpc/Type",
            "/Metadata", "/Outputs/-", "/Mappings/Scripts/Boot", "~2", "cart", "main", "media", "instance", "t4g.micro",
            "0.0.0.0/0", "10.0.0.0/33", "::/0", "-" * 300, "a" * 70_000, "%s", "{0}", "{a}", "`", "\ufffe", "ⅷ s", "²",
            "db.m7g.²xlarge", "db.m7g.-", f"db.m7g.{'9' * 5000}xlarge", "arn:::::", "17.6\n", "cart\n", "t4g.²",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cart", "main", "type", "path", "op", "value", "enabled", "uses", "x"])
            | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
BRIEF = settings(max_examples=400 if sampling.WHOLE else 40, deadline=None, suppress_health_check=list(HealthCheck))


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container of a tree with a key into it."""
    found: list[tuple[Any, Any]] = []
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            found += [(data, key), *places(data[key])]
    return found


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid manifest with one to three faults."""
    data = deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        if not (spots := places(data)):
            break
        holder, key = draw(st.sampled_from(spots))
        match draw(st.sampled_from(["replace", "delete", "rename", "add", "swap", "wrap", "deepen"])):
            case "replace":
                holder[key] = draw(TREES)
            case "delete":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=5)) + key[1:]] = holder.pop(key)
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from([key + "x", key[:-1], key.upper(), "aws", ""]))] = draw(TREES)
            case "swap":
                other, there = draw(st.sampled_from(spots))
                holder[key], other[there] = deepcopy(other[there]), deepcopy(holder[key])
            case "wrap":
                holder[key] = draw(st.sampled_from([[holder[key]], {"type": holder[key]}, {key: holder[key]}]))
            case "deepen":
                for _ in range(draw(st.sampled_from([3, 40]))):
                    holder[key] = {"a": holder[key]}
    return data


class _Dumper(yaml.SafeDumper):
    """Writes what is shared twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors."""
        return True


def written(data: Any) -> str:
    """The manifest as YAML."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def check(diagnostic: Diagnostic, text: str) -> None:
    """What every diagnostic keeps, so that people can act on it."""
    assert re.fullmatch(r"MSA\d{3}", diagnostic.code)
    assert diagnostic.message[-1:] in (".", "?"), diagnostic.message
    assert diagnostic.message == diagnostic.message.strip()
    assert len(diagnostic.message) < 1000
    assert diagnostic.message.isprintable()
    assert diagnostic.hint is None or (diagnostic.hint.strip() and diagnostic.hint.isprintable())
    assert diagnostic.span is not None
    lines = re.split(r"\r\n|[\r\n]", text.removeprefix("\ufeff"))
    assert 1 <= diagnostic.span.line <= len(lines)
    assert 1 <= diagnostic.span.column <= len(lines[diagnostic.span.line - 1]) + 1
    assert diagnostic.span.length >= 1
    shown = "\t".join(map(printable.line, lines[diagnostic.span.line - 1].split("\t")))
    assert len(diagnostic.excerpt or "") == len(shown)
    assert diagnostic.excerpt == shown or "*" in (diagnostic.excerpt or "")


def tried(stage: Callable[[], tuple[Diagnostic, ...]], text: str) -> None:
    """A stage yields warnings only, or raises errors; all of them can be shown."""
    try:
        diagnostics = stage()
        assert errors(diagnostics) == []
    except Invalid as invalid:
        diagnostics = invalid.diagnostics
        assert any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    for diagnostic in diagnostics:
        check(diagnostic, text)
    told = [(diagnostic.span, diagnostic.code, diagnostic.message) for diagnostic in diagnostics]
    assert len(set(told)) == len(told), told
    assert text_report.render(diagnostics).count("MSA") >= len(diagnostics)
    assert len(json_report.render(diagnostics).splitlines()) == len(diagnostics)


def survives(text: str) -> None:
    """The manifest compiles in every environment, or there are diagnostics."""
    documents: list[Document] = []

    def load() -> tuple[Diagnostic, ...]:
        documents.append(pipeline.load(text, "msa.yaml"))
        return ()

    tried(load, text)
    for document in documents:
        for environment in (None, *pipeline.environments(document)[:2]):

            def compile_main(document: Document = document, environment: str | None = environment) -> Any:
                compiled = pipeline.compile_main(document, environment)
                assert template.load(render.to_yaml(compiled.stack)) == compiled.stack.template
                return compiled.warnings

            tried(compile_main, text)
        tried(lambda document=document: pipeline.compile_system(document).warnings, text)  # type: ignore[misc]


@pytest.mark.parametrize("number", range(len(VALID)))
def test_what_is_mutated_is_valid(number: int) -> None:
    """The manifests that the tests below begin with compile."""
    template.compiled(written(VALID[number]))


@BRIEF
@given(mutated())
def test_a_mutated_manifest_compiles_or_is_told_what_is_wrong(data: dict[str, Any]) -> None:
    """Keys deleted, renamed and added, types changed, trees swapped, wrapped and nested deeply."""
    survives(written(data))


TEXT = written(VALID[0])


@BRIEF
@given(st.data())
def test_a_slip_of_the_pen_compiles_or_is_told(data: st.DataObject) -> None:
    """Characters and lines dropped, doubled, moved and put in anywhere."""
    text = TEXT
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        lines = text.split("\n")
        line = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "cut", "insert", "double", "indent", "remove"])):
            case "drop":
                text = text[:at] + text[at + data.draw(st.integers(1, 4)) :]
            case "cut":
                text = text[:at]
            case "insert":
                junk = st.sampled_from(list("{}[]:,-#&*!|>'\"%@`\t \n\r?~<\\\0\x85\u2028\ufeff9yé😀")) | st.text(
                    max_size=3
                )
                text = text[:at] + data.draw(junk) + text[at:]
            case "double":
                text = "\n".join([*lines[: line + 1], *lines[line:]])
            case "indent":
                text = "\n".join(
                    [
                        *lines[:line],
                        data.draw(st.sampled_from([" ", "  ", "\t", "- "])) + lines[line],
                        *lines[line + 1 :],
                    ]
                )
            case "remove":
                text = "\n".join(lines[:line] + lines[line + 1 :])
    survives(text)


POINTERS = st.lists(
    st.sampled_from(
        [
            "Resources", "Vpc", "CartRole", "Properties", "Policies", "0", "-", "1", "PolicyDocument", "Statement",
            "Type", "Metadata", "msaspec", "manifest", "Mappings", "Scripts", "Boot", "Text", "Parameters",
            "CartImageTag", "CartSecurityGroup", "SecurityGroupEgress", "CartLaunchTemplate", "Description", "New",
            "", "~0", "~1", "Fn::x",
        ]
    ),
    max_size=5,
).map(lambda steps: "".join(f"/{step}" for step in steps))  # fmt: skip


@BRIEF
@given(
    st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": POINTERS},
            optional={"from": POINTERS, "value": TREES},
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_patches_apply_or_are_told(patches: list[dict[str, Any]]) -> None:
    """A patch may take the template apart: what is left is a template, or the patch is to blame."""
    survives(written({"msaspec": 1, "name": "shop", "services": {"cart": {"image": "cart:1"}}, "patches": patches}))


@BRIEF
@given(TREES)
def test_any_tree_as_an_environment_is_told_or_compiles(tree: Any) -> None:
    """An environment that is nothing like an overlay."""
    survives(written({**VALID[1], "environments": {"prod": tree}}))
    survives(written({**VALID[1], "environments": tree}))


@pytest.mark.parametrize("folder", goldens.with_diagnostics(), ids=lambda folder: folder.name)
def test_the_diagnostics_of_the_cases_are_well_made(folder: Any) -> None:
    """What is asserted of random manifests holds for the written cases that have diagnostics."""
    survives((folder / "msa.yaml").read_text("utf-8"))
