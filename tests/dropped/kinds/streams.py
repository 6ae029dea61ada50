"""A kind that the package has not: Kinesis streams. The tests drop it in, to see what one new file is enough for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from troposphere import kinesis

from msaspec.language.aws_type import AwsType, Clients, Deletion, Holds
from msaspec.language.base import Model
from msaspec.language.kind import Kind
from msaspec.language.part import Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Token
from msaspec.template import names


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    aws.client("kinesis").delete_stream(StreamName=id)
    return [f"the stream {id} with its records"]


STREAM = AwsType(
    name="AWS::Kinesis::Stream",
    noun="stream",
    holds=Holds.DATA,
    erase=_erase,
    gone=frozenset({"ResourceNotFoundException"}),
    unique=(("Name",),),
)


class Stream(Model):
    """A stream with a stream for what nobody could handle."""

    size: str = Field("large", description="A field that databases have too.")
    shards: Any = Field(5, description="How many shards it has.")


class StreamUse(Model):
    """What a service may do with a stream."""

    access: Literal["send", "consume"] = Field("send", description="Send or consume.")


class Streams(Kind[Stream, StreamUse]):
    """The section `streams`."""

    section = "streams"
    noun = "stream"
    types = (STREAM,)
    attributes: ClassVar[Mapping[str, str]] = {"arn": "ARN of the stream."}

    def build(self, entry: Entry[Stream], uses: Sequence[Use[StreamUse]], site: Site) -> Part:
        """The stream and its dead-letter stream, which keep what is in them."""
        stream = names.logical(entry.name, "Stream")
        kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        shards = entry.spec.shards
        return Part(
            (kinesis.Stream(f"{stream}Dead", ShardCount=1, **kept), kinesis.Stream(stream, ShardCount=shards, **kept))
        )

    def offer(self, entry: Entry[Stream], use: Use[StreamUse], place: Place) -> Offer:
        """The name, and what `access` says."""
        stream = names.logical(entry.name, "Stream")
        action = "kinesis:PutRecord" if use.options.access == "send" else "kinesis:GetRecords"
        return Offer(
            attributes={"arn": (Token(f"{stream}.Arn"),)},
            variables={f"{names.variable(entry.name)}_STREAM": (Token(stream),)},
            statements=(Statement((action,), ((Token(f"{stream}.Arn"),),)),),
            endpoints=("kinesis-streams",),
        )
