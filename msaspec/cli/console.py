"""What the commands share on the command line: their options, reading a manifest, writing what they give."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from msaspec.cli import completion, environments, usage
from msaspec.diagnostics import printable

if TYPE_CHECKING:
    from msaspec.messages.message import Message
    from msaspec.messages.reporter import Teller
    from msaspec.source.document import Document
    from msaspec.template.role import Role

DEFAULT_FILE = "msa.yaml"
STDIN = "<stdin>"
"""The name of standard input in diagnostics."""

F = TypeVar("F", bound=Callable[..., Any])


def file_argument() -> Callable[[F], F]:
    """Return the manifest, as the last argument of a command."""
    return click.argument("file", default=DEFAULT_FILE, metavar="[FILE]", shell_complete=completion.files)


def environment_option(*, deployed: bool = False) -> Callable[[F], F]:
    """Return the option `--env`, which arrives as the name of an environment, or None for the file itself. For what is
    `deployed` it arrives as it is written, for `environments.required`."""

    def chosen(context: click.Context, parameter: click.Parameter, word: str | None) -> str | None:
        return word if deployed else environments.named(word)

    which = "needed if there are any" if deployed else "default: `-`"
    return click.option(
        "--env",
        "environment",
        metavar="NAME",
        envvar=environments.VARIABLE,
        callback=chosen,
        help=f"The environment, an entry of `environments`, or `-` for the file itself."
        f" [{which}; variable: {environments.VARIABLE}]",
        shell_complete=completion.environments,
    )


def target_options() -> Callable[[F], F]:
    """Return the options that choose an account and a Region; they arrive as `target`."""
    options = (
        click.option("--region", metavar="REGION", help="The AWS Region. [default: that of the manifest]"),
        click.option(
            "--profile",
            metavar="PROFILE",
            help="A profile of the AWS CLI's shared files.",
            shell_complete=completion.profiles,
        ),
        click.option("--endpoint-url", metavar="URL", help="Another endpoint than AWS, such as `msaspec sandbox`."),
    )

    def decorate(function: F) -> F:
        @wraps(function)
        def chosen(region: str | None, profile: str | None, endpoint_url: str | None, **rest: Any) -> Any:
            from msaspec.deploy.aws.target import Target

            return function(target=Target(region, profile, endpoint_url), **rest)

        decorated: Any = chosen
        for option in reversed(options):
            decorated = option(decorated)
        return cast(F, decorated)

    return decorate


def timeout_option() -> Callable[[F], F]:
    """Return the option `--timeout`, for a command that watches; it arrives in minutes, or as None."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        envvar="MSASPEC_TIMEOUT",
        metavar="MINUTES",
        help="Stop watching, without stopping the operation, after this many minutes without news."
        " [default: MSASPEC_TIMEOUT, else 180, and 15 while AWS does not answer]",
    )


def format_option(*forms: str) -> Callable[[F], F]:
    """Return the option `--format`, which arrives as `form`; the first is the default."""
    return click.option("--format", "form", type=usage.Choice(forms), default=forms[0], help=f"[default: {forms[0]}]")


def cfnlintrc_option() -> Callable[[F], F]:
    """Return the option `--cfnlintrc`."""
    help = "Trust this cfn-lint configuration: it may load rules, which are code, and silence checks."
    return click.option("--cfnlintrc", metavar="PATH", help=help)


def read(file: str) -> Document:
    """Return the document in a file, or in standard input for `-`."""
    from msaspec import pipeline
    from msaspec.source.beside import reader

    if file == "-":
        return pipeline.load(read_input(), STDIN, reader("."))
    path = Path(file)
    if not os.path.isfile(path):
        what = "is a directory" if os.path.isdir(path) else "does not exist"
        raise click.UsageError(f"The manifest {file} {what}. Name another, or write one with `msaspec init`.")
    try:
        return pipeline.load(path.read_bytes(), file, reader(str(path.parent)))
    except OSError as fault:
        raise click.UsageError(f"The manifest {file} cannot be read: {fault.strerror}.") from None


def inputs(file: str, document: Document) -> tuple[str, ...]:
    """Return the files that a document was read from: that of the manifest, and those that it names."""
    return file, *(os.path.join(os.path.dirname(file), name) for name in document.files)


def read_input() -> bytes:
    """All of standard input. A usage error where that cannot be read."""
    try:
        return sys.stdin.buffer.read()
    except OSError as fault:
        reason = "it is closed" if fault.errno == errno.EBADF else fault.strerror
        raise click.UsageError(f"Standard input cannot be read: {reason}. Name a file.") from None


def stack_option(
    text: str = "The stack: `main`, or `registry` for the image repositories. [default: main]",
) -> Callable[[F], F]:
    """Return the option `--stack`, for a command about one of a system's stacks."""
    from msaspec.template import role

    return click.option(
        "--stack",
        type=usage.Choice(role.words()),
        default=role.MAIN.word,
        help=text,
    )


def stacks_option() -> Callable[[F], F]:
    """Return the option `--stack`, for a command about one of a system's stacks or all of them; it arrives as the
    roles."""
    from msaspec.template import role

    def chosen(context: click.Context, parameter: click.Parameter, value: str) -> tuple[Role, ...]:
        return tuple(each for each in role.ROLES if value in (each.word, "all"))

    choice = usage.Choice([*role.words(), "all"])
    return click.option("--stack", "roles", type=choice, default="all", callback=chosen, help="[default: all]")


def tags(words: Sequence[str]) -> dict[str, str]:
    """`SERVICE=TAG` words as a map."""
    found: dict[str, str] = {}
    for word in words:
        service, sign, tag = word.partition("=")
        if not sign or not service or not tag:
            raise click.BadParameter(f"`{word}` must have the form SERVICE=TAG.", param_hint="--tag")
        if found.setdefault(service, tag) != tag:
            raise click.BadParameter(f"`{service}` has two tags.", param_hint="--tag")
    return found


def teller(form: str = "text") -> Teller:
    """Make who speaks for a command, in a form."""
    if form == "json":
        from msaspec.messages.reporters.json import Json

        return Json()
    from msaspec.messages.reporters.text import Text

    return Text()


def give(
    teller: Teller,
    message: Message,
    text: str,
    output: str | None = None,
    *,
    inputs: Iterable[str] = (),
    manifests: bool = False,
    fresh: bool = False,
) -> None:
    """Write data to a file, as `output.write` does, or give it as a result: to people as UTF-8 whatever the locale."""
    if output is None or output == "-":
        teller.result(message, lambda: printable.data(text))
        return
    from msaspec.cli import output as files
    from msaspec.messages.general import Written

    files.write(text, output, inputs=inputs, manifests=manifests, fresh=fresh)
    teller.say(Written(output))


def show(text: str) -> None:
    """Text of several lines for people on stdout, in its encoding. It has no styles of its own."""
    printable.echo(printable.page(text.rstrip("\n"), styled=False))
