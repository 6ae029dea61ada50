"""A service: a container, where it listens, and what it uses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language import image
from msaspec.language.base import Items, Model, days, measured, seconds

Port = Annotated[int, Field(ge=1, le=65535)]

_PATH = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()+,;=:@%/")
_ROUTED = _PATH - frozenset("!(),;=%")
"""What a load balancer takes in a pattern of paths, and CloudFront too (ELB API, RuleCondition)."""
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


def _path(written: str) -> str:
    if not written.startswith("/") or not set(written) <= _ROUTED:
        raise PydanticCustomError(
            "path",
            "a path starts with `/` and holds only what a load balancer takes: letters, digits and `-._~$&'+:@/`",
        )
    if "//" in written:
        raise PydanticCustomError("path", "a path holds no `//`")
    if len(written) > 126:
        raise PydanticCustomError("path", "a path has at most 126 characters")
    if written != "/" and written.endswith("/"):
        raise PydanticCustomError("path", "a path prefix does not end with `/`: it covers what lies below it")
    return written


def _health_path(written: str) -> str:
    path, _, query = written.partition("?")
    if not path.startswith("/") or not set(path) <= _PATH or not set(query) <= _PATH | {"?"} or len(written) > 1024:
        raise PydanticCustomError("path", "a health path starts with `/` and holds only what a URL may")
    return written


def _host(written: str) -> str:
    labels = written.split(".")
    if len(labels) < 2 or not set(written) <= _HOST or any(not x or x[0] == "-" or x[-1] == "-" for x in labels):
        raise PydanticCustomError("host", "a host is a full name in lower case, such as `shop.example.com`")
    return written


def _variable(written: str) -> str:
    if not written or not (written[0].isalpha() or written[0] == "_") or not written.isascii():
        raise PydanticCustomError("variable", "a variable's name starts with a letter or `_`")
    if not all(character.isalnum() or character in "._-" for character in written) or len(written) > 255:
        raise PydanticCustomError("variable", "a variable's name holds letters, digits, `_`, `.` and `-`")
    return written


def _codes(written: str) -> str:
    for part in written.split(","):
        low, dash, high = part.partition("-")
        ends = [low, high] if dash else [low]
        if not all(len(end) == 3 and end.isascii() and end.isdigit() and "200" <= end <= "499" for end in ends):
            raise PydanticCustomError("codes", "status codes are written `200`, `200-299` or `200,302` (200 to 499)")
        if dash and low > high:
            raise PydanticCustomError("codes", "a range of status codes goes from the lower to the higher")
    return written


def _text(written: str) -> str:
    if "\0" in written:
        raise PydanticCustomError("nul", "a value cannot hold a NUL character: no environment can carry it")
    return written


def _image(written: str) -> str:
    image.parse(written)
    return written


def _secret(written: str) -> str:
    place, hash_sign, key = written.partition("#")
    arn = place.split(":")
    named = place.startswith("/") and ":" not in place and len(place) > 1 and not hash_sign
    secret = len(arn) == 7 and arn[0] == "arn" and arn[2] == "secretsmanager" and arn[5] == "secret" and arn[6]
    parameter = len(arn) == 6 and arn[0] == "arn" and arn[2] == "ssm" and arn[5].startswith("parameter/")
    fits = named or (secret and (key or not hash_sign)) or (parameter and not hash_sign)
    if not fits or not written.isprintable() or any(character in written for character in "*'\"\\$`{} "):
        raise PydanticCustomError(
            "secret",
            "a secret is the ARN of a Secrets Manager secret (with `#key` for one key of its JSON) or the path of"
            " an SSM parameter, such as `/shop/api-key`",
        )
    return written


def _environment_value(written: Any) -> Any:
    """A whole number and a boolean have one spelling, so they need no quotes. A float has several."""
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, int):
        return str(written)
    if isinstance(written, float):
        raise PydanticCustomError(
            "environment_value", "a number with a point must be quoted, to keep its digits as written"
        )
    if not isinstance(written, str):
        raise PydanticCustomError("environment_value", "a variable's value is text, a whole number, or true or false")
    return written


RoutedPath = Annotated[str, AfterValidator(_path), Field(examples=["/api/users"])]
HealthPath = Annotated[str, AfterValidator(_health_path)]
HostName = Annotated[str, AfterValidator(_host), Field(max_length=253, examples=["shop.example.com"])]
Variable = Annotated[str, AfterValidator(_variable)]
Text = Annotated[str, AfterValidator(_text)]
EnvironmentValue = Annotated[
    str,
    BeforeValidator(_environment_value),
    AfterValidator(_text),
    WithJsonSchema({"type": ["string", "integer", "boolean"]}),
]
ONLY_RULE = ""
"""What stands in `priority` for the one rule of a service that has no other."""
Priority = Annotated[int, Field(ge=1, le=50_000)]
_NUMBERS_SCHEMA = {
    "anyOf": [
        (_number := {"type": "integer", "minimum": 1, "maximum": 50_000}),
        {"type": "object", "additionalProperties": _number},
        {"type": "null"},
    ]
}


def _numbers(data: Any) -> Any:
    return {} if data is None else data if isinstance(data, dict) else {ONLY_RULE: data}


RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days that CloudWatch Logs can keep a log group (registry schema of AWS::Logs::LogGroup)."""


def _retention(number: int) -> int:
    if number not in RETENTIONS:
        raise PydanticCustomError(
            "retention",
            "CloudWatch Logs keeps logs for one of these: {choices} days",
            {"choices": ", ".join(map(str, RETENTIONS))},
        )
    return number


