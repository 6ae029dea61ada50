"""What a file is served with: its type, and for how long browsers and CloudFront keep it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

FOREVER = "public, max-age=31536000, immutable"
SHORT = "public, max-age=0, s-maxage=300, must-revalidate"
"""Browsers ask each time whether the file is still the same; CloudFront keeps it for five minutes, or until
`msaspec deploy` has it forget the file."""

_TEXT = {
    "css": "text/css",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "js": "text/javascript",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "xml": "application/xml",
    "xsl": "application/xslt+xml",
}
_OTHER = {
    "apng": "image/apng",
    "atom": "application/atom+xml",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "eot": "application/vnd.ms-fontobject",
    "gif": "image/gif",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "gz": "application/gzip",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "m4a": "audio/mp4",
    "map": "application/json",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "rss": "application/rss+xml",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "zip": "application/zip",
}
UNKNOWN = "application/octet-stream"
"""The same on every machine: the table of Python's `mimetypes` depends on it."""

_BUILT = frozenset({"css", "js", "map", "mjs", "ttf", "wasm", "woff", "woff2"})
"""Files that a bundler names: others, such as photos, have names of people that look like hashes."""
_HEX = re.compile(r"(?:^|[._-])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}(?=\.)")
_MIXED = re.compile(r"[._-](?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{8}(?=\.)")
"""Eight letters of base 32 or 64 before the suffix, as Vite, Rollup and esbuild write them."""


def content_type(key: str) -> str:
    """Return the type of a file by its suffix.

    >>> content_type("a/b.HTML"), content_type("LICENSE"), content_type("app.wasm")
    ('text/html; charset=utf-8', 'application/octet-stream', 'application/wasm')
    """
    suffix = _suffix(key)
    return f"{_TEXT[suffix]}; charset=utf-8" if suffix in _TEXT else _OTHER.get(suffix, UNKNOWN)


def is_immutable(key: str, patterns: Sequence[str] = ()) -> bool:
    """Return whether a file never changes: its name has a hash of its contents, or the manifest says so.

    >>> is_immutable("assets/index-BfX3dQ2a.js"), is_immutable("main.3f2a1b9c.css"), is_immutable("index.html")
    (True, True, False)
    >>> is_immutable("img/DSC00123.jpg"), is_immutable("logo-1024x768.png"), is_immutable("report-20240101.pdf")
    (False, False, False)
    """
    if _suffix(key) in ("html", "htm"):
        return False
    name = key.rpartition("/")[2]
    hashed = _HEX.search(name) or (_suffix(key) in _BUILT and _MIXED.search(name))
    return bool(hashed) or any(fnmatchcase(key, pattern) for pattern in patterns)


def cache_control(key: str, patterns: Sequence[str] = ()) -> str:
    """Return for how long a file may be kept."""
    return FOREVER if is_immutable(key, patterns) else SHORT


def _suffix(key: str) -> str:
    name = key.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
