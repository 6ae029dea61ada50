"""Finds what is dropped into a folder of the package: kinds, runtimes, checks, commands.

A new kind, runtime, check or command is one new file; nothing lists it by hand.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


@cache
def modules(package: str) -> tuple[ModuleType, ...]:
    """Return the modules of a drop-in package such as ``msaspec.kinds``, sorted by name."""
    folder = import_module(package)
    return tuple(import_module(f"{package}.{name}") for name in sorted(m.name for m in iter_modules(folder.__path__)))


@cache
def instances(package: str, kind: type[T]) -> tuple[T, ...]:
    """One value of every class derived from `kind` that a module of the package defines."""
    return tuple(
        member()
        for module in modules(package)
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, kind) and member.__module__ == module.__name__
    )
