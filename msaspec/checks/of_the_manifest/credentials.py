"""Secrets written into the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msaspec.compile.plan import Plan
from msaspec.diagnostics import credentials
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, render
from msaspec.language import reference
from msaspec.language.base import Model
from msaspec.language.runtime import Workload
from msaspec.language.service import Service
from msaspec.language.sidecar import Sidecar

LITERAL_CREDENTIAL = Code(
    "MSA304",
    "A credential in the manifest",
    """
    A value looks like a credential: by its own form, such as a Stripe key, a GitHub token or a private key, also in
    Base64; or by the name of its variable, flag or setting, as in `PGPASSWORD`, `--password=` or a file's `password:`.
    Services, sidecars and jobs are checked: `env`, `command`, `entrypoint`, `health`, `files` and `build.args`.

    A value in the manifest is also in the repository, in the template, and in the user data or task definition, where
    everyone with `ec2:DescribeInstanceAttribute` or `ecs:DescribeTaskDefinition` can read it. Put it into Secrets
    Manager or SSM Parameter Store and name it under `secrets`:

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
        for found in _of_workload(plan, workload):
            if found[0] not in known:
                known.add(found[0])
                yield found
    for edge in plan.edges:
        for word, text in edge.use.texts.items():
            if what := _in_text(text):
                said = f"The file of `{word}` of `{edge.use.service}` looks like it holds {what}."
                yield (*edge.use.path, word), said, "Leave it out, and have the service write it from a secret."
    for path, text in _texts(plan.manifest.document.data()):
        form = credentials.form(text) if path[0] not in ("environments", "accept") and path not in known else None
        if form:
            hint = "Keep it in SSM or Secrets Manager, and refer to it under `secrets`."
            yield path, f"The value of `{render(path)}` looks like {form}.", hint


def _of_workload(plan: Plan, workload: Workload[Model]) -> Iterator[tuple[Path, str, str]]:
    """Yield what a service or a job and its sidecars hold."""
    spec, name = workload.spec, workload.name
    for argument, text in (spec.build.args if spec.build else {}).items():
        if credentials.is_named(argument, text) or _in_text(text):
            said = f"The build argument `{argument}` of `{name}` looks like {_what(text)}, and stays in the image."
            hint = f"Pass it as a secret of the build: `secrets: {{{argument}: {{env: {argument}}}}}`."
            yield (*workload.path, "build", "args", argument), said, hint
    for path, whose, container in _containers(workload):
        for variable, text in container.env.items():
            pieces = reference.parse(text)
            literal = "".join(piece for piece in pieces if isinstance(piece, str))
            named = len(pieces) == 1 and credentials.is_named(variable, literal)
            if named or credentials.form(literal) or _in_text(text):
                what = f"The variable `{variable}` of `{whose}` looks like {_what(literal)}."
                kept = f"`secrets: {{{variable}: /{plan.site.system}/...}}`"
                whose_own = container is not spec
                where = f"Have `{name}` write it into a file, or read it" if whose_own else "Keep it"
                yield (*path, "env", variable), what, f"{where} in SSM or Secrets Manager: {kept}."
        commands: list[tuple[Path, Sequence[str]]] = [
            ((*path, "command"), container.command),
            ((*path, "entrypoint"), container.entrypoint),
        ]
        if container.health:
            commands.append(((*path, "health", "command"), container.health.command))
        for place, words in commands:
            for at, flag in credentials.in_words(words):
                said = f"The value of `{flag}` in the {place[-1]} of `{whose}` looks like a credential."
                yield (*place, at), said, "Have the program read it from a variable, and put that under `secrets`."
        for place_of, file in container.files.items():
            line = (*path, "files", place_of)
            there = plan.manifest.document.files.get(file.file) if file.file is not None else None
            text_of = there.text if there else file.text
            if text_of and (form := _in_text(text_of)):
                said = f"The file `{file.file or place_of}` of `{whose}` looks like it holds {form}."
                hint = f"Keep it in a secret: `{place_of}: {{secret: NAME}}`."
                yield line if there else (*line, "text"), said, hint


def _containers(workload: Workload[Model]) -> Iterator[tuple[Path, str, Service | Sidecar]]:
    """Yield the containers of a service, each with its place and what it is called."""
    yield workload.path, workload.name, workload.spec
    for each in workload.sidecars:
        yield (*workload.path, "sidecars", each.name), f"{workload.name}/{each.name}", each.spec


def _in_text(text: str) -> str | None:
    """Return what a text of several settings holds."""
    if form := credentials.form(text):
        return form
    named = next((name for name, *_ in credentials.settings(text)), None)
    return f"a credential behind `{named}`" if named else None


def _what(literal: str) -> str:
    return _in_text(literal) or "a credential"


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
