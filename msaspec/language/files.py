"""Files that a service finds in its container: of the manifest's folder, written in the manifest, or from a secret."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language.base import Model
from msaspec.language.container import OF_THE_KERNEL
from msaspec.language.text import Text
from msaspec.language.value import Value

_PLACE = re.compile(r"(/[A-Za-z0-9._@+~%=-]+)+")
_OF_THE_RUNTIME = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_MODE = re.compile(r"0?[0-7]{3}")
_OWNER = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?")
LARGEST_ID = 2**32 - 2


def _place(written: str) -> str:
    steps = written.split("/")[1:]
    if not _PLACE.fullmatch(written) or len(written) > 255 or {".", ".."} & set(steps):
        raise PydanticCustomError(
            "place",
            "a file is at an absolute path of letters, digits and `._@+~%=-`, such as `/etc/nginx/conf.d/default.conf`",
        )
    if f"/{steps[0]}" in OF_THE_KERNEL:
        raise PydanticCustomError("place", "what is below `{root}` belongs to the kernel", {"root": f"/{steps[0]}"})
    if written in _OF_THE_RUNTIME:
        raise PydanticCustomError("place", "`{place}` is written by what runs the container", {"place": written})
    return written


def _mode(written: Any) -> Any:
    if not isinstance(written, str) or not _MODE.fullmatch(written):
        raise PydanticCustomError("mode", 'a mode is three octal digits in quotes, such as `"0440"`')
    return written.rjust(4, "0")


def _owner(written: Any) -> Any:
    text = str(written) if isinstance(written, int) and not isinstance(written, bool) else written
    fits = isinstance(text, str) and _OWNER.fullmatch(text)
    if not fits or any(int(each) > LARGEST_ID for each in text.split(":")):
        raise PydanticCustomError("owner", 'an owner is the number of a user, with a group behind a colon: `"999:999"`')
    return text


FilePlace = Annotated[str, AfterValidator(_place), Field(examples=["/etc/nginx/conf.d/default.conf"])]
Mode = Annotated[str, BeforeValidator(_mode), WithJsonSchema({"type": "string", "pattern": "^0?[0-7]{3}$"})]
Owner = Annotated[str, BeforeValidator(_owner), WithJsonSchema({"type": ["string", "integer"]})]


class File(Model):
    """A file in the container, with one of `file`, `text` and `secret`."""

    shorthand: ClassVar[str | None] = "file"

    file: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Text file in the manifest's folder, at most 32 KiB.", examples=["./nginx.conf"]
    )
    text: Text | None = Field(
        None,
        description="The content, with references such as `${main.host}`; every other `$` stays as it is.",
        examples=["host = ${main.host}"],
    )
    secret: str | None = Field(
        None, description="Entry under `secrets` that the service uses; its value is the content.", examples=["jwt"]
    )
    key: str | None = Field(None, description="Key of the secret. Default: its whole value.", examples=["public_key"])
    mode: Mode = Field("0444", description="Permissions, three octal digits.", examples=["0440"])
    owner: Owner = Field(
        "0", description="Number of the user who owns the file, with a group behind a colon.", examples=["999:999"]
    )

    @model_validator(mode="after")
    def _one(self) -> File:
        ways = [name for name in ("file", "text", "secret") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise PydanticCustomError(
                "together", "a file has one content: a path in the manifest's folder, `text`, or `secret`"
            )
        if self.key is not None and self.secret is None:
            raise PydanticCustomError("together", "`key` is one of a secret; name the secret under `secret`")
        return self


@dataclass(frozen=True)
class Placed:
    """A file as a runtime sees it."""

    path: str
    mode: str
    owner: int
    group: int
    content: Value

    @property
    def variable(self) -> str:
        """The variable that carries it where an environment does."""
        return f"FILE_{re.sub('[^A-Za-z0-9]', '_', self.path)}_{sha256(self.path.encode()).hexdigest()[:6]}"


def placed(path: str, file: File, content: Value) -> Placed:
    """Return a file with its content."""
    owner, _, group = file.owner.partition(":")
    return Placed(path, file.mode, int(owner), int(group or owner), content)


def folders(files: Sequence[Placed]) -> tuple[str, ...]:
    """Return the folders of some files, without those that lie in another of them.

    >>> folders([Placed(path, "", 0, 0, ()) for path in ("/a/x", "/a/b/y", "/c/z")])
    ('/a', '/c')
    """
    every = sorted({posixpath.dirname(each.path) for each in files})
    return tuple(each for each in every if not any(is_below(each, other) for other in every))


def is_below(path: str, folder: str) -> bool:
    """Return whether a path lies in a folder.

    >>> is_below("/a/b", "/a"), is_below("/ab", "/a"), is_below("/a", "/a"), is_below("/a", "/"), is_below("/", "/")
    (True, False, False, True, False)
    """
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def meeting(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each path that lies below another one, with that."""
    for path in paths:
        for other in paths:
            if is_below(path, other):
                yield path, other
