"""The front of the bank: a page, and an API that leads to the accounts and to the ledger.

ACCOUNTS_URL and LEDGER_URL lead to the two. What only reads is asked again when a copy of the ledger has just gone.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

ACCOUNTS, LEDGER = os.environ["ACCOUNTS_URL"], os.environ["LEDGER_URL"]
TRIES = 5

app = FastAPI()
Token = Annotated[str, Header(alias="Authorization")]


async def ask(method: str, url: str, **words: Any) -> Response:
    """Ask another service. A new connection each time finds the copies that there are now."""
    tries = TRIES if method == "GET" else 1
    for left in reversed(range(tries)):
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.request(method, url, **words)
        except httpx.TransportError:
            answer = None
        if answer is not None and (answer.status_code < 500 or not left):
            return Response(answer.content, answer.status_code, media_type="application/json")
    return Response('{"detail": "It does not answer."}', 502, media_type="application/json")


@app.get("/health")
def health() -> PlainTextResponse:
    """Answer while the program runs."""
    return PlainTextResponse("well")


@app.get("/")
def page() -> HTMLResponse:
    """Show what there is."""
    return HTMLResponse("<!doctype html><title>Bank</title><h1>Bank</h1><p>POST /api/accounts, then /api/transfers.")


@app.post("/api/accounts")
async def accounts(request: Request) -> Response:
    """Open an account."""
    return await ask("POST", f"{ACCOUNTS}/accounts", content=await request.body(), headers=JSON)


@app.get("/api/balance")
async def balance(token: Token = "") -> Response:
    """Say what the customer has."""
    return await ask("GET", f"{LEDGER}/balance", headers={"Authorization": token})


@app.post("/api/transfers")
async def transfers(request: Request, token: Token = "") -> Response:
    """Transfer an amount."""
    return await ask(
        "POST", f"{LEDGER}/transfers", content=await request.body(), headers={"Authorization": token, **JSON}
    )


JSON = {"Content-Type": "application/json"}

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8080")))
