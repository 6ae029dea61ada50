"""The name `msaspec` on a package index is nobody's: nothing tells people to install it from there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
INSTALLERS = r"(?:pip3?|pipx|uv|uvx|poetry|pdm|conda|brew)"
BY_NAME = re.compile(
    rf"\b{INSTALLERS}\b[^\n`]*?\s['\"]?msaspec(?:\[[\w,]+\])?['\"]?(?=\s*(?:[=<>~!'\"`]|$|\s(?!@)))", re.MULTILINE
)


def test_the_pattern_knows_the_ways_to_install() -> None:
    """A name alone is found; an address, a folder and a file of dependencies are not."""
    for text in (
        "pip install msaspec",
        "pip install 'msaspec[sandbox]'",
        "uvx msaspec lint",
        "pipx install msaspec==1",
    ):
        assert BY_NAME.search(text), text
    for text in ('pipx install "msaspec[sandbox] @ git+REPOSITORY@TAG"', "pip install ./msaspec", "pip install 'moto'"):
        assert not BY_NAME.search(text), text


def test_nothing_installs_msaspec_by_name() -> None:
    """No document, no hint, no script."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in names:
        path = ROOT / name
        if (
            name
            and path.is_file()
            and path != Path(__file__)
            and path.suffix in ("", ".md", ".py", ".sh", ".toml", ".yaml")
        ):
            found = BY_NAME.search(path.read_text("utf-8"))
            assert found is None, f"{name}: {found}"
