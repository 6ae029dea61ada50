"""How to tell that a copy of a service is up: what is asked, how often, and how long a start may take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from msaspec.language.base import Items, Model, measured, seconds
from msaspec.language.paths import HealthPath
from msaspec.language.port import Protocol
from msaspec.language.text import Text

Word: TypeAlias = Literal["tcp", "grpc", "none"]
WORDS: tuple[str, ...] = get_args(Word)


def _codes(written: str) -> str:
    for part in written.split(","):
        low, dash, high = part.partition("-")
        ends = [low, high] if dash else [low]
        if not all(len(end) == 3 and end.isascii() and end.isdigit() and "200" <= end <= "499" for end in ends):
            raise PydanticCustomError("codes", "write status codes as `200`, `200-299` or `200,302` (200 to 499)")
        if dash and low > high:
            raise PydanticCustomError("codes", "a range of status codes starts with the lower one")
    return written


class Health(Model):
    """How to find out that a service is up."""

    shorthand: ClassVar[str | None] = "path"

    path: HealthPath | None = Field(
        None,
        description="Path of the HTTP health check; must be under a public path if the service has any.",
        examples=["/api/users/health"],
    )
    command: Items[Text] = Field(
        (),
        description="Command to run in the container, one word per entry; the copy is up when it exits with 0.",
        examples=[["redis-cli", "ping"]],
    )
    check: Word | None = Field(
        None,
        description="A check without a path: `tcp` connects to the port, `grpc` calls the standard gRPC health"
        " service, `none` checks only that the container runs.",
        examples=["tcp"],
    )
    interval: Annotated[int, seconds(5, 300, "10 s")] = measured("10 s", description="Time between two health checks.")
    timeout: Annotated[int, seconds(2, 120, "5 s")] = measured(
        "5 s", description="Time to wait for an answer; less than the interval."
    )
    healthy: int = Field(2, ge=2, le=10, description="Successful checks in a row that make a copy healthy.")
    unhealthy: int = Field(3, ge=2, le=10, description="Failed checks in a row that make a copy unhealthy.")
    grace: Annotated[int, seconds(0, 7200, "180 s")] = measured(
        "180 s", description="Time to start before failed checks count."
    )
    start: Annotated[int, seconds(0, 300, "60 s")] | None = Field(
        None,
        description="Time to start before failures of `command` count, on `fargate`. Default: `grace`, at most 5 min.",
        examples=["60 s"],
    )
    codes: Annotated[str, AfterValidator(_codes)] = Field(
        "200-399", description="Status codes of a successful check.", examples=["200", "200-299", "200,302"]
    )

    @property
    def portless(self) -> bool:
        """Whether it asks the container and no port of it."""
        return bool(self.command) or self.check == "none"

    @model_validator(mode="before")
    @classmethod
    def _word(cls, data: Any) -> Any:
        """Read `health: tcp` as `{check: tcp}`. It runs before a bare value becomes a path."""
        return {"check": data} if isinstance(data, str) and data in WORDS else data

    @model_validator(mode="after")
    def _consistent(self) -> Health:
        if self.timeout >= self.interval:
            raise PydanticCustomError("order", "`timeout` must be shorter than `interval`")
        ways = [name for name in ("path", "command", "check") if getattr(self, name)]
        if len(ways) > 1:
            raise PydanticCustomError(
                "together",
                "a service has one check; keep one of {ways}",
                {"ways": " and ".join(f"`{x}`" for x in ways)},
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core, handler)
        about = "Short for `{check: ...}`."
        return {"anyOf": [{"description": about, "enum": list(WORDS)}, *schema["anyOf"]]}


@cache
def usual() -> Health:
    """Return the times and counts of a service that says nothing of its health."""
    return Health()


@dataclass(frozen=True)
class Probe:
    """What is asked of a copy: the check of a service with its protocol's default filled in."""

    by: Literal["http", "grpc", "tcp", "command", "none"]
    says: Health
    path: str = "/"
    """What HTTP asks."""

    @property
    def asked(self) -> str:
        """What is asked, as a manifest writes it."""
        return self.path if self.by == "http" else " ".join(self.says.command) if self.by == "command" else self.by


def probe(health: Health | None, protocol: Protocol, path: str) -> Probe:
    """Return what is asked of a service whose port speaks a protocol; `path` is asked where it names none."""
    says = health or usual()
    if says.path:
        return Probe("http", says, says.path)
    if says.command:
        return Probe("command", says, path)
    return Probe(says.check or protocol, says, path)
