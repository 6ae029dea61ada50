"""Secrets written into the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.compile.plan import Plan
from msaspec.diagnostics import credentials
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, render
from msaspec.language import reference
from msaspec.language.base import Model
from msaspec.language.files import File
from msaspec.language.runtime import Workload

LITERAL_CREDENTIAL = Code(
    "MSA304",
    "A credential in the manifest",
    """
    A value looks like a credential: by its own form, such as a Stripe key, a GitHub token or a private key; or by the
    name of its variable or flag. A value in the manifest is also in the repository, in the template, and in the user
    data or task definition, where everyone with `ec2:DescribeInstanceAttribute` or `ecs:DescribeTaskDefinition` can
    read it. Put it into Secrets Manager or SSM Parameter Store and name it under `secrets`:

        secrets:
          API_KEY: /shop/api-key

    If it has already been committed, revoke it and issue a new one: the old one is in the history of the repository. A
    value that protects nothing, such as a demo key from documentation, can be accepted with a reason:

        accept:
          services.web.env.API_KEY: A test key of Stripe's documentation.

    msaspec never prints the value itself, neither in messages nor in excerpts or JSON.
    """,
)
UNUSED = Code(
    "MSA317",
    "An accepted path that does not exist",
    """
    `accept` says why a value is not a credential, by its path in the manifest. Nothing at this path needs to be
    accepted: the value was removed, or the path is misspelt. Write paths as the JSON messages do:
    `services.web.env.API_KEY`, `services.web.command[1]`.
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Nothing in the manifest looks like a credential, unless it is accepted."""
    accepted, used = plan.root.accept, set()
    for path, what, hint in _found(plan):
        names = {render(path), render(path[:-1]), render(_default(path))}
        if known := names & accepted.keys():
            used |= known
            continue
        how = f"If it protects nothing, give the reason under `accept: {{{render(path)}: ...}}`."
        yield LITERAL_CREDENTIAL.at(path, what, hint=f"{hint} {how}", hides=True)
    data = plan.manifest.document.data()
    for name in accepted:
        # In another environment it may be there.
        if name not in used and (name in _paths(data) or not (plan.manifest.environment or data.get("environments"))):
            message = f"Nothing at `{name}` needs to be accepted."
            yield UNUSED.at(("accept", name), message, hint="Remove the line, or correct the path.", key=True)


def _found(plan: Plan) -> Iterator[tuple[Path, str, str]]:
    """Paths of what looks like a credential, each with a sentence and a hint."""
    known: set[Path] = set()
    for _, workload in plan.workloads:
        name, spec = workload.name, workload.spec
        for variable, text in spec.env.items():
            pieces = reference.parse(text)
            literal = "".join(piece for piece in pieces if isinstance(piece, str))
            if credentials.form(literal) or (len(pieces) == 1 and credentials.is_named(variable, literal)):
                path = (*workload.path, "env", variable)
                known.add(path)
                what = f"The variable `{variable}` of `{name}` looks like {_what(literal)}."
                yield (
                    path,
                    what,
                    f"Keep it in SSM or Secrets Manager: `secrets: {{{variable}: /{plan.site.system}/...}}`.",
                )
        for argument, text in (spec.build.args if spec.build else {}).items():
            if credentials.is_named(argument, text) or credentials.form(text):
                path = (*workload.path, "build", "args", argument)
                known.add(path)
                said = f"The build argument `{argument}` of `{name}` looks like {_what(text)}, and stays in the image."
                yield path, said, f"Pass it as a secret of the build: `secrets: {{{argument}: {{env: {argument}}}}}`."
        for at, flag in credentials.in_words(spec.command):
            path = (*workload.path, "command", at)
            if path not in known:
                known.add(path)
                said = f"The value of `{flag}` in the command of `{name}` looks like a credential."
                yield path, said, "Have the program read it from a variable, and put that under `secrets`."
        for line, place, file in _files(workload):
            there = plan.manifest.document.files.get(file.file) if file.file is not None else None
            if there and (form := credentials.form(there.text)):
                what = f"The file `{file.file}` of `{name}` looks like it holds {form}."
                hint = f"Keep it in a secret: `{place}: {{secret: NAME}}`."
                yield line, what, hint
    for edge in plan.edges:
        for word, text in edge.use.texts.items():
            if form := credentials.form(text):
                said = f"The file of `{word}` of `{edge.use.service}` looks like it holds {form}."
                yield (*edge.use.path, word), said, "Leave it out, and have the service write it from a secret."
    for path, text in _texts(plan.manifest.document.data()):
        form = credentials.form(text) if path[0] not in ("environments", "accept") and path not in known else None
        if form:
            hint = "Keep it in SSM or Secrets Manager, and refer to it under `secrets`."
            yield path, f"The value of `{render(path)}` looks like {form}.", hint


def _files(workload: Workload[Model]) -> Iterator[tuple[Path, str, File]]:
    """Yield the files of the containers of a service, each with its line."""
    for place, file in workload.spec.files.items():
        yield (*workload.path, "files", place), place, file
    for each in workload.sidecars:
        for place, file in each.spec.files.items():
            yield (*workload.path, "sidecars", each.name, "files", place), place, file


def _what(literal: str) -> str:
    return credentials.form(literal) or "a credential"


def _default(path: Path) -> Path:
    """Return the place of a value if it came from `defaults`."""
    return ("defaults", *path[2:]) if path[:1] == ("services",) else path


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, (*path, position))


def _paths(data: Any) -> set[str]:
    return {render(path) for path, _ in _texts(data)}
