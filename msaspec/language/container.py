"""How a container is started and stopped, as Docker and ECS name it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from msaspec.language.base import Items, Model, measured, mebibytes

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?")


def _number(written: Any) -> Any:
    return str(written) if isinstance(written, int) and not isinstance(written, bool) else written


def _user(written: str) -> str:
    if not _USER.fullmatch(written):
        raise PydanticCustomError("user", "a user is a name or a number, with a group behind a colon: `999`, `app:app`")
    return written


def _folder(written: str) -> str:
    if not written.startswith("/") or not written.isprintable() or ":" in written or len(written) > 255:
        raise PydanticCustomError("folder", "a folder of the container is an absolute path, such as `/app`")
    return written


User = Annotated[str, BeforeValidator(_number), AfterValidator(_user), WithJsonSchema({"type": ["string", "integer"]})]
Folder = Annotated[str, AfterValidator(_folder), Field(examples=["/app"])]

TMP = "/tmp"
OF_THE_KERNEL = ("/proc", "/sys", "/dev")
OF_THE_SYSTEM = ("/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr")


def _writable(written: str) -> str:
    return _below(
        written, "a writable folder is one below the root, such as `/var/cache/nginx`, without `/` at its end"
    )


def _mounted(written: str) -> str:
    if written in OF_THE_SYSTEM:
        raise PydanticCustomError(
            "folder", "`{folder}` has the programs that the container runs; mount it below", {"folder": written}
        )
    return _below(written, "a volume is mounted at a folder below the root, such as `/data`, without `/` at its end")


def _below(written: str, otherwise: str) -> str:
    absolute = written.startswith("/") and written.isprintable() and ":" not in written and len(written) <= 255
    steps = written.split("/")[1:]
    if not absolute or not all(steps) or {".", ".."} & set(steps) or "," in written:
        raise PydanticCustomError("folder", otherwise)
    if f"/{steps[0]}" in OF_THE_KERNEL:
        raise PydanticCustomError("folder", "what is below `{root}` belongs to the kernel", {"root": f"/{steps[0]}"})
    return written


def _once(folders: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [each for number, each in enumerate(folders) if each in folders[:number]]:
        raise PydanticCustomError("together", "`{folder}` stands here twice", {"folder": twice[0]})
    return folders


MountFolder = Annotated[str, AfterValidator(_mounted)]
"""Where a volume is mounted in a container."""


class ReadOnly(Model):
    """What a container may write where its root file system is read-only."""

    except_: Annotated[Items[Annotated[str, AfterValidator(_writable)]], AfterValidator(_once)] = Field(
        (TMP,),
        alias="except",
        description="Folders that are writable: each is memory, empty at the start. Default: `/tmp`.",
        examples=[["/tmp", "/var/cache/nginx"]],
    )
    size: Annotated[int, mebibytes(1, 16_384, "128 MiB")] = measured(
        "64 MiB", description="Size of each writable folder. It counts in the memory of the copy.", examples=["128 MiB"]
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        about = "`true` is short for `{except: [/tmp]}`."
        return {"anyOf": [{"description": about, "type": "boolean"}, handler(core)]}


def _said(written: Any) -> Any:
    return {} if written is True else None if written is False else written


ReadOnlyRoot = Annotated[ReadOnly | None, BeforeValidator(_said)]
"""`true`, `false`, or what is writable all the same."""
