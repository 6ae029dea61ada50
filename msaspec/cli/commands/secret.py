"""Set the secrets that services read, change them, and list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import completion, console, environments, exits, usage
from msaspec.cli.app import App, invocation_of, pass_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msaspec.deploy.aws.target import Target
    from msaspec.deploy.settable import Settable

FILE = "msa.yaml"


@click.command(name="secret")
@click.argument("action", type=usage.Choice(["list", "rotate", "set"]), metavar="list|rotate|set")
@click.argument("words", nargs=-1, metavar="[NAME [KEY]] [FILE]", shell_complete=completion.secrets)
@console.environment_option(deployed=True)
@console.target_options()
@console.format_option("text", "json")
@pass_app
def command(app: App, action: str, words: tuple[str, ...], environment: str | None, target: Target, form: str) -> None:
    """Set the secrets that services read, change them, and list them.

    \b
    msaspec secret set NAME KEY [FILE]        set a key of an entry of `secrets`, or set it anew
    msaspec secret rotate NAME [KEY] [FILE]   change a secret, and start anew what reads it
    msaspec secret list [FILE]                which keys are set, and since when; never a value

    The value is asked for on the terminal, or read from standard input, without the line break at its end:
    `msaspec secret set smtp password < password.txt`. It is kept as an encrypted parameter of Systems Manager. A
    service that runs keeps the value that it started with.

    `rotate` generates a new value of a generated secret, asks for that of a KEY that people set, and with `audit:
    {rotation: ...}` changes the password of a service on a database: `msaspec secret rotate main cart`. Then it starts
    the services that read it, and waits until they are up.
    """
    name, key, file = _taken(action, words)
    if action == "set" and file == "-":
        raise _twice()
    if action == "rotate":
        _rotate(app, name, key, file, environment, target, form)
        return
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), exits.exit_on_invalid(reporter):
        from msaspec import pipeline
        from msaspec.deploy import settable
        from msaspec.deploy.context import Context
        from msaspec.diagnostics import printable
        from msaspec.messages.others import SecretSet
        from msaspec.messages.results import KeptSecret

        document = console.read(file)
        environment = environments.required(document, environment)
        plan = pipeline.plan_of(document, environment)[0]
        known = [*settable.of(plan)]
        if action == "set":
            chosen = _chosen(known, name, key)
            value = _value(app, f"{name} {key}")
            with app.reached(target, plan.root.region) as aws:
                settable.put(aws, chosen, value)
            reporter.say(SecretSet(name, key, f"{settable.listed(chosen.users)} it"))
            return
        with app.reached(target, plan.root.region) as aws:
            context = Context(aws, reporter, invocation_of(document, file, environment, aws), document)
            there = settable.since(aws, known) if known else {}
            for each in known:
                when = there[each.parameter].strftime("%Y-%m-%d %H:%M UTC") if each.parameter in there else ""
                hint = context.command("secret", "set", each.name, each.key)
                line = f"{each.name} {each.key}: {f'set {when}' if when else f'not set. Set it: {hint}'}"
                told = KeptSecret(each.name, each.key, "set" if when else "empty", when)
                reporter.result(told, lambda line=line: printable.echo(printable.line(line)))  # type: ignore[misc]


def _taken(action: str, words: Sequence[str]) -> tuple[str, str, str]:
    """Return the name, the key and the file. A usage error where a word is missing or left over."""
    needed = {"list": 0, "rotate": 1, "set": 2}[action]
    if action == "rotate" and len(words) > 1 and not _is_file(words[1]):
        needed = 2
    if not needed <= len(words) <= needed + 1:
        form = {"list": "list", "rotate": "rotate NAME [KEY]", "set": "set NAME KEY"}[action]
        raise click.UsageError(f"Write `msaspec secret {form} [FILE]`.")
    name, key = (*words[:needed], "", "")[:2]
    return name, key, words[needed] if len(words) > needed else FILE


def _is_file(word: str) -> bool:
    """Return whether a word is a file: names and keys have neither dots nor slashes."""
    return word == "-" or not set(word).isdisjoint("./\\")


def _twice() -> click.UsageError:
    return click.UsageError("Standard input cannot be the manifest and the value. Name the file of the manifest.")


def _rotate(app: App, name: str, key: str, file: str, environment: str | None, target: Target, form: str) -> None:
    """Change a secret, and start anew what reads it."""
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), exits.exit_on_invalid(reporter), exits.exit_on_interrupt():
        from msaspec import pipeline
        from msaspec.deploy import rotation
        from msaspec.deploy.context import Context
        from msaspec.deploy.settable import Settable
        from msaspec.diagnostics.spelling import suggest

        document = console.read(file)
        environment = environments.required(document, environment)
        plan = pipeline.plan_of(document, environment)[0]
        known = {(each.name, each.key): each for each in rotation.of(plan)}
        if (chosen := known.get((name, key))) is None:
            there = [each.words for each in known.values()]
            otherwise = f"There are: {', '.join(there)}." if there else "There are none."
            words = f"{name} {key}".strip()
            if any(kind.section == "databases" and entry.title == name for kind, own in plan.made for entry, _ in own):
                otherwise += " Passwords on databases change with `audit: {rotation: 30 days}`, by NAME and SERVICE."
            raise click.UsageError(f"No secret `{words}` can change. {suggest(words, there, otherwise)}")
        asked = isinstance(chosen.what, Settable)
        if asked and file == "-":
            raise _twice()
        with app.reached(target, plan.root.region) as aws:
            context = Context(aws, reporter, invocation_of(document, file, environment, aws), document)
            change = rotation.Rotation(context, plan.site.stack, chosen)
            change.run(_value(app, chosen.words) if asked else "")


def _chosen(known: Sequence[Settable], name: str, key: str) -> Settable:
    for each in known:
        if (each.name, each.key) == (name, key):
            return each
    from msaspec.diagnostics.spelling import suggest

    there = [f"{each.name} {each.key}" for each in known]
    otherwise = f"There are: {', '.join(there)}." if there else "No entry of `secrets` has `keys` without `from`."
    raise click.UsageError(f"No secret `{name}` has a key `{key}` to set. {suggest(f'{name} {key}', there, otherwise)}")


def _value(app: App, what: str) -> str:
    """Return the value from the terminal, without showing it, or from standard input."""
    from msaspec.deploy.settable import LONGEST

    if app.answerable():
        value = app.ask_hidden(f"Value of {what}: ")
    else:
        try:
            value = console.read_input().decode("utf-8")
        except UnicodeDecodeError:
            raise click.UsageError("The value on standard input is not UTF-8 text.") from None
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError(f"The value of {what} is empty, which Systems Manager does not keep.")
    if "\0" in value or len(value.encode()) > LONGEST:
        raise click.UsageError(f"The value of {what} holds a NUL character or more than {LONGEST:,} bytes.")
    return value
