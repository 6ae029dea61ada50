"""What is not replaced or removed without a word: `msaspec.deploy.gate`."""

from __future__ import annotations

import re

import pytest

from msaspec import pipeline
from msaspec.deploy import gate
from msaspec.deploy.gate import Judged
from msaspec.deploy.policy import stack_policy
from msaspec.diagnostics.diagnostic import Severity
from msaspec.update import changes, losses
from msaspec.update.changes import Action, Change
from tests import goldens, template
from tests.deploy.test_policy import allows

SHOP = (goldens.EXAMPLES / "msa.yaml").read_text("utf-8")
RENAMED = SHOP.replace("main:", "primary:")
NO_BUCKET = SHOP.replace("buckets:\n  media:\n    cdn: true\n", "").replace(
    "      media: {access: write, invalidate: true}\n", ""
)
TABLE = """\
patches:
  - op: add
    path: /Resources/Orders
    value:
      Type: AWS::DynamoDB::Table
      Properties:
        TableName: orders
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
        KeySchema: [{AttributeName: id, KeyType: HASH}]
"""


def compared(before: str, after: str) -> tuple[Change, ...]:
    """The changes between two manifests, as diff and deploy see them."""
    old, new = template.compiled(before).stack, template.compiled(after).stack
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


def judged(before: str, after: str, *allowed: str) -> Judged:
    """What the gate makes of the changes between two manifests."""
    return gate.judge(compared(before, after), allowed, pipeline.load(after, "msa.yaml").place)


def words(found: Judged) -> list[str]:
    """The words that the hints of what was refused name."""
    return [word for said in found.refused for word in re.findall("`--allow-replace ([^`]*)`", said.hint or "")]


def test_changes_without_a_loss_pass() -> None:
    """A new tag, and a service more, are nobody's loss."""
    more = SHOP.replace("user-service:1.0", "user-service:1.1") + "  extra: {image: 'extra:1', port: 8003}\n"
    assert compared(SHOP, more)
    assert judged(SHOP, more) == Judged((), (), frozenset(), ())


def test_a_database_that_goes_is_refused() -> None:
    """A renamed database is one that goes: an error, and the hint names the word that lets it go."""
    found = judged(SHOP, RENAMED)
    (said,) = found.refused
    assert (said.code, said.severity) == ("MSA510", Severity.ERROR)
    assert said.span is not None
    assert (said.hint or "").startswith("Keep `databases.main` under its name")
    assert words(found) == ["main"]
    assert (found.released, found.ids, found.unused) == ((), frozenset(), ())


@pytest.mark.parametrize("word", ["main", "MainDatabase"])
def test_a_word_lets_it_go(word: str) -> None:
    """The name of the entry and the logical id mean the same; the loss is told as a warning."""
    found = judged(SHOP, RENAMED, word)
    assert (found.refused, found.ids, found.unused) == ((), frozenset({"MainDatabase"}), ())
    assert [(said.code, said.severity) for said in found.released] == [("MSA510", Severity.WARNING)]


def test_a_word_lets_nothing_else_go() -> None:
    """Of two losses only the one that is named is released."""
    without = RENAMED.replace("  media:\n", "  pictures:\n").replace("      media:", "      pictures:")
    found = judged(SHOP, without, "media")
    assert found.ids == {"MediaBucket"}
    assert ["MainDatabase" in said.message for said in found.refused] == [True]


def test_words_for_nothing_are_told() -> None:
    """What was named and let nothing go comes back, sorted; of two words for one thing both were of use."""
    found = judged(SHOP, RENAMED, "x", "main", "MainDatabase", "media", "primary")
    assert found.unused == ("media", "primary", "x")


def test_a_secret_is_refused_under_its_service() -> None:
    """A secret in use that is replaced belongs to the service whose it is."""
    secret = Change(
        "CartToMainSecret",
        "AWS::SecretsManager::Secret",
        Action.REPLACE,
        entry=("services", "cart", "uses", "main"),
        retained="Delete",
        stateful=True,
    )
    found = gate.judge([secret], (), lambda said: said)
    assert words(found) == ["cart"]
    assert gate.judge([secret], ["cart"], lambda said: said).ids == {"CartToMainSecret"}


def test_what_a_patch_made_has_its_logical_id() -> None:
    """A table of a patch has no entry of its own: its word is its logical id, not the number of the patch."""
    found = judged(SHOP + TABLE, SHOP + TABLE.replace("TableName: orders", "TableName: others"))
    assert words(found) == ["Orders"]
    assert judged(SHOP + TABLE, SHOP + TABLE.replace("TableName: orders", "TableName: others"), "0").refused


@pytest.mark.parametrize(
    "after",
    [
        SHOP,
        RENAMED,
        NO_BUCKET,
        SHOP.replace("\ndatabases:\n  main:\n", "\ndatabases:\n  other: {}\n  main:\n"),
        SHOP.replace("      main: {database: cart_database}\n", ""),
        SHOP.replace('"17"', '"18"'),
        SHOP + TABLE,
    ],
)
def test_diff_and_the_gate_agree(after: str) -> None:
    """What `msaspec diff` warns of is what the gate refuses without a word, and lets go by its own words; the stack
    policy denies the same."""
    found = compared(SHOP, after)
    warned = [(change.logical_id, said.message) for change, said in losses.found(found)]
    whole = judged(SHOP, after)
    assert [said.message for said in whole.refused] == [message for _, message in warned]
    assert words(whole) == [gate.name_of(change) for change, _ in losses.found(found)]
    free = judged(SHOP, after, *words(whole))
    resources = {change.logical_id for change, _ in losses.found(found) if change.content is None}
    assert (free.refused, free.ids, free.unused) == ((), resources, ())
    before = template.template_of(SHOP)
    types = {name: part["Type"] for name, part in before["Resources"].items()}
    closed, opened = stack_policy(before), stack_policy(before, free.ids)
    actions = {Action.REMOVE: "Update:Delete", Action.REPLACE: "Update:Replace", Action.MAYBE_REPLACE: "Update:Replace"}
    for change in found:
        if change.logical_id in types and change.action in actions:
            said = (change.logical_id, actions[change.action], types[change.logical_id])
            assert allows(closed, *said) == (change.logical_id not in free.ids)
            assert allows(opened, *said)
