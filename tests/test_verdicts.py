"""The cache of verdicts: what a key depends on, and that no fault of the cache is a fault of the lint."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import platformdirs
import pytest

from msaspec.linting import inputs, sealed, verdicts
from msaspec.linting.configuration import Configuration, in_force
from msaspec.linting.sealed import Sealed
from msaspec.linting.verdicts import Finding, Verdicts

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


def key(template: bytes, regions: list[str], configuration: Configuration | None = None) -> str | None:
    """The key with the configuration that is in force."""
    around = verdicts.surroundings(configuration or in_force())
    return around and verdicts.key(template, regions, around)


def test_what_was_put_is_found(tmp_path: Path) -> None:
    """A verdict comes back as it was, also an empty one; an unknown key has none."""
    cache = Verdicts(tmp_path / "cache")
    assert cache.get("a") is None
    cache.put("a", FINDINGS)
    cache.put("b", ())
    assert cache.get("a") == FINDINGS
    assert cache.get("b") == ()
    assert sorted(file.name for file in cache.folder.iterdir()) == ["a.sealed", "b.sealed"]


@pytest.mark.parametrize("text", [b"", b"\xff", b"null", b"[]", b"{}\n{}", b"[" * 100_000, b"\n\n\n"])
def test_broken_verdict_is_none(tmp_path: Path, text: bytes) -> None:
    """A file that holds anything else is no verdict, and is replaced by the next."""
    cache = Verdicts(tmp_path)
    (tmp_path / "a.sealed").write_bytes(text)
    assert cache.get("a") is None
    cache.put("a", FINDINGS)
    assert cache.get("a") == FINDINGS


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b"5",
        b"[5]",
        b'[{"path": [], "rule": "E1"}]',
        b'[{"path": [], "rule": "E1", "severity": "odd", "message": "m", "hint": null}]',
        b'[{"path": [null], "rule": "E1", "severity": "error", "message": "m", "hint": null}]',
        b'[{"path": [], "rule": 1, "severity": "error", "message": "m", "hint": null}]',
        b"[" * 100_000,
    ],
)
def test_sealed_data_that_is_no_verdict_is_none(tmp_path: Path, text: bytes) -> None:
    """Such as that of another version of msaspec."""
    Sealed("verdicts", tmp_path).put("a", text)
    assert Sealed("verdicts", tmp_path).get("a") == text
    assert not Verdicts(tmp_path).get("a")


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that cannot be made, or a name that is taken by a folder, is no error, and leaves nothing behind."""
    (tmp_path / "file").write_text("", "utf-8")
    blocked = Verdicts(tmp_path / "file" / "cache")
    blocked.put("a", FINDINGS)
    assert blocked.get("a") is None
    cache = Verdicts(tmp_path / "cache")
    (cache.folder / "a.sealed").mkdir(parents=True)
    cache.put("a", FINDINGS)
    assert cache.get("a") is None
    assert [file.name for file in cache.folder.iterdir()] == ["a.sealed"]


def test_least_used_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is bounded, and what was asked for lately stays."""
    monkeypatch.setattr(sealed, "MOST", 3)
    cache = Verdicts(tmp_path / "cache")
    for age, name in enumerate("dcba"):
        cache.put(name * 64, ())
        if name != "a":
            os.utime(cache.folder / f"{name * 64}.sealed", (1000 + age, 1000 + age))
    assert sorted(file.stem[0] for file in cache.folder.iterdir()) == ["a", "b", "c"]
    assert cache.get("c" * 64) == ()
    cache.put("e" * 64, ())
    assert sorted(file.stem[0] for file in cache.folder.iterdir()) == ["a", "c", "e"]


def test_files_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have chosen a folder that has other things in it: only what the cache made goes."""
    monkeypatch.setattr(sealed, "MOST", 1)
    cache = Verdicts(tmp_path / "cache")
    cache.folder.mkdir()
    (cache.folder / ("d" * 64 + ".sealed")).mkdir()
    os.symlink("/nowhere", cache.folder / ("f" * 64 + ".sealed"))
    for name in ("photo.jpg", "a.sealed", "package.json", "x" * 64 + ".sealed", "a" * 64 + ".json", "some.unfinished"):
        (cache.folder / name).write_text("mine", "utf-8")
    before = {file.name for file in cache.folder.iterdir()}
    for name in "abc":
        cache.put(name * 64, ())
    left = {file.name for file in cache.folder.iterdir()}
    assert before <= left
    assert len(left - before) == 1


def test_a_verdict_of_somebody_else_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in the folder: only what this user put there, for this very key, changes a result."""
    cache = Verdicts(tmp_path / "cache")
    cache.put("a", FINDINGS)
    cache.put("b", ())
    good = (cache.folder / "b.sealed").read_text("utf-8")
    seal = good.partition("\n")[0]
    for text in (good, "[]", "\n[]", "None\n[]", f"{seal}\n[ ]", f"{seal}\n", seal):
        (cache.folder / "a.sealed").write_text(text, "utf-8")
        assert cache.get("a") is None
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert cache.get("b") is None
    cache.put("b", ())
    assert cache.get("b") == ()


def test_without_a_place_for_the_key_nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder that cannot be written to costs time, and nothing else."""
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    cache = Verdicts(tmp_path / "cache")
    cache.put("a", ())
    assert cache.get("a") is None


