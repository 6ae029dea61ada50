"""What any command may say."""

from __future__ import annotations

from msaspec.messages.message import Level, Message


class Diagnosed(Message, code="MSG001", event="diagnostic", level=Level.ERROR):
    """Something is wrong, or may go wrong.

    Its `code` and `level` are those of the diagnostic. `msaspec explain CODE` prints what a code means, as does
    `page`, its address in the published documents.
    """

    severity: str
    message: str
    hint: str | None
    path: str
    file: str | None
    line: int | None
    column: int | None
    length: int | None
    page: str | None
    """Where the published documents have its page; of a rule of cfn-lint, where that has."""


class Detail(Message, code="MSG002"):
    """A line that belongs to what was said last, such as the end of a log."""

    line: str


class Misused(Message, code="MSG003", event="usage", level=Level.ERROR):
    """The command line is wrong. The command ends with 2."""

    said = "{reason}"
    command: str
    reason: str


class Interrupted(Message, code="MSG004", level=Level.WARNING):
    """The user broke the command off. It ends with 130."""

    said = "Interrupted."


class NothingInProgress(Message, code="MSG005", level=Level.WARNING):
    """The user broke the command off before it began an operation. It ends with 130."""

    said = "Interrupted. Nothing is running in CloudFormation for this command."


class NothingChanged(Message, code="MSG006"):
    """The user said no."""

    said = "Nothing was changed."


class Written(Message, code="MSG007"):
    """A file was written."""

    said = "Wrote {file}."
    file: str


class Next(Message, code="MSG008"):
    """The command to go on with."""

    said = "Next: {command}"
    command: str


class Configuration(Message, code="MSG009"):
    """Which configuration of cfn-lint is in force, or is ignored."""

    said = "{what}"
    what: str
