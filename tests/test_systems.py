"""Public systems in this language: each deploys into the sandbox, and the guide says of each what is carried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from msaspec import pipeline
from msaspec.cli import main
from msaspec.source import beside
from msaspec.template import nesting
from tests import goldens, sampling

SYSTEMS = sorted(each.parent for each in goldens.SYSTEMS.glob("*/msa.yaml"))
GUIDE = (goldens.EXAMPLES.parent / "docs" / "guides" / "systems.md").read_text("utf-8")
NESTED = ("train-ticket",)
"""Those that no single stack can hold."""
SAMPLE = [each for each in SYSTEMS if each.name == "piggymetrics"]


@pytest.mark.parametrize(
    "folder", [*goldens.BOOTED, *(SYSTEMS if sampling.WHOLE else SAMPLE)], ids=lambda folder: str(folder.name)
)
def test_a_system_is_deployed_into_the_sandbox(folder: Path) -> None:
    """As it is, by one command. `scripts/systems` does it with all."""
    result = CliRunner().invoke(
        main, ["deploy", "--sandbox", "--yes", str(folder / "msa.yaml")], catch_exceptions=False
    )
    assert result.exit_code == 0, result.stderr
    assert "CREATE_COMPLETE" in result.output


@pytest.mark.parametrize("folder", SYSTEMS, ids=lambda folder: str(folder.name))
def test_a_system_fits_into_a_stack(folder: Path) -> None:
    """With room to grow, but for one that is several nested stacks; its source is named."""
    text = (folder / "msa.yaml").read_text("utf-8")
    stack = pipeline.compile_main(pipeline.load(text, "msa.yaml", beside.reader(folder))).stack
    if folder.name in NESTED:
        apart = nesting.homes(stack.template, stack.entry_of)
        assert len(stack.template["Resources"]) > nesting.RESOURCES
        assert len(stack.template["Resources"]) - len(apart) < 250
    else:
        assert len(stack.template["Resources"]) < 250
    assert "# Source: github.com/" in text


def test_the_guide_has_a_row_for_each_of_the_ten() -> None:
    """Those that are here, and those that are not yet, with the reason."""
    rows = re.findall(r"^\| \[?([a-z-]+)", GUIDE, re.MULTILINE)
    assert rows.pop(0) == "system"
    assert len(rows) == 10
    assert {each.name for each in SYSTEMS} <= set(rows)
    assert all(
        (f"](../../examples/systems/{name}/msa.yaml)" in GUIDE) == (goldens.SYSTEMS / name).exists() for name in rows
    )


@pytest.mark.parametrize("folder", SYSTEMS, ids=lambda folder: str(folder.name))
def test_a_container_that_is_a_database_or_a_broker_keeps_its_files(folder: Path) -> None:
    """On a volume, whatever the original does: else the guide may not call the system whole."""
    made = yaml.safe_load((folder / "msa.yaml").read_text("utf-8"))
    volumes = set(made.get("volumes", {}))
    stores = [
        name
        for name, entry in made["services"].items()
        if str(entry.get("port")) in ("3306/tcp", "5432/tcp", "5672/tcp", "27017/tcp")
    ]
    assert [name for name in stores if not volumes & set(made["services"][name].get("uses", ()))] == []
