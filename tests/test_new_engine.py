"""An engine is one new file: what Oracle, dropped into `msaspec/engines`, becomes by that alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from msaspec.diagnostics.diagnostic import Invalid
from msaspec.explain import pages
from msaspec.manifest import schema
from tests.dropped import dropped
from tests.template import compiled

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
databases: {books: {engine: oracle-se2, size: db.t3.small}, main: {}}
services:
  cart: {image: cart, port: 80, framework: spring-boot, uses: [books]}
  user: {image: user, port: 80, uses: [main]}
"""


@pytest.fixture(autouse=True)
def _oracle() -> Iterator[None]:
    with dropped("engines", "msaspec.aws.database", "msaspec.aws.database_instances", "msaspec.kinds.databases"):
        yield


def resources(text: str = MANIFEST) -> dict[str, Any]:
    """The resources of a manifest."""
    found: dict[str, Any] = compiled(text).stack.template["Resources"]
    return found


def test_the_instance_is_of_the_engine() -> None:
    """Engine, version, port, parameters and logs are the engine's own."""
    found = resources()
    instance, parameters = found["BooksDatabase"]["Properties"], found["BooksDatabaseParameters"]["Properties"]
    assert {key: instance.get(key) for key in ("Engine", "EngineVersion", "Port", "MasterUsername")} == {
        "Engine": "oracle-se2",
        "EngineVersion": "19",
        "Port": "1521",
        "MasterUsername": "admin",
    }
    assert "EngineLifecycleSupport" not in instance
    assert instance["EnableCloudwatchLogsExports"] == ["alert", "listener"]
    assert instance["AutoMinorVersionUpgrade"] is True
    assert (parameters["Family"], parameters["Parameters"]) == ("oracle-se2-19", {"open_cursors": "300"})
    assert found["CartToBooks"]["Properties"]["FromPort"] == 1521
    assert found["MainDatabase"]["Properties"]["Engine"] == "postgres"


def test_its_functions_are_its_own() -> None:
    """Each engine has its own pair of functions, since each speaks another protocol."""
    found = resources()
    tokens = {name: found[name]["Properties"]["ServiceToken"] for name in ("BooksBootstrap", "MainBootstrap")}
    assert tokens == {
        "BooksBootstrap": {"Fn::GetAtt": ["OracleBootstrapHandler", "Arn"]},
        "MainBootstrap": {"Fn::GetAtt": ["DatabaseBootstrapHandler", "Arn"]},
    }
    egress = {
        name: [rule["FromPort"] for rule in found[f"{name}RunnerSecurityGroup"]["Properties"]["SecurityGroupEgress"]]
        for name in ("OracleBootstrap", "DatabaseBootstrap")
    }
    assert egress == {"OracleBootstrap": [1521], "DatabaseBootstrap": [5432]}


def test_a_client_gets_its_addresses() -> None:
    """URLs, the JDBC driver and the port are those of the engine."""
    cart = next(workload for _, workload in compiled(MANIFEST).plan.workloads if workload.name == "cart")
    assert cart.environment["spring.datasource.driverClassName"] == ("oracle.jdbc.OracleDriver",)
    url = cart.environment["spring.datasource.url"]
    assert (url[0], url[-1]) == ("jdbc:oracle://", ":1521/cart?secure=1")
    (role,) = resources()["BooksBootstrap"]["Properties"]["Roles"]
    assert role["Url"][0] == "oracle://cart:"


def test_the_language_knows_it() -> None:
    """The schema and `explain` have the engine with its versions; a version of another engine is refused."""
    database = schema.models()["Database"]["properties"]
    assert database["engine"]["enum"] == [
        "postgres",
        "aurora-mysql",
        "aurora-postgres",
        "documentdb",
        "mariadb",
        "mysql",
        "oracle-se2",
    ]
    assert database["version"]["examples"][:2] == ["17", "17.6"]
    assert database["version"]["examples"][-2:] == ["19", "19.6"]
    page = pages.to_text(pages.entry("books", compiled(MANIFEST)))
    assert [line.split() for line in page.splitlines() if " version " in line] == [["version", "19", "default"]]
    with pytest.raises(Invalid) as caught:
        compiled(MANIFEST.replace("engine: oracle-se2", 'engine: oracle-se2, version: "17"'))
    (found,) = caught.value.diagnostics
    assert (found.path, found.message) == (
        ("databases", "books", "version"),
        "`databases.books.version` cannot be `17`: a version of Oracle looks like `19` or `19.6`.",
    )


def test_what_it_keeps_is_refused() -> None:
    """Names that the engine keeps are its own, and so is the number of connections."""
    with pytest.raises(Invalid) as caught:
        compiled(MANIFEST.replace("uses: [books]", "uses: {books: {database: sys}}"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("MSA312", "Oracle or RDS reserves the name `sys`.")
    assert compiled(MANIFEST.replace("uses: [main]", "uses: {main: {database: sys}}"))
    many = MANIFEST + "".join(f"  user-{n}: {{image: u, uses: {{books: {{database: b{n}}}}}}}\n" for n in range(20))
    (found,) = [each for each in compiled(many).warnings if each.code == "MSA308"]
    assert "its instance allows about 170" in found.message
