"""`msaspec diff`: its sides, its output, its exit codes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec.cli import main
from msaspec.template import render
from tests import told
from tests.template import compiled

TEXT = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: }
services:
  cart:
    image: cart:1
    port: 8000
environments:
  prod: {services: {cart: {port: 8001}}}
"""


def diff(*arguments: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(main, ["diff", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a manifest and a copy of it."""
    monkeypatch.chdir(tmp_path)
    for name in ("msa.yaml", "old.yaml"):
        Path(name).write_text(TEXT, "utf-8")
    return tmp_path


@pytest.fixture
def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, committed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "msa.yaml"], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_the_same_is_no_difference(folder: Path) -> None:
    """Formatting, comments and the order of keys are no change: nothing on stdout, exit code 0."""
    lines = TEXT.splitlines(keepends=True)
    Path("msa.yaml").write_text("# Ours.\n" + "".join([*lines[:2], *lines[4:], *lines[2:4]]), "utf-8")
    result = diff("--against", "old.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No difference.\n")


def test_changes_stand_under_their_entries(folder: Path) -> None:
    """A new tag is told under its service, with the property that replaces the instance; exit code 1."""
    Path("msa.yaml").write_text(TEXT.replace("cart:1", "cart:2"), "utf-8")
    result = diff("--against", "old.yaml")
    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["services.cart"]
    assert ["~", "CartLaunchTemplate", "changes", "image:", ".../cart:1", "->", ".../cart:2"] in rows
    assert ["±", "CartInstance", "replaced", "LaunchTemplate.Version"] in rows
    assert "\x1b" not in result.stdout
    assert result.stderr.startswith("1 entry differs: 1 resource changed, 1 replaced")


def test_git_is_the_default(repository: Path) -> None:
    """Without `--against` the last commit is the version before, also from another folder."""
    assert diff().exit_code == 0
    Path("msa.yaml").write_text(TEXT.replace("cart:1", "cart:2"), "utf-8")
    assert diff().exit_code == 1
    assert diff(str(repository / "msa.yaml"), "--against", "git:HEAD").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--against", "git:nowhere"], "no revision `nowhere`"),
        (["--against", "git:--all"], "no revision `--all`"),
        (["old.yaml"], "old.yaml is not in the revision `HEAD`"),
        (["-"], "Standard input"),
        (["--against", "gone.yaml"], "gone.yaml cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(repository: Path, arguments: list[str], said: str) -> None:
    """A revision or file that is not there ends with 2 and a sentence."""
    result = CliRunner().invoke(main, ["diff", *arguments], input=TEXT)
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr


def test_outside_of_a_repository_the_default_is_a_usage_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the way out."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    result = diff()
    assert result.exit_code == 2
    assert "--against PATH" in result.stderr


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("stack", ["main", "registry"])
def test_a_template_is_a_version_too(folder: Path, form: str, stack: str) -> None:
    """A template in either form compares as the manifest that it was compiled from."""
    written = CliRunner().invoke(main, ["compile", "--stack", stack, "--format", form, "-o", "before"])
    assert written.exit_code == 0
    assert diff("--against", "before", "--stack", stack).exit_code == 0
    Path("msa.yaml").write_text(TEXT.replace("cart:", "user:"), "utf-8")
    result = diff("--against", "before", "--stack", stack)
    assert result.exit_code == 1
    assert "services.cart" in result.stdout


def test_a_bad_template_is_a_usage_error(folder: Path) -> None:
    """A template without types is none."""
    Path("before").write_text("Resources: {A: {}}", "utf-8")
    result = diff("--against", "before")
    assert result.exit_code == 2
    assert "`A` has no `Type`" in result.stderr


def test_what_would_go_is_told_on_the_line_of_the_version_before(folder: Path) -> None:
    """A bucket that is removed is warned of, where the old manifest has it; the data stays."""
    Path("msa.yaml").write_text(TEXT.replace("buckets: {media: }\n", ""), "utf-8")
    result = diff("--against", "old.yaml")
    assert result.exit_code == 1
    assert "old.yaml:4:11: warning MSA510" in result.stderr
    assert "stays in the account" in result.stderr


def test_repositories_belong_to_it(folder: Path) -> None:
    """An image that goes takes its repository out of the registry stack; `--stack main` leaves that away."""
    Path("msa.yaml").write_text(TEXT.replace("cart:1", "basket:1"), "utf-8")
    assert "image repository `CartRepository`" in diff("--against", "old.yaml").stderr
    assert "Repository" not in diff("--against", "old.yaml", "--stack", "main").stdout


def test_json_is_a_list_of_changes(folder: Path) -> None:
    """Programs get every field, and nothing else on stdout; no change is an empty list."""
    assert told.rows(diff("--against", "old.yaml", "--format", "json").stdout, "change") == []
    Path("msa.yaml").write_text(TEXT.replace("cart:1", "cart:2"), "utf-8")
    found = told.rows(diff("--against", "old.yaml", "--format", "json").stdout, "change")
    instance = next(item for item in found if item["logical_id"] == "CartInstance")
    assert instance == {
        "code": "MSG109",
        "event": "change",
        "level": "result",
        "stack": "shop",
        "place": None,
        "entry": "services.cart",
        "logical_id": "CartInstance",
        "type": "AWS::EC2::Instance",
        "action": "replace",
        "retained": "Delete",
        "stateful": False,
        "deletes_first": False,
        "protected": False,
        "left_behind": [],
        "values": [],
        "properties": [{"path": "LaunchTemplate.Version", "replaces": "yes", "attribute": False}],
    }


def test_an_environment_is_compared_with_itself(folder: Path) -> None:
    """`--env` holds for both sides; an environment that is new is new as a whole."""
    Path("msa.yaml").write_text(TEXT.replace("8001", "8002"), "utf-8")
    assert diff("--against", "old.yaml").exit_code == 0
    assert diff("--against", "old.yaml", "--env", "prod").exit_code == 1
    Path("msa.yaml").write_text(TEXT + "  stage: {}\n", "utf-8")
    result = diff("--against", "old.yaml", "--env", "stage", "--stack", "main")
    assert "no environment stage" in result.stderr
    assert ("resources added" in result.stderr, " changed" in result.stderr) == (True, False)


def test_a_broken_manifest_is_told_as_ever(folder: Path) -> None:
    """On either side, faults stand on their lines; exit code 1, and nothing on stdout."""
    Path("bad.yaml").write_text(TEXT.replace("port: 8000", "port: no"), "utf-8")
    for arguments in (["bad.yaml", "--against", "old.yaml"], ["--against", "bad.yaml"]):
        result = diff(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "bad.yaml:8:" in result.stderr


@pytest.mark.parametrize("against", ["old.yaml", "old.template.yaml"])
def test_another_name_is_another_system(folder: Path, against: str) -> None:
    """Nothing of the old system is updated: all is new, and the line of the name says so. Of a template its Metadata
    tells the name."""
    Path("old.template.yaml").write_text(render.to_yaml(compiled(TEXT).stack), "utf-8")
    Path("msa.yaml").write_text(TEXT.replace("name: shop", "name: store"), "utf-8")
    result = diff("--against", against, "--format", "json")
    assert result.exit_code == 1
    (other,) = told.rows(result.stdout, "diagnostic")
    assert (other["code"], other["line"], other["column"]) == ("MSA519", 2, 7)
    assert "`store` is another system than `shop`" in other["message"]
    assert {row["action"] for row in told.rows(result.stdout, "change")} == {"add"}


def test_another_region_is_another_system(folder: Path) -> None:
    """The templates are the same, and the system is not. A Region that only one of the two names is no difference: the
    other may have had it from the command line."""
    one, other = (TEXT.replace("name: shop", f"name: shop\nregion: {region}") for region in ("eu-west-1", "us-east-1"))
    Path("old.yaml").write_text(one, "utf-8")
    Path("msa.yaml").write_text(other, "utf-8")
    result = diff("--against", "old.yaml")
    assert (result.exit_code, "resources added" in result.stderr, " changed" in result.stderr) == (1, True, False)
    assert "msa.yaml:3:9: warning MSA519: In us-east-1 it is another system than in eu-west-1" in result.stderr
    Path("msa.yaml").write_text(TEXT, "utf-8")
    assert "MSA519" not in diff("--against", "old.yaml").stderr


def test_termination_protection_that_goes_is_a_difference(folder: Path) -> None:
    """It is in no template, and `deploy` would lift it: `diff` says so on its line."""
    text = (folder / "msa.yaml").read_text("utf-8")
    (folder / "new.yaml").write_text(text + "protect: false\n", "utf-8")
    result = diff("new.yaml", "--against", "msa.yaml")
    assert result.exit_code == 1
    assert f"new.yaml:{len(text.splitlines()) + 1}:" in result.stderr
    assert "warning MSA518: The manifest says `protect: false`: the stack shop loses its" in result.stderr
    assert "No difference" not in result.stderr
    assert diff("msa.yaml", "--against", "new.yaml").exit_code == 0


def test_patches_belong_to_it(folder: Path) -> None:
    """What a patch changes is a change."""
    patch = "patches: [{op: replace, path: /Resources/Vpc/Properties/EnableDnsSupport, value: false}]\n"
    Path("msa.yaml").write_text(TEXT + patch, "utf-8")
    assert "EnableDnsSupport" in diff("--against", "old.yaml").stdout
