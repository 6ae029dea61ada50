"""What an edit of `tags` alone does: shown by `diff` and `deploy`, with what it would do beyond tagging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.compile import aws_types
from msaspec.update import replacement, tagging
from msaspec.update.replacement import Tagging
from tests.test_hazards import RULE, stack, template

SYSTEM = """\
msaspec: 1
name: shop
tags: {team: shop}
network: {placement: public}
services:
  web: {image: 'web:1', port: 80, paths: [/web], runtime: {type: fargate, deploy: STRATEGY}}
"""


def told(before: dict[str, Any], after: dict[str, Any] | None = None) -> list[str]:
    """Return what is said of an edit of the tags."""
    return [each.message for each in tagging.found({}, {"team": "shop"}, before, after or before)]


def diff(folder: Path, old: str, new: str, *words: str) -> Result:
    """Return what `msaspec diff` says of two manifests."""
    (folder / "old.yaml").write_text(old, "utf-8")
    (folder / "msa.yaml").write_text(new, "utf-8")
    return CliRunner().invoke(main, ["diff", str(folder / "msa.yaml"), "--against", str(folder / "old.yaml"), *words])


def test_no_type_of_a_kind_or_runtime_is_replaced_or_refused_for_its_tags() -> None:
    """Every type that msaspec emits takes new tags in place, or takes none; launch templates, on whose version hosts
    depend, take none."""
    found = {each.name: replacement.tagging(each.name) for types in aws_types.emitted().values() for each in types}
    assert {name: each for name, each in found.items() if each in (Tagging.REPLACED, Tagging.REFUSED)} == {}
    assert found["AWS::EC2::LaunchTemplate"] is Tagging.NONE
    assert found["AWS::EC2::Instance"] is Tagging.IN_PLACE


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("AWS::ECS::PrimaryTaskSet", None),  # no such type
        ("AWS::DMS::DataProvider", None),
        ("AWS::EC2::SubnetRouteTableAssociation", None),
        ("REPLACED", "replaces `Other`"),
        ("REFUSED", "refuses new tags on `Other`"),
    ],
)
def test_what_a_patch_brings_in_is_judged_by_its_schema(
    kind: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A type whose tags are fixed when it is created is replaced; one that takes no new tags fails the update."""
    if said:
        schema = {"tagging": {"taggable": True, "tagUpdatable": kind != "REFUSED", "tagProperty": "/properties/Tags"}}
        fixed = {"createOnlyProperties": ["/properties/Tags"]} if kind == "REPLACED" else {}
        monkeypatch.setattr(replacement, "schema_of", lambda name: {**schema, **fixed})
    messages = told(template(Other=(kind, {})))
    assert [said in message for message in messages] == [True] if said else messages == []


def test_a_rule_whose_weights_ecs_sets_is_named() -> None:
    """Not that of a rolling service, and not one that comes or changes its type with the tags."""
    (rule,) = told(stack("canary"))
    assert rule.startswith("The change of `tags` updates the rule `WebRuleWeb` of `services.web`")
    assert told(stack("rolling")) == []
    assert told(stack("rolling", _without_paths()), stack("canary")) == []
    assert list(tagging.found({"a": "b"}, {"a": "b"}, stack("canary"), stack("canary"))) == []


def _without_paths() -> str:
    return SYSTEM.replace(", paths: [/web]", "")


def test_a_rule_of_a_rolling_service_names_one_group() -> None:
    """So it is the same when CloudFormation writes it again for its tags."""
    rules = [each["Properties"] for each in stack("rolling")["Resources"].values() if each["Type"] == RULE]
    assert [[set(action) for action in rule["Actions"]] for rule in rules] == [[{"Type", "TargetGroupArn"}]]


def test_diff_shows_tags_and_warns_at_them(tmp_path: Path) -> None:
    """Each tag once, however many stacks have it; tags that are the same are no difference."""
    old = SYSTEM.replace("STRATEGY", "canary")
    result = diff(tmp_path, old, old.replace("team: shop", "team: web, cost: low"))
    assert result.exit_code == 1
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["tags"],
        ["+", "tag", "cost", "added"],
        ["~", "tag", "team", "changes", "value:", "shop", "->", "web"],
    ]
    assert f"{tmp_path / 'msa.yaml'}:3:1: warning MSA531: The change of `tags` updates the rule" in result.stderr
    assert diff(tmp_path, old, old).exit_code == 0
    gone = diff(tmp_path, old, old.replace("tags: {team: shop}\n", ""))
    assert "- tag team" in gone.stdout


def test_a_template_does_not_say_which_tags_its_stack_has(tmp_path: Path) -> None:
    """So nothing is said of tags, rather than that all of them are new."""
    text = SYSTEM.replace("STRATEGY", "canary")
    (tmp_path / "msa.yaml").write_text(text, "utf-8")
    compiled = CliRunner().invoke(main, ["compile", str(tmp_path / "msa.yaml")]).stdout
    assert pipeline.compile_main(pipeline.load(text, "msa.yaml")).stack.tags == {"team": "shop"}
    assert diff(tmp_path, compiled, text).exit_code == 0
