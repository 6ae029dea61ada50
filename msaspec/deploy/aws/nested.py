"""The nested stacks of a system in AWS, read as one with their root: templates, resources, events. Side by side, some
at a time, so that hundreds of them are read in seconds and throttle nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlsplit

from msaspec.deploy.aws import fault
from msaspec.deploy.aws.target import THREADS, Aws
from msaspec.template import nesting, reading
from msaspec.template.nesting import Template
from msaspec.template.render import to_yaml
from msaspec.template.stack import Stack

AT_ONCE = 8
"""How many are asked at once."""

T = TypeVar("T")
R = TypeVar("R")

_READ: dict[str, Template] = {}
"""Templates of this process, by the hash of their texts."""


def each(ask: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Ask for each of some things, several at a time; return the answers in their order. Raises what one raises."""
    from concurrent.futures import ThreadPoolExecutor

    asked = list(things)
    if len(asked) < 2:
        return [ask(thing) for thing in asked]
    with ThreadPoolExecutor(min(AT_ONCE, len(asked)), THREADS) as pool:
        return list(pool.map(ask, asked))


def note(text: str, template: Template) -> None:
    """Remember the template of a text, so that nobody has to read it again."""
    _READ[sha256(text.encode()).hexdigest()] = template


def foresee(stack: Stack) -> None:
    """Remember the nested templates that a stack is to have. Most of them it has already: they need not be read."""
    for template in stack.layout.pieces.nested.values():
        note(to_yaml(replace(stack, template=template)), template)


def whole(aws: Aws, stack: str, root: Template) -> Template:
    """Return the one template that a root was split from. What cannot be read of it is left in its nested stack."""
    where = nesting.nested_in(root)
    if not where:
        return root
    aws.client("s3")  # Made once, before there are threads.
    found = dict(zip(where, each(lambda url: _by_content(aws, url), where.values()), strict=True))
    if missing := [home for home, template in found.items() if template is None]:
        with fault.tolerated():
            ids = identities(aws, stack)
            asked = [(home, ids[home]) for home in missing if home in ids]
            found |= zip([home for home, _ in asked], each(lambda one: _by_stack(aws, one[1]), asked), strict=True)
    return nesting.join(root, {home: template for home, template in found.items() if template})


def _by_content(aws: Aws, url: str) -> Template | None:
    """Return a template by where it was put; None where it is gone, or is not what its name says."""
    parts = urlsplit(url).path.lstrip("/")
    digest = parts.rpartition("/")[2].removesuffix(".yaml")
    if digest in _READ:
        return _READ[digest]
    body = b""
    with fault.tolerated():
        bucket = urlsplit(url).netloc.partition(".s3.")[0]
        body = aws.client("s3").get_object(Bucket=bucket, Key=parts, ExpectedBucketOwner=aws.account)["Body"].read()
    if not body or sha256(body).hexdigest() != digest:
        return None
    template = _template(body)
    if template:
        _READ[digest] = template
    return template


def _by_stack(aws: Aws, id: str) -> Template | None:
    """Return the template of a nested stack from CloudFormation; None where it has none."""
    body: Any = None
    with fault.tolerated():
        body = aws.client("cloudformation").get_template(StackName=id, TemplateStage="Original").get("TemplateBody")
    return _template(body) if isinstance(body, str) else body


def _template(text: bytes | str) -> Template | None:
    try:
        data = reading.load(text)
        return reading.validated(data) if reading.is_template(data) else None
    except reading.Unreadable:
        return None


def identities(aws: Aws, stack: str) -> dict[str, str]:
    """Return the ids of the nested stacks of a root, by logical ids."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    rows = [row for page in pages for row in page["StackResourceSummaries"]]
    return of_rows(rows)


def of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the ids of the nested stacks among rows of resources, by logical ids."""
    return {
        row["LogicalResourceId"]: row["PhysicalResourceId"]
        for row in rows
        if nesting.is_home(row["LogicalResourceId"], row["ResourceType"])
        and row.get("PhysicalResourceId")
        and row["ResourceStatus"] != "DELETE_COMPLETE"
    }


def rows(aws: Aws, root: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the resources of a root with those of its nested stacks in place of these. One that failed stands for
    itself where nothing in it did."""
    ids = of_rows(root)
    if not ids:
        return root
    inside = dict(zip(ids, each(lambda id: _listed(aws, id), ids.values()), strict=True))
    found: list[Mapping[str, Any]] = []
    for row in root:
        own = inside.get(row["LogicalResourceId"], ())
        failed = row["ResourceStatus"].endswith("_FAILED")
        told = any(each["ResourceStatus"].endswith("_FAILED") for each in own)
        if not nesting.is_home(row["LogicalResourceId"], row["ResourceType"]) or (failed and not told):
            found.append(row)
        found += own
    return found


def places(aws: Aws, stack: str, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the nested stacks that hold resources of these names: their logical ids, and what CloudFormation calls
    them."""
    wanted = set(names)
    ids = identities(aws, stack) if wanted else {}
    listed = zip(ids.items(), each(lambda id: _listed(aws, id), ids.values()), strict=True)
    return {
        row["LogicalResourceId"]: (home, id.partition(":stack/")[2].partition("/")[0])
        for (home, id), own in listed
        for row in own
        if row["LogicalResourceId"] in wanted
    }


def _listed(aws: Aws, id: str) -> list[Mapping[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=id)
        return [row for page in pages for row in page["StackResourceSummaries"]]
    except ClientError as error:
        if fault.code_of(error) == "ValidationError" and "does not exist" in fault.message_of(error):
            return []
        raise
