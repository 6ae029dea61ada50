"""Small files in the user's cache folder, each with a seal that only this user can make.

A file that came from elsewhere, such as a cache that CI restored from another branch, has another seal and is as good
as none. A cache that is broken, full or read-only is as good as an empty one, and never an error. To be asked before
anything heavy is imported, this module imports nothing heavy itself.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sys
from contextlib import suppress

from msaspec.diagnostics import terminal

CACHE_DIR = "MSASPEC_CACHE_DIR"
"""Environment variable that names another folder for the cache."""

MOST = 500
"""How many files of a kind are kept, those that were asked for last."""

_SUFFIX = ".sealed"
_OURS = re.compile(r"[0-9a-f]{64}\.sealed|msaspec-[a-z0-9_]{8}\.unfinished")
"""Names of the files that this cache makes; no other file is touched."""


class Sealed:
    """Data by name, in a folder of their kind. A name is 64 hexadecimal digits."""

    def __init__(self, kind: str, folder: str | os.PathLike[str] | None = None) -> None:
        self.kind = kind
        self.folder = os.fspath(folder or os.path.join(os.environ.get(CACHE_DIR) or user_folder("cache"), kind))

    def get(self, name: str) -> bytes | None:
        """Return the data of a name; None where there is none, or none that this user put there under this very
        name."""
        file = self._file(name)
        try:
            with open(file, "rb") as stream:
                seal, _, data = stream.read().partition(b"\n")
            with open(_secret_file(), "rb") as stream:
                secret = stream.read()
        except OSError:
            return None
        if not hmac.compare_digest(seal, self._seal(secret, name, data)):
            return None
        with suppress(OSError):
            os.utime(file)
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep the data, if that can be done. Another process sees all of it or nothing."""
        with suppress(OSError):
            secret = _secret()
            os.makedirs(self.folder, exist_ok=True)
            _replace(self._file(name), self._seal(secret, name, data) + b"\n" + data)
            self._prune()

    def _seal(self, secret: bytes, name: str, data: bytes) -> bytes:
        text = b"\n".join((self.kind.encode(), name.encode(), data))
        return hmac.new(secret, text, hashlib.sha256).hexdigest().encode()

    def _file(self, name: str) -> str:
        return os.path.join(self.folder, name + _SUFFIX)

    def _prune(self) -> None:
        """Remove what was asked for longest ago. Other processes may do the same at the same time."""
        kept: list[tuple[int, str]] = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if _OURS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        kept.append((entry.stat().st_mtime_ns, entry.path))
        for _, path in sorted(kept)[: max(0, len(kept) - MOST)]:
            with suppress(FileNotFoundError):
                os.unlink(path)


def in_use() -> bool:
    """Whether there is a cache. In CI others may have filled it, so there only where the user chose its folder."""
    return not terminal.continuous() or bool(os.environ.get(CACHE_DIR))


def user_folder(kind: str) -> str:
    """Return the user's folder for `cache` or `state` of msaspec, as platformdirs has it, which takes a while to
    import."""
    if sys.platform in ("win32", "darwin"):
        import platformdirs

        return str(getattr(platformdirs, f"user_{kind}_dir")("msaspec", appauthor=False))
    base = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
    if not base.strip():
        base = os.path.expanduser({"cache": "~/.cache", "state": "~/.local/state"}[kind])
        if base.startswith("~"):  # A user without a home folder, as in many containers,
            base = os.devnull  # where nothing can be.
    return os.path.join(base, "msaspec")


def _secret_file() -> str:
    return os.path.join(user_folder("state"), "verdicts.key")


def _secret() -> bytes:
    """Return the key of the seals: made once for a user on a machine, outside of the cache, so that no shared cache has
    it.

    Raises OSError where it cannot be kept.
    """
    file = _secret_file()
    if not os.path.exists(file):
        import secrets

        os.makedirs(os.path.dirname(file), exist_ok=True)
        _replace(file, secrets.token_bytes(32), first=True)
    with open(file, "rb") as stream:
        secret = stream.read()
    if len(secret) != 32:
        raise OSError(f"{file} is no key")
    return secret


def _replace(file: str, data: bytes, *, first: bool = False) -> None:
    """Write a file as a whole. With `first`, an existing file stays."""
    from tempfile import mkstemp

    handle, unfinished = mkstemp(dir=os.path.dirname(file), prefix="msaspec-", suffix=".unfinished")
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
        if first:
            with suppress(FileExistsError):
                os.link(unfinished, file)
        else:
            os.replace(unfinished, file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
