"""AWS's descriptions of its services: megabytes of JSON each, read once instead of by every session and backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import botocore.loaders
import botocore.session
import moto.core.loaders
import moto.core.utils

# Two of them, since moto adds to some descriptions what clients are not to see.
_SHARED = (
    (botocore.session, cache(botocore.loaders.create_loader)),
    (moto.core.utils, cache(moto.core.loaders.create_loader)),
)


@contextmanager
def shared() -> Iterator[None]:
    """Give all sessions that are made in the block one loader, and all backends of moto another."""
    before = [(module, module.create_loader) for module, _ in _SHARED]
    for module, create in _SHARED:
        module.create_loader = create
    try:
        yield
    finally:
        for module, create in before:
            module.create_loader = create
