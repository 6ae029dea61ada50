"""DynamoDB tables, on demand: keys, indexes, expiry, recovery to any second of the last days."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from troposphere import Output, Ref, Tags, dynamodb

from msaspec.aws import calling
from msaspec.aws.data import dynamodb as stored
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.base import Items, Model, days, measured
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.part import Entry, Offer, Part, Place, Site, Statement, Use
from msaspec.language.value import Text, Token, Value
from msaspec.template import names

UNSOUND_KEYS = Code(
    "MSA350",
    "Keys of a table that do not fit together",
    """
    The attributes of a key differ, an attribute has one type wherever it is a key, and the time at which items expire
    is a number: seconds since 1970. An index has another key than its table. The indexes of a table name 100
    attributes at most that they hold.

    Wrong: `orders: {key: user, sort: user}`
    Right: `orders: {key: user, sort: {name: at, type: number}}`
    """,
)

MOST_HELD = 100
"""Attributes that the indexes of a table name, one that two of them name counted twice."""
_TYPES = {"string": "S", "number": "N", "binary": "B"}


def _attribute(name: str) -> str:
    if not name.isprintable() or len(name.encode()) > 255 or "$" in name or "{" in name:
        raise PydanticCustomError(
            "attribute", "the name of an attribute is text of 1 to 255 bytes, without `$` and `{`"
        )
    return name


AttributeName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_attribute)]
_NAME = re.compile("[A-Za-z0-9_.-]{3,255}")


def _index_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise PydanticCustomError("index", "is not one of 3 to 255 letters, digits and `_.-`")
    return name


IndexName = Annotated[str, AfterValidator(_index_name)]


class Attribute(Model):
    """An attribute that is a key."""

    shorthand = "name"

    name: AttributeName = Field(description="Its name.", examples=["user_id"])
    type: Literal["string", "number", "binary"] = Field("string", description="Type of its values.")


class Index(Model):
    """Another order of the items of a table, for other questions (a global secondary index)."""

    shorthand = "key"

    key: Attribute = Field(description="Attribute by which items are found.", examples=["email"])
    sort: Attribute | None = Field(
        None,
        description="Attribute by which the items of one key are ordered.",
        examples=[{"name": "at", "type": "number"}],
    )
    holds: Literal["all", "keys"] | Annotated[Items[AttributeName], Field(min_length=1, max_length=20)] = Field(
        "all",
        description="What the index holds of an item: all of it, its keys, or some attributes.",
        examples=["keys"],
    )


class Table(Model):
    """A DynamoDB table: paid by request, encrypted, kept when the stack is deleted."""

    key: Attribute = Field(description="Attribute by which items are found.", examples=["id"])
    sort: Attribute | None = Field(
        None,
        description="Attribute by which the items of one key are ordered.",
        examples=[{"name": "at", "type": "number"}],
    )
    indexes: Annotated[dict[IndexName, Index], Field(max_length=20)] = Field(
        {}, description="Indexes by name. An update adds or removes one.", examples=[{"by-email": {"key": "email"}}]
    )
    expires: AttributeName | None = Field(
        None,
        description="Attribute with the second since 1970 after which DynamoDB deletes an item, within days.",
        examples=["expires_at"],
    )
    backups: Annotated[int, days(0, 35, "35 days")] = measured(
        "35 days",
        description="How far back the table can be restored, to any second. `0 days` turns it off.",
        examples=["7 days"],
    )
    protect: bool = Field(
        True,
        description="Deletion protection, and the table stays when it is removed. Set false for temporary systems.",
    )


class TableUse(Model):
    """What a service may do with a table."""

    access: Literal["read", "write", "read-write"] = Field("read", description="What the service can do with items.")


class Tables(Kind[Table, TableUse]):
    """The section `tables`."""

    section = "tables"
    noun = "table"
    # It may have indexes, which a grant has to cover.
    lent = Lent(By.ROLES, "read-write", {"key": "id", "indexes": {"other": {"key": "other"}}})
    types = (stored.TABLE,)
    attributes: ClassVar[Mapping[str, str]] = {
        "name": "Name of the table.",
        "arn": "ARN of the table.",
        "region": "Region of the table.",
    }

    def check(self, entry: Entry[Table], uses: Sequence[Use[TableUse]]) -> Iterable[Diagnostic]:
        """Yield keys that do not fit together."""
        known: dict[str, tuple[Attribute, Path]] = {}
        for attribute, path in _keys(entry):
            first, where = known.setdefault(attribute.name, (attribute, path))
            if first.type != attribute.type:
                message = f"`{attribute.name}` of `{entry.name}` is a {first.type} and a {attribute.type}."
                hint = f"An attribute has one type. `{'.'.join(map(str, where[2:]))}` has the other one."
                yield UNSOUND_KEYS.at(path, message, hint=hint)
        for spec, path in _schemas(entry):
            if spec.sort and spec.sort.name == spec.key.name:
                message = f"`{spec.key.name}` is both the key and what items of one key are sorted by."
                yield UNSOUND_KEYS.at((*path, "sort"), message, hint="Remove `sort`, or name another attribute.")
        for name, index in sorted(entry.spec.indexes.items()):
            if _schema(index) == _schema(entry.spec):
                message = f"The index `{name}` has the key of its table `{entry.name}`."
                yield UNSOUND_KEYS.at((*entry.path, "indexes", name), message, hint="Remove it.", key=True)
        yield from _held(entry)
        expires = entry.spec.expires
        if expires in known and known[expires][0].type != "number":
            message = f"Items of `{entry.name}` expire by `{expires}`, which is a {known[expires][0].type}."
            hint = f"Write `{{name: {expires}, type: number}}` where it is a key: seconds since 1970."
            yield UNSOUND_KEYS.at((*entry.path, "expires"), message, hint=hint)

    def build(self, entry: Entry[Table], uses: Sequence[Use[TableUse]], site: Site) -> Part:
        """Return the table with its indexes."""
        table, spec = names.logical(entry.name, "Table"), entry.spec
        attributes = {each.name: each for each, _ in _keys(entry)}
        # fact: table-creation
        before = [each for each in entry.earlier if each.spec.indexes] if spec.indexes else []
        made = dynamodb.Table(
            table,
            AttributeDefinitions=[
                dynamodb.AttributeDefinition(AttributeName=name, AttributeType=_TYPES[attributes[name].type])
                for name in sorted(attributes)
            ],
            KeySchema=_key_schema(spec),
            BillingMode="PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": list(_indexes(spec))} if spec.indexes else {}),
            # In so many words: what is left out stays as it is.
            PointInTimeRecoverySpecification=dynamodb.PointInTimeRecoverySpecification(
                PointInTimeRecoveryEnabled=bool(spec.backups),
                **({"RecoveryPeriodInDays": spec.backups} if spec.backups else {}),
            ),
            **_expiry(spec),
            DeletionProtectionEnabled=spec.protect,
            Tags=Tags(Name=f"{site.stack}/{entry.name}"),
            **({"DependsOn": names.logical(before[-1].name, "Table")} if before else {}),
            DeletionPolicy="RetainExceptOnCreate" if spec.protect else "Delete",
            UpdateReplacePolicy="Retain" if spec.protect else "Delete",
        )
        return Part(
            resources=(made,),
            outputs=(Output(table, Description=f"Name of the table {entry.name}.", Value=Ref(table)),),
        )

    def offer(self, entry: Entry[Table], use: Use[TableUse], place: Place) -> Offer:
        """Return the name, and access by the word under `uses`."""
        table = names.logical(entry.name, "Table")
        name: Value = (Token(table),)
        return Offer(
            attributes={"name": name, "arn": (Token(f"{table}.Arn"),), "region": (Token("AWS::Region"),)},
            variables={f"{names.variable(entry.name)}_TABLE": name, **calling.variables(use.framework)},
            statements=tuple(_statements(entry, use.options)),
            endpoints=("dynamodb",),
        )


# fact: table-projections
def _held(entry: Entry[Table]) -> Iterator[Diagnostic]:
    """Yield the index with which those of a table name more attributes than they may."""
    number = 0
    for name, index in sorted(entry.spec.indexes.items()):
        if not isinstance(index.holds, tuple):
            continue
        path = (*entry.path, "indexes", name, "holds")
        number += len(index.holds)
        if number - len(index.holds) <= MOST_HELD < number:
            message = f"The indexes of `{entry.name}` name {number} attributes up to here; DynamoDB takes {MOST_HELD}."
            yield UNSOUND_KEYS.at(path, message, hint="Write `holds: all`.", key=True)


def _schemas(entry: Entry[Table]) -> Iterator[tuple[Table | Index, Path]]:
    """Yield the table and its indexes, each with its place."""
    yield entry.spec, entry.path
    for name, index in sorted(entry.spec.indexes.items()):
        yield index, (*entry.path, "indexes", name)


def _keys(entry: Entry[Table]) -> Iterator[tuple[Attribute, Path]]:
    """Yield every key of the table and of its indexes, with its place."""
    for spec, path in _schemas(entry):
        yield spec.key, (*path, "key")
        if spec.sort:
            yield spec.sort, (*path, "sort")


def _schema(spec: Table | Index) -> tuple[str, str | None]:
    return spec.key.name, spec.sort.name if spec.sort else None


def _key_schema(spec: Table | Index) -> list[Any]:
    sort = [dynamodb.KeySchema(AttributeName=spec.sort.name, KeyType="RANGE")] if spec.sort else []
    return [dynamodb.KeySchema(AttributeName=spec.key.name, KeyType="HASH"), *sort]


def _indexes(spec: Table) -> Iterator[Any]:
    for name, index in sorted(spec.indexes.items()):
        some = isinstance(index.holds, tuple)
        kind = "INCLUDE" if some else {"all": "ALL", "keys": "KEYS_ONLY"}[str(index.holds)]
        yield dynamodb.GlobalSecondaryIndex(
            IndexName=name,
            KeySchema=_key_schema(index),
            Projection=dynamodb.Projection(
                ProjectionType=kind, **({"NonKeyAttributes": list(index.holds)} if some else {})
            ),
        )


def _expiry(spec: Table) -> dict[str, Any]:
    if not spec.expires:
        return {}
    return {"TimeToLiveSpecification": dynamodb.TimeToLiveSpecification(AttributeName=spec.expires, Enabled=True)}


def _statements(entry: Entry[Table], use: TableUse) -> Iterator[Statement]:
    arn: Text = (Token(f"{names.logical(entry.name, 'Table')}.Arn"),)
    actions = ["DescribeTable"]
    if use.access in ("read", "read-write"):
        actions += ["BatchGetItem", "ConditionCheckItem", "GetItem"]
    if use.access in ("write", "read-write"):
        actions += ["BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"]
    yield Statement(tuple(f"dynamodb:{action}" for action in actions), (arn,))
    if use.access in ("read", "read-write"):
        indexes: tuple[Text, ...] = ((*arn, "/index/*"),) if entry.spec.indexes else ()
        yield Statement(("dynamodb:Query", "dynamodb:Scan"), (arn, *indexes))
