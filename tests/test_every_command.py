"""Every command that reads a manifest works on every manifest that is right: no traceback, the right exit code.

The manifests are those of `tests/cases` that compile, the examples and the starter, each with all its environments.
What depends little on the manifest is tried with a part of them, and with all where MSASPEC_WHOLE=1 is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.cli.app import App
from msaspec.deploy import settable
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.linting import cfn_lint
from msaspec.pipeline import Compiled
from msaspec.template import render
from tests import goldens, sampling
from tests.deploy import by_hand
from tests.deploy.account import Account, opened

BROKEN_BY_PATCHES = ("patch-of-a-rule-is-odd", "patch-of-policies-is-a-number")
"""What cfn-lint refuses, by the patches that they show."""
REFUSED = ("patch-of-a-rule-is-odd",)
"""What CloudFormation refuses of them as a template."""
OFFLINE = {"compile", "diff", "draw", "explain", "export", "lint", "policy"}
ONLINE = {
    "cancel",
    "clean",
    "continue-rollback",
    "deploy",
    "destroy",
    "jobs",
    "logs",
    "outputs",
    "push",
    "run",
    "secret",
    "status",
    "verify",
}
WITHOUT_A_MANIFEST = {"import", "completion", "init", "sandbox", "schema"}


@dataclass(frozen=True)
class Case:
    """A manifest and one of its environments that compiles."""

    file: Path
    environment: str | None
    compiled: Compiled

    @property
    def words(self) -> list[str]:
        """The option that chooses the environment."""
        return ["--env", self.environment or "-"]

    @property
    def names(self) -> list[str]:
        """What it can be asked to explain."""
        plan = self.compiled.plan
        return [w.name for _, w in plan.workloads] + [e.name for _, entries in plan.entries for e, _ in entries]

    @property
    def id(self) -> str:
        """The name of its folder, and the environment."""
        return "-".join(filter(None, [self.file.parent.name, self.environment]))


def cases() -> Iterator[Case]:
    """All that compile."""
    starter = Path(pipeline.__file__).parent / "cli" / "starter.yaml"
    for file in [*(folder / "msa.yaml" for folder in goldens.cases()), *goldens.examples(), starter]:
        try:
            document = pipeline.load(file.read_bytes(), str(file))
            pipeline.compile_system(document)
            names = (None, *pipeline.environments(document))
            yield from [Case(file, name, pipeline.compile_main(document, name)) for name in names]
        except Invalid:
            continue


CASES = list(cases())
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
third = pytest.mark.parametrize("case", sampling.one_of(3, CASES), ids=lambda case: case.id)
some_cases = pytest.mark.parametrize("case", sampling.one_of(6, CASES), ids=lambda case: case.id)


def run(*words: str, codes: tuple[int, ...] = (0,), app: App | None = None) -> Result:
    """A command, which ends with one of the codes and never by an exception of Python's."""
    result = CliRunner().invoke(main, list(words), obj=app)
    assert isinstance(result.exception, SystemExit | None), (words, result.exception)
    assert result.exit_code in codes, (words, result.exit_code, result.output)
    return result


def test_no_command_is_left_out() -> None:
    """A new command is tried here too, or is said to read no manifest."""
    assert set(main.list_commands(None)) == OFFLINE | ONLINE | WITHOUT_A_MANIFEST  # type: ignore[arg-type]
    assert len(CASES) > 50


