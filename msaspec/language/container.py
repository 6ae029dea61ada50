"""How a container is started and stopped, as Docker and ECS name it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

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
