"""Manifests that are linted together, whose stacks would have one name."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec.cli import main
from msaspec.linting import cfn_lint

SYSTEM = """\
msaspec: 1
name: {name}
services: {{web: {{image: 'docker.io/library/nginx:1'}}}}
environments: {{{environments}}}
{more}
"""


@pytest.fixture(autouse=True)
def unlinted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cfn-lint finds nothing, at once, in a folder of the test's own."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cfn_lint, "examine", lambda *arguments: ())
    monkeypatch.chdir(tmp_path)


def write(name: str, environments: str = "", more: str = "") -> str:
    """A manifest; its file's name."""
    file = f"{name}{len(list(Path().glob('*.yaml')))}.yaml"
    Path(file).write_text(SYSTEM.format(name=name, environments=environments, more=more), "utf-8")
    return file


def lint(*files: str) -> Result:
    """The command's outcome."""
    return CliRunner().invoke(main, ["lint", *files])


def told(result: Result) -> list[str]:
    """What is told of names, without the lines that are shown."""
    return [line for line in result.stdout.splitlines() if "MSA346" in line]


def test_an_environment_and_a_system() -> None:
    """`store` with the environment `prod`, beside `store-prod`: an error in the second, whichever that is."""
    one, two = write("store", "prod: "), write("store-prod")
    result = lint(one, two)
    assert result.exit_code == 1
    assert told(result) == [
        "store-prod1.yaml:2:7: error MSA346: The stack `store-prod` would belong to the system `store-prod`,"
        " without an environment, and to the system `store`, environment `prod` in store0.yaml."
    ]
    assert told(lint(two, one)) == [
        "store0.yaml:4:16: error MSA346: The stack `store-prod` would belong to the system `store`,"
        " environment `prod`, and to the system `store-prod`, without an environment in store-prod1.yaml."
    ]


def test_the_repositories_of_a_system() -> None:
    """`store-registry` is what the stack of the repositories of `store` is called, if there are any or not."""
    (line,) = told(lint(write("store"), write("store-registry")))
    assert (
        "`store-registry` would belong to the system `store-registry`, without an environment, and to the image" in line
    )


def test_two_environments() -> None:
    """`a` with `b-c`, and `a-b` with `c`."""
    assert len(told(lint(write("aa", "b-c: {}"), write("aa-b", "c: {}")))) == 1


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("store", "prod: ", "region: eu-west-1"), ("store-prod", "", "region: us-east-1")),
        (("store", "prod: {region: eu-west-1}", ""), ("store-prod", "", "region: us-east-1")),
        (("store", "prod: ", ""), ("storeprod", "", "")),
        (("store", "prod: ", ""), ("store", "prod: ", "")),
    ],
)
def test_what_does_not_meet(one: tuple[str, str, str], two: tuple[str, str, str]) -> None:
    """Stacks of different Regions, names that only look alike, and two manifests of one system."""
    result = lint(write(*one), write(*two))
    assert (result.exit_code, told(result)) == (0, [])


def test_one_region_is_not_told() -> None:
    """Then both may be deployed into one."""
    assert len(told(lint(write("store", "prod: ", "region: eu-west-1"), write("store-prod")))) == 1


def test_an_environment_that_is_chosen() -> None:
    """With --env only the stacks of that environment are compared."""
    one, two = write("store", "prod: , dev: "), write("store-prod", "dev: ")
    assert told(CliRunner().invoke(main, ["lint", "--env", "dev", one, two])) == []


def test_a_manifest_that_is_wrong_elsewhere() -> None:
    """Its name is compared all the same; one without a name, and one that is no YAML, have none."""
    one, two = write("store", "prod: "), write("store-prod", more="buckts: ")
    Path("no.yaml").write_text("msaspec: 1\nservices: {}\n", "utf-8")
    Path("broken.yaml").write_text("a: [\n", "utf-8")
    result = lint(one, two, "no.yaml", "broken.yaml")
    assert (len(told(result)), result.exception.__class__) == (1, SystemExit)
