"""Files that the tests drop into folders of the package, as somebody who adds a kind does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from msaspec import discover, engines
from msaspec.compile import aws_types
from msaspec.manifest import root

CACHES = (discover.modules, discover.instances, engines.engines, root.model, aws_types.known)


@contextmanager
def dropped(folder: str, *readers: str) -> Iterator[None]:
    """The files of `tests/dropped/FOLDER` in the folder of that name of the package, until the block ends.

    `readers` are modules that look into the folder while they are loaded: they are loaded anew.
    """
    package = f"msaspec.{folder.replace('/', '.')}"
    place = str(Path(__file__).parent / folder)
    path = import_module(package).__path__
    path.append(place)
    before = {name: sys.modules.pop(name) for name in readers}
    for cache in CACHES:
        cache.cache_clear()
    try:
        yield
    finally:
        path.remove(place)
        for file in Path(place).glob("*.py"):
            sys.modules.pop(f"{package}.{file.stem}", None)
        sys.modules.update(before)
        for cache in CACHES:
            cache.cache_clear()
