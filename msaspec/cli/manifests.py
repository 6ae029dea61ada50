"""Which files are manifests: what a command may not overwrite, and what a hook looks at."""

from __future__ import annotations

import os
import re

NAMES = ("msa.yaml", "msa.yml")
"""A file of these names is meant to be a manifest, whatever is in it."""
LOOKED_AT = 64 * 1024
"""Bytes at the beginning of a file."""
_KEY = re.compile(rb"""^(?:\xef\xbb\xbf)?["']?msaspec["']?[ \t]*:""", re.MULTILINE)


def begins(data: bytes) -> bool:
    """Return whether a text has the key `msaspec` at the beginning of a line."""
    return _KEY.search(data[:LOOKED_AT]) is not None


def is_one(file: str) -> bool:
    """Return whether a file is a manifest by its name or by its beginning. One that cannot be read is, so that the
    command reports why; so is a device or a pipe, which may never end."""
    if os.path.basename(file) in NAMES or not os.path.isfile(file):
        return True
    try:
        with open(file, "rb") as opened:
            return begins(opened.read(LOOKED_AT))
    except OSError:
        return True
