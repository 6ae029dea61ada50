"""Workers: one that dies is replaced, and what it was about is done all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.cases import Case
from tests.chaos.plans import Plan
from tests.chaos.worlds import Crashed, Worker

DYING = """
import pathlib, sys
from multiprocessing.connection import Connection

connection, life = Connection(int(sys.argv[1])), pathlib.Path(sys.argv[2])
try:
    while connection.recv_bytes() != __import__("pickle").dumps(None):
        lives = int(life.read_text())
        if lives:
            life.write_text(str(lives - 1))
            sys.exit(1)
        connection.send("done")
except EOFError:
    pass
"""
"""A worker that dies at its first works."""
WORK = Case("update", Plan())


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_dies_is_replaced(tmp_path: Path, deaths: int) -> None:
    """What it was about is tried once more by the next. What ends two of them is told; the next work is done."""
    life = tmp_path / "life"
    life.write_text(str(deaths))
    with Worker(life, DYING) as worker:
        if deaths == 2:
            with pytest.raises(Crashed, match="ends the worker"):
                worker.run(WORK)
        assert worker.run(WORK) == "done"
