"""The bank of the examples: what its images are, and what its customers do."""

from __future__ import annotations

from typing import Any

import httpx

from tests.system.booted import ENVIRONMENT, EXAMPLES, program

BANK = EXAMPLES / "bank"
SERVICES = ("accounts", "ledger", "web")


def images() -> dict[str, Any]:
    """What the images are: as their Dockerfiles say, and Python's own, for the guard."""
    found = {name: program(BANK / name, "app.py") for name in SERVICES}
    broken = ["python", "-c", "print('The ledger has an entry that does not add up.'); raise SystemExit(4)"]
    return {
        **found,
        "ledger:broken": found["ledger"] | {"entrypoint": broken},
        "python": {"directory": "/", "environment": ENVIRONMENT},
    }


class Customer:
    """Somebody with an account."""

    def __init__(self, web: httpx.Client, name: str) -> None:
        answer = web.post("/api/accounts", json={"name": name})
        assert answer.status_code == 201, answer.text
        self.account, token = answer.json()["account"], answer.json()["token"]
        self._web, self._headers = web, {"Authorization": f"Bearer {token}"}

    def asks(self) -> httpx.Response:
        """Asks what there is."""
        return self._web.get("/api/balance", headers=self._headers)

    @property
    def balance(self) -> int:
        """What there is."""
        answer = self.asks()
        assert answer.status_code == 200, answer.text
        return int(answer.json()["balance"])

    def pays(self, other: Customer, amount: int) -> httpx.Response:
        """Transfers an amount."""
        return self._web.post("/api/transfers", json={"to": other.account, "amount": amount}, headers=self._headers)
