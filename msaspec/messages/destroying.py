"""What `msaspec destroy` says."""

from __future__ import annotations

from msaspec.messages.message import Level, Message, counted


class StackDeleted(Message, code="MSG301"):
    """A stack is deleted."""

    said = "The stack {stack} is deleted."
    stack: str


class CreationStopped(Message, code="MSG302"):
    """A stack is deleted while it is being created."""

    said = "The stack {stack} is being created. msaspec stops the creation and deletes what it made."
    stack: str


class NotEmpty(Message, code="MSG303"):
    """Something cannot be deleted since there is something in it."""

    said = "The {what} is not empty and stays in the account."
    what: str


class Forced(Message, code="MSG304", level=Level.WARNING):
    """`--force` leaves resources in the account."""

    said = "With --force, what CloudFormation cannot delete stays in the account: {listed}."
    logical_ids: tuple[str, ...]

    def sentence(self) -> str:
        """Return the sentence with the resources."""
        return self.said.format(listed=", ".join(self.logical_ids))


class AlreadyDeleting(Message, code="MSG305"):
    """The deletion was begun before."""

    said = "The stack {stack} is already being deleted; watching."
    stack: str


class AlreadyDeleted(Message, code="MSG306"):
    """The stack was deleted before."""

    said = "The stack {stack} is already deleted."
    stack: str


class DataStillThere(Message, code="MSG307", level=Level.WARNING):
    """Nobody waits for the end of a deletion whose data was to go, too."""

    said = "The data that you named is still there. Delete it afterwards: {command}"
    command: str


class NothingLeft(Message, code="MSG308"):
    """Nothing is left of what the user named."""

    said = "Nothing is left of the data that you named."


class GoneAlready(Message, code="MSG309"):
    """Somebody deleted a resource by hand."""

    said = "Gone already: the {what}, which somebody deleted."
    what: str


class Stays(Message, code="MSG310"):
    """Something stays in the account."""

    said = "Stays: {what}."
    what: str


class ForGood(Message, code="MSG311", level=Level.WARNING):
    """Data that the user named is deleted for good."""

    said = "Deleted for good, as you asked: {what}."
    what: str


class IfEmpty(Message, code="MSG312"):
    """Something is deleted if there is nothing in it."""

    said = "Deleted if it is empty, otherwise stays: the {what}."
    what: str


class TakesAWhile(Message, code="MSG313"):
    """A deletion takes long by nature."""

    said = "This takes a while. {usual}"
    usual: str


class SharedStays(Message, code="MSG314"):
    """A stack that environments share stays."""

    said = "Left: {what}"
    what: str


class Removed(Message, code="MSG315"):
    """Data is deleted for good."""

    said = "Removed {what}."
    what: str


class MayDelete(Message, code="MSG316", level=Level.QUESTION):
    """Whether a stack may be deleted."""

    said = "Delete the stack {stack} in {region}, account {account}?"
    stack: str
    region: str
    account: str


class MayDeleteRest(Message, code="MSG317", level=Level.QUESTION):
    """Whether what is left of a deleted stack may be deleted."""

    said = "Delete what is left of {stack} in {region}, account {account}?"
    stack: str
    region: str
    account: str


class LeftAsSaid(Message, code="MSG318"):
    """What was said to stay, before the deletion, is there."""

    said = "Left: {listed} that msaspec named above as what stays."
    count: int

    def sentence(self) -> str:
        """Return the sentence with the number."""
        return self.said.format(listed=counted(self.count, "resource"))
