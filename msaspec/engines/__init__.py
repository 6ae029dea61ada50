"""One file, one database engine: a value of `Engine`, found by being there.

What all engines share is in `kinds/databases.py`; what only one of them has is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msaspec import discover
from msaspec.language.engine import Engine

DEFAULT = "postgres"
"""The engine of a database that names none."""


@cache
def engines() -> Mapping[str, Engine]:
    """Return the engines there are, by name; the default comes first."""
    found = [each for module in discover.modules(__name__) for each in vars(module).values()]
    known = {each.name: each for each in found if isinstance(each, Engine)}
    return {DEFAULT: known[DEFAULT], **known}
