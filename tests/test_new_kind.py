"""A kind is one new file: what a stream, dropped into `msaspec/kinds`, has by that alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from msaspec import pipeline
from msaspec.compile.blame import made
from msaspec.deploy import erasure, gate, inventory, policy
from msaspec.deploy.aws.state import Resource
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.explain import pages
from msaspec.language.aws_type import Deletion
from msaspec.manifest import schema
from msaspec.pipeline import Compiled
from msaspec.template import origin
from msaspec.update import changes, losses
from tests.deploy.by_hand import Client, fake, refusal
from tests.dropped import dropped
from tests.template import compiled

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: private, nat: none}
streams: {jobs: {}}
services:
  cart: {image: cart, port: 80, uses: [jobs]}
"""
WITHOUT = MANIFEST.replace("streams: {jobs: {}}\n", "").replace(", uses: [jobs]", "")


@pytest.fixture(autouse=True)
def _streams() -> Iterator[None]:
    with dropped("kinds"):
        yield


def change() -> tuple[changes.Change, ...]:
    """What an update does that takes the stream away."""
    before, after = compiled(MANIFEST).stack, compiled(WITHOUT).stack
    found = changes.between(before.template, after.template, origins=after.origins, origins_before=before.origins)
    return tuple(each for each in found if each.type == "AWS::Kinesis::Stream")


def endpoints(result: Compiled) -> set[str]:
    """The interface and gateway endpoints of a template."""
    parts = result.stack.template["Resources"].values()
    names = [part["Properties"]["ServiceName"] for part in parts if part["Type"] == "AWS::EC2::VPCEndpoint"]
    texts = [sub if isinstance(sub := name["Fn::Sub"], str) else sub[0] for name in names]
    return {text.rpartition("${AWS::Region}.")[2] for text in texts}


def test_its_endpoint_is_made_where_there_is_no_way_out() -> None:
    """With `nat: none` a service that sends to the stream reaches it, and its host waits for that endpoint."""
    result = compiled(MANIFEST)
    assert endpoints(result) - endpoints(compiled(WITHOUT)) == {"kinesis-streams"}
    assert "KinesisStreamsEndpoint" in result.stack.template["Resources"]["CartInstance"]["DependsOn"]
    assert endpoints(compiled(MANIFEST.replace("none", "single"))) == {"s3"}


def test_the_language_knows_its_section() -> None:
    """The schema, the messages and the pages of `explain` have it, although nothing names it."""
    assert "streams" in schema.models()["Manifest"]["properties"]
    with pytest.raises(Invalid) as caught:
        compiled(MANIFEST.replace("uses: [jobs]", "uses: [nothing-like-it]"))
    (found,) = [each for each in caught.value.diagnostics if each.code == "MSA210"]
    hint = str(found.hint)
    assert hint.startswith("Declare it under `brokers`, `buckets`, ")
    assert "`streams`, " in hint
    assert "a stream of shop" in pages.to_text(pages.entry("jobs", compiled(MANIFEST)))
    with pytest.raises(pages.Unknown, match="stream, table, topic, volume, job or service"):
        pages.entry("other", compiled(MANIFEST))


def test_its_loss_is_named_and_refused() -> None:
    """`diff` warns of both streams, `deploy` refuses without a word, and the stack policy guards them."""
    found = change()
    assert [each.message for _, each in losses.found(found)] == [
        f"The stream `{name}` of `streams.jobs` would be removed from the stack; it stays in the account with its "
        "data, outside any stack."
        for name in ("JobsStreamDead", "JobsStream")
    ]
    assert len(gate.judge(found, [], lambda each: each).refused) == 2
    assert gate.judge(found, ["jobs"], lambda each: each).ids == {"JobsStream", "JobsStreamDead"}
    assert set(policy.guarded(compiled(MANIFEST).stack.template)) == {"JobsStream", "JobsStreamDead"}


def test_destroy_leaves_it_and_erases_it_by_its_name() -> None:
    """It stays in the account; given up by name it goes, and what is gone already is no error."""
    template = compiled(MANIFEST).stack.template
    there = [Resource("JobsStream", "AWS::Kinesis::Stream", "CREATE_COMPLETE", "jobs")]
    (item,) = inventory.items(there, template, origin.reader(template))
    assert (item.fate, str(item)) == (inventory.Fate.STAYS, "stream jobs")
    assert inventory.chosen([item], ["jobs"]) == ((item,), ())
    deletion = Deletion("shop", datetime(2026, 7, 1, tzinfo=UTC))
    client = Client(delete_stream=[{}, refusal("ResourceNotFoundException", status=400)])
    assert erasure.erase(fake(kinesis=client), item, deletion) == ["the stream jobs with its records"]
    assert erasure.erase(fake(kinesis=client), item, deletion) == []


def test_another_kind_is_not_judged_as_a_database() -> None:
    """A field that is called like one of databases means nothing to the checks of databases."""
    services = "".join(f"  user-{n}: {{image: u, uses: [jobs]}}\n" for n in range(30))
    manifest = MANIFEST.replace("jobs: {}", "jobs: {size: db.t4g.micro}") + services
    assert [each for each in compiled(manifest).warnings if each.code == "MSA308"] == []


def test_a_wrong_argument_names_the_entry() -> None:
    """What a kind gives to a resource in a wrong type is a diagnostic at the entry, with the reason and the file."""
    with pytest.raises(Invalid) as caught:
        compiled(MANIFEST.replace("jobs: {}", "jobs: {shards: [5]}"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.path, found.span and found.span.line) == ("MSA402", ("streams", "jobs"), 4)
    assert found.message.startswith("msaspec cannot compile `streams.jobs`: [5] is not a valid integer (ValueError in ")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_failed_assertion_is_an_error_in_msaspec() -> None:
    """It has no text, so that the message names its place only."""
    document = pipeline.load(MANIFEST.encode(), "msa.yaml")

    def make() -> None:
        raise AssertionError

    with pytest.raises(Invalid) as caught:
        made(document, ("streams", "jobs"), make)
    (found,) = caught.value.diagnostics
    expected = r"msaspec cannot compile `streams.jobs` \(AssertionError in compile/blame.py:\d+\)\."
    assert re.fullmatch(expected, found.message)
