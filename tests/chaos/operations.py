"""Name the operation that a request to AWS asks for, and the protocol in which it wants its answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_MODELS = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""Names of botocore's models where they are not the names that requests are signed for."""
CHANGING = frozenset({"ExecuteChangeSet", "DeleteStack", "CancelUpdateStack", "ContinueUpdateRollback"})
"""The operations that begin something at a stack which goes on by itself."""


@dataclass(frozen=True)
class Operation:
    """What a request asks for."""

    service: str
    """The name of botocore's model, such as `cloudformation`."""
    name: str
    """Such as `DescribeStacks`."""
    protocol: str
    """`query`, `ec2`, `json`, `rest-xml` or `rest-json`."""

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"


UNKNOWN = Operation("unknown", "Unknown", "rest-json")


def of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Operation:
    """Name the operation of a signed HTTP request. `target` is the path with its query; `headers` ignore case."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    if scope is None:
        return UNKNOWN
    service = _MODELS.get(scope[1], scope[1])
    protocol = str(_model(service).metadata["protocol"])
    if protocol in ("query", "ec2"):
        name = parse_qs(body.decode("latin-1")).get("Action", ["Unknown"])[0]
    elif protocol == "json":
        name = headers.get("X-Amz-Target", "Unknown").rpartition(".")[2]
    else:
        name = _of_rest(service, method, target)
    return Operation(service, name, protocol)


def names(service: str) -> frozenset[str]:
    """List the operations that a service has."""
    return frozenset(_model(service).operation_names)


@cache
def _model(service: str) -> Any:
    from botocore.session import Session

    return Session().get_service_model(service)


def _of_rest(service: str, method: str, target: str) -> str:
    """The operation whose pattern is the most exact one that a path and its query fit."""
    path, given = urlsplit(target).path, parse_qsl(urlsplit(target).query, keep_blank_values=True)
    words = {*given, *((key, "") for key, _ in given)}
    fitting = [
        (len(wanted), len(pattern.pattern), -len(name), name)
        for name, verb, pattern, wanted in _patterns(service)
        if verb == method and wanted <= words and pattern.fullmatch(path)
    ]
    return max(fitting)[-1] if fitting else "Unknown"


Pattern = tuple[str, str, re.Pattern[str], frozenset[tuple[str, str]]]
"""An operation, its method, the pattern of its path, and the words that its query has: a value of "" is any."""


@cache
def _patterns(service: str) -> tuple[Pattern, ...]:
    return tuple(_read_patterns(service))


def _read_patterns(service: str) -> Iterator[Pattern]:
    model = _model(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        pattern = "".join(_part(part) for part in re.split(r"(\{[^}]+\})", path))
        shape = operation.input_shape
        required = {} if shape is None else {key: shape.members[key].serialization for key in shape.required_members}
        asked = {(how["name"], "") for how in required.values() if how.get("location") == "querystring"}
        yield name, operation.http["method"], re.compile(pattern), frozenset({*parse_qsl(query, True), *asked})


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"
