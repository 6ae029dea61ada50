"""The folder of a site on this machine: its files with their digests, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msaspec.deploy.sites import headers
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.language.part import Uploads

NO_FOLDER = Code(
    "MSA533",
    "A site whose files are missing",
    """
    `site` names a folder beside the manifest whose files `msaspec deploy` uploads, and pages in it. The folder, or one
    of the pages, is not there: usually the site was not built yet. `msaspec lint` warns of it, since the files may be
    built later; `msaspec deploy` refuses before it changes anything.
    """,
    Severity.WARNING,
)
UNFIT = Code(
    "MSA535",
    "A file that cannot be uploaded",
    """
    A site has only files whose names S3 takes as keys (UTF-8, at most 1,024 bytes, printable), which can be read, and
    which are in the folder: a symbolic link must not lead out of it, so that nothing else of this machine is published.
    """,
)
# fact: object-keys
LONGEST_KEY = 1024
_BLOCK = 1 << 20
_SHOWN = 3
WELL_KNOWN = ".well-known"
"""The one hidden name that is uploaded (RFC 8615)."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a site."""

    key: str
    path: str
    digest: str
    """Of its content and its headers."""
    immutable: bool


@dataclass(frozen=True)
class Folder:
    """The files of a site, by key."""

    uploads: Uploads
    path: str
    files: Mapping[str, File]
    hidden: tuple[str, ...]
    """The first of those that are left out."""


def place(uploads: Uploads, manifest: str) -> Path:
    """Return where the folder of a site is, by the file of the manifest; standard input is in the working directory."""
    return (Path(manifest).parent if manifest != "-" else Path()) / uploads.folder


def missing(uploads: Uploads, manifest: str) -> Iterator[Diagnostic]:
    """Yield that the folder or a page of it is not there, as warnings."""
    folder = place(uploads, manifest)
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        message = f"The folder `{uploads.folder}` of the site `{uploads.entry}` {what}."
        yield NO_FOLDER.at((*uploads.path, "files"), message, hint="Build the site first, or correct the path.")
        return
    for field, page in uploads.pages.items():
        if not os.path.isfile(folder / page):
            message = f"The folder `{uploads.folder}` of the site `{uploads.entry}` has no `{page}`."
            hint = f"Build the site first, or name the page: `{field}: home.html`."
            yield NO_FOLDER.at((*uploads.path, field), message, hint=hint)


def read(uploads: Uploads, manifest: str) -> tuple[Folder | None, list[Diagnostic]]:
    """Return the files of a site with their digests, or what is wrong with them."""
    found = list(missing(uploads, manifest))
    if found:
        return None, found
    root = place(uploads, manifest)
    files: dict[str, File] = {}
    hidden: list[str] = []
    for key, path, fault in _walked(str(root), hidden):
        why = fault or _unfit(key)
        try:
            if why is None:
                files[key] = _file(key, path, uploads.immutable)
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        if why:
            shown = key.encode("utf-8", "replace").decode()
            message = f"`{shown}` in the folder of the site `{uploads.entry}` {why}."
            found.append(UNFIT.at((*uploads.path, "files"), message, hint="Rename or remove it."))
    return Folder(uploads, str(root), files, tuple(hidden[:_SHOWN])), found


def _walked(root: str, hidden: list[str]) -> Iterator[tuple[str, str, str | None]]:
    """Yield the files below a folder, sorted, with what speaks against each. Links are followed inside the folder."""
    top = os.path.realpath(root)
    waiting: list[tuple[str, str, tuple[str, ...]]] = [("", root, (top,))]
    while waiting:
        prefix, folder, above = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield prefix.rstrip("/"), folder, f"cannot be read: {error.strerror}"
            continue
        below: list[tuple[str, str, tuple[str, ...]]] = []
        for entry in listed:
            key = prefix + entry.name
            if entry.name.startswith(".") and not (entry.name == WELL_KNOWN and not prefix):
                hidden.append(key)
                continue
            real = os.path.realpath(entry.path)
            if entry.is_symlink() and os.path.commonpath([top, real]) != top:
                yield key, entry.path, "is a link that leads out of the folder"
            elif entry.is_dir():
                if real in above:
                    yield key, entry.path, "is a link to a folder that it is in"
                else:
                    below.append((f"{key}/", entry.path, (*above, real)))
            elif entry.is_file():
                yield key, entry.path, None
            else:
                yield key, entry.path, "is not a file"
        waiting += reversed(below)


def _unfit(key: str) -> str | None:
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if length > LONGEST_KEY:
        return f"has a path of {length} bytes; S3 takes {LONGEST_KEY:,}"
    return None if key.isprintable() else "has a name with characters that cannot be printed"


def _file(key: str, path: str, patterns: Sequence[str]) -> File:
    digest = hashlib.sha256(f"{headers.content_type(key)}\0{headers.cache_control(key, patterns)}\0".encode())
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):  # never a whole file
            digest.update(block)
    return File(key, path, digest.hexdigest()[:32], headers.is_immutable(key, patterns))
