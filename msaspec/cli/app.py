"""The composition root: through what the commands reach AWS, the user and other programs. Tests hand in their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from msaspec.cli import console, environments

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Aws, Target
    from msaspec.deploy.context import Context
    from msaspec.deploy.invocation import Invocation
    from msaspec.deploy.reporter import Reporter
    from msaspec.linting.unchanged import Answer
    from msaspec.source.document import Document
    from msaspec.template.role import Named


def _connect(target: Target, region: str | None) -> Aws:
    from msaspec.deploy.aws import target as reaching

    return reaching.connected(target, region, _ask_hidden if _is_terminal() else None)


def _ask_hidden(prompt: str) -> str:
    from msaspec.deploy.reporters.question import ask_hidden

    return ask_hidden(prompt)


def _is_terminal() -> bool:
    from msaspec.diagnostics import terminal

    return terminal.answers(sys.stdin)


def _ask(question: str) -> bool:
    from msaspec.deploy.reporters.question import ask

    return ask(question)


def _execute(command: Sequence[str], given: str | None) -> int:
    from msaspec.deploy import building

    return building.run(command, given)


def _forget(answer: Answer) -> None:
    return


@contextmanager
def _beside(words: Sequence[str]) -> Iterator[Callable[[], object]]:
    # -P, since the working directory may have modules of anybody.
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "msaspec", *words], stdin=nothing, stdout=nothing, stderr=nothing
    )
    try:
        yield process.wait
    finally:
        process.kill()
        process.wait()


def invocation_of(document: Document, file: str, environment: str | None, aws: Aws) -> Invocation:
    """Return what the commands in messages act on."""
    from msaspec import pipeline
    from msaspec.deploy.invocation import Invocation

    return Invocation(file, environment, aws.words, apart=bool(pipeline.environments(document)))


@dataclass(frozen=True)
class Connection:
    """The stacks of a manifest in the account and Region of a command."""

    aws: Aws
    invocation: Invocation
    system: str
    stacks: tuple[Named, ...]
    """In the order of deployment."""
    document: Document | None = None

    def named(self, word: str) -> Named:
        """Return the stack that `--stack` calls so."""
        return next(named for named in self.stacks if named.role.word == word)

    def context(self, reporter: Reporter, word: str = "main") -> Context:
        """Return the surroundings of what is done with the stack that `--stack` calls so."""
        from msaspec.deploy.context import Context

        return Context(self.aws, reporter, replace(self.invocation, stack=word))


@dataclass(frozen=True)
class App:
    """What the commands share, in click's context."""

    connect: Callable[[Target, str | None], Aws] = _connect
    """Connects to AWS; the second argument is the Region of the manifest. May raise what botocore raises."""
    answerable: Callable[[], bool] = _is_terminal
    """Whether the terminal can answer a question."""
    ask: Callable[[str], bool] = _ask
    """Asks a question; raises Interrupted where Ctrl-C is the answer."""
    ask_hidden: Callable[[str], str] = _ask_hidden
    """Asks for something that is not shown; raises Interrupted for Ctrl-C."""
    execute: Callable[[Sequence[str], str | None], int] = _execute
    """Runs a program with an input, shows what it says, and gives its exit code."""
    beside: Callable[[Sequence[str]], AbstractContextManager[Callable[[], object]]] = _beside
    """Runs another command of msaspec beside this one; what it gives waits for its end."""
    remember: Callable[[Answer], object] = _forget
    """Keeps what a lint printed, for the next time that it is asked for."""

    def reporter(self, form: str = "text") -> Reporter:
        """Make who reports, in a form."""
        if form == "json":
            from msaspec.deploy.reporters.json import Json

            return Json(self.ask)
        from msaspec.deploy.reporters.text import Text

        return Text(self.ask)

    @contextmanager
    def reached(self, target: Target, region: str | None, timeout: float | None = None) -> Iterator[Aws]:
        """AWS, in the Region of the command line or the manifest. Turns what botocore raises in the block into a
        `Fault`. `timeout` is for how many minutes an operation is watched without news."""
        from msaspec.deploy.aws import target as reaching

        with reaching.reached(target, region, self.connect) as aws:
            aws.pace = aws.pace.within(timeout)
            yield aws

    @contextmanager
    def stacks_of(
        self,
        file: str,
        environment: str | None,
        target: Target,
        timeout: float | None = None,
        stack: str = "main",
    ) -> Iterator[Connection]:
        """Open the stacks of a manifest, in the Region that the command line or the manifest names.

        `environment` is the word of `--env`, which may be left out where the command is about a `stack` that all
        environments share.
        """
        from msaspec import pipeline
        from msaspec.diagnostics.diagnostic import Invalid
        from msaspec.template import role

        document = console.read(file)
        shared = any(each.shared and each.word == stack for each in role.ROLES)
        word = role.BASE if shared and environment is None else environment
        chosen = environments.required(document, word)
        known = pipeline.identity(document, chosen)
        with self.reached(target, known.region, timeout) as aws:
            try:
                yield Connection(aws, invocation_of(document, file, chosen, aws), known.system, known.stacks, document)
            except Invalid as invalid:  # What was asked of the stacks knows no lines.
                raise Invalid(map(document.place_entry, invalid.diagnostics)) from None

    def require_answer(self, what: str, *, yes: bool) -> None:
        """Raise a usage error where a question could not be answered."""
        if not yes and not self.answerable():
            raise click.UsageError(f"There is no terminal to ask on. Pass --yes to {what} without confirmation.")


pass_app = click.make_pass_decorator(App, ensure=True)
"""Gives a command the `App` of its context as its first argument."""
