"""`msaspec lint` of somebody else's files, such as those of a pull request: it runs none, and cannot be silenced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec.cli import main
from msaspec.linting import cfn_lint, configuration, sealed, settings
from tests import told

SMALL = """\
msaspec: 1
name: small
region: eu-west-1
network: {placement: public}
services:
  web: {image: docker.io/nginx:1.29, port: 80}
"""
FAULTY = SMALL + "patches:\n  - {op: add, path: /Resources/X, value: {Type: AWS::S3::Bukket}}\n"
RULE = """
with open({place!r}, "w") as file:
    file.write("ran")
from cfnlint.rules import CloudFormationLintRule
class Evil(CloudFormationLintRule):
    id, shortdesc, description, source_url, tags = "E9999", "", "", "", []
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the user, and a checkout as the working directory."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CI", "AWS_REGION", "AWS_DEFAULT_REGION", configuration.TRUSTED, "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(sealed.CACHE_DIR, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "here")
    cfn_lint._rules.cache_clear()
    Path("msa.yaml").write_text(FAULTY, "utf-8")
    return tmp_path


def run(*words: str) -> Result:
    """`msaspec lint`."""
    return CliRunner().invoke(main, ["lint", *words], catch_exceptions=False)


def evil(folder: Path, place: Path) -> None:
    """Rules in a folder that write a file when they are loaded."""
    folder.mkdir()
    (folder / "Evil.py").write_text(RULE.format(place=str(place)), "utf-8")


