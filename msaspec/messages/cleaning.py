"""What `msaspec clean` says."""

from __future__ import annotations

from msaspec.messages.message import Level, Message, counted


class Unused(Message, code="MSG351", level=Level.RESULT):
    """An image that nothing runs and that is not among the last."""

    said = "Unused: {what}"
    repository: str
    digest: str
    tags: tuple[str, ...]
    what: str


class NothingToClean(Message, code="MSG352"):
    """Every image runs or is among the last."""

    said = "Every image runs, or is among the last that are kept."


class Cleaned(Message, code="MSG353"):
    """Images are deleted."""

    said = "Deleted {images}."
    images: int

    def sentence(self) -> str:
        """Return the sentence with the number."""
        return f"Deleted {counted(self.images, 'image')}."


class NotCleaned(Message, code="MSG354", level=Level.WARNING):
    """A stack runs a tag that was pushed again before msaspec pinned it, so nobody knows which image runs."""

    said = (
        "{repository} is left as it is: the stack {stack} runs the tag {tag}, which was pushed again, and which image"
        " that was is not known. Pin it: msaspec deploy --redeploy SERVICE"
    )
    repository: str
    stack: str
    tag: str


class NotDeleted(Message, code="MSG355", level=Level.WARNING):
    """ECR refuses to delete an image."""

    said = "The image {digest} of {repository} stays: {reason}"
    repository: str
    digest: str
    reason: str


class MayClean(Message, code="MSG356", level=Level.QUESTION):
    """Whether images may be deleted."""

    said = "Delete these {images} images for good in {region}, account {account}?"
    images: int
    region: str
    account: str

    def sentence(self) -> str:
        """Return the question with the number."""
        what = "this image" if self.images == 1 else f"these {self.images} images"
        return f"Delete {what} for good in {self.region}, account {self.account}?"
