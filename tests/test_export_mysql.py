"""`msaspec export compose` of MySQL and MariaDB, and of what runs before the services."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from msaspec.cli import main

pymysql = pytest.importorskip("pymysql")
from tests.lambdas import mariadb  # noqa: E402

SHOP = """\
msaspec: 1
name: shop
databases: {main: {engine: mariadb, version: "10.11"}, books: {engine: mysql}}
defaults: {runtime: fargate}
services:
  api: {image: "api:1.0", port: 80, uses: {main: {database: my_shop, init: ./first.sql}, books: }}
  reader: {image: "reader:1.0", uses: {main: {database: my_shop, access: read-only}}}
  other: {image: "other:1.0", port: 80}
jobs:
  migrate: {image: "api:1.0", run: before-deploy, uses: {main: {database: my_shop, access: read-write}, other: }}
  report: {image: "api:1.0", run: by-hand, uses: {main: {database: my_shop, access: read-only}}}
"""

FIRST = "create table firsts (id varchar(9));\n/*\nEND\n*/\ninsert into firsts values ('$HOME');\n"
"""What the database begins with."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The file of the shop."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(SHOP, "utf-8")
    Path("first.sql").write_text(FIRST, "utf-8")
    result = CliRunner().invoke(main, ["export", "compose", "-o", "compose.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    tree: dict[str, Any] = yaml.safe_load(Path("compose.yaml").read_text("utf-8"))
    return tree


def test_servers_and_what_runs_before(shop: dict[str, Any]) -> None:
    """Each has its image, its addresses have no TLS; a job before a deployment ends before those that share its store,
    and not before what it calls; another job runs by hand."""
    services = shop["services"]
    assert services["main"]["image"] == "docker.io/library/mariadb:10.11"
    assert services["books"]["image"] == "docker.io/library/mysql:8.4"
    assert services["api"]["environment"]["BOOKS_URL"] == "mysql://api:${BOOKS_API_PASSWORD}@books:3306/api"
    completed = {"condition": "service_completed_successfully"}
    assert services["api"]["depends_on"]["migrate"] == completed
    assert services["reader"]["depends_on"]["migrate"] == completed
    assert "migrate" not in services["other"].get("depends_on", {})
    assert "profiles" not in services["migrate"]
    assert services["report"]["profiles"] == ["jobs"]


def test_the_users_are_those_of_aws(shop: dict[str, Any], tmp_path: Path) -> None:
    """The script runs on a real MariaDB, with passwords of any characters: an owner makes tables, a reader reads, and
    the `_` of a database stands for itself."""
    script = shop["configs"]["main-users"]["content"].replace("$$", "$")
    try:
        with mariadb.serve() as server:
            client = tmp_path / "mariadb"
            client.write_text(
                f"#!/bin/sh\nexec /usr/bin/mariadb --no-defaults --host={mariadb.HOST} --port={server.port} --ssl"
                f" --ssl-ca={server.ca} --user={server.superuser} --password={server.password}\n"
            )
            client.chmod(0o755)
            passwords = {f"{name}_PASSWORD": f'it\'s \\ "{name}" $x' for name in ("API", "READER", "MIGRATE", "REPORT")}
            environment = {
                **os.environ,
                **passwords,
                "MARIADB_ROOT_PASSWORD": "x",
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
            }
            done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")
            with server.connect(server.superuser, server.password) as root, root.cursor() as cursor:
                cursor.execute("create database myxshop")
            owner, reader = (
                server.connect(name, passwords[f"{name.upper()}_PASSWORD"], "my_shop") for name in ("api", "reader")
            )
            with owner.cursor() as one, reader.cursor() as two:
                one.execute("create table carts (id int)")
                one.execute("insert into carts values (1)")
                owner.commit()
                one.execute("select id from firsts")
                assert one.fetchall() == (("$HOME",),)
                two.execute("select id from carts")
                assert two.fetchall() == ((1,),)
                with pytest.raises(pymysql.err.OperationalError, match="denied"):
                    two.execute("insert into carts values (2)")
                with pytest.raises(pymysql.err.OperationalError, match="denied"):
                    one.execute("create table myxshop.stolen (id int)")
    except mariadb.Unavailable as missing:
        pytest.skip(str(missing))
