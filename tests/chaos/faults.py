"""The faults that the proxy puts between a command and AWS: what becomes of the request, and what is answered.

A fault is a value. Its answer has the shape that the protocol of the operation has for it: what a query service says in
XML, ECR and CloudWatch Logs say in JSON, and S3 in another XML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.chaos.operations import Operation


class End(StrEnum):
    """How an answer ends."""

    WHOLE = "whole"
    CUT = "cut"
    """The connection is closed in the middle of the body."""
    CLOSED = "closed"
    """The connection is closed before the first byte."""
    RESET = "reset"
    """The connection is reset before the first byte."""


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    end: End = End.WHOLE
    after: float = 0.0
    """Seconds to wait before it is sent."""


@dataclass(frozen=True)
class Exchange:
    """A request, as far as a fault answers it."""

    operation: Operation
    answered: Answer | None
    """What AWS answered; None where the request did not reach it."""
    earlier: Answer | None
    """What AWS answered to the operation the time before; None where it was not asked before."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request."""

    name: str
    reaches: bool
    """Whether the request reaches AWS."""
    answer: Callable[[Exchange], Answer | None]
    """What the command gets; None lets the request pass unharmed."""
    means: str
    """What it stands for, for the reference."""


HTML, XML = {"Content-Type": "text/html; charset=utf-8"}, {"Content-Type": "text/xml"}
NOTHING = Answer(0, b"", {}, End.CLOSED)
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>Sign in to use this network.</p></body></html>"
_JSON = {"Content-Type": "application/x-amz-json-1.1"}


@dataclass(frozen=True)
class Refusal:
    """An error of AWS by the name and the status that each protocol has for it."""

    query: tuple[int, str]
    ec2: tuple[int, str]
    json: tuple[int, str]
    rest_xml: tuple[int, str]
    rest_json: tuple[int, str]
    message: str

    def __call__(self, exchange: Exchange) -> Answer:
        """Answer with it."""
        operation = exchange.operation
        kinds = {"query": self.query, "ec2": self.ec2, "rest-xml": self.rest_xml, "rest-json": self.rest_json}
        status, code = kinds.get(operation.protocol, self.json)
        message = self.message.format(action=f"{operation.service}:{operation.name}")
        return refused(operation, status, code, message)


def refused(operation: Operation, status: int, code: str, message: str) -> Answer:
    """An error as AWS words it in the protocol of an operation."""
    if operation.protocol == "json":
        return Answer(status, json.dumps({"__type": code, "message": message}).encode(), _JSON)
    if operation.protocol == "rest-json":
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        return Answer(status, json.dumps({"message": message}).encode(), headers)
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    if operation.service == "s3":
        text = f"<Error>{error}<RequestId>0</RequestId></Error>"
    elif operation.protocol == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>0</RequestID></Response>"
    else:
        kind = "Sender" if status < 500 else "Receiver"
        inner = f"<Error><Type>{kind}</Type>{error}</Error><RequestId>0</RequestId>"
        text = f"<ErrorResponse>{inner}</ErrorResponse>"
    return Answer(status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), XML)


THROTTLED = Refusal(
    query=(400, "Throttling"),
    ec2=(503, "RequestLimitExceeded"),
    json=(400, "ThrottlingException"),
    rest_xml=(503, "SlowDown"),
    rest_json=(429, "TooManyRequestsException"),
    message="Rate exceeded",
)
DENIED = Refusal(
    query=(403, "AccessDenied"),
    ec2=(403, "UnauthorizedOperation"),
    json=(400, "AccessDeniedException"),
    rest_xml=(403, "AccessDenied"),
    rest_json=(403, "AccessDeniedException"),
    message="User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: {action} on the resource",
)
EXPIRED = Refusal(
    query=(403, "ExpiredToken"),
    ec2=(400, "RequestExpired"),
    json=(400, "ExpiredTokenException"),
    rest_xml=(400, "ExpiredToken"),
    rest_json=(403, "ExpiredTokenException"),
    message="The security token included in the request is expired",
)
SKEWED = Refusal(
    query=(403, "SignatureDoesNotMatch"),
    ec2=(400, "RequestExpired"),
    json=(400, "InvalidSignatureException"),
    rest_xml=(403, "RequestTimeTooSkewed"),
    rest_json=(403, "InvalidSignatureException"),
    message="Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)",
)
INTERNAL = Refusal(
    query=(500, "InternalFailure"),
    ec2=(500, "InternalError"),
    json=(500, "InternalFailure"),
    rest_xml=(500, "InternalError"),
    rest_json=(500, "ServiceException"),
    message="We encountered an internal error. Please try again.",
)
UNAVAILABLE = Refusal(
    query=(503, "ServiceUnavailable"),
    ec2=(503, "Unavailable"),
    json=(503, "ServiceUnavailableException"),
    rest_xml=(503, "ServiceUnavailable"),
    rest_json=(503, "ServiceUnavailableException"),
    message="Service is unable to handle request.",
)


