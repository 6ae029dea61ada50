"""All kinds of diagnostics that there are: the `Code` constants of the package's modules, by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType

import msaspec
from msaspec.diagnostics.diagnostic import Code

_ELSEWHERE = ("msaspec.__main__", "msaspec.cli", "msaspec.aws.lambdas", "msaspec.sandbox")
"""What has no codes: commands, programs that run elsewhere, and the emulator, whose packages may not be installed."""


@cache
def codes() -> Mapping[str, Code]:
    """Every code, sorted by id. Raises ValueError where two have one id."""
    found: dict[str, Code] = {}
    for module in _modules():
        for member in vars(module).values():
            if isinstance(member, Code) and found.setdefault(member.id, member) is not member:
                raise ValueError(f"{member.id} is the id of two codes, one of them in {module.__name__}")
    return MappingProxyType(dict(sorted(found.items())))


def _modules() -> Iterator[ModuleType]:
    """Yield the modules of the package, without those in `_ELSEWHERE`."""
    waiting = [msaspec.__name__]
    while waiting:
        module = import_module(waiting.pop())
        yield module
        inner = iter_modules(getattr(module, "__path__", ()), f"{module.__name__}.")
        waiting += [found.name for found in inner if found.name not in _ELSEWHERE]
