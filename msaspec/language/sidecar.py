"""Sidecars: further containers of each copy of a service, which share its network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language.base import Items, Model, Name, mebibytes, seconds
from msaspec.language.container import Folder, MountFolder, ReadOnlyRoot, User
from msaspec.language.files import File, FilePlace, Placed
from msaspec.language.health import Health
from msaspec.language.image import RegistryImage
from msaspec.language.text import EnvironmentValue, Text, Variable
from msaspec.language.value import Text as Words
from msaspec.language.value import Value

FIRST, BEFORE, WITH = "first", "before", "with"
Shares = Literal["0.125 vCPU", "0.25 vCPU", "0.5 vCPU", "1 vCPU", "2 vCPU", "4 vCPU"]


def shares(written: Shares) -> int:
    """Return the shares of the CPU that ECS and Docker count in: 1024 a vCPU."""
    return int(float(written.split()[0]) * 1024)


class Sidecar(Model):
    """A further container of each copy, which shares the network of the service: they reach each other at localhost."""

    image: RegistryImage = Field(description="Image with its registry.", examples=["public.ecr.aws/nginx/nginx:1.29"])
    starts: Literal["first", "before", "with"] = Field(
        "with",
        description="`first` runs to its end before the service starts, `before` starts before it and is up by its"
        " `health`, `with` starts in no order.",
        examples=["before"],
    )
    before: Items[Name] = Field(
        (), description="Other sidecars that start only after this one is up, or has ended.", examples=[["nginx"]]
    )
    essential: bool | None = Field(
        None,
        description="Whether it is started again when it ends; on `fargate` with its whole copy. Default: true, and"
        " false with `starts: first`.",
        examples=[False],
    )
    command: Items[Text] = Field(
        (), description="Replaces the command of the image, one word per entry.", examples=[["--port=9000"]]
    )
    entrypoint: Items[Text] = Field(
        (), description="Replaces the entry point of the image, one word per entry.", examples=[["sh", "-c"]]
    )
    user: User | None = Field(None, description="User that it runs as.", examples=[999])
    working_dir: Folder | None = Field(None, description="Folder in which the command starts.", examples=["/app"])
    stop_timeout: Annotated[int, seconds(2, 3600, "60 s")] | None = Field(
        None, description="Time to stop after SIGTERM before SIGKILL.", examples=["60 s"]
    )
    read_only: ReadOnlyRoot = Field(
        None, description="Make its root file system read-only, as for a service.", examples=[True]
    )
    env: dict[Variable, EnvironmentValue] = Field(
        {},
        description="Its variables, with references to what the service uses. It has no others.",
        examples=[{"UPSTREAM": "127.0.0.1:8080"}],
    )
    files: dict[FilePlace, File] = Field(
        {},
        description="Files in it, as for a service.",
        examples=[{"/etc/nginx/conf.d/default.conf": "./nginx.conf"}],
    )
    mounts: dict[Name, MountFolder] = Field(
        {},
        description="Volumes that the service uses, each with the folder where this container has it too.",
        examples=[{"data": "/srv/data"}],
    )
    health: Health | None = Field(
        None,
        description="A `command` that says whether it is up.",
        examples=[{"command": ["nginx", "-t"]}],
    )
    memory: Annotated[int, mebibytes(6, 122_880, "256 MiB")] | None = Field(
        None, description="Most memory that it may use, within that of the copy.", examples=["256 MiB"]
    )
    cpu: Shares | None = Field(
        None, description="Its share of the CPU where the containers of a copy compete.", examples=["0.25 vCPU"]
    )

    @model_validator(mode="before")
    @classmethod
    def _of_its_own(cls, data: Any) -> Any:
        """Refuse what only a service has."""
        if isinstance(data, dict) and "build" in data:
            raise PydanticCustomError(
                "together",
                "only images of services and jobs are built; push that of a sidecar to a repository of yours, and write"
                " `image: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG`, which its copies may pull, or put the program"
                " into `files` of a public image",
            )
        if isinstance(data, dict) and "port" in data:
            raise PydanticCustomError(
                "together",
                "containers of a copy share their ports; requests go to `port` of the service, and `front` names the"
                " sidecar that listens there",
            )
        return data

    @model_validator(mode="after")
    def _fits(self) -> Sidecar:
        if self.starts == FIRST and self.essential:
            raise PydanticCustomError("together", "what is `starts: first` ends by itself, so it is not `essential`")
        if self.health and not self.health.command:
            raise PydanticCustomError("together", "the health of a sidecar is a `command`, run in its container")
        if self.health and self.starts == FIRST:
            raise PydanticCustomError("together", "what is `starts: first` has an end, and no `health`")
        return self

    @property
    def stays(self) -> bool:
        """Whether it is started again when it ends."""
        return self.starts != FIRST if self.essential is None else self.essential


@dataclass(frozen=True)
class Beside:
    """A sidecar as a runtime sees it."""

    name: str
    spec: Sidecar
    environment: Mapping[str, Value]
    command: tuple[Words, ...]
    files: tuple[Placed, ...]
    after: tuple[str, ...] = ()
    """The sidecars that it waits for."""

    @property
    def texts(self) -> Mapping[str, Value]:
        """Its variables, and those that carry its files."""
        return {**self.environment, **{each.variable: each.content for each in self.files}}

    def key(self, variable: str) -> str:
        """Return what one of its variables is called beside those of the service."""
        return f"{self.name}/{variable}"


def waits(sidecars: Mapping[str, Sidecar]) -> dict[str, tuple[str, ...]]:
    """Return for each sidecar those that it waits for.

    >>> one = Sidecar(image="a.b/c:1", before=["logs"])
    >>> waits({"seed": one, "logs": Sidecar(image="a.b/c:1")})
    {'logs': ('seed',), 'seed': ()}
    """
    return {
        name: tuple(sorted(other for other, each in sidecars.items() if name in each.before and other != name))
        for name in sorted(sidecars)
    }


def ordered(waiting: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield names so that each comes after what it waits for. What waits for itself in a circle is left out.

    >>> list(ordered({"a": ["c"], "b": [], "c": []}))
    ['b', 'c', 'a']
    """
    done: list[str] = []
    rest = dict(waiting)
    while ready := [name for name, needs in rest.items() if set(needs) <= set(done)]:
        yield from ready
        done += ready
        for name in ready:
            del rest[name]
