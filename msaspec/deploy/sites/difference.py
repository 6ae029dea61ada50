"""What an upload would do: the files of a folder beside those that were uploaded. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from msaspec.deploy.sites.folder import File, Folder
from msaspec.deploy.sites.headers import is_immutable
from msaspec.deploy.sites.record import PENDING, Record
from msaspec.messages.publishing import SiteChanges

# fact: invalidation-paths
MOST_PATHS = 15
"""Paths that CloudFront is asked to forget one by one; more are asked for as a whole, which counts as one."""
WHOLE = "/*"
_EXAMPLES = 5


@dataclass(frozen=True)
class Difference:
    """What is to be done to the files of a site."""

    folder: Folder
    record: Record
    upload: tuple[File, ...]
    """In their order: first what pages need, last the pages."""
    delete: tuple[str, ...]
    leaving: frozenset[str]
    """What goes with the next change."""
    paths: tuple[str, ...]
    """What CloudFront has to forget."""

    @property
    def any(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.upload or self.delete or self.leaving != self.record.leaving)

    @property
    def unchanged(self) -> int:
        """How many files stay as they are."""
        return len(self.folder.files) - len(self.upload)

    @property
    def begun(self) -> Record:
        """The record while files are uploaded: after a stop in between, the next upload does these again."""
        files = {**self.record.files, **dict.fromkeys((each.key for each in self.upload), PENDING)}
        return Record(files, self.record.leaving)

    @property
    def done(self) -> Record:
        """The record afterwards."""
        return Record({key: each.digest for key, each in self.folder.files.items()}, self.leaving)

    @property
    def told(self) -> SiteChanges:
        """What is said of it beforehand."""
        changed = [each.key for each in reversed(self.upload)] + list(self.delete)
        site, folder = self.folder.uploads.entry, self.folder.path
        counts = len(self.upload), len(self.delete), self.unchanged
        return SiteChanges(site, folder, *counts, tuple(changed[:_EXAMPLES]))


def between(folder: Folder, record: Record, lost: Collection[str] = ()) -> Difference:
    """Compare a folder with what was uploaded. `lost` are files that somebody deleted from the bucket."""
    patterns, files = folder.uploads.immutable, folder.files
    upload = [each for key, each in files.items() if record.files.get(key) != each.digest or key in lost]
    stale = {key for key in record.files if key not in files}
    kept = {key for key in stale if is_immutable(key, patterns)}
    leaving = record.leaving
    delete: set[str] = set()
    if upload or stale:
        leaving = frozenset(kept)
        delete = (stale | record.leaving) - kept - files.keys()
    forgotten = [each.key for each in upload if each.key in record.files and not each.immutable]
    forgotten += [key for key in sorted(delete) if not is_immutable(key, patterns)]
    paths = [f"/{quote(key)}" for key in forgotten]
    if (upload and not record.known) or len(paths) > MOST_PATHS:
        paths = [WHOLE]
    return Difference(
        folder,
        record,
        tuple(sorted(upload, key=lambda each: (rank(each), each.key))),
        tuple(sorted(delete)),
        leaving,
        tuple(paths),
    )


def rank(file: File) -> int:
    """Return when a file is uploaded: first what pages need, last the pages."""
    if file.immutable:
        return 0
    return 2 if file.key.endswith((".html", ".htm")) else 1
