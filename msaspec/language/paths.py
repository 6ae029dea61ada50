"""Public paths, health paths and host names: what a load balancer routes, and to which port."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from msaspec.language.base import Model
from msaspec.language.port import PortName

_PATH = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()+,;=:@%/")
# fact: rule-conditions
_ROUTED = _PATH - frozenset("!(),;=%")
"""What a load balancer takes in a pattern of paths, and CloudFront too (ELB API, RuleCondition)."""
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


def _path(written: str) -> str:
    if not written.startswith("/") or not set(written) <= _ROUTED:
        raise PydanticCustomError(
            "path",
            "a path starts with `/` and contains only characters that a load "
            "balancer accepts: letters, digits and `-._~$&'+:@/`",
        )
    if "//" in written:
        raise PydanticCustomError("path", "a path must not contain `//`")
    if len(written) > 126:
        raise PydanticCustomError("path", "a path has at most 126 characters")
    if written != "/" and written.endswith("/"):
        raise PydanticCustomError("path", "a path prefix must not end with `/`; it already covers everything below it")
    return written


def _health_path(written: str) -> str:
    path, _, query = written.partition("?")
    if not path.startswith("/"):
        raise PydanticCustomError("path", "a check is a path that starts with `/`, or one of `tcp`, `grpc` and `none`")
    if not set(path) <= _PATH or not set(query) <= _PATH | {"?"} or len(written) > 1024:
        raise PydanticCustomError(
            "path", "a health path starts with `/` and contains only characters that a URL allows"
        )
    return written


def _host(written: str) -> str:
    labels = written.split(".")
    if len(labels) < 2 or not set(written) <= _HOST or any(not x or x[0] == "-" or x[-1] == "-" for x in labels):
        raise PydanticCustomError("host", "a host is a full lowercase name, such as `shop.example.com`")
    return written


RoutedPath = Annotated[str, AfterValidator(_path), Field(examples=["/api/users"])]
HealthPath = Annotated[str, AfterValidator(_health_path)]
HostedZone = Annotated[str, Field(pattern=r"^Z[A-Z0-9]{1,31}$")]
HostName = Annotated[str, AfterValidator(_host), Field(max_length=253, examples=["shop.example.com"])]


class PathTo(Model):
    """A public path, and the port that its requests go to."""

    shorthand = "path"

    path: RoutedPath = Field(description="Public path prefix.", examples=["/admin", "/api/users"])
    port: PortName | None = Field(
        None, description="Name of the port under `ports` that it leads to. Default: `port`.", examples=["console"]
    )
    health: HealthPath | None = Field(
        None,
        description="Path of the health check of that port. Default: the first path that leads to it, where any answer"
        " below 500 will do.",
        examples=["/admin/up"],
    )

    @model_validator(mode="after")
    def _of_a_further_port(self) -> PathTo:
        if self.health and not self.port:
            raise PydanticCustomError(
                "together",
                "`health` of a path belongs to its `port`; the service's own `health` is for the main port",
            )
        return self


def _path_to(written: Any) -> Any:
    """Read a plain text as a path to the main port, with errors at the text itself."""
    if isinstance(written, str):
        return {"path": _path(written)}
    if isinstance(written, dict | Model):
        return written
    raise PydanticKnownError("string_type")


Path = Annotated[PathTo, BeforeValidator(_path_to)]
