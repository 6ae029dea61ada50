"""The sections and runtimes that the language has, found in their folders; and how messages list them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from msaspec import discover
from msaspec.language.kind import AnyKind, Kind
from msaspec.language.lending import By
from msaspec.language.runtime import AnyRuntime, Runtime
from msaspec.language.systems import ElsewhereFields, Share

SERVICES, JOBS, SYSTEMS = "services", "jobs", "systems"
CONTAINERS = (SERVICES, JOBS)
"""Sections whose entries have an image, variables and uses."""


def kinds() -> tuple[AnyKind, ...]:
    """Return the kinds of resources there are."""
    return discover.instances("msaspec.kinds", Kind)


def runtimes() -> Mapping[str, AnyRuntime]:
    """Return the runtimes there are, by name."""
    return {r.name: r for r in discover.instances("msaspec.runtimes", Runtime)}


def sections() -> tuple[str, ...]:
    """Return the sections whose entries have names of their own."""
    return (*(kind.section for kind in kinds()), JOBS, SERVICES, SYSTEMS)


def usable() -> tuple[str, ...]:
    """Return the sections whose entries something can use."""
    return tuple(section for section in sections() if section not in (JOBS, SYSTEMS))


@cache
def lent() -> Mapping[str, AnyKind]:
    """Return the kinds whose entries other systems may use, by noun."""
    return {kind.noun: kind for kind in kinds() if kind.lent}


def _options(written: Any) -> Any:
    return {} if written is None else written


@cache
def share() -> type[Share]:
    """Return the model of a share, which may say what the users may do for whom the store of an entry has a user."""
    fields: dict[str, Any] = {}
    for noun, kind in lent().items():
        if kind.lent and kind.lent.by is By.USERS:
            about = f"Of a {noun}, what each of the systems may do with it."
            form: Any = Annotated[kind.options, BeforeValidator(_options)]
            fields[noun] = (form, Field(None, description=about, examples=[kind.lent.grant], validate_default=False))
    return create_model("Share", __base__=Share, __doc__=Share.__doc__, **fields)


@cache
def other_use() -> type[ElsewhereFields]:
    """Return the model of a use of an entry of another system, which says what the entry is."""
    fields: dict[str, Any] = {}
    for noun, kind in lent().items():
        assert kind.lent is not None
        does = "what this system has to know of it" if kind.lent.options else "what the service does with it"
        about = f"That the entry is a {noun}, and {does}."
        options = kind.lent.options or kind.options
        examples = [kind.lent.example or {"access": kind.lent.access}]
        # Nothing behind the colon is the usual options, and a key that is not there is none.
        form: Any = Annotated[options, BeforeValidator(_options)]
        fields[noun] = (form, Field(None, description=about, examples=examples, validate_default=False))
    return create_model("OtherUse", __base__=ElsewhereFields, __doc__=ElsewhereFields.__doc__, **fields)


def quoted(names: Iterable[str]) -> tuple[str, ...]:
    """Return names as a list in a sentence."""
    return tuple(f"`{name}`" for name in names)


def listed(words: Iterable[str], last: str) -> str:
    """Return words as a list in a sentence.

    >>> listed(["buckets", "databases", "services"], "and"), listed(["services"], "or")
    ('buckets, databases and services', 'services')
    """
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final
