"""The SQL with which a database begins: from the manifest's folder into the template, or a line about why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from msaspec import pipeline
from msaspec.aws import database_setup
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.source import beside
from tests.hostile import run

SCHEMA = "-- Tables: $1, ${x}, {{ink}}.\nCREATE TABLE item (id int);\n"


def system(*uses: Any, engine: str = "postgres") -> str:
    """A manifest with one service for each use of `main`."""
    services = {f"s{number}": {"image": "s:1", "uses": {"main": use}} for number, use in enumerate(uses)}
    return yaml.safe_dump(
        {"msaspec": 1, "name": "shop", "databases": {"main": {"engine": engine}}, "services": services}
    )


def told(manifest: str, folder: Path) -> list[tuple[str, str]]:
    """The codes and messages that a manifest yields beside files of a folder."""
    try:
        pipeline.compile_main(pipeline.load(manifest, "msa.yaml", beside.reader(str(folder))))
    except Invalid as invalid:
        return [(each.code, each.message) for each in invalid.diagnostics]
    return []


def bootstrap(manifest: str, folder: Path) -> dict[str, Any]:
    """The properties of the custom resource of `main`, and the program that serves it."""
    stack = pipeline.compile_main(pipeline.load(manifest, "msa.yaml", beside.reader(str(folder)))).stack
    template = dict(stack.template)
    properties: dict[str, Any] = template["Resources"]["MainBootstrap"]["Properties"]
    return {**properties, "runner": template["Mappings"]["Scripts"]["DatabaseBootstrapRunner"]["Text"]}


def test_sql_is_carried_as_it_is(tmp_path: Path) -> None:
    """The owner's database has the text of the file; a system without any is as it was before."""
    (tmp_path / "schema.sql").write_text(SCHEMA)
    begun = bootstrap(system({"init": "./schema.sql"}, {"database": "s0", "access": "read-write"}), tmp_path)
    plain = bootstrap(system(None, {"database": "s0", "access": "read-write"}), tmp_path)
    assert begun["Databases"] == [{"Name": "s0", "Owner": "s0", "ReadWrite": ["s1"], "ReadOnly": [], "Init": SCHEMA}]
    assert "Init" not in plain["Databases"][0]
    assert begun["Revision"] != plain["Revision"]
    assert "Init" in begun["runner"]
    assert begun["runner"].startswith(plain["runner"])
    assert "Init" not in plain["runner"]


@pytest.mark.parametrize(
    ("engine", "text", "said"),
    [
        ("postgres", "SELECT 1;\n\\connect shop\n", "has a command of psql (line 2)"),
        ("postgres", "COPY public.item (id)\n FROM stdin;\n1\n", "copies from standard input (line 2)"),
        ("postgres", "SELECT '{{resolve:ssm:/a}}'", "holds `{{resolve:`, which CloudFormation would replace (line 1)"),
        ("mysql", "\n\nDELIMITER //\n", "has a command of the client (line 3)"),
        ("mariadb", "CREATE DEFINER=`root`@`%` VIEW v AS SELECT 1", "names a definer (line 1)"),
        ("mysql", "CREATE DATABASE shop;\nuse shop;", "names a database (line 1)"),
    ],
)
def test_what_no_server_takes_is_refused(engine: str, text: str, said: str, tmp_path: Path) -> None:
    """Commands of client programs and their like have their line, before anything is deployed."""
    (tmp_path / "a.sql").write_text(text)
    assert told(system({"init": "a.sql"}, engine=engine), tmp_path) == [("MSA406", f"`a.sql` {said}.")]


def test_what_is_like_it_is_taken(tmp_path: Path) -> None:
    """`COPY` in a text, a backslash in a line, and `use` as a word are no commands."""
    (tmp_path / "a.sql").write_text(
        "INSERT INTO a VALUES ('x\\y'); -- COPY a FROM stdin\nCOPY (SELECT 1) TO PROGRAM 'x';"
    )
    (tmp_path / "b.sql").write_text("SELECT 'use this', 'delimiter'; -- USE it")
    assert told(system({"init": "a.sql"}), tmp_path) == []
    assert told(system({"init": "b.sql"}, engine="mysql"), tmp_path) == []


def test_an_instance_has_so_much_sql(tmp_path: Path) -> None:
    """Every file may be as large as any file, all files of an instance together as an event of Lambda allows."""
    (tmp_path / "a.sql").write_text("-" * beside.LARGEST)
    most = database_setup.MOST // beside.LARGEST
    assert told(system(*[{"init": "a.sql"}] * most), tmp_path) == []
    ((code, message),) = told(system(*[{"init": "a.sql"}] * (most + 1)), tmp_path)
    assert (code, message) == ("MSA406", "With `a.sql`, the SQL of `main` has more than 96 KiB.")
    (tmp_path / "a.sql").write_text("-" * (beside.LARGEST + 1))
    assert told(system({"init": "a.sql"}), tmp_path) == [("MSA472", "`a.sql` has more than 32 KiB.")]


def test_a_credential_in_sql_is_told(tmp_path: Path) -> None:
    """A template is readable for many, and so is what it carries."""
    (tmp_path / "a.sql").write_text("INSERT INTO a VALUES ('AKIAIOSFODNN7EXAMPLE')")
    assert [code for code, _ in told(system({"init": "a.sql"}), tmp_path)] == ["MSA304"]


def test_compose_begins_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container of `export compose` makes the extensions, then the owner's tables, and has what they need."""
    monkeypatch.chdir(tmp_path)
    Path("schema.sql").write_text(SCHEMA)
    manifest = yaml.safe_load(system({"init": "./schema.sql"}))
    manifest["databases"]["main"]["extensions"] = ["vector"]
    Path("msa.yaml").write_text(yaml.safe_dump(manifest))
    assert run("export", "compose", "--output", "compose.yaml").exit_code == 0
    written = yaml.safe_load(Path("compose.yaml").read_text())
    assert written["services"]["main"]["image"] == "docker.io/pgvector/pgvector:pg17"
    script = written["configs"]["main-users"]["content"].replace("$$", "$")
    assert script.index('create extension if not exists "vector" cascade') < script.index(SCHEMA)
    assert f'set role "s0";\n{SCHEMA}' in script