@pytest.mark.parametrize("name", configuration.NAMES)
def test_rules_of_the_checkout_are_not_loaded(name: str, alone: Path) -> None:
    """Nor are its checks silenced; a line says that there is a configuration, and how to trust it."""
    evil(Path("rules"), alone / "ran")
    Path(name).write_text("append_rules: [rules]\nignore_checks: [E, W]\n", "utf-8")
    result = run()
    assert result.exit_code == 1
    assert "error E3006" in result.stdout
    assert f"Ignored: {name}, which --cfnlintrc {name} or MSASPEC_CFNLINTRC would trust." in result.stderr
    assert not (alone / "ran").exists()


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_configuration_that_is_named_is_in_force(by: str, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it says, and a line says that, and what it loads."""
    evil(Path("rules"), alone / "ran")
    Path(".cfnlintrc").write_text("append_rules: [rules]\nignore_checks: [E3006]\ntemplates: [x/*]\n", "utf-8")
    monkeypatch.setenv(*(configuration.TRUSTED, ".cfnlintrc") if by == "variable" else ("NOTHING", ""))
    result = run(*(["--cfnlintrc", ".cfnlintrc"] if by == "option" else []))
    assert (result.exit_code, "no findings" in result.stdout) == (0, True)
    assert result.stderr.startswith("cfn-lint configuration: .cfnlintrc (append_rules: rules)\n")
    assert (alone / "ran").exists()


def test_the_configuration_of_the_home_folder_is_the_users_own(alone: Path) -> None:
    """It is in force, and a line says so."""
    (alone / "home" / ".cfnlintrc.yaml").write_text("ignore_checks: [E3006]\n", "utf-8")
    result = run()
    assert result.exit_code == 0
    assert result.stderr == f"cfn-lint configuration: {alone / 'home' / '.cfnlintrc.yaml'}\n"


def test_a_home_folder_in_the_checkout_is_the_checkouts(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some CI systems have it so."""
    for home in (Path(), Path("home")):
        home.mkdir(exist_ok=True)
        (home / ".cfnlintrc").write_text("ignore_checks: [E, W]\n", "utf-8")
        monkeypatch.setenv("HOME", str(home.absolute()))
        assert run().exit_code == 1


def test_the_home_folder_names_nothing_of_the_checkout(alone: Path) -> None:
    """A relative path of the user's own configuration would lead into whichever folder the command runs in."""
    evil(Path("rules"), alone / "ran")
    (alone / "home" / ".cfnlintrc").write_text("append_rules: [rules]\n", "utf-8")
    result = run()
    assert result.exit_code == 1
    assert "MSA501: The configuration in the home folder names `rules` of the working directory." in result.stdout
    assert not (alone / "ran").exists()
    evil(alone / "home" / "own", alone / "own ran")
    (alone / "home" / ".cfnlintrc").write_text("append_rules: [~/own]\n", "utf-8")
    assert "E3006" in run().stdout
    assert (alone / "own ran").exists()


@pytest.mark.parametrize("text", ["nonsense: 1\n", "a: [\n", "append_rules: [nowhere]\n"])
def test_a_configuration_that_cannot_be_used(text: str) -> None:
    """It is told as such, at its file; so is one that is not there."""
    Path("own.yaml").write_text(text, "utf-8")
    result = run("--cfnlintrc", "own.yaml")
    assert result.exit_code == 1
    assert result.stdout.startswith("own.yaml:1:1: error MSA501: cfn-lint cannot use its configuration")
    absent = run("--cfnlintrc", "absent.yaml", "--format", "json")
    assert (absent.exit_code, told.rows(absent.stdout)[0]["code"]) == (1, "MSA501")


SILENCING = {"config": {"ignore_checks": ["E3006", "E3002", "E", "", "W3010"]}}


@pytest.mark.parametrize("path", ["/Metadata/cfn-lint", "/Resources/X/Metadata"])
def test_a_patch_silences_no_error(path: str) -> None:
    """Metadata of the template is the manifest's author's."""
    value = SILENCING if path == "/Metadata/cfn-lint" else {"cfn-lint": SILENCING}
    Path("msa.yaml").write_text(FAULTY + f"  - {{op: add, path: {path}, value: {json.dumps(value)}}}\n", "utf-8")
    result = run()
    assert result.exit_code == 1
    assert "error E3006" in result.stdout


DOCUMENTS = """\
msaspec: 1
name: shop
network: {placement: public}
databases: {orders: {engine: documentdb, size: db.t4g.medium}}
services: {cart: {image: "ghcr.io/x/cart:1", uses: [orders]}}
patches:
  - {op: add, path: /Resources/OrdersDocumentsInstance1/Metadata, value: {cfn-lint: {config: {ignore_checks: [E3620]}}}}
  - {op: add, path: /Resources/OrdersDocumentsInstance1/Properties/DBInstanceClass, value: CLASS}
  - {op: add, path: /Resources/OrdersDocuments/Properties/EngineVersion, value: VERSION}
"""


@pytest.mark.parametrize(
    ("version", "size", "found"),
    [
        ('"5.0"', "db.serverless", []),
        ('"8.0.2"', "db.r6g.large", []),
        ('"4.9"', "db.r6g.large", ["E3030"]),
        ('"5.0"', "db.z9.large", ["MSA393"]),
    ],
)
def test_only_what_there_is_passes_over_a_list_that_lacks_it(version: str, size: str, found: list[str]) -> None:
    """cfn-lint knows not all versions and classes of DocumentDB; those that there are pass, and no other. A class that
    no Region has is an error of msaspec, which no metadata silences."""
    Path("msa.yaml").write_text(DOCUMENTS.replace("VERSION", version).replace("CLASS", size), "utf-8")
    said = run().stdout
    assert [rule for rule in ("E3030", "E3620", "MSA393") if f"error {rule}" in said] == found


def test_the_cache_of_a_checkout_changes_nothing(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of verdicts that was filled elsewhere, or by hand, is as good as an empty one."""
    monkeypatch.setenv(sealed.CACHE_DIR, "cache")
    assert run().exit_code == 1
    for file in Path("cache/verdicts").iterdir():
        file.write_text("[]", "utf-8")
    assert run().exit_code == 1
    monkeypatch.setenv("HOME", str(alone / "here" / "..") + "/home2")
    (alone / "home2").mkdir()
    Path("msa.yaml").write_text(SMALL, "utf-8")
    assert run().exit_code == 0


def test_in_ci_there_is_no_cache_unless_it_is_chosen(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is restored from somewhere else is not asked."""
    monkeypatch.delenv(sealed.CACHE_DIR)
    monkeypatch.setenv("XDG_CACHE_HOME", str(alone / "restored"))
    monkeypatch.setenv("CI", "true")
    assert run().exit_code == 1
    assert not (alone / "restored").exists()
    assert settings.settings().cache is None
    monkeypatch.setenv(sealed.CACHE_DIR, str(alone / "own"))
    assert settings.settings().cache is not None
    monkeypatch.delenv("CI")
    monkeypatch.delenv(sealed.CACHE_DIR)
    assert settings.settings().cache is not None


def test_modules_of_the_checkout_are_not_imported(alone: Path) -> None:
    """Neither by the command, nor by the one that lints beside a deployment into the sandbox."""
    for name in ("click", "yaml", "boto3", "json", "cfnlint", "moto", "platformdirs", "msaspec"):
        Path(f"{name}.py").write_text(f"open({str(alone / 'ran')!r}, 'a').write({name!r})", "utf-8")
    Path("msa.yaml").write_text(SMALL, "utf-8")
    program = Path(sys.executable).with_name("msaspec")
    for words in (["lint"], ["deploy", "--sandbox", "--yes"], ["compile"], ["explain", "web"]):
        done = subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
    assert not (alone / "ran").exists()


def test_what_never_ends_is_not_read(alone: Path) -> None:
    """A link of the checkout to a device, or a pipe: neither as a configuration nor as a manifest."""
    Path("msa.yaml").write_text(SMALL, "utf-8")
    os.symlink("/dev/zero", ".cfnlintrc")
    os.symlink("/dev/zero", "zero.yaml")
    os.mkfifo("pipe.yaml")
    program = Path(sys.executable).with_name("msaspec")
    for files, code in ((["msa.yaml"], 0), (["zero.yaml"], 2), (["--only-manifests", "pipe.yaml"], 2)):
        done = subprocess.run([program, "lint", *files], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stderr


def test_the_hook_trusts_nothing_of_the_repository() -> None:
    """pre-commit runs the command as it is, without a word that would trust a configuration."""
    hooks = (Path(__file__).parents[1] / ".pre-commit-hooks.yaml").read_text("utf-8")
    assert "entry: msaspec lint --only-manifests\n" in hooks
    assert os.environ.get(configuration.TRUSTED) is None
