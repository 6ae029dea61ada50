"""`msaspec export compose` of DocumentDB: MongoDB, with the users of AWS and their roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from msaspec.cli import main

SHOP = """\
msaspec: 1
name: shop
databases: {orders: {engine: documentdb, version: "8.0.1"}, plain: {engine: documentdb, tls: false}}
defaults: {runtime: fargate}
services:
  cart: {image: "ghcr.io/x/cart:1", uses: {orders: {database: my_shop}, plain: }}
  reader: {image: "ghcr.io/x/reader:1", framework: spring-boot, uses: {orders: {database: my_shop, access: read-only}}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The file of the shop."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(SHOP, "utf-8")
    result = CliRunner().invoke(main, ["export", "compose", "-o", "compose.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    tree: dict[str, Any] = yaml.safe_load(Path("compose.yaml").read_text("utf-8"))
    return tree


def test_services_have_their_addresses(shop: dict[str, Any]) -> None:
    """As on AWS, but without TLS and without a replica set, which MongoDB alone is not."""
    services = shop["services"]
    assert services["orders"]["image"] == "docker.io/library/mongo:8.0"
    assert services["plain"]["image"] == "docker.io/library/mongo:5.0"
    url = "mongodb://cart:${ORDERS_CART_PASSWORD}@orders:27017/my_shop?authSource=admin"
    assert services["cart"]["environment"]["ORDERS_URL"] == url
    assert "jdbc" not in str(services["cart"])
    spring = services["reader"]["environment"]["spring.data.mongodb.uri"]
    assert spring == "mongodb://reader:${ORDERS_READER_PASSWORD}@orders:27017/my_shop?authSource=admin"
    assert services["cart"]["depends_on"]["orders"] == {"condition": "service_healthy"}
    text = Path("compose.yaml").read_text("utf-8")
    assert "orders: URLs ask for no TLS" in text
    assert "plain: URLs ask for no TLS" not in text


def test_the_users_have_their_roles(shop: dict[str, Any]) -> None:
    """Each in its database; passwords come from the env file, and stand nowhere in the script."""
    script = shop["configs"]["orders-users"]["content"]
    assert (
        'db.createUser({user: "cart", pwd: process.env.CART_PASSWORD, roles: [{"role": "dbOwner", "db": "my_shop"}]});'
        in script.replace("$$", "$")
    )
    assert '"role": "read", "db": "my_shop"' in script
    assert shop["services"]["orders"]["environment"]["CART_PASSWORD"] == "${ORDERS_CART_PASSWORD}"
    assert shop["services"]["orders"]["volumes"] == ["orders:/data/db"]