class Health(Model):
    """How to tell that a service is up."""

    shorthand = "path"

    path: HealthPath = Field(
        description="Path asked by HTTP; under a routed path when there is one.", examples=["/api/users/health"]
    )
    interval: Annotated[int, seconds(5, 300, "10 s")] = measured("10 s", description="Time between two questions.")
    timeout: Annotated[int, seconds(2, 120, "5 s")] = measured(
        "5 s", description="Time to answer one; below the interval."
    )
    healthy: int = Field(2, ge=2, le=10, description="Good answers in a row that make it healthy.")
    unhealthy: int = Field(3, ge=2, le=10, description="Bad answers in a row that make it unhealthy.")
    grace: Annotated[int, seconds(0, 7200, "180 s")] = measured(
        "180 s", description="Time to start before a bad answer counts."
    )
    codes: Annotated[str, AfterValidator(_codes)] = Field(
        "200-399", description="Status codes of a good answer.", examples=["200", "200-299", "200,302"]
    )

    @model_validator(mode="after")
    def _ordered(self) -> Health:
        if self.timeout >= self.interval:
            raise PydanticCustomError("order", "`timeout` must be shorter than `interval`")
        return self


class Scale(Model):
    """How many copies run, and what the number follows."""

    min: int = Field(1, ge=0, le=1000, description="Copies that always run.")
    max: int = Field(1, ge=1, le=1000, description="Copies that may run.")
    cpu: int | None = Field(None, ge=1, le=100, description="Average CPU to aim at, percent.", examples=[60])
    memory: int | None = Field(None, ge=1, le=100, description="Average memory to aim at, percent.", examples=[70])
    requests: int | None = Field(None, ge=1, description="Requests a minute and copy to aim at.", examples=[1000])

    @model_validator(mode="before")
    @classmethod
    def _number(cls, data: Any) -> Any:
        return {"min": data, "max": data} if isinstance(data, int) and not isinstance(data, bool) else data

    @model_validator(mode="after")
    def _ordered(self) -> Scale:
        if self.min > self.max:
            raise PydanticCustomError("order", "`min` must not be above `max`")
        return self


def _use_list(data: Any) -> Any:
    if isinstance(data, list) and all(isinstance(name, str) for name in data):
        return dict.fromkeys(data)
    return data


class Service(Model):
    """One service: a container image and what it is allowed to reach."""

    image: Annotated[str, AfterValidator(_image)] = Field(
        description="`name[:tag]`: a repository that this system owns in ECR, the tag a parameter of the stack;"
        " or a registry's URI, used as it is.",
        examples=["user-service:1.0", "public.ecr.aws/nginx/nginx:1.29"],
    )
    port: Port | None = Field(
        None,
        description="Port the container listens on. Without one the service is a worker that nobody calls.",
        examples=[8080],
    )
    build: str | None = Field(
        None, description="Directory with the Dockerfile, for `msaspec push`.", examples=["./user-service"]
    )
    paths: Items[RoutedPath] = Field(
        (), description="Public path prefixes: `/api/users` routes `/api/users` and `/api/users/*`. None: internal."
    )
    hosts: Items[HostName] = Field((), description="Public host names, under `ingress.domain`.")
    health: Health | None = Field(
        None, description="Path that answers when the service is up. Default: its first routed path, or `/`."
    )
    runtime: Annotated[Any, WithJsonSchema({})] = Field("instance", description="How it runs.")
    framework: Literal["plain", "spring-boot"] = Field(
        "plain", description="Which names the variables have that a use injects."
    )
    arch: Literal["arm64", "x86_64"] = Field("arm64", description="CPU architecture of the image.")
    scale: Scale | None = Field(None, description="Number of copies; a bare number is both `min` and `max`.")
    uses: Annotated[dict[str, Any], BeforeValidator(_use_list), WithJsonSchema({})] = Field(
        {}, description="What it uses, by name: databases, buckets, services. Nothing else is opened to it."
    )
    env: dict[Variable, EnvironmentValue] = Field(
        {},
        description="Variables of the container: text with references such as `${main.host}`; `$$` is a `$`.",
        examples=[{"LOG_LEVEL": "info", "READ_FROM": "${main.reader_host}"}],
    )
    secrets: dict[Variable, Annotated[str, AfterValidator(_secret)]] = Field(
        {},
        description="Variables filled at start from a Secrets Manager ARN (`#key` for one key) or an SSM parameter.",
        examples=[{"API_KEY": "/shop/api-key"}],
    )
    command: Items[Text] = Field(
        (), description="Replaces the image's command, a word an entry.", examples=[["worker", "--queue=mail"]]
    )
    internal_port: Port | None = Field(
        None,
        description="Port that others call it on behind the internal load balancer. Default: `port`.",
        examples=[8081],
    )
    priority: Annotated[dict[str, Priority], BeforeValidator(_numbers), WithJsonSchema(_NUMBERS_SCHEMA)] = Field(
        {},
        description="Numbers of its rules on the public load balancer, by path, or by host and path; a bare number is"
        " that of its only rule. Only where msaspec asks for it.",
        examples=[100, {"/api/users": 100, "shop.example.com/api": 101}],
    )
    logs: Annotated[int, days(1, 3653, "30 days"), AfterValidator(_retention)] = measured(
        "30 days", description="How long CloudWatch keeps its logs."
    )

    @property
    def public(self) -> bool:
        """Whether requests from outside are routed to it."""
        return bool(self.paths or self.hosts)
