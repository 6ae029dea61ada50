"""Accounts: opens an account, and signs the token by which the customer is known to the ledger.

Its database is its own, so it makes its table itself. DATABASE_URL leads there; SIGNING_KEY is the file of the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from pathlib import Path
from typing import Annotated

import psycopg
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, StringConstraints

KEY = Path(os.environ.get("SIGNING_KEY", "/run/keys/signing")).read_bytes().strip()
URL = os.environ["DATABASE_URL"]

app = FastAPI()


class Customer(BaseModel):
    """Who opens an account."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00]+$")]


def database() -> psycopg.Connection[tuple[str, ...]]:
    """Connect for one request."""
    return psycopg.connect(URL, connect_timeout=5, options="-c statement_timeout=5000")


def token(account: str) -> str:
    """Return what the guard of the ledger believes."""
    return f"{account}.{hmac.new(KEY, account.encode(), hashlib.sha256).hexdigest()}"


@app.get("/health")
def health() -> PlainTextResponse:
    """Answer while the program runs."""
    return PlainTextResponse("well")


@app.post("/accounts", status_code=201)
def open_account(customer: Customer) -> dict[str, str]:
    """Open an account. Return its number, and the token of its owner."""
    account = str(uuid.uuid4())
    with database() as connection:
        connection.execute("INSERT INTO accounts VALUES (%s, %s)", (account, customer.name))
    return {"account": account, "token": token(account)}


if __name__ == "__main__":
    with database() as first:
        # Copies that start at the same time would make it twice.
        first.execute("SELECT pg_advisory_xact_lock(1)")
        first.execute("CREATE TABLE IF NOT EXISTS accounts (account uuid PRIMARY KEY, name text NOT NULL)")
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8081")))
