"""What the other commands say: cancel, continue-rollback, diff, policy, push, status and verify."""

from __future__ import annotations

from msaspec.messages.message import Level, Message


class LeftAsItIs(Message, code="MSG401"):
    """A rollback skips a resource."""

    said = "{logical_id} is left as it is. Where somebody deleted it, or changed it by hand: {command}"
    logical_id: str
    command: str


class RollingBack(Message, code="MSG402"):
    """A stack rolls back, and nobody waits for its end."""

    said = "The stack {stack} is rolling back. Watch it: {command}"
    stack: str
    command: str


class CreationKept(Message, code="MSG403"):
    """A creation was stopped, and what it made is kept."""

    said = (
        "The creation of the stack {stack} is stopped. Everything created so far is kept. Continue it: {deploy}."
        " Or delete it: {destroy}"
    )
    stack: str
    deploy: str
    destroy: str


class AsBefore(Message, code="MSG404"):
    """A stack is rolled back."""

    said = "The stack {stack} is as it was before the update."
    stack: str
    skipped: tuple[str, ...]

    def sentence(self) -> str:
        """Return the sentence, which names what was skipped."""
        names = ", ".join(self.skipped)
        but = f", but for {names}, which CloudFormation left as it is" if self.skipped else ""
        return f"The stack {self.stack} is as it was before the update{but}."


class NothingToPush(Message, code="MSG405"):
    """No service has an image of the system."""

    said = "No service has an image of the system, so there is nothing to push."


class Pushed(Message, code="MSG406"):
    """An image is in its repository."""

    said = "Pushed {image} in {seconds} s"
    image: str
    seconds: int


class PushedBefore(Message, code="MSG419"):
    """An image was pushed before with the same content, so it is neither built nor pushed again."""

    said = "Pushed before, with the same content: {image}"
    image: str


class LongPolicy(Message, code="MSG407", level=Level.WARNING):
    """A policy is longer than IAM allows."""

    said = (
        "The policy has {size:,} characters. A managed policy has at most {longest:,}: print one for some commands each"
        " (--for), or use --role-arn, whose role has inline policies of up to 10,240."
    )
    size: int
    longest: int


class Unseen(Message, code="MSG408", level=Level.WARNING):
    """Something of the account may not be looked at."""

    said = "msaspec cannot {verb} everything: {reason}"
    verb: str
    reason: str


class NothingMissing(Message, code="MSG409", level=Level.RESULT):
    """The account has what a deployment needs."""

    said = "Nothing is missing."
    warned: bool

    def sentence(self) -> str:
        """Return the sentence; a warning stops no deployment."""
        return "Nothing is missing that stops a deployment." if self.warned else "Nothing is missing."


class StackUnwell(Message, code="MSG410", level=Level.WARNING):
    """A stack is in a failed state."""

    said = "The stack {stack} is {status}. {next}"
    stack: str
    status: str
    next: str


class NotWell(Message, code="MSG411", level=Level.WARNING):
    """A service or a store is not well."""

    said = "{entry} is not well: {faults}."
    entry: str
    faults: str
    log: str | None
    """The command that shows its log."""

    def sentence(self) -> str:
        """Return the sentence, with the command where there is a log."""
        return f"{self.said.format_map(self.payload())}{f' Its log: {self.log}' if self.log else ''}"


class AllNew(Message, code="MSG412"):
    """The version before has no such environment."""

    said = "{version} has no environment {environment}, so all of it is new."
    version: str
    environment: str


class Building(Message, code="MSG413"):
    """An image is being built."""

    said = "Building {image} from {folder} for {platform}"
    image: str
    folder: str
    platform: str


class StandIns(Message, code="MSG414"):
    """An endpoint on this machine got images without layers."""

    said = "The endpoint runs no containers, so images without layers stand for {images}."
    images: tuple[str, ...]

    def sentence(self) -> str:
        """Return the sentence, with how many there are."""
        stood = "an image without layers stands" if len(self.images) == 1 else "images without layers stand"
        return f"The endpoint runs no containers, so {stood} for {', '.join(self.images)}."


class SecretSet(Message, code="MSG415"):
    """A person set a key of a secret."""

    said = "Set {key} of {name}. {who} at the next start."
    name: str
    key: str
    who: str


class QuietLog(Message, code="MSG416"):
    """A log has no line in the time that was asked for."""

    said = "The log group {group} has no lines of the last {seconds} seconds. Look further back: --since 1d"
    group: str
    seconds: int


class JobStarted(Message, code="MSG417"):
    """A run of a job began."""

    said = "Started {name}: execution {execution}."
    name: str
    execution: str


class NoJobs(Message, code="MSG418"):
    """A stack has no jobs."""

    said = "The stack {stack} has no jobs."
    stack: str


class SecretChanged(Message, code="MSG420"):
    """A secret has a new value."""

    said = "{what} has a new value. {who} it at the start."
    what: str
    """Its name, and its key where it has one."""
    who: str


class StartingAnew(Message, code="MSG421"):
    """Copies are started anew, because of a secret that they read."""

    said = "{service} starts anew, by {how}."
    service: str
    how: str

    def sentence(self) -> str:
        """Return the sentence, with the article of what starts the copies."""
        return f"{self.service} starts anew, by {'an' if self.how[0] in 'aeiou' else 'a'} {self.how}."


class StartedAnew(Message, code="MSG422"):
    """Copies have read a secret anew."""

    said = "{service} is up with it."
    service: str
    how: str
    log: str
    """The command that shows its log."""

    def sentence(self) -> str:
        """Return the sentence. Of a host only its own checks are seen from outside."""
        if self.how == "reboot":
            return f"The host of {self.service} is up again. What its container says: {self.log}"
        return f"{self.service} is up with it."