def _page(status: int, title: str) -> Callable[[Exchange], Answer]:
    return lambda exchange: Answer(status, _PAGE.format(title).encode(), HTML)


def _body(body: bytes) -> Callable[[Exchange], Answer]:
    """A body that means nothing, under the headers of a good answer."""

    def answer(exchange: Exchange) -> Answer:
        headers = _JSON if "json" in exchange.operation.protocol else XML
        return Answer(200, body, headers)

    return answer


def _resultless(exchange: Exchange) -> Answer:
    """A well-formed answer in which there is nothing."""
    name, protocol = exchange.operation.name, exchange.operation.protocol
    if "json" in protocol:
        return Answer(200, b"{}", _JSON)
    result = f"<{name}Result/><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
    text = f"<{name}Response>{result}</{name}Response>" if protocol == "query" else f"<{name}Result/>"
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), XML)


def _ended(end: End) -> Callable[[Exchange], Answer]:
    return lambda exchange: replace(exchange.answered or NOTHING, end=end)


def _cut(exchange: Exchange) -> Answer | None:
    """Half of what AWS answered, under its length; an answer without a body cannot be cut."""
    answered = exchange.answered
    return replace(answered, end=End.CUT) if answered and len(answered.body) > 1 else None


def _stale(exchange: Exchange) -> Answer | None:
    return exchange.earlier


def _late(exchange: Exchange) -> Answer | None:
    return replace(exchange.answered, after=0.5) if exchange.answered else None


_GARBAGE = bytes(range(128, 256)) + b"\x00{<&"

_ALL = (
    Fault("closed", False, _ended(End.CLOSED), "The connection is closed; the request never arrived."),
    Fault("closed-after", True, _ended(End.CLOSED), "The request arrived; the connection is closed without an answer."),
    Fault("reset", False, _ended(End.RESET), "The connection is reset; the request never arrived."),
    Fault("reset-after", True, _ended(End.RESET), "The request arrived; the connection is reset without an answer."),
    Fault("cut", True, _cut, "The answer breaks off in the middle of its body."),
    Fault("500", False, INTERNAL, "AWS fails by itself, and did nothing."),
    Fault("500-after", True, INTERNAL, "AWS fails by itself, after it had done what was asked."),
    Fault("502", False, _page(502, "502 Bad Gateway"), "A load balancer does not reach AWS."),
    Fault("503", False, UNAVAILABLE, "The service is not available."),
    Fault("504", False, _page(504, "504 Gateway Time-out"), "A gateway does not reach AWS in time."),
    Fault("504-after", True, _page(504, "504 Gateway Time-out"), "AWS did what was asked, too late for a gateway."),
    Fault("throttled", False, THROTTLED, "AWS asks to slow down."),
    Fault("page-200", False, _page(200, "Welcome"), "A captive portal answers instead of AWS."),
    Fault("page-200-after", True, _page(200, "Welcome"), "A proxy answers with a page after the request arrived."),
    Fault("page-403", False, _page(403, "403 Forbidden"), "A proxy forbids the request with a page of its own."),
    Fault("garbage", False, _body(_GARBAGE), "Bytes that mean nothing; the request never arrived."),
    Fault("garbage-after", True, _body(_GARBAGE), "The request arrived; bytes that mean nothing come back."),
    Fault("empty", False, _body(b""), "An empty body; the request never arrived."),
    Fault("empty-after", True, _body(b""), "The request arrived; an empty body comes back."),
    Fault("no-result", False, _resultless, "A well-formed answer without a result; the request never arrived."),
    Fault("no-result-after", True, _resultless, "The request arrived; an answer without a result comes back."),
    Fault("stale", False, _stale, "An earlier answer of the operation, from a cache; the request never arrived."),
    Fault("late", True, _late, "The answer takes its time."),
    Fault("denied", False, DENIED, "The permission is missing."),
    Fault("expired", False, EXPIRED, "The credentials have expired."),
    Fault("skewed", False, SKEWED, "The clock of the machine is wrong."),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}
"""Every fault by its name."""
