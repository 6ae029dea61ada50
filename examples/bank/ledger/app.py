"""The ledger: who has how much, and what was transferred. Its guard says in X-Customer who asks.

The tables are made by `migrate.py`, as another user; this one reads and adds. DATABASE_URL leads to the database.
"""

from __future__ import annotations

import os
from typing import Annotated
from uuid import UUID

import psycopg
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

URL = os.environ["DATABASE_URL"]
WELCOME = 100
"""What every customer begins with."""

app = FastAPI()
Customer = Annotated[UUID, Header(alias="X-Customer")]


class Transfer(BaseModel):
    """An amount that goes to another account."""

    to: UUID
    amount: Annotated[int, Field(gt=0, le=10**9)]


def database() -> psycopg.Connection[tuple[int]]:
    """Connect for one request."""
    return psycopg.connect(URL, connect_timeout=5, options="-c statement_timeout=5000")


def total(connection: psycopg.Connection[tuple[int]], customer: UUID) -> int:
    """Return what a customer has."""
    sums = "SELECT coalesce(sum(amount) FILTER (WHERE receiver = %(who)s), 0) - coalesce(sum(amount) FILTER "
    sums += "(WHERE sender = %(who)s), 0) FROM transfers WHERE %(who)s IN (sender, receiver)"
    (found,) = connection.execute(sums, {"who": customer}).fetchone() or (0,)
    return WELCOME + int(found)


@app.get("/health")
def health() -> PlainTextResponse:
    """Answer while the program runs."""
    return PlainTextResponse("well")


@app.get("/balance")
def balance(customer: Customer) -> dict[str, int]:
    """Return what the customer has."""
    with database() as connection:
        return {"balance": total(connection, customer)}


@app.post("/transfers", status_code=201)
def transfer(transfer: Transfer, customer: Customer) -> dict[str, int]:
    """Transfer an amount, unless the customer has less. Return what is left."""
    with database() as connection:
        # Two transfers of one customer come one after the other.
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(customer),))
        left = total(connection, customer) - transfer.amount
        if left < 0:
            raise HTTPException(409, "The account has less.")
        connection.execute(
            "INSERT INTO transfers (sender, receiver, amount) VALUES (%s, %s, %s)",
            (customer, transfer.to, transfer.amount),
        )
    return {"balance": left}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "9082")))