def test_key_depends_on_all_that_matters(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Template, regions, configuration, schemas, versions and the environment's Region each make another key."""
    keys = [
        key(b"a: 1", ["eu-west-1"]),
        key(b"a: 2", ["eu-west-1"]),
        key(b"a: 1", []),
        key(b"a: 1", ["eu-west-1", "x"]),
    ]
    for name in ("home/.cfnlintrc", "here/.cfnlintrc"):
        file = alone / name
        file.write_text("ignore_checks: [E3012]\n", "utf-8")
        keys.append(key(b"a: 1", ["eu-west-1"], in_force(None if "home" in name else str(file))))
        file.unlink()
    schemas = Path(list(inputs.schema_folders())[-1])
    schemas.mkdir(parents=True)
    (schemas / "version.json").write_text('{"schema_date": "2099-01-01T00:00:00Z"}', "utf-8")
    keys.append(key(b"a: 1", ["eu-west-1"]))
    (schemas / "version.json").unlink()
    with monkeypatch.context() as patched:
        patched.setenv("AWS_REGION", "us-west-2")
        keys.append(key(b"a: 1", ["eu-west-1"]))
    (alone / "more").mkdir()
    with monkeypatch.context() as patched:
        patched.syspath_prepend(alone / "more")
        (alone / "more" / "cfn_lint-9.9.9.dist-info").mkdir()
        keys.append(key(b"a: 1", ["eu-west-1"]))
        os.utime(alone / "more" / "cfn_lint-9.9.9.dist-info", (1, 1))
        keys.append(key(b"a: 1", ["eu-west-1"]))
    with monkeypatch.context() as patched:
        patched.setattr(inputs, "sources", lambda folder: [b"another version of " + folder.encode()])
        keys.append(key(b"a: 1", ["eu-west-1"]))
    with monkeypatch.context() as patched:
        patched.setattr(inputs, "span", lambda today: ("2099-01-01", "~"))
        keys.append(key(b"a: 1", ["eu-west-1"]))
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert key(b"a: 1", ["eu-west-1"]) == keys[0]


@pytest.mark.parametrize("setting", ["append_rules: [rules]", "custom_rules: own.txt", "registry_schemas: [own]"])
def test_rules_in_other_files_are_not_remembered(setting: str) -> None:
    """Where the configuration brings rules of its own, whose files may change, there is no key."""
    Path(".cfnlintrc").write_text(setting, "utf-8")
    assert key(b"a: 1", [], in_force(".cfnlintrc")) is None


@pytest.mark.parametrize("base", [None, "elsewhere"])
def test_schema_folders_are_those_of_cfn_lint(
    base: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders agree with cfn-lint's own idea of them, and its own has a date."""
    from cfnlint.helpers import get_cache_dir

    if base:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / base))
    bundled, updated = map(Path, inputs.schema_folders())
    assert updated == Path(get_cache_dir())
    assert json.loads((bundled / "version.json").read_text("utf-8"))["schema_date"]


@pytest.mark.parametrize("base", [None, "", "elsewhere"])
def test_default_folder(base: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are in the user's cache folder, as platformdirs has it, or where the environment says."""
    monkeypatch.delenv(sealed.CACHE_DIR, raising=False)
    for kind in ("cache", "state"):
        monkeypatch.delenv(f"XDG_{kind.upper()}_HOME", raising=False)
        if base is not None:
            monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", base and str(tmp_path / base))
    assert Verdicts().folder == Path(platformdirs.user_cache_dir("msaspec", appauthor=False), "verdicts")
    assert sealed.user_folder("state") == platformdirs.user_state_dir("msaspec", appauthor=False)
    if sys.platform == "linux" and not base:
        assert Verdicts().folder == tmp_path / "home" / ".cache" / "msaspec" / "verdicts"
    monkeypatch.setenv(sealed.CACHE_DIR, str(tmp_path / "own"))
    assert Verdicts().folder == tmp_path / "own" / "verdicts"


def test_days() -> None:
    """What cfn-lint finds holds between two days on which a runtime of Lambda is deprecated or blocked."""
    since, until = inputs.span("2026-01-15")
    assert since <= "2026-01-15" < until
    assert inputs.span(since) == (since, until) == inputs.span("2026-01-16")
    assert inputs.span(until)[0] == until
    assert inputs.span("1999-01-01")[0] == ""
    assert inputs.span("2999-01-01")[1] == "~"


def test_without_days_a_verdict_holds_for_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as with a cfn-lint that keeps them elsewhere."""
    monkeypatch.setattr(inputs, "cfn_lint", lambda: ["/nowhere"])
    since, until = inputs.span("2026-01-31")
    assert since == "2026-01-31" < until
    assert until < "2026-02-01"


def test_cfn_lint_asks_for_the_day_in_three_rules() -> None:
    """Those that look at the runtimes of Lambda, whose days are all in the list that is read."""
    pattern = re.compile(r"\b(today|now|utcnow|time)\(\)")
    files = {file: file.read_text("utf-8") for file in Path(inputs.cfn_lint()[0], "rules").rglob("*.py")}
    asking = {file.name: text for file, text in files.items() if pattern.search(text) and file.name != "_rule.py"}
    assert set(asking) == {f"DeprecatedRuntime{when}.py" for when in ("Create", "Eol", "Update")}
    assert all("LmbdRuntimeLifecycle.json" in text for text in asking.values())
