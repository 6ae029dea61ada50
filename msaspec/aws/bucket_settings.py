"""What a bucket may say: pages that read it, objects that go by themselves, and who is told of changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Ref, s3

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.base import Items, Model, days, span
from msaspec.language.part import Entry, Link
from msaspec.template import names

# fact: bucket-notifications
NO_FIFO = Code(
    "MSA356",
    "A notification to a FIFO queue or topic",
    "S3 sends notifications to standard queues and topics only. Name one without `fifo: true`.",
)
TOLD_TWICE = Code(
    "MSA357",
    "Two destinations of one notification",
    """
    S3 tells one destination of an event. Two with the same event and prefixes that overlap are refused. Let S3 tell a
    topic, and let the queues take from that.

    Wrong: `buckets: {media: {notify: [resize, index]}}`
    Right: `buckets: {media: {notify: [uploaded]}}`, `queues: {resize: {from: [uploaded]}, index: {from: [uploaded]}}`
    """,
)

_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9*.-]+(:[0-9]{1,5})?")


def _origin(written: str) -> str:
    if not _ORIGIN.fullmatch(written) or written.count("*") > 1:
        raise PydanticCustomError("origin", "an origin is a scheme and a host, such as `https://shop.example.com`")
    return written


class Cors(Model):
    """Which web pages may read and write the bucket by themselves."""

    shorthand = "origins"

    origins: Annotated[Items[Annotated[str, AfterValidator(_origin)]], Field(min_length=1)] = Field(
        description="Origins of the pages.", examples=[["https://shop.example.com"]]
    )
    methods: Items[Literal["GET", "HEAD", "PUT", "POST", "DELETE"]] = Field(
        ("GET", "HEAD"), description="Methods that they may use.", examples=[["GET", "PUT"]]
    )
    headers: Items[str] = Field(("*",), description="Request headers that they may send.", examples=[["content-type"]])
    exposed: Items[str] = Field((), description="Response headers that they may read.", examples=[["etag"]])
    max_age: Annotated[int, span(0, 86_400, "1 h")] = Field(
        "1 h",  # type: ignore[assignment]
        description="How long a browser keeps the answer.",
    )


def cors(spec: Cors | None) -> dict[str, Any]:
    """Return the property of the bucket."""
    if spec is None:
        return {}
    rule = s3.CorsRules(
        AllowedOrigins=list(spec.origins),
        AllowedMethods=list(spec.methods),
        AllowedHeaders=list(spec.headers),
        **({"ExposedHeaders": list(spec.exposed)} if spec.exposed else {}),
        MaxAge=spec.max_age,
    )
    return {"CorsConfiguration": s3.CorsConfiguration(CorsRules=[rule])}


EVERYTHING = ""
"""The prefix of an `expire` that is no map."""
_SPAN = days(1, 36_500, "30 days")
_SPAN_SCHEMA = {"type": "string", "pattern": r"^[0-9]{1,11} ?[a-z]+$"}


def _spelled(data: Any) -> Any:
    if isinstance(data, str):
        _SPAN.read(data)  # so that what is wrong is said of the field itself
        return {EVERYTHING: data}
    return {} if data is None else data


def _prefixes(written: dict[str, int]) -> dict[str, int]:
    for prefix in written:
        if any(character in prefix for character in "*?${}\"'\\\n") or prefix.startswith("/"):
            raise PydanticCustomError("prefix", "a prefix is the beginning of keys, such as `tmp/`, without a wildcard")
    return written


Expire = Annotated[
    dict[str, Annotated[int, _SPAN]],
    BeforeValidator(_spelled),
    AfterValidator(_prefixes),
    WithJsonSchema(
        {"anyOf": [_SPAN_SCHEMA, {"type": "object", "additionalProperties": _SPAN_SCHEMA}, {"type": "null"}]}
    ),
]


def expiry(expire: Mapping[str, int], *, versioned: bool) -> Iterator[Any]:
    """Yield the rules by which objects are deleted; old versions go as long after they were replaced."""
    for prefix, age in sorted(expire.items()):
        name = re.sub("[^a-z0-9]+", "-", prefix.lower()).strip("-")
        versions = {"NoncurrentVersionExpiration": s3.NoncurrentVersionExpiration(NoncurrentDays=age)}
        yield s3.LifecycleRule(
            Id=f"expire-{name or 'all'}-{len(prefix)}",
            Status="Enabled",
            **({"Prefix": prefix} if prefix else {}),
            ExpirationInDays=age,
            **(versions if versioned else {}),
        )


EVENTS = {"created": "s3:ObjectCreated:*", "deleted": "s3:ObjectRemoved:*", "expired": "s3:LifecycleExpiration:*"}


class Notification(Model):
    """What a queue or a topic is told of."""

    events: Annotated[Items[Literal["created", "deleted", "expired"]], Field(min_length=1)] = Field(
        ("created",), description="Events of objects.", examples=[["created", "deleted"]]
    )
    prefix: str = Field("", max_length=1024, description="Only keys that begin so.", examples=["uploads/"])
    suffix: str = Field("", max_length=1024, description="Only keys that end so.", examples=[".jpg"])

    def overlaps(self, other: Notification) -> bool:
        """Return whether one object could be told of to both, which S3 refuses."""
        begin = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        end = self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix)
        return begin and end and bool(set(self.events) & set(other.events))


def untold(notify: Mapping[str, Notification], entry: Entry[Any]) -> Iterable[Diagnostic]:
    """Yield FIFO destinations, and two that would be told of one object."""
    told: list[tuple[str, Notification]] = []
    for link in entry.to:
        name = link.entry.name
        if link.entry.spec.fifo:
            message = f"S3 cannot tell `{name}`, which is FIFO, of the objects of `{entry.name}`."
            yield NO_FIFO.at(link.path, message, hint="Name a standard queue or topic.", key=True)
        spec = notify[name]
        for other, earlier in told:
            if spec.overlaps(earlier):
                message = f"`{other}` and `{name}` would both be told of one object of `{entry.name}`."
                hint = "Give them prefixes or events that differ, or tell a topic that has both as queues."
                yield TOLD_TWICE.at(link.path, message, hint=hint, key=True)
        told.append((name, spec))


def notifications(told: Mapping[str, Notification], links: tuple[Link, ...]) -> dict[str, Any]:
    """Return the properties of the bucket that tell its queues and topics, made once these let S3 in."""
    found: dict[str, list[Any]] = {}
    after = []
    for link in links:
        spec = told[link.entry.name]
        if link.section == "queues":
            target = names.logical(link.entry.name, "Queue")
            make, word, arn = s3.QueueConfigurations, "Queue", GetAtt(target, "Arn")
        else:
            target = names.logical(link.entry.name, "Topic")
            make, word, arn = s3.TopicConfigurations, "Topic", Ref(target)
        after.append(f"{target}Policy")
        for event in spec.events:
            found.setdefault(f"{word}Configurations", []).append(
                make(Event=EVENTS[event], **{word: arn}, **_filter(spec))
            )
    if not found:
        return {}
    return {"NotificationConfiguration": s3.NotificationConfiguration(**found), "DependsOn": sorted(after)}


def _filter(spec: Notification) -> dict[str, Any]:
    rules = [s3.Rules(Name=name, Value=getattr(spec, name)) for name in ("prefix", "suffix") if getattr(spec, name)]
    return {"Filter": s3.Filter(S3Key=s3.S3Key(Rules=rules))} if rules else {}
