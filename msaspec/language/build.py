"""How an image is built: what the builder sees, and what it is told."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language import reference
from msaspec.language.base import Model
from msaspec.language.text import EnvironmentValue, Variable

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def _argument(written: str) -> str:
    if any(not isinstance(piece, str) for piece in reference.parse(written)):
        raise PydanticCustomError(
            "argument", "an image is built before anything is deployed, so an argument has no references; write `env`"
        )
    return written


def _path(written: str) -> str:
    if not written or not written.isprintable():
        raise PydanticCustomError("path", "a path has at least one character, and no control characters")
    return written


def _source(written: str) -> str:
    # docker reads the option as CSV.
    if "," in written or '"' in written:
        raise PydanticCustomError("path", "the path of a secret for a build has no comma and no quotation mark")
    return _path(written)


def _stage(written: str) -> str:
    if not _WORD.fullmatch(written):
        raise PydanticCustomError("stage", "a name here has letters, digits, `_`, `.` and `-`")
    return written


BuildPath = Annotated[str, AfterValidator(_path)]
Stage = Annotated[str, AfterValidator(_stage)]
"""A stage of a Dockerfile, or the id of a secret."""


class BuildSecret(Model):
    """A value that only a step of the build sees which mounts it."""

    shorthand = "file"

    file: Annotated[str, AfterValidator(_source)] | None = Field(
        None, description="File with it, beside the manifest.", examples=["./.npmrc"]
    )
    env: Variable | None = Field(
        None, description="Variable of your shell that has it, where you build.", examples=["NPM_TOKEN"]
    )

    @model_validator(mode="after")
    def _one(self) -> BuildSecret:
        if (self.file is None) == (self.env is None):
            raise PydanticCustomError("together", "a secret of a build is a file, or `{env: NAME}`")
        return self


class Build(Model):
    """How `msaspec deploy` and `msaspec push` build an image, always for the `arch` of the service."""

    shorthand = "context"

    context: BuildPath = Field(
        ".",
        description="Folder that the builder sees, relative to the manifest. Its `Dockerfile` is built.",
        examples=["./user-service"],
    )
    file: BuildPath | None = Field(
        None, description="Another Dockerfile, relative to `context`.", examples=["docker/prod.Dockerfile"]
    )
    target: Stage | None = Field(
        None, description="Stage of the Dockerfile to build. Default: the last.", examples=["prod"]
    )
    args: dict[Variable, Annotated[EnvironmentValue, AfterValidator(_argument)]] = Field(
        {},
        description="Build arguments, which `ARG` of the Dockerfile declares. They stay readable in the image.",
        examples=[{"NODE_VERSION": "24"}],
    )
    secrets: dict[Stage, BuildSecret] = Field(
        {},
        description="Secrets by their id, for `RUN --mount=type=secret,id=...`: a file, or a variable of your shell."
        " They are in no layer of the image.",
        examples=[{"npmrc": "./.npmrc", "token": {"env": "NPM_TOKEN"}}],
    )
