"""cart-service: what people want to buy. It asks user-service and product-service, and knows neither's database."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
from fastapi import HTTPException
from pydantic import Field
from service import LOG, Body, Database, Id, Row, create, give_up, run, setting, write_lines

PREFIX = "/api/carts"
KINDS = 50
"""Different products of a cart at most: for each of them, product-service is asked."""
PIECES = 1000
"""Of one product at most."""

write_lines("cart-service")
DATABASE = Database(
    "cart-service",
    """
    CREATE TABLE IF NOT EXISTS items (
        user_id bigint NOT NULL,
        product_id bigint NOT NULL,
        quantity integer NOT NULL CHECK (quantity > 0),
        added timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, product_id)
    )
    """,
)
app = create(DATABASE, PREFIX, "SELECT FROM items LIMIT 1")


class Item(Body):
    """What is put into a cart."""

    product_id: Annotated[int, Field(ge=1, lt=2**63)]
    quantity: Annotated[int, Field(ge=1, le=PIECES)] = 1


class Peer:
    """Another service, over HTTP."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        try:
            self.client = httpx.Client(
                base_url=address if "://" in address else f"http://{address}",
                timeout=httpx.Timeout(3, connect=1),
                # Shorter than the peer keeps them, so that none is used at the moment of its end.
                limits=httpx.Limits(max_connections=20, keepalive_expiry=2),
                trust_env=False,  # no proxy between services
            )
        except httpx.InvalidURL as error:
            give_up(f"The address of {name} cannot be read ({error}).")

    def ask(self, path: str) -> dict[str, Any] | None:
        """What the peer says, or nothing where it says 404. Answers 502 where it says neither."""
        try:
            answer = self.client.get(path)
            if answer.status_code == 404:
                return None
            said = answer.raise_for_status().json()
            if not isinstance(said, dict):
                raise ValueError("no JSON object")
            return said
        except (httpx.HTTPError, ValueError) as error:
            LOG.warning("%s gave no answer to %s (%s: %s).", self.name, path, type(error).__name__, error)
            raise HTTPException(502, f"{self.name} does not answer.") from None


USERS = Peer("user-service", setting("msa.user-service.url", "USER_SERVICE_URL"))
PRODUCTS = Peer("product-service", setting("msa.product-service.url", "PRODUCT_SERVICE_URL"))


def expect_user(id: int) -> None:
    """Answers 404 where user-service knows no user of this number."""
    if USERS.ask(f"/api/users/{id}") is None:
        raise HTTPException(404, f"There is no user {id}.")


@app.post(PREFIX + "/{user_id}/items", status_code=201)
def add(user_id: Id, item: Item) -> Row:
    """Puts pieces of a product into the cart of a user, beside those that are in it."""
    expect_user(user_id)
    said = PRODUCTS.ask(f"/api/products/{item.product_id}/exists") or {}
    if said.get("exists") is False:
        raise HTTPException(404, f"There is no product {item.product_id}.")
    if said.get("exists") is not True:
        raise HTTPException(502, "product-service does not answer.")
    added = DATABASE.row(
        "INSERT INTO items (user_id, product_id, quantity) SELECT %(user)s, %(product)s, %(quantity)s"
        " WHERE (SELECT count(*) FROM items WHERE user_id = %(user)s AND product_id <> %(product)s) < %(kinds)s"
        " ON CONFLICT (user_id, product_id) DO UPDATE SET quantity = items.quantity + excluded.quantity"
        " WHERE items.quantity + excluded.quantity <= %(pieces)s RETURNING product_id, quantity",
        user=user_id,
        product=item.product_id,
        quantity=item.quantity,
        kinds=KINDS,
        pieces=PIECES,
    )
    if added is None:
        raise HTTPException(409, f"A cart holds {KINDS} products at most, and {PIECES} pieces of each.")
    return added


@app.get(PREFIX + "/{user_id}")
def read(user_id: Id) -> Row:
    """The cart of a user, with the names that the products have now; none where a product is gone."""
    expect_user(user_id)
    items = DATABASE.rows(
        "SELECT product_id, quantity FROM items WHERE user_id = %(user)s ORDER BY added, product_id", user=user_id
    )
    for item in items:
        item["name"] = (PRODUCTS.ask(f"/api/products/{item['product_id']}/name") or {}).get("name")
    return {"user_id": user_id, "items": items}


if __name__ == "__main__":
    run(app, DATABASE, 8000)
