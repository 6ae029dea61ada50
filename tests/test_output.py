"""Where `-o` writes, and where it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec.cli import main

MANIFEST = (
    "msaspec: 1\nname: small\nnetwork: {placement: public}\nservices: {web: {image: 'docker.io/nginx:1', port: 80}}\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a manifest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "msa.yaml").write_text(MANIFEST, "utf-8")
    return tmp_path


def compiled(output: str, *more: str) -> Result:
    """`msaspec compile -o`."""
    return CliRunner().invoke(main, ["compile", *more, "-o", output], catch_exceptions=False)


def refused(output: str, why: str, *more: str) -> None:
    """The command ends with a usage error that names the reason."""
    result = compiled(output, *more)
    assert (result.exit_code, why in result.stderr) == (2, True), result.stderr


def test_a_file_and_its_folders_are_made(folder: Path) -> None:
    """With the permissions that new files have."""
    result = compiled("out/deep/shop.yaml")
    assert (result.exit_code, result.stderr) == (0, "Wrote out/deep/shop.yaml.\n")
    assert "Resources:" in (folder / "out" / "deep" / "shop.yaml").read_text("utf-8")
    (folder / "plain").touch()
    assert (folder / "out/deep/shop.yaml").stat().st_mode == (folder / "plain").stat().st_mode


def test_a_template_is_overwritten_as_a_whole(folder: Path) -> None:
    """Nothing of a longer one before stays, and its permissions do."""
    (folder / "shop.yaml").write_text("before\n" * 100_000, "utf-8")
    (folder / "shop.yaml").chmod(0o640)
    assert compiled("shop.yaml").exit_code == 0
    assert "before" not in (folder / "shop.yaml").read_text("utf-8")
    assert (folder / "shop.yaml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["msa.yaml", "./msa.yaml", "hard.yaml", "soft.yaml"])
def test_the_input_stays(name: str, folder: Path) -> None:
    """By whichever name it is called."""
    os.link("msa.yaml", "hard.yaml")
    os.symlink("msa.yaml", "soft.yaml")
    refused(name, "is a file that the command reads")
    assert (folder / "msa.yaml").read_text("utf-8") == MANIFEST


@pytest.mark.parametrize("command", [["compile"], ["draw", "--format", "dot"], ["export", "compose"]])
@pytest.mark.parametrize("manifest", ["msa.yaml", "sub/msa.yaml"])
def test_files_that_the_manifest_names_stay(command: list[str], manifest: str, folder: Path) -> None:
    """Wherever it lies, by whichever name they are called."""
    naming = MANIFEST.replace("port: 80", "port: 80, files: {/etc/a.conf: ./conf/a.conf}")
    (folder / manifest).parent.joinpath("conf").mkdir(parents=True)
    (folder / manifest).write_text(naming, "utf-8")
    named = (folder / manifest).parent / "conf" / "a.conf"
    named.write_text("mine", "utf-8")
    for output in (str(named), os.path.join(os.path.dirname(manifest), "conf", ".", "a.conf")):
        result = CliRunner().invoke(main, [*command, manifest, "-o", output], catch_exceptions=False)
        assert (result.exit_code, "is a file that the command reads" in result.stderr) == (2, True), result.stderr
    assert named.read_text("utf-8") == "mine"


def test_an_import_overwrites_nothing(folder: Path) -> None:
    """Neither what it reads nor anything else; a new file and the null device are written to."""
    source = "services: {web: {image: 'nginx:1', ports: ['80:80']}}\n"
    for name in ("compose.yaml", "other.yaml"):
        (folder / name).write_text(source, "utf-8")

    def imported(output: str) -> Result:
        return CliRunner().invoke(main, ["import", "compose", "compose.yaml", "-o", output], catch_exceptions=False)

    for name in ("compose.yaml", "./compose.yaml", "other.yaml"):
        result = imported(name)
        assert (result.exit_code, "already exists" in result.stderr) == (2, True), result.stderr
        assert (folder / name).read_text("utf-8") == source
    assert [imported(name).exit_code for name in ("new.yaml", os.devnull)] == [0, 0]


def test_another_manifest_stays(folder: Path) -> None:
    """Only `init --force` writes over one."""
    (folder / "other.yaml").write_text(f"# of somebody\n{MANIFEST}", "utf-8")
    refused("other.yaml", "other.yaml is a manifest, and msaspec does not overwrite it.")
    assert CliRunner().invoke(main, ["schema", "-o", "other.yaml"]).exit_code == 2
    assert (folder / "other.yaml").read_text("utf-8").endswith(MANIFEST)
    assert CliRunner().invoke(main, ["init", "other.yaml", "--force"]).exit_code == 0


def test_a_link_is_not_followed(folder: Path) -> None:
    """Whether it leads to a file or nowhere; `init` follows none either."""
    (folder / "target").write_text("mine", "utf-8")
    os.symlink("target", "link.yaml")
    os.symlink("nowhere", "dangling.yaml")
    refused("link.yaml", "symbolic link")
    refused("dangling.yaml", "symbolic link")
    assert CliRunner().invoke(main, ["init", "dangling.yaml"]).exit_code == 2
    assert (folder / "target").read_text("utf-8") == "mine"
    assert not (folder / "nowhere").exists()


def test_what_is_no_file_is_no_place(folder: Path) -> None:
    """A pipe is not waited for."""
    os.mkfifo("pipe")
    (folder / "dir").mkdir()
    refused("pipe", "is not a regular file")
    refused("dir", "is a directory")
    refused("", "is empty")
    refused("msa.yaml/below", "cannot be written")


def test_nothing_is_written_of_a_wrong_manifest(folder: Path) -> None:
    """What was there stays."""
    (folder / "msa.yaml").write_text(MANIFEST.replace("port", "prot"), "utf-8")
    (folder / "shop.yaml").write_text("before", "utf-8")
    assert compiled("shop.yaml").exit_code == 1
    assert (folder / "shop.yaml").read_text("utf-8") == "before"


def test_the_null_device_takes_anything() -> None:
    """To compile only for the exit code."""
    assert compiled(os.devnull).exit_code == 0
