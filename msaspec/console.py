"""What the commands share: reading a manifest, telling diagnostics, reaching AWS, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from msaspec import garbage

if TYPE_CHECKING:
    from msaspec.deploy.here import Here
    from msaspec.deploy.target import Aws, Target
    from msaspec.deploy.teller import Teller
    from msaspec.diagnostic import Diagnostic
    from msaspec.source import Document

DIAGNOSTICS = 1
"""Exit code when what the user wrote is wrong. Usage errors are 2 (click's own)."""
FAULT = 3
"""Exit code when AWS or the network would not, or a deployment failed."""
INTERRUPTED = 130
"""Exit code when the user stopped watching or broke off at a question, as shells have it for Ctrl-C."""

DEFAULT_FILE = "msa.yaml"

F = TypeVar("F", bound=Callable[..., Any])


def file_argument() -> Callable[[F], F]:
    """The manifest, as the last argument of a command."""
    return click.argument("file", default=DEFAULT_FILE, metavar="[FILE]")


def environment_option() -> Callable[[F], F]:
    """The option `--env`."""
    return click.option("--env", "environment", metavar="NAME", help="The environment, an entry of `environments`.")


def target_options() -> Callable[[F], F]:
    """The options that choose an account and a Region; they arrive as `target`."""
    options = (
        click.option("--region", metavar="REGION", help="The AWS Region. [default: that of the manifest]"),
        click.option("--profile", metavar="PROFILE", help="A profile of the AWS CLI's shared files."),
        click.option("--endpoint-url", metavar="URL", help="Another endpoint than AWS's, such as `msaspec sandbox`."),
    )

    def decorate(function: F) -> F:
        @wraps(function)
        def chosen(region: str | None, profile: str | None, endpoint_url: str | None, **rest: Any) -> Any:
            from msaspec.deploy.target import Target

            return function(target=Target(region, profile, endpoint_url), **rest)

        decorated: Any = chosen
        for option in reversed(options):
            decorated = option(decorated)
        return cast(F, decorated)

    return decorate


def format_option(*forms: str) -> Callable[[F], F]:
    """The option `--format`, which arrives as `form`; the first is the default."""
    return click.option("--format", "form", type=click.Choice(forms), default=forms[0], help=f"[default: {forms[0]}]")


def read(file: str) -> Document:
    """The document in a file, or in standard input for `-`."""
    from msaspec import pipeline

    if file == "-":
        return pipeline.load(sys.stdin.buffer.read(), "<stdin>")
    path = Path(file)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise click.UsageError(f"The manifest {file} {what}. Name another, or write one with `msaspec init`.")
    try:
        return pipeline.load(path.read_bytes(), file)
    except OSError as fault:
        raise click.UsageError(f"The manifest {file} cannot be read: {fault.strerror}.") from None


@contextmanager
def diagnosed() -> Iterator[None]:
    """Tells what is wrong with a manifest on stderr, and ends with its exit code.

    Garbage is left lying meanwhile: a command is short, and looking for it is a twelfth of its time.
    """
    with garbage.left_lying():
        from msaspec.diagnostic import Invalid

        try:
            yield
        except Invalid as invalid:
            tell(invalid.diagnostics)
            raise click.exceptions.Exit(DIAGNOSTICS) from None


@contextmanager
def told(teller: Teller) -> Iterator[None]:
    """Tells how a command that speaks to AWS ends when it does not end well, and ends with its exit code."""
    from msaspec.deploy.fault import Fault
    from msaspec.deploy.watch import Unwatched
    from msaspec.deploy.wish import Declined, Interrupted
    from msaspec.diagnostic import Invalid

    try:
        yield
    except Invalid as invalid:
        teller.diagnosed(invalid.diagnostics)
        raise click.exceptions.Exit(DIAGNOSTICS) from None
    except Fault as fault:
        teller.diagnosed(fault.diagnostics)
        teller.details(fault.details)
        raise click.exceptions.Exit(FAULT) from None
    except Declined as declined:
        teller.note("Nothing was changed.")
        raise click.exceptions.Exit(INTERRUPTED if isinstance(declined, Interrupted) else DIAGNOSTICS) from None
    except Unwatched:
        raise click.exceptions.Exit(INTERRUPTED) from None


def stack_option() -> Callable[[F], F]:
    """The option `--stack`, for a command about one of a system's two stacks."""
    return click.option(
        "--stack",
        type=click.Choice(["main", "registry"]),
        default="main",
        help="Which stack: the system's, or that of its image repositories. [default: main]",
    )


@dataclass(frozen=True)
class Reached:
    """The stacks of a manifest in the account and Region of a command."""

    aws: Aws
    here: Here
    system: str
    stacks: Mapping[str, str]
    """Their names: `main` and `registry`."""

    def of(self, stack: str) -> Here:
        """The commands that messages name, about one of the two stacks."""
        return replace(self.here, registry=stack == "registry")


@contextmanager
def reached(file: str, environment: str | None, target: Target) -> Iterator[Reached]:
    """AWS, in the Region that the command line or the manifest names."""
    from msaspec import pipeline
    from msaspec.deploy import target as reaching
    from msaspec.deploy.here import Here

    known = pipeline.identity(read(file), environment)
    with reaching.reached(target, known.region) as aws:
        stacks = {"main": known.stack, "registry": known.registry}
        yield Reached(aws, Here(file, environment, aws.words), known.system, stacks)


def teller(form: str = "text") -> Teller:
    """Who tells, in a form."""
    if form == "json":
        from msaspec.telling.json import Json

        return Json()
    from msaspec.telling.text import Text

    return Text()


def tags(words: Sequence[str]) -> dict[str, str]:
    """`SERVICE=TAG` words as a map."""
    found: dict[str, str] = {}
    for word in words:
        service, sign, tag = word.partition("=")
        if not sign or not service or not tag:
            raise click.BadParameter(f"`{word}` is not SERVICE=TAG.", param_hint="--tag")
        if found.setdefault(service, tag) != tag:
            raise click.BadParameter(f"`{service}` has two tags.", param_hint="--tag")
    return found


def answerable(yes: bool, what: str) -> None:
    """Raises a usage error where a question would find nobody to answer it."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"Nobody can be asked here. Say --yes to {what} without being asked.")


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics on stderr, for people."""
    from msaspec.report import text

    if diagnostics:
        click.echo(text.render(diagnostics), err=True)


def write(text: str, output: str | None = None) -> None:
    """Data: to a file, or to stdout as UTF-8 whatever the locale."""
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_bytes(text.encode())
    except OSError as fault:
        raise click.UsageError(f"{output} cannot be written: {fault.strerror}.") from None
    click.echo(f"Wrote {output}.", err=True)
