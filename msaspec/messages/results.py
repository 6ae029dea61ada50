"""What commands give: the payloads of their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.messages.message import Level, Message, counted


class Template(Message, code="MSG101", level=Level.RESULT):
    """The template of a stack, of `msaspec compile`."""

    stack: str
    template: Mapping[str, Any]


class ManyResources(Message, code="MSG237"):
    """A compiled template is more than CloudFormation takes in one stack."""

    said = (
        "CloudFormation takes no {resources:,} resources in one template. `msaspec deploy` makes {stacks} nested stacks"
        " of them; `msaspec compile -o PATH` writes those."
    )
    resources: int
    stacks: int


class Schema(Message, code="MSG102", level=Level.RESULT):
    """The JSON Schema of the manifest, of `msaspec schema`."""

    document: Mapping[str, Any]


class Script(Message, code="MSG103", level=Level.RESULT):
    """What a shell runs to complete commands, of `msaspec completion`."""

    shell: str
    script: str


class Policy(Message, code="MSG104", level=Level.RESULT):
    """An IAM policy, of `msaspec policy`."""

    document: Mapping[str, Any]


class Manifest(Message, code="MSG105", level=Level.RESULT):
    """A manifest that was made, of `msaspec init` and `msaspec import` without a file to write it to."""

    text: str


class Linted(Message, code="MSG106", level=Level.RESULT):
    """What `msaspec lint` looked at, after its diagnostics."""

    said = "{files} files, {stacks} stacks."
    files: int
    stacks: int
    errors: int
    warnings: int
    infos: int

    def sentence(self) -> str:
        """Return the counts."""
        found = [(self.errors, "error"), (self.warnings, "warning"), (self.infos, "info")]
        levels = " and ".join(counted(number, noun) for number, noun in found if number) or "no findings"
        return f"{counted(self.files, 'file')}, {counted(self.stacks, 'stack')}: {levels}."


@dataclass(frozen=True)
class Section:
    """A part of a page."""

    title: str
    rows: tuple[tuple[str, ...], ...]


class Explanation(Message, code="MSG107", level=Level.RESULT):
    """What `msaspec explain` knows of an entry of the manifest, such as a service or a database, or of all of them."""

    subject: str
    """The name of the entry; empty for the system."""
    sections: tuple[Section, ...]


class Page(Message, code="MSG108", event="manual", level=Level.RESULT):
    """The manual page of a code, of `msaspec explain`."""

    subject: str
    text: str


@dataclass(frozen=True)
class Property:
    """A property that changes."""

    path: str
    replaces: str
    """Whether a change of it replaces the resource: yes, no or maybe."""
    attribute: bool


@dataclass(frozen=True)
class Value:
    """A value that changes; a secret one is never shown."""

    name: str
    before: str | None
    after: str | None


class Changed(Message, code="MSG109", event="change", level=Level.RESULT):
    """What happens to a resource or another part of a template, of `msaspec diff`, `deploy` and `destroy`."""

    stack: str
    place: str | None
    """Where its entry is in the manifest."""
    entry: str | None
    logical_id: str
    type: str
    action: str
    retained: str | None
    stateful: bool
    deletes_first: bool
    protected: bool
    left_behind: tuple[str, ...]
    properties: tuple[Property, ...]
    values: tuple[Value, ...]


class Difference(Message, code="MSG110", level=Level.RESULT):
    """How much differs, after the changes."""

    said = "{summary}"
    summary: str
    changes: int


class Output(Message, code="MSG111", level=Level.RESULT):
    """An output of a stack, of `msaspec outputs` and `deploy`."""

    stack: str
    key: str
    value: str
    description: str


class Log(Message, code="MSG112", level=Level.RESULT):
    """A line of a log, of `msaspec logs`."""

    time: str
    stream: str
    message: str


class ImportedKey(Message, code="MSG113", event="key", level=Level.RESULT):
    """What became of a key of the source, of `msaspec import`."""

    file: str
    key: str
    verdict: str
    what: str


class ImportCounted(Message, code="MSG114", event="imported", level=Level.RESULT):
    """How many keys of the source are carried, replaced and lost, of `msaspec import`."""

    said = "{keys} keys: {carried} carried, {replaced} replaced, {lost} lost."
    keys: int
    carried: int
    replaced: int
    lost: int


class Sandbox(Message, code="MSG115", level=Level.RESULT):
    """The emulated AWS of `msaspec sandbox` answers. The key is new at each start, and valid only there."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str


class Drawing(Message, code="MSG117", level=Level.RESULT):
    """The parts of the picture of a system, of `msaspec draw`: zones, boxes in them, arrows with what each becomes."""

    title: str
    zones: tuple[Any, ...]
    nodes: tuple[Any, ...]
    arrows: tuple[Any, ...]


class KeptSecret(Message, code="MSG118", event="secret", level=Level.RESULT):
    """A key of an entry of `secrets`, of `msaspec secret list`. It never has the value."""

    name: str
    key: str
    state: str
    since: str


@dataclass(frozen=True)
class JobRun:
    """One run of a job."""

    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    began: str
    ended: str


class Job(Message, code="MSG119", level=Level.RESULT):
    """A deployed job, of `msaspec jobs`: what starts it, its next run, and its last ones, the newest first."""

    name: str
    starts: str
    next: str
    runs: tuple[JobRun, ...]


class JobEnded(Message, code="MSG120", level=Level.RESULT):
    """How a run of a job ended, of `msaspec run`."""

    said = "The job {name} {status}."
    name: str
    execution: str
    status: str
    exit_code: int | None

    def sentence(self) -> str:
        """Return the sentence, with the exit code where a container ran."""
        code = "" if self.exit_code is None else f" with exit code {self.exit_code}"
        return f"The job {self.name} ended: {self.status}{code}."


class ComposeFile(Message, code="MSG121", level=Level.RESULT):
    """A compose file, of `msaspec export compose` without a file to write it to."""

    text: str
    variables: tuple[str, ...]
    """Those that the env file gives a value."""
    notes: tuple[str, ...]
    """What differs from AWS."""
