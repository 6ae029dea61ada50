"""Examples beside the shop: what their images are, and how they are deployed."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
