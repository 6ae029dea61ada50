"""The bank of the examples: what its images are, and what its customers do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.lambdas import postgres
from tests.system.network import AWS
from tests.system.shop import Shop, deployed

BANK = Path(__file__).parents[2] / "examples" / "bank"
SERVICES = ("accounts", "ledger", "web")
REPOSITORIES = tuple((f"bank/{name}", tag) for name in SERVICES for tag in ("1.0", "1.1", "broken"))


def images() -> dict[str, Any]:
    """What the images are: as their Dockerfiles say, and Python's own, for the guard."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": f"http://{AWS}",
    }
    found = {
        name: {"command": ["python", "app.py"], "directory": str(BANK / name), "environment": environment}
        for name in SERVICES
    }
    broken = ["python", "-c", "print('The ledger has an entry that does not add up.'); raise SystemExit(4)"]
    found["ledger:broken"] = found["ledger"] | {"entrypoint": broken}
    found["python"] = {"directory": "/", "environment": environment}
    return found


@contextmanager
def open_bank(server: postgres.Server, directory: Path) -> Iterator[Shop]:
    """The bank, deployed and running, for as long as the block lasts."""
    shutil.copy(BANK / "guard.py", directory)
    text = (BANK / "msa.yaml").read_text("utf-8")
    with deployed(server, directory, text, REPOSITORIES, images(), "eu-west-1") as bank:
        yield bank


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
