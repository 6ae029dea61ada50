"""The blocks of README and guides, and a shell that runs their commands in a sandbox of the page's own."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from msaspec import sandbox
from msaspec.cli import main
from msaspec.cli.app import App
from msaspec.sandbox.world import REGION
from msaspec.template import names
from tests.deploy.account import Account

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"(\$ )?(msaspec|aws|docker|curl|git|pipx|uv|python|venv/|pg_dump|export|eval|for|scripts/|json=)")
"""What begins a block of commands; one that begins otherwise is what a command writes."""

OUTSIDE: Mapping[str, str] = {
    "scripts/": "installs from the network; scripts/test runs them",
    "docker": "needs Docker",
    "pipx": "changes what is installed on the machine",
    "uv": "changes what is installed on the machine",
    "git clone": "changes what is installed on the machine",
    "python -m venv": "changes what is installed on the machine",
    "venv/bin/pip": "changes what is installed on the machine",
    "pg_dump": "needs two servers of PostgreSQL",
    "curl": "needs the hosts of a deployed system; tests/system has them",
    "json=": "belongs to curl",
    "for service in": "a loop of the shell; new accounts of the sandbox have no such roles to make",
    "msaspec sandbox": "ends at Ctrl-C; tests/sandbox starts it",
    "export AWS": "points the AWS CLI to the sandbox, where the commands of the page are anyway",
    "aws cloudformation deploy --template-file shop.yaml": "its values are ids of a stack of another system",
    "eval": "fills variables for curl",
    "msaspec secret rotate": "waits for copies that start anew; tests/deploy/test_secrets_rotated.py plays them",
    "msaspec push": "needs Docker; tests/deploy/test_pushing.py plays it",
}
"""Commands that the test does not run, by how they begin, with the reason."""


@dataclass(frozen=True)
class Block:
    """A block of a page."""

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its commands; none of an output, a manifest or a program."""
        if self.language not in ("", "console") or not LINE.match(self.text.lstrip()):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip().removeprefix("$ ") for line in lines if LINE.match(line.strip())]

    @property
    def output(self) -> str | None:
        """What a command writes, where the block shows that: all of it, or what follows the commands."""
        if self.language not in ("", "console"):
            return self.text if self.language == "json" else None
        lines = self.text.replace("\\\n", " ").splitlines()
        first = next((n for n, line in enumerate(lines) if line.startswith("$ ")), None)
        if first is not None:
            shown = [line for line in lines if not line.startswith("$ ")]
            return "\n".join(shown) if shown else None
        return None if self.commands or LINE.match(self.text.lstrip()) else self.text


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in their order."""
    return [
        Block(language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, text in FENCE.findall(page.read_text("utf-8"))
    ]


def outside(command: str) -> str | None:
    """The reason why a command is not run; None for one that is."""
    return next((why for begin, why in OUTSIDE.items() if command.startswith(begin)), None)


def shows(written: str, shown: str) -> Iterator[str]:
    """Yield each line of what is shown that what was written does not have, in this order. `...` is any text."""
    lines = [" ".join(line.split()) for line in written.splitlines()]
    at = 0
    for line in filter(None, (" ".join(each.split()) for each in shown.splitlines())):
        form = re.compile(".*".join(map(re.escape, line.split("..."))))
        found = next((n for n in range(at, len(lines)) if form.fullmatch(lines[n])), None)
        if found is None:
            yield line
        else:
            at = found + 1


@dataclass
class Shell:
    """Runs the commands of a page in a folder. The account is opened at the first command that asks for it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    ends: ExitStack
    written: str = ""
    """What the last command wrote."""
    ran: list[str] = field(default_factory=list)
    fails: Mapping[str, int] = field(default_factory=dict)
    """Exit codes other than 0, by how a command begins."""
    region: str = REGION
    """Where the account is looked at."""
    _account: Account | None = None

    @property
    def account(self) -> Account:
        """The emulated account."""
        if self._account is None:
            self._account = Account(self.ends.enter_context(sandbox.start()), self.folder, self.region)
        return self._account

    def app(self) -> App:
        """What commands reach the account through. Each of their questions is answered yes."""
        from msaspec.deploy.aws import target

        def ask(question: str) -> bool:
            click.echo(f"{question} [y/N]:", err=True)
            return True

        return App(lambda chosen, region: self.account.aws(target.options(chosen)), lambda: True, ask)

    def run(self, command: str) -> None:
        """Run a line, as a shell would. A redirection writes its file."""
        for word, value in {"$GIT_SHA": "1.1", "${fpath[1]}": ".", "~/": "./", "http://127.0.0.1:4566": "''"}.items():
            command = command.replace(word, value)
        words = shlex.split(command, comments=True)
        file = words[words.index(">") + 1] if ">" in words else None
        words = words[: words.index(">")] if file else words
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.monkeypatch.setenv(name, value)
            return
        code, stdout, stderr = self._aws(words[1:]) if words[0] == "aws" else self._msaspec(words[1:])
        self.written = stdout + stderr
        assert code == next((n for begin, n in self.fails.items() if command.startswith(begin)), 0), self.written
        if file:
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).write_text(stdout, "utf-8")
        self.ran.append(command)

    def _msaspec(self, words: list[str]) -> tuple[int, str, str]:
        words = [word for word in words if word not in ("--endpoint-url", "")]
        result = CliRunner().invoke(main, words, obj=self.app(), catch_exceptions=False)
        return result.exit_code, result.stdout, result.stderr

    def _aws(self, words: list[str]) -> tuple[int, str, str]:
        """Run a command of the AWS CLI by its model: the operation and the options are its own."""
        import boto3

        service, operation, *rest = words
        client = boto3.client(service, region_name="us-east-1") if self.account else None
        if service == "cloudformation" and operation == "deploy":
            given = dict(zip(rest[::2], rest[1::2], strict=True))
            text = (self.folder / given["--template-file"]).read_text("utf-8")
            client.create_stack(  # type: ignore[union-attr]
                StackName=given["--stack-name"], TemplateBody=text, Capabilities=[given["--capabilities"]]
            )
            assert self.account.settled(given["--stack-name"]) == "CREATE_COMPLETE"
            return 0, "", ""
        shape = client.meta.service_model.operation_model(  # type: ignore[union-attr]
            "".join(part.title().replace("Db", "DB") for part in operation.split("-"))
        )
        members = {_option(name): name for name in shape.input_shape.members}
        for option in rest[::2]:
            if option == "--query":
                continue
            assert option.removeprefix("--") in members, option
        return 0, "", ""

    def images(self, *services: str, tag: str = "1.0", system: str = "shop") -> None:
        """Put images into the repositories of the system."""
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        for service in services:
            manifest = {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": {"digest": f"sha256:{service}{tag}"},
                "layers": [],
            }
            self.account.world.client("ecr", self.region).put_image(
                repositoryName=names.repository(system, service), imageManifest=json.dumps(manifest), imageTag=tag
            )


def _option(name: str) -> str:
    from botocore import xform_name

    return xform_name(name, "-")


Step = Callable[[Shell], object]
