"""product-service: what the shop sells."""

from __future__ import annotations

from typing import Annotated

from fastapi import HTTPException
from pydantic import Field
from service import Body, Database, Id, Name, Row, create, run, write_lines

PREFIX = "/api/products"

write_lines("product-service")
DATABASE = Database(
    "product-service",
    """
    CREATE TABLE IF NOT EXISTS products (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        price bigint NOT NULL CHECK (price >= 0),
        created timestamptz NOT NULL DEFAULT now()
    )
    """,
)
app = create(DATABASE, PREFIX, "SELECT FROM products LIMIT 1")


class NewProduct(Body):
    """What is to be sold; the price is in the smallest unit of the currency."""

    name: Name
    price: Annotated[int, Field(ge=0, le=10**12)]


def found(id: int) -> Row:
    """A product that is there, or the answer 404."""
    product = DATABASE.row("SELECT id, name, price FROM products WHERE id = %(id)s", id=id)
    if product is None:
        raise HTTPException(404, f"There is no product {id}.")
    return product


@app.post(PREFIX, status_code=201)
def offer(product: NewProduct) -> Row | None:
    """Adds a product."""
    return DATABASE.row(
        "INSERT INTO products (name, price) VALUES (%(name)s, %(price)s) RETURNING id, name, price",
        name=product.name,
        price=product.price,
    )


@app.get(PREFIX + "/{id}")
def read(id: Id) -> Row:
    """One product."""
    return found(id)


@app.get(PREFIX + "/{id}/exists")
def exists(id: Id) -> dict[str, bool]:
    """Whether there is such a product: asked by cart-service before it adds one."""
    return {"exists": DATABASE.row("SELECT FROM products WHERE id = %(id)s", id=id) is not None}


@app.get(PREFIX + "/{id}/name")
def name(id: Id) -> dict[str, str]:
    """What a product is called: asked by cart-service when it lists a cart."""
    return {"name": found(id)["name"]}


if __name__ == "__main__":
    run(app, DATABASE, 8001)
