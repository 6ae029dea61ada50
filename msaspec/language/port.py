"""Ports of a container, each with the protocol that is spoken on it: ``8080``, ``7000/grpc``, ``6379/tcp``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from msaspec.language.base import NAME_PATTERN

Protocol: TypeAlias = Literal["http", "grpc", "tcp"]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
_HIGHEST = 65535
_WRITTEN = re.compile(r"([0-9]{1,5})/([a-z]+)")
_FORM = "write a number from 1 to 65535, alone for HTTP or with a protocol: `8080`, `7000/grpc`, `6379/tcp`"

PortNumber = Annotated[int, Field(ge=1, le=_HIGHEST)]


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a container listens on."""

    number: int
    protocol: Protocol = "http"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [_NUMBER, _WITH_PROTOCOL]}


def _read(written: Any) -> ContainerPort:
    """Read a port as it stands in a manifest. The errors are those of a whole number where it is none."""
    if isinstance(written, ContainerPort):
        return written
    number, protocol = written, "http"
    if isinstance(written, str) and not written.isdigit():
        found = _WRITTEN.fullmatch(written)
        if found and found[2] == "udp":
            raise PydanticCustomError("port", "msaspec has no UDP: remove the port, or name the one that speaks TCP")
        if not found or found[2] not in PROTOCOLS:
            raise PydanticCustomError("port", _FORM)
        number, protocol = int(found[1]), found[2]
    if isinstance(number, bool) or not isinstance(number, int):
        raise PydanticKnownError("int_type")
    if number < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    if number > _HIGHEST:
        raise PydanticKnownError("less_than_equal", {"le": _HIGHEST})
    return ContainerPort(number, protocol)  # type: ignore[arg-type]


def _port_name(name: str) -> str:
    if name in PROTOCOLS:
        raise PydanticCustomError(
            "port_name",
            "it is a protocol; name a port for its purpose and write the protocol behind its number, as in"
            " `console: 15672/http`",
        )
    return name


_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": _HIGHEST}
_WITH_PROTOCOL = {"type": "string", "pattern": rf"^[0-9]{{1,5}}/({'|'.join(PROTOCOLS)})$"}

PortName = Annotated[str, Field(pattern=NAME_PATTERN, min_length=2, max_length=20), AfterValidator(_port_name)]
"""The name of a further port: lower case, digits, single dashes."""
