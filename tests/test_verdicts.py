"""The cache of verdicts: what a key depends on, and that no fault of the cache is a fault of the lint."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import msaspec
from msaspec import verdicts
from msaspec.verdicts import Finding, Verdicts, key

FINDINGS = (
    Finding(("Resources", "Db", "Properties", "Tags", 0), "E3012", "error", "Not a `string`, é.", "See there."),
    Finding((), "W1001", "warning", "No place.", None),
)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working directory without configuration."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_what_was_put_is_found(tmp_path: Path) -> None:
    """A verdict comes back as it was, also an empty one; an unknown key has none."""
    cache = Verdicts(tmp_path / "cache")
    assert cache.get("a") is None
    cache.put("a", FINDINGS)
    cache.put("b", ())
    assert cache.get("a") == FINDINGS
    assert cache.get("b") == ()
    assert sorted(file.name for file in cache.folder.iterdir()) == ["a.json", "b.json"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"findings": 5}',
        b'{"findings": [5]}',
        b'{"findings": [{"path": [], "rule": "E1"}]}',
        b'{"findings": [{"path": [], "rule": "E1", "severity": "odd", "message": "m", "hint": null}]}',
        b'{"findings": [{"path": [null], "rule": "E1", "severity": "error", "message": "m", "hint": null}]}',
        b'{"findings": [{"path": [], "rule": 1, "severity": "error", "message": "m", "hint": null}]}',
        b"[" * 100_000,
    ],
)
def test_broken_verdict_is_none(tmp_path: Path, text: bytes) -> None:
    """A file that holds anything else is no verdict, and is replaced by the next."""
    cache = Verdicts(tmp_path)
    (tmp_path / "a.json").write_bytes(text)
    assert cache.get("a") is None
    cache.put("a", FINDINGS)
    assert cache.get("a") == FINDINGS


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that cannot be made, or a name that is taken by a folder, is no error, and leaves nothing behind."""
    (tmp_path / "file").write_text("", "utf-8")
    blocked = Verdicts(tmp_path / "file" / "cache")
    blocked.put("a", FINDINGS)
    assert blocked.get("a") is None
    cache = Verdicts(tmp_path / "cache")
    (cache.folder / "a.json").mkdir(parents=True)
    cache.put("a", FINDINGS)
    assert cache.get("a") is None
    assert [file.name for file in cache.folder.iterdir()] == ["a.json"]


def test_least_used_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is bounded, and what was asked for lately stays."""
    monkeypatch.setattr(verdicts, "MOST", 3)
    cache = Verdicts(tmp_path / "cache")
    for age, name in enumerate("dcba"):
        cache.put(name, ())
        if name != "a":
            os.utime(cache.folder / f"{name}.json", (1000 + age, 1000 + age))
    assert sorted(file.stem for file in cache.folder.iterdir()) == ["a", "b", "c"]
    assert cache.get("c") == ()
    cache.put("e", ())
    assert sorted(file.stem for file in cache.folder.iterdir()) == ["a", "c", "e"]


def test_key_depends_on_all_that_matters(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Template, regions, configuration, schemas, versions and the environment's Region each make another key."""
    keys = [
        key(b"a: 1", ["eu-west-1"]),
        key(b"a: 2", ["eu-west-1"]),
        key(b"a: 1", []),
        key(b"a: 1", ["eu-west-1", "x"]),
    ]
    for name in ("home/.cfnlintrc", "here/.cfnlintrc", "here/.cfnlintrc.yml"):
        file = alone / name
        file.write_text("ignore_checks: [E3012]\n", "utf-8")
        keys.append(key(b"a: 1", ["eu-west-1"]))
        file.unlink()
    schemas = list(verdicts.schema_folders())[-1]
    schemas.mkdir(parents=True)
    (schemas / "version.json").write_text('{"schema_date": "2099-01-01T00:00:00Z"}', "utf-8")
    keys.append(key(b"a: 1", ["eu-west-1"]))
    (schemas / "version.json").unlink()
    with monkeypatch.context() as patched:
        patched.setenv("AWS_REGION", "us-west-2")
        keys.append(key(b"a: 1", ["eu-west-1"]))
    with monkeypatch.context() as patched:
        patched.setattr(verdicts, "version", lambda name: "9.9.9")
        keys.append(key(b"a: 1", ["eu-west-1"]))
    with monkeypatch.context() as patched:
        patched.setattr(msaspec, "__version__", "9.9.9")
        keys.append(key(b"a: 1", ["eu-west-1"]))
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert key(b"a: 1", ["eu-west-1"]) == keys[0]


@pytest.mark.parametrize("setting", ["append_rules: [rules]", "custom_rules: own.txt", "registry_schemas: [own]"])
def test_rules_in_other_files_are_not_remembered(setting: str) -> None:
    """Where the configuration brings rules of its own, whose files may change, there is no key."""
    Path(".cfnlintrc").write_text(setting, "utf-8")
    assert key(b"a: 1", []) is None


@pytest.mark.parametrize("base", [None, "elsewhere"])
def test_schema_folders_are_those_of_cfn_lint(
    base: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders agree with cfn-lint's own idea of them, and its own has a date."""
    from cfnlint.helpers import get_cache_dir

    if base:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / base))
    bundled, updated = verdicts.schema_folders()
    assert updated == Path(get_cache_dir())
    assert json.loads((bundled / "version.json").read_text("utf-8"))["schema_date"]


def test_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are in the user's cache folder, or where the environment says."""
    monkeypatch.delenv(verdicts.CACHE_DIR, raising=False)
    folder = Verdicts().folder
    assert folder.name == "verdicts"
    if sys.platform == "linux":
        assert folder == tmp_path / "home" / ".cache" / "msaspec" / "verdicts"
    monkeypatch.setenv(verdicts.CACHE_DIR, str(tmp_path / "own"))
    assert Verdicts().folder == tmp_path / "own" / "verdicts"
