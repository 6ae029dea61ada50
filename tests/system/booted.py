"""Examples beside the shop: what their images are, and how they are deployed."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from msaspec import pipeline
from tests.lambdas import postgres
from tests.system.network import AWS
from tests.system.shop import Shop, deployed

EXAMPLES = Path(__file__).parents[2] / "examples"
TAGS = ("1.0", "1.1", "broken")
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "AWS_ENDPOINT_URL": f"http://{AWS}",
}


def program(folder: Path, name: str) -> dict[str, Any]:
    """An image of a folder of programs, as its Dockerfile says."""
    return {"command": ["python", name], "directory": str(folder), "environment": ENVIRONMENT}


@contextmanager
def started(server: postgres.Server, directory: Path, folder: Path, images: Mapping[str, Any]) -> Iterator[Shop]:
    """An example, deployed and running, for as long as the block lasts. Its images are in its repositories; its domain,
    whose certificate nobody plays here, is left out."""
    for beside in folder.iterdir():
        if beside.is_file():
            shutil.copy(beside, directory)
    text, without = re.subn(r"\ningress: .*\n", "", (folder / "msa.yaml").read_text("utf-8"))
    assert without == 1
    written = pipeline.load(text, "msa.yaml").data()
    names = {each for each in images if ":" not in each and each != "python"}
    pushed = [(f"{written['name']}/{name}", tag) for name in sorted(names) for tag in TAGS]
    with deployed(server, directory, text, pushed, images, written["region"]) as system:
        yield system


def tasks(system: Shop, service: str) -> set[str]:
    """The tasks of a service that run."""
    return {id for id, task in list(system.site.tasks.items()) if task.container["name"] == service}


AGAIN = {502, 503, 504}
"""What a load balancer answers where a copy has just gone. It sends a request to one copy only."""


class Asking:
    """Somebody who keeps asking, and what came of it."""

    def __init__(self, ask: Callable[[], httpx.Response], *, again: bool) -> None:
        self.answers: list[tuple[int, str]] = []
        """Status and text of each answer. Where the caller asks `again`, only the last answer to a question counts."""
        self._ask, self._again = ask, again
        self._ended = threading.Event()

    def _go_on(self) -> None:
        while not self._ended.wait(0.1):
            self.answers.append(self._answer(20 if self._again else 1))

    def _answer(self, tries: int) -> tuple[int, str]:
        for left in reversed(range(tries)):
            try:
                answer = self._ask()
            except httpx.HTTPError as fault:
                found = 0, repr(fault)
            else:
                found = answer.status_code, answer.text
            if found[0] not in AGAIN or not left or self._ended.wait(0.1):
                break
        return found

    @property
    def failed(self) -> list[tuple[int, str]]:
        """The answers that are none."""
        return [answer for answer in self.answers if answer[0] >= 400 or not answer[0]]

    def more(self, number: int = 5) -> Callable[[], bool]:
        """Whether so many more answers have come by now."""
        enough = len(self.answers) + number
        return lambda: len(self.answers) >= enough


@contextmanager
def asking(ask: Callable[[], httpx.Response], *, again: bool = False) -> Iterator[Asking]:
    """Has somebody ask until the block ends: each request has to be answered, or with `again` each that is repeated
    where a load balancer has nobody to ask."""
    somebody = Asking(ask, again=again)
    thread = threading.Thread(target=somebody._go_on, daemon=True)
    thread.start()
    try:
        yield somebody
    finally:
        somebody._ended.set()
        thread.join()
    assert somebody.answers
    assert not somebody.failed, (len(somebody.answers), somebody.failed[:5])
