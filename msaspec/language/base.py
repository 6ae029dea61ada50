"""The model that every part of a manifest is written in, and scalars that carry their unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from annotated_types import GroupedMetadata
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

T = TypeVar("T")

Items = Annotated[tuple[T, ...], Strict(False)]
"""A YAML list, held as a tuple."""


SHORT_NAME = (
    "Reach it at its name and at `NAME.SYSTEM.internal` too, for programs that have the name in their code. Clients"
    " that compare the name with the certificate need its `host`."
)
"""What the field `short_name` of a store is for."""


class Model(BaseModel):
    """Strict and frozen. Unknown keys are errors; nothing is converted from one type to another.

    An entry with nothing behind its colon is an empty map: every field has its default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, defer_build=True)

    shorthand: ClassVar[str | None] = None
    """The field that a bare value sets: ``health: /up`` is ``health: {path: /up}``."""
    needs_one_of: ClassVar[tuple[str, ...]] = ()
    """Optional fields of which one has to be there. The model has a validator for it."""

    @property
    def idle(self) -> frozenset[str]:
        """Return the fields whose defaults mean nothing beside what is written."""
        return frozenset()

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, data: Any) -> Any:
        if data is None:
            return {}
        if cls.shorthand is not None and not isinstance(data, dict | BaseModel):
            return {cls.shorthand: data}
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if cls.shorthand is None:
            return schema
        long_form = handler.resolve_ref_schema(schema)
        short_form = long_form["properties"][cls.shorthand]
        short = {key: value for key, value in short_form.items() if key not in ("default", "title")}
        short["description"] = f"Short for `{{{cls.shorthand}: ...}}`. {short_form.get('description', '')}".strip()
        return {"anyOf": [short, schema]}


def arguments(cls: type, generic: type) -> tuple[type[Model], ...]:
    """Return the models that a class gives to a generic base of it, such as `Kind[Bucket, BucketUse]`.

    Raise TypeError where it gives none.
    """
    for base in getattr(cls, "__orig_bases__", ()):
        if get_origin(base) is generic:
            return get_args(base)
    raise TypeError(f"{cls.__name__} says no models: derive it from {generic.__name__}[...]")


@dataclass(frozen=True)
class Unit(GroupedMetadata):
    """Marks an int that is written as a whole number and a unit: ``Annotated[int, seconds(5, 300, "10 s")]``.

    `units` gives each unit's worth in the smallest, which the model holds; `minimum` and `maximum` are in that too.
    """

    what: str
    units: Mapping[str, int] = field(hash=False)
    minimum: int
    maximum: int
    base: str
    example: str

    def __iter__(self) -> Iterator[object]:
        pattern = rf"^[0-9]{{1,11}} ?({'|'.join(sorted(self.units))})$"
        yield BeforeValidator(self.read)
        yield WithJsonSchema({"type": "string", "pattern": pattern, "examples": [self.example]})

    def read(self, written: Any) -> int:
        """Return a written measure in the smallest unit. Raise PydanticCustomError where it is none or out of range."""
        if isinstance(written, str):
            digits = written.rstrip(_LETTERS).rstrip(" ")
            unit = written[len(digits) :].strip(" ")
            if digits.isascii() and digits.isdigit() and len(digits) < 12 and unit in self.units:
                number = int(digits) * self.units[unit]
                if self.minimum <= number <= self.maximum:
                    return number
                raise PydanticCustomError(
                    "unit_range",
                    "{what} here is from {minimum} to {maximum} {base}",
                    {"what": self.what, "minimum": self.minimum, "maximum": self.maximum, "base": self.base},
                )
        raise PydanticCustomError(
            "unit",
            "{what} is a whole number with its unit, such as `{example}` (units: {units})",
            {"what": self.what, "example": self.example, "units": ", ".join(self.units)},
        )


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SECONDS = {"s": 1, "second": 1, "seconds": 1, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hour": 3600}
_SECONDS["hours"] = 3600
_MINUTES = {"min": 1, "minute": 1, "minutes": 1, "h": 60, "hour": 60, "hours": 60}
_DAYS = {"day": 1, "days": 1, "d": 1, "week": 7, "weeks": 7, "month": 30, "months": 30, "year": 365, "years": 365}
_GIBIBYTES = {"GiB": 1, "TiB": 1024}
_MEBIBYTES = {"MiB": 1, "GiB": 1024}


def seconds(minimum: int, maximum: int, example: str) -> Unit:
    """Return a duration such as ``30 s`` or ``5 min``, held in seconds."""
    return Unit("a duration", _SECONDS, minimum, maximum, "seconds", example)


def span(minimum: int, maximum: int, example: str) -> Unit:
    """Return a duration such as ``30 min`` or ``1 day``, held in seconds."""
    units = _SECONDS | {"day": 86_400, "days": 86_400, "week": 604_800, "weeks": 604_800}
    return Unit("a duration", units, minimum, maximum, "seconds", example)


def days(minimum: int, maximum: int, example: str) -> Unit:
    """Return a span of days such as ``7 days``, held in days."""
    return Unit("a retention", _DAYS, minimum, maximum, "days", example)


def gibibytes(minimum: int, maximum: int, example: str) -> Unit:
    """Return a size of storage such as ``20 GiB``, held in GiB."""
    return Unit("a size", _GIBIBYTES, minimum, maximum, "GiB", example)


def mebibytes(minimum: int, maximum: int, example: str) -> Unit:
    """Return a size of memory such as ``512 MiB`` or ``2 GiB``, held in MiB."""
    return Unit("a size", _MEBIBYTES, minimum, maximum, "MiB", example)


def minutes(minimum: int, maximum: int, example: str) -> Unit:
    """Return a duration of whole minutes such as ``10 min``, held in minutes."""
    return Unit("a duration", _MINUTES, minimum, maximum, "minutes", example)


def measured(default: str, description: str, examples: list[Any] | None = None) -> Any:
    """Return a field with a unit. Its default is spelled as in a manifest."""
    return Field(default, description=description, examples=examples)


def _instance_type(written: str) -> str:
    family, dot, size = written.partition(".")
    plain = written.isascii() and written == written.lower() and (family + size).replace("-", "").isalnum()
    if not (plain and dot and size and family[:1].isalpha() and any(c.isdigit() for c in family)):
        raise PydanticCustomError("instance_type", "an instance type looks like `t4g.small`")
    return written


InstanceType = Annotated[str, AfterValidator(_instance_type)]
"""The spelling of an EC2 instance type."""

RESERVED_NAMES = frozenset({"aws", "system", "bastion", "network", "localhost"})
"""`aws` and `system` are namespaces of references; the others are names of the system's own parts."""


def _name(name: str) -> str:
    if name in RESERVED_NAMES:
        raise PydanticCustomError("reserved_name", "`{name}` is a name that msaspec itself uses", {"name": name})
    return name


NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
NAME_LENGTH = 40

Name = Annotated[str, Field(pattern=NAME_PATTERN, min_length=2, max_length=NAME_LENGTH), AfterValidator(_name)]
"""The name of a service or of another entry: lower case, digits, single dashes. A DNS label."""

TAKEN_ENVIRONMENTS = frozenset({"registry"})
"""What no environment is called: its stack would have the name of the one that holds the image repositories."""


def _environment(name: str) -> str:
    if name in TAKEN_ENVIRONMENTS:
        raise PydanticCustomError(
            "taken_environment", "the stack of `{name}` would be that of the image repositories", {"name": name}
        )
    return name


EnvironmentName = Annotated[Name, AfterValidator(_environment)]
"""The name of an environment, with which the name of its stack ends."""
