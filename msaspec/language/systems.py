"""Other systems: what a manifest uses of them, and what it shares with them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language.base import NAME_PATTERN, Items, Model, Name

NETWORK = "network"
"""The word under `shares` for the VPC and its subnets."""
SEPARATOR = "/"
"""Between the name of a system and what is used of it: ``payments/ledger``."""
ENTRY_PATTERN = f"{NAME_PATTERN[:-1]}{SEPARATOR}{NAME_PATTERN[1:]}"

StackName = Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$", max_length=63)]


class OtherSystem(Model):
    """A system of another manifest, in the same account and Region."""

    shorthand = "stack"

    stack: StackName | None = Field(
        None,
        description="Name of its stack. Default: its name here, with the environment that is deployed.",
        examples=["payments-prod"],
    )


class Share(Model):
    """Which other systems may use an entry."""

    shorthand = "with"

    with_: Annotated[Items[Name], Field(min_length=1)] = Field(
        alias="with",
        description="Names of the systems, as `name` of their manifests. Each of their environments may use it.",
        examples=[["shop"]],
    )
    ports: Items[str] = Field(
        (),
        description="Names of further ports of a service that are shared too.",
        examples=[["console"]],
    )

    def granted(self, noun: str) -> Model | None:
        """Return what is said under the noun of a kind; None where nothing is."""
        found = dict(self).get(noun)
        return found if isinstance(found, Model) else None


class ElsewhereFields(Model):
    """What is used of an entry of another system. Without a field it is a service, and its port is opened."""

    ports: Items[str] = Field(
        (),
        description="Names of further ports of a service that are used too.",
        examples=[["console"]],
    )

    @model_validator(mode="after")
    def _one(self) -> ElsewhereFields:
        if len(self.model_fields_set) > 1:
            raise PydanticCustomError("together", "an entry of another system is one thing: use one of the keys here")
        return self

    @property
    def noun(self) -> str | None:
        """Return what the entry is; None for a service."""
        return next((name for name in sorted(self.model_fields_set) if name != "ports"), None)


def split(target: str) -> tuple[str, str] | None:
    """Return the system and the entry that a name under `uses` leads to; None for an entry of the same manifest.

    >>> split("payments/ledger"), split("ledger")
    (('payments', 'ledger'), None)
    """
    system, slash, entry = target.partition(SEPARATOR)
    return (system, entry) if slash else None
