"""A service: a container, where it listens, and what it uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language import image
from msaspec.language.base import Items, Model, Name, days, measured, seconds, span
from msaspec.language.build import Build
from msaspec.language.container import Folder, ReadOnlyRoot, User
from msaspec.language.files import File, FilePlace
from msaspec.language.grants import Grant
from msaspec.language.health import Health
from msaspec.language.paths import HostName, Path
from msaspec.language.port import ContainerPort, PortName, PortNumber
from msaspec.language.sidecar import Sidecar
from msaspec.language.text import EnvironmentValue, Text, Variable


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


def _kms_key(written: str) -> str:
    arn = written.split(":")
    if len(arn) != 6 or arn[0] != "arn" or arn[2] != "kms" or not arn[3] or not re.fullmatch(r"key/[\w-]+", arn[5]):
        raise PydanticCustomError(
            "kms_key",
            "name a key by its ARN, `arn:aws:kms:REGION:ACCOUNT:key/ID`; IAM grants no access through an alias",
        )
    return written


def _several(data: Any) -> Any:
    return (data,) if isinstance(data, str) else tuple(data) if isinstance(data, list) else () if data is None else data


_KEYS_SCHEMA = {
    "anyOf": [(_key := {"type": "string"}), {"type": "array", "items": _key}, {"type": "null"}],
}


SecretName = Annotated[str, AfterValidator(_secret)]
"""Where an existing secret is."""
KeyArns = Annotated[
    tuple[Annotated[str, AfterValidator(_kms_key)], ...], BeforeValidator(_several), WithJsonSchema(_KEYS_SCHEMA)
]
"""One KMS key, or several."""

ONLY_RULE = ""
"""The key in `priority` of the one rule of a service that has no other."""
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


# fact: log-retention
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


class Scale(Model):
    """How many copies run, and what the number follows."""

    min: int = Field(1, ge=0, le=1000, description="Minimum number of copies.")
    # fact: copies-behind-a-name
    max: int = Field(1, ge=1, le=1000, description="Maximum number of copies.")
    cpu: int | None = Field(
        None, ge=1, le=100, description="Target for the average CPU utilization, in percent.", examples=[60]
    )
    memory: int | None = Field(
        None, ge=1, le=100, description="Target for the average memory utilization, in percent.", examples=[70]
    )
    requests: int | None = Field(None, ge=1, description="Target for requests per minute and copy.", examples=[1000])
    backlog: dict[Name, Annotated[int, Field(ge=1)]] = Field(
        {},
        description="Messages of a queue for one copy, by the queue. The number of copies follows those that wait or"
        " are in work, from 0 with `min: 0`.",
        examples=[{"orders": 100}],
    )

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


def _named(data: Any) -> Any:
    if isinstance(data, int | str | list):
        raise PydanticCustomError(
            "ports",
            "the main port is `port: 8080`, and `ports` gives names to further ones, as in `ports: {console: 15672}`",
        )
    return {} if data is None else data


class ServiceUse(Model):
    """What a use of a service opens beside its port."""

    ports: Items[str] = Field(
        (),
        description="Names of further ports of the service that are used too. A port `console` has the attributes"
        " `console_port`, `console_url` and `console_address`.",
        examples=[["console"]],
    )


Address: TypeAlias = Literal["balanced", "direct"]
"""What the address of a service leads to: a load balancer, or its copies."""
DIRECT: Mapping[str, Address] = {"address": "direct"}
"""What changes in a service that is to be called without a load balancer."""

DEFAULT_RUNTIME = "instance"
"""What runs a service that names no runtime."""


IMAGED = ("image", "build")
"""Fields that say what a container runs."""


def need_image(image: str | None, build: Build | None) -> None:
    """Raise PydanticCustomError where nothing says what a container runs."""
    if image is None and build is None:
        raise PydanticCustomError("no_image", "a container has an image, or a folder to build one from")


class Service(Model):
    """One service: a container image and what it is allowed to reach."""

    needs_one_of = IMAGED

    image: Annotated[str, AfterValidator(_image)] | None = Field(
        None,
        description="`name[:tag]`: a repository that this system owns in ECR, the tag a parameter of the stack;"
        " or a registry's URI, used as it is. Without it `build` says what the image is made of: its repository has the"
        " name of the service, and its tag follows from the content of the folder.",
        examples=["user-service:1.0", "public.ecr.aws/nginx/nginx:1.29"],
    )
    port: ContainerPort | None = Field(
        None,
        description="Port the container listens on, with `/grpc` or `/tcp` where it does not speak HTTP. Without a"
        " port the service is a worker, which no other service can call.",
        examples=[8080, "7000/grpc", "6379/tcp"],
    )
    ports: Annotated[dict[PortName, ContainerPort], BeforeValidator(_named)] = Field(
        {},
        description="Further ports, by name. A use opens those that it names, and a path may lead to one.",
        examples=[{"console": 15672, "amqp": "5672/tcp"}],
    )
    build: Build | None = Field(
        None,
        description="How `msaspec deploy` and `msaspec push` build the image: a folder with a Dockerfile, or more.",
        examples=["./user-service", {"context": "./shop", "file": "web/Dockerfile", "target": "prod"}],
    )
    mutable: bool = Field(
        False,
        description="Whether a tag in the image's own repository can be pushed again. By default a tag is pushed once,"
        " and only `latest` again, where `image` names it.",
    )
    paths: Items[Path] = Field(
        (),
        description="Public path prefixes: `/api/users` routes `/api/users` and "
        "`/api/users/*`. Without paths the service is internal. On `instance` they need `network: {placement:"
        " public}`.",
        examples=[["/api/users"], [{"path": "/admin", "port": "console"}]],
    )
    hosts: Items[HostName] = Field((), description="Public host names, under `ingress.domain`; not on `instance`.")
    health: Health | None = Field(
        None,
        description="Path that answers when the service is ready, or another check. Default by the protocol of `port`:"
        " the first routed path, or `/`; `grpc`; `tcp`. Load balancers ask for a path, so it needs `paths` or `hosts`;"
        " an internal service or a worker takes `{command: [...]}`.",
    )
    runtime: Annotated[Any, WithJsonSchema({})] = Field(
        DEFAULT_RUNTIME,
        description="How it runs: `instance` is one EC2 instance without a load balancer; `autoscaling` and `fargate`"
        " have copies, behind one.",
    )
    framework: Literal["plain", "spring-boot"] = Field(
        "plain", description="Naming scheme of the variables that a use injects."
    )
    arch: Literal["arm64", "x86_64"] = Field("arm64", description="CPU architecture of the image.")
    scale: Scale | None = Field(
        None,
        description="Number of copies on `autoscaling` and `fargate`; a plain number sets both `min` and `max`."
        " `instance` is one copy.",
    )
    uses: Annotated[dict[str, Any], BeforeValidator(_use_list), WithJsonSchema({})] = Field(
        {},
        description="Services and entries of other sections that the service "
        "uses, by name. It has access to nothing else.",
    )
    env: dict[Variable, EnvironmentValue] = Field(
        {},
        description="Variables of the container: text with references such as `${main.host}`; `$$` is a `$`.",
        examples=[{"LOG_LEVEL": "info", "READ_FROM": "${main.reader_host}"}],
    )
    secrets: dict[Variable, SecretName] = Field(
        {},
        description="Variables filled at start from a Secrets Manager ARN (`#key` for one key) or an SSM parameter.",
        examples=[{"API_KEY": "/shop/api-key"}],
    )
    kms_key: KeyArns = Field(
        (),
        description="ARN of the customer's KMS key that `secrets` are encrypted with, or several.",
        examples=["arn:aws:kms:eu-west-1:123456789012:key/1b2c3d4e-1111-2222-3333-444455556666"],
    )
    command: Items[Text] = Field(
        (), description="Replaces the command of the image, one word per entry.", examples=[["worker", "--queue=mail"]]
    )
    entrypoint: Items[Text] = Field(
        (),
        description="Replaces the entry point of the image, one word per entry. The image's own command then goes too.",
        examples=[["sh", "-c"]],
    )
    user: User | None = Field(
        None, description="User that the container runs as, with a group behind a colon.", examples=[999, "app:app"]
    )
    working_dir: Folder | None = Field(None, description="Folder in which the command starts.", examples=["/app"])
    stop_timeout: Annotated[int, seconds(2, 3600, "60 s")] | None = Field(
        None,
        description="Time to stop after SIGTERM before SIGKILL; on `fargate` at most 2 min. Default: 30 s on `fargate`,"
        " 10 s on hosts.",
        examples=["60 s"],
    )
    read_only: ReadOnlyRoot = Field(
        None,
        description="Make the root file system read-only, but for `/tmp` or the folders under `except`.",
        examples=[True, {"except": ["/tmp", "/var/cache/nginx"]}],
    )
    files: dict[FilePlace, File] = Field(
        {},
        description="Files in the container, by their path: a text file of the manifest's folder, a `text`, or the"
        " value of a `secret`. A change of a file is a new version of the service.",
        examples=[
            {"/etc/nginx/conf.d/default.conf": "./nginx.conf"},
            {"/run/keys/public.pem": {"secret": "jwt", "key": "public"}},
        ],
    )
    sidecars: dict[Name, Sidecar] = Field(
        {},
        description="Further containers of each copy, by name. They share its network, and reach each other at"
        " `localhost`.",
        examples=[{"nginx": {"image": "public.ecr.aws/nginx/nginx:1.29"}}],
    )
    front: Name | None = Field(
        None,
        description="The sidecar that listens on `port` in the place of the service, such as a proxy.",
        examples=["nginx"],
    )
    sticky: Annotated[int, span(1, 604_800, "1 day")] | None = Field(
        None,
        description="How long the load balancer sends the requests of a browser to the same copy, by a cookie.",
        examples=["1 day"],
    )
    strip: bool = Field(
        False,
        description="Remove the path prefix before a request reaches the service: `/api/users/7` arrives as `/7`."
        " The health path is then the one that the service sees.",
        examples=[True],
    )
    grants: Items[Grant] = Field(
        (),
        description="Permissions for what is not in the manifest.",
        examples=[[{"actions": ["ses:SendEmail"], "resources": ["*"], "why": "Any address of ours may send."}]],
    )
    address: Address | None = Field(
        None,
        description="What its address leads other services to, on `fargate`: `direct`, its copies themselves; or"
        " `balanced`, a Network Load Balancer, which stays while copies are replaced and sends to healthy ones only."
        " On `autoscaling` it is always `balanced`. Default on `fargate`: `direct`.",
        examples=["balanced"],
    )
    internal_port: PortNumber | None = Field(
        None,
        description="Port of its address on the internal load balancer. Default: `port`.",
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

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Its public paths, wherever they lead."""
        return tuple(each.path for each in self.paths)

    def port_of(self, name: str | None) -> ContainerPort | None:
        """Return a port by its name; the main one without."""
        return self.port if name is None else self.ports.get(name)

    @model_validator(mode="after")
    def _has_an_image(self) -> Service:
        need_image(self.image, self.build)
        return self
