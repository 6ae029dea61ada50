"""Whether what came back is an answer of AWS: one place that looks at every answer of every service.

A proxy, a captive portal or a connection that breaks within a body give what botocore reads as an empty answer, or as a
write that went well. Such an answer is never believed: a read is asked again, and then `NotAnAnswer` is raised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

READS = ("Describe", "Filter", "Get", "Head", "List")
"""How the names of operations begin that change nothing."""
ATTEMPTS = 3
PAUSE = 0.5
"""Seconds before a read is asked again, times the attempt."""
MAY_BE_EMPTY = frozenset({"GetStackPolicy", "DeleteMessageBatch"})
"""Operations of which an answer without any member is one."""

_MARK = "NotAnAnswer"
_STACK = "msaspec-stack"
"""Where the context of a request has the stack that it names."""
_XML = ("query", "ec2", "rest-xml")
_JSON = ("json", "rest-json")


class NotAnAnswer(Exception):
    """What came back is not from AWS, or not whole. Nobody knows what became of the request."""

    def __init__(self, operation: str, reason: str) -> None:
        self.operation, self.reason = operation, reason
        super().__init__(f"{operation}: {reason}")


def checked(client: Any) -> Any:
    """Have a client of boto3 look at all of its answers, and return it."""
    events, model = client.meta.events, client.meta.service_model

    def look(parsed_response: dict[str, Any] | None, event_name: str, **ignored: Any) -> None:
        operation = model.operation_model(event_name.rpartition(".")[2])
        if parsed_response is not None and _lacks_all(operation, parsed_response):
            parsed_response.setdefault(_MARK, "it lacks the requested data")

    for event, handler in (
        ("before-parameter-build", _asked_about),
        ("before-parse", _before_parse),
        ("response-received", look),
        ("needs-retry", _asks_again),
        ("after-call", _after_call),
    ):
        events.register(event, handler, unique_id=f"msaspec-{event}")
    return client


def _before_parse(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **ignored: Any
) -> None:
    """Mark what is no answer, and lets the parser of botocore see none of it."""
    if operation_model.has_streaming_output or operation_model.http.get("method") == "HEAD":
        return
    reason = _strange(operation_model, response_dict)
    if not reason:
        return
    failed = response_dict["status_code"] >= 500  # botocore knows by the status to ask again.
    if not failed:
        customized_response_dict[_MARK] = reason
    response_dict["body"] = b"" if failed else _harmless(operation_model)


def _strange(operation_model: Any, response: Mapping[str, Any]) -> str | None:
    """Why a response is no answer; None for one of AWS."""
    status, headers, body = response["status_code"], response["headers"], response["body"]
    if status in (204, 304):
        return None
    length = str(headers.get("content-length", ""))
    if length.isdigit() and "content-encoding" not in headers and int(length) != len(body):
        return f"it breaks off after {len(body)} of {length} bytes"
    protocol = operation_model.service_model.resolved_protocol
    if protocol in _JSON:
        return _strange_json(operation_model, body, status)
    return _strange_xml(operation_model, body, status, protocol) if protocol in _XML else None


def _strange_json(operation_model: Any, body: bytes, status: int) -> str | None:
    if not body:
        return "it is empty" if status < 300 and _members(operation_model) else None
    try:
        found = json.loads(body)
    except ValueError:
        return "it is not JSON"
    return None if isinstance(found, dict) else "it is not a JSON object"


def _strange_xml(operation_model: Any, body: bytes, status: int, protocol: str) -> str | None:
    if not body.strip():
        return None if status >= 300 or not _speaks(operation_model, protocol) else "it is empty"
    if body.lstrip()[:14].lower().startswith((b"<html", b"<!doctype html")):
        return "it is a web page"
    if protocol == "rest-xml" and status < 300 and not _members(operation_model):
        return None  # Nobody reads what there is.
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return "it is not XML"
    name = _local(root.tag)
    if name.lower() == "html":
        return "it is a web page"
    if protocol == "rest-xml" or status >= 300:
        return None
    shape = operation_model.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    if not name.endswith("Response") or (wrapper and all(_local(child.tag) != wrapper for child in root)):
        return f"it is not an answer to {operation_model.name}"
    return None


def _speaks(operation_model: Any, protocol: str) -> bool:
    """Whether a good answer has a body: one that gives nothing, or headers alone, need not in `rest-xml`."""
    shape = operation_model.output_shape
    members = shape.members.values() if shape else ()
    return protocol != "rest-xml" or any("location" not in member.serialization for member in members)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _members(operation_model: Any) -> frozenset[str]:
    shape = operation_model.output_shape
    return frozenset(shape.members) if shape else frozenset()


def _lacks_all(operation_model: Any, parsed: Mapping[str, Any]) -> bool:
    """Whether a good answer has none of the members that the operation gives."""
    if parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 300 or operation_model.name in MAY_BE_EMPTY:
        return False
    protocol = operation_model.service_model.resolved_protocol
    if protocol not in ("json", "query") and not (protocol == "rest-xml" and operation_model.name.startswith("List")):
        return False
    members = _members(operation_model)
    return bool(members) and not members & parsed.keys()


def _harmless(operation_model: Any) -> bytes:
    """Return the body of an answer in which there is nothing."""
    protocol = operation_model.service_model.resolved_protocol
    if protocol in _JSON:
        return b"{}"
    shape = operation_model.output_shape
    wrapper = (shape.serialization.get("resultWrapper") if shape else None) or "Nothing"
    return b"" if protocol == "rest-xml" else f"<Response><{wrapper}/></Response>".encode()


def _asks_again(
    attempts: int, operation: Any, response: tuple[Any, Mapping[str, Any]] | None, **ignored: Any
) -> float | None:
    """Seconds to wait before a read is asked again; None where that is not to be."""
    marked = response is not None and _MARK in response[1]
    return PAUSE * attempts if marked and attempts < ATTEMPTS and operation.name.startswith(READS) else None


def _asked_about(params: Mapping[str, Any], context: dict[str, Any], **ignored: Any) -> None:
    """Note the stack that a request names."""
    context[_STACK] = params.get("StackName")


def _after_call(parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **ignored: Any) -> None:
    if reason := parsed.get(_MARK):
        raise NotAnAnswer(model.name, reason)
    asked = context.get(_STACK)
    if isinstance(asked, str) and any(_stack_name(each) != _stack_name(asked) for each in _about(parsed)):
        raise NotAnAnswer(model.name, "it names another stack")  # as a cache would answer


def _about(parsed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the stacks that an answer names."""
    rows = [parsed, *parsed.get("Stacks", ()), *parsed.get("StackEvents", ())]
    yield from (row["StackId"] for row in rows if isinstance(row, Mapping) and isinstance(row.get("StackId"), str))


def _stack_name(text: str) -> str:
    """Return the name in the id of a stack, or the name itself.

    >>> _stack_name("arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/0a1b"), _stack_name("shop")
    ('shop', 'shop')
    """
    return text.partition(":stack/")[2].partition("/")[0] or text