@some_cases
def test_lint(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lint` in every form. What cfn-lint finds in the other cases is tested beside their goldens."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path))
    errors = (1,) if case.file.parent.name in BROKEN_BY_PATCHES else (0,)
    for form in ("text", "json"):
        run("lint", str(case.file), *case.words, "--format", form, codes=errors)


@every_case
def test_what_needs_no_account(case: Case, tmp_path: Path) -> None:
    """`compile` and `diff` in every form, `draw`, and `explain` of everything that the manifest names."""
    file, words = str(case.file), case.words
    written = str(tmp_path / "written.yaml")
    run("compile", file, *words, "-o", written)
    run("compile", file, *words, "--format", "json")
    run("compile", file, *words, "--stack", "registry", codes=(0, 2))
    for form in ("text", "json"):
        run("diff", file, *words, "--against", file, "--format", form)
        run("diff", file, *words, "--against", written, "--format", form)
    run("export", "compose", file, *words)
    for form in ("mermaid", "dot"):
        run("draw", file, *words, "--format", form)
    run("diff", file, *words, "--against", str(goldens.EXAMPLES / "msa.yaml"), codes=(0, 1))
    for name in case.names:
        page = run("explain", name, file, *words).stdout
        assert page.startswith(f"{name}: ")
        assert not re.search(r"^  [\w.]+ +((\{\}|\[\]) +)?default$", page, re.MULTILINE), "a default that says nothing"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An emulated account for all of them, in which no stack is ever made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cfn_lint, "examine", lambda *arguments: ())  # what it finds is tested elsewhere
        patch.setenv("MSASPEC_CACHE_DIR", str(tmp_path_factory.mktemp("verdicts")))
        with opened(tmp_path_factory.mktemp("account"), patch) as account:
            yield account


@third
def test_a_first_deployment_is_shown(case: Case, account: Account) -> None:
    """`deploy --dry-run` shows what would be made, where it has all tags and secrets."""
    untagged = any(w.image.owned and not w.image.tag for _, w in case.compiled.plan.workloads)
    unset = any(each.users for each in settable.of(case.compiled.plan))
    refused = case.file.parent.name in REFUSED or case.compiled.stack.taken  # of systems that are not there
    expected = 3 if refused else 1 if untagged or unset else 0
    run("deploy", str(case.file), *case.words, "--dry-run", codes=(expected,), app=account.app())
    left = account.stack(case.compiled.stack.name)
    assert left is None or left["StackStatus"] == "DELETE_IN_PROGRESS"  # a stack of which only a change set was made


@some_cases
def test_an_account_without_the_stack(case: Case, account: Account) -> None:
    """What is about a stack says that there is none."""
    file, words = str(case.file), case.words
    reach = partial(run, app=account.app())
    reach("deploy", file, *words, "--dry-run", "--format", "json", codes=(0, 1, 3))
    reach("diff", file, *words, "--against", "stack", codes=(0, 1))
    reach("status", file, *words, codes=(3,))
    reach("verify", file, *words, codes=(0, 1))
    reach("secret", "list", file, *words)
    reach("secret", "set", "nothing", "here", file, *words, codes=(2,))
    reach("secret", "rotate", "nothing", "here", file, *words, codes=(2,))
    reach("clean", file, *words, "--yes")
    reach("outputs", file, *words, codes=(3,))
    reach("cancel", file, *words, codes=(3,))
    reach("continue-rollback", file, *words, codes=(3,))
    reach("destroy", file, *words, "--yes", codes=(3,))
    reach("push", "--file", file, *words, codes=(0, 1, 3))
    for name in case.names:
        reach("logs", name, file, *words, codes=(3,))
        reach("run", name, file, *words, codes=(3,))
    reach("jobs", file, *words, codes=(3,))
    assert account.stack(case.compiled.stack.name) is None


@third
def test_an_account_with_the_stack(case: Case) -> None:
    """`status`, `outputs` and `diff --against stack` of the very template that the manifest compiles to, for somebody
    who may only look at stacks."""
    stack, file, words = case.compiled.stack, str(case.file), case.words
    outputs = [{"OutputKey": key, "OutputValue": key} for key in stack.template.get("Outputs", {})]
    tags = [{"Key": key, "Value": value} for key, value in stack.tags.items()]
    there = by_hand.deployed(stack.name, render.to_yaml(stack), Outputs=outputs, Tags=tags)
    there["rows"] = by_hand.deployed(stack.name, stack.template)["rows"]
    rest = {
        service: by_hand.closed()
        for service in (
            "autoscaling",
            "docdb",
            "dynamodb",
            "ec2",
            "ecs",
            "efs",
            "elasticache",
            "elbv2",
            "mq",
            "rds",
            "s3",
            "sqs",
        )
    }
    app = by_hand.Commands(by_hand.fake(cloudformation=by_hand.cloudformation(there), **rest)).app
    for form in ("text", "json"):
        run("status", file, *words, "--format", form, app=app)
        run("outputs", file, *words, "--format", form, app=app)
        run("diff", file, *words, "--against", "stack", "--stack", "main", "--format", form, app=app)
    run("outputs", file, *words, "--format", "env", app=app)
