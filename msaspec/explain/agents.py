"""Files that teach coding agents to write manifests: `AGENTS.md`, which most agents read, and a skill.

They are made of what msaspec knows of itself, the list of commands, the models of the manifest, the diagnostics and the
starter, so that they say what this version does.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import msaspec
from msaspec.diagnostics import printable
from msaspec.explain import catalogue, reference
from msaspec.language.kind import AnyKind
from msaspec.manifest.sections import kinds, runtimes

FILE = "AGENTS.md"
"""What agents read first. Whatever else is in it stays."""
SKILL = ".claude/skills/msaspec"
"""The folder of the skill. An agent that knows no skills finds it by `AGENTS.md`."""
BEGIN = "<!-- msaspec: begin. Written by `msaspec init --agents`, which replaces what is between these two lines. -->"
END = "<!-- msaspec: end -->"
NOTICE = (
    f"<!-- Written by `msaspec init --agents` of msaspec {msaspec.__version__}. Write it again after an upgrade. -->"
)
MARK = "<!-- Written by `msaspec init --agents` of msaspec "
"""How a file begins that may be written again."""

_OF_PEOPLE = frozenset(("cancel", "clean", "continue-rollback", "deploy", "destroy", "push", "secret"))
"""Commands that change something in an account."""


def instructions(manifest: str) -> str:
    """Return the section of `AGENTS.md`, between its two marks."""
    word, manifest = printable.line(shlex.quote(manifest)), printable.line(manifest)
    return f"""{BEGIN}
## The system in AWS: {manifest}

`{manifest}` describes the whole system for [msaspec]({SKILL}/SKILL.md): services, stores, and which service
uses what. It is compiled into CloudFormation. Change the manifest, never a template.

1. Read `{SKILL}/SKILL.md` before you change the manifest.
   Every key is in `{SKILL}/reference.md`; do not guess one.
2. After each change run `msaspec lint --format json {word}`.
   Each line of a finding is an object with `code`, `message`, `hint`, `file` and `line`. Do what `hint` says, and
   repeat until the exit code is 0. `msaspec explain CODE` prints what a code means.
3. Show what would change: `msaspec diff {word} --against git:HEAD`.
   Try it without an account: `msaspec deploy --sandbox --yes {word}`.
4. Leave {_listed(sorted(_OF_PEOPLE))} to people,
   unless they ask for it: these commands change an account. Never use `--allow-replace`, `--delete-data`, `--force`
   or `protect: false` by yourself: data could be lost.
5. Write no password, token or key into the manifest. Name where it is under `secrets`.
{END}
"""


def merged(before: str | None, manifest: str) -> str:
    """Return the text of `AGENTS.md` with the section in it, in place of the one that it has.

    >>> merged("# Ours\\n", "msa.yaml").splitlines()[0], merged(merged(None, "a.yaml"), "b.yaml").count(BEGIN)
    ('# Ours', 1)
    """
    section = instructions(manifest)
    if not before or not before.strip():
        return f"# Instructions for agents\n\n{section}"
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if begin and end:
        return f"{head}{section.rstrip()}{tail}"
    return f"{before.rstrip()}\n\n{section}"


def skill(commands: Mapping[str, str], starter: str) -> Mapping[str, str]:
    """Return the files of the skill by their names, from the commands with what each does, and the starter."""
    return {
        "SKILL.md": _skill(commands, starter),
        "reference.md": f"{NOTICE}\n\n{reference.page()}",
        "diagnostics.md": _diagnostics(),
    }


def _skill(commands: Mapping[str, str], starter: str) -> str:
    rows = "\n".join(f"| `msaspec {name}` | {about} |" for name, about in commands.items())
    named = ", ".join(f"`{name}`" for name in runtimes())
    sections = "\n".join(f"| `{kind.section}` | {_uses(kind)} |" for kind in kinds())
    return f"""---
name: msaspec
description: Write and change msaspec manifests (msa.yaml), which describe a system of microservices on AWS. Use it to
  add or change a service, database, bucket, queue, topic, table, cache, secret, path, domain or environment, and to
  read errors of msaspec.
---
{NOTICE}

# Writing an msaspec manifest

A manifest is one YAML file, by default `msa.yaml`. Its top level has sections; an entry of a section has a name, which
means one thing in the whole file. Names are lower case letters and digits with single dashes between.

- Every key is in [reference.md](reference.md). Unknown keys are errors: do not invent any, and do not write those of
  compose, Kubernetes or CloudFormation.
- Everything that is not declared stays closed. A service reaches what is named under its `uses`, and nothing else.
- A use injects variables, such as `MAIN_URL` for `uses: [main]`. Where a program wants other names, write
  `env: {{DB: "${{main.url}}"}}`; a reference needs the use. The end of reference.md lists the attributes of each kind.
- Leave out a key whose default fits. An empty map is written with nothing behind its colon: `media:`.
- Sizes and times have units: `20 GiB`, `7 days`. `$` in `env` is written `$$`.
- `runtime` is one of {named}.
- `image: name:tag` without a registry is an image that the system owns; `build: ./folder` says where its Dockerfile is.
  An image of Docker Hub is written with its registry: `docker.io/library/nginx:1.29`.
- `paths` make a service public. A service without `port` is a worker, which nobody calls.
- A password, token or key never stands in the file: a database and its password come by `uses`, others by `secrets`.

| section | options of its entries under `uses` |
| --- | --- |
{sections}
| `services` | `ports` |

## The loop

1. Change the manifest.
2. `msaspec lint --format json` prints one object a line. An `error` must go; do what its `hint` says.
   [diagnostics.md](diagnostics.md) lists the codes, and `msaspec explain CODE` prints the page of one.
3. Repeat until the exit code is 0. Then read `msaspec explain SERVICE` to see that the service gets what was wanted,
   and `msaspec diff --against git:HEAD` to see what an update would replace.
4. `msaspec deploy --sandbox --yes` deploys into an emulated AWS in memory, if the extra `sandbox` is installed.

Exit codes: 0 success, 1 an error in the manifest, 2 wrong usage, 3 AWS or the network.

## A manifest that is right

```yaml
{starter.rstrip()}
```

## Commands

`msaspec COMMAND --help` lists options; `--format json` gives objects to read.
{_listed(sorted(_OF_PEOPLE))} change an account: leave them to people unless they ask for it.

| command | what it does |
| --- | --- |
{rows}
"""


def _uses(kind: AnyKind) -> str:
    names = [field.alias or name for name, field in kind.options.model_fields.items()]
    return ", ".join(f"`{name}`" for name in names) or "none"


def _diagnostics() -> str:
    rows = "\n".join(f"| {code.id} | {code.severity} | {code.title} |" for code in catalogue.codes().values())
    about = "`msaspec explain CODE` prints the page of one, also of a rule of cfn-lint, such as E3012."
    return f"{NOTICE}\n\n# Diagnostics\n\n{about}\n\n| code | severity | title |\n| --- | --- | --- |\n{rows}\n"


def _listed(names: list[str]) -> str:
    """Return commands in a sentence."""
    shown = [f"`{name}`" for name in names]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
