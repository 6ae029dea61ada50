"""Texts that reach a container: words, variables and their values."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError


def _variable(written: str) -> str:
    if not written or not (written[0].isalpha() or written[0] == "_") or not written.isascii():
        raise PydanticCustomError("variable", "a variable's name starts with a letter or `_`")
    if not all(character.isalnum() or character in "._-" for character in written) or len(written) > 255:
        raise PydanticCustomError("variable", "a variable's name contains letters, digits, `_`, `.` and `-`")
    return written


def _text(written: str) -> str:
    if "\0" in written:
        raise PydanticCustomError("nul", "a value cannot contain a NUL character: no environment variable can hold it")
    return written


def _environment_value(written: Any) -> Any:
    """Return a whole number and a boolean have one spelling, so they need no quotes. A float has several."""
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, int):
        return str(written)
    if isinstance(written, float):
        raise PydanticCustomError(
            "environment_value", "quote a number with a decimal point, to keep its digits as written"
        )
    if not isinstance(written, str):
        raise PydanticCustomError("environment_value", "a variable's value is text, a whole number, or true or false")
    return written


Variable = Annotated[str, AfterValidator(_variable)]
Text = Annotated[str, AfterValidator(_text)]
EnvironmentValue = Annotated[
    str,
    BeforeValidator(_environment_value),
    AfterValidator(_text),
    WithJsonSchema({"type": ["string", "integer", "boolean"]}),
]
