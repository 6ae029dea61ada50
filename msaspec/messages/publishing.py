"""What commands say of the files of web sites."""

from __future__ import annotations

from msaspec.messages.message import Level, Message, counted


class SitePublished(Message, code="MSG451"):
    """The files of a site are uploaded."""

    said = "The site {site}: {what}."
    site: str
    folder: str
    uploaded: int
    deleted: int
    unchanged: int
    kept: int
    """Of an earlier version, for pages that are still open; the next change deletes them."""
    paths: tuple[str, ...]
    """What CloudFront forgets."""

    def sentence(self) -> str:
        """Return the sentence with the numbers."""
        what = [f"{counted(self.uploaded, 'file')} uploaded"]
        what += [f"{self.deleted} deleted"] if self.deleted else []
        what += [f"{self.unchanged} unchanged"] if self.unchanged else []
        what += [f"{self.kept} kept for open pages"] if self.kept else []
        forgets = " CloudFront forgets the old ones within minutes." if self.paths else ""
        return f"The site {self.site}: {', '.join(what)}.{forgets}"


class SiteUnchanged(Message, code="MSG452"):
    """The files of a site are those of its folder."""

    said = "The site {site} has no changes: its {files} files are uploaded."
    site: str
    files: int


class SiteChanges(Message, code="MSG453"):
    """What a deployment would do to the files of a site."""

    said = "The site {site}: {uploaded} to upload, {deleted} to delete."
    site: str
    folder: str
    uploaded: int
    deleted: int
    unchanged: int
    examples: tuple[str, ...]
    """The first paths that change."""

    def sentence(self) -> str:
        """Return the sentence, with the first paths."""
        what = f"{counted(self.uploaded, 'file')} to upload"
        what += f", {self.deleted} to delete" if self.deleted else ""
        more = self.uploaded + self.deleted - len(self.examples)
        which = ", ".join(self.examples) + (f" and {more} more" if more else "")
        return f"The site {self.site}: {what} ({which})."


class SiteLater(Message, code="MSG454", level=Level.WARNING):
    """Nobody waits for the stack, so the files of a site are not uploaded."""

    said = "The files of the site {site} are not uploaded yet, since nobody waits for the stack. Then run: {command}"
    site: str
    command: str


class SiteHidden(Message, code="MSG455"):
    """Hidden files of a folder are not uploaded."""

    said = "The site {site} leaves out hidden files: {listed}."
    site: str
    files: tuple[str, ...]
    """The first of them."""

    def sentence(self) -> str:
        """Return the sentence with the files."""
        return f"The site {self.site} leaves out hidden files: {', '.join(self.files)}."


class MayPublish(Message, code="MSG456", level=Level.QUESTION):
    """Whether the files of a site may be uploaded, where nothing else was to be agreed to."""

    said = "Upload {uploaded} and delete {deleted} files of the site {site} in {region}, account {account}?"
    site: str
    uploaded: int
    deleted: int
    region: str
    account: str

    def sentence(self) -> str:
        """Return the question with the numbers."""
        deleted = f" and delete {self.deleted}" if self.deleted else ""
        what = f"Upload {counted(self.uploaded, 'file')}{deleted}"
        return f"{what} of the site {self.site} in {self.region}, account {self.account}?"
