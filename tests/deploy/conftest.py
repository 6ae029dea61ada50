"""What the tests of deployments share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.account import Account, opened


@pytest.fixture(scope="session")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where cfn-lint's verdicts are kept, so that each template is linted once for all tests."""
    return tmp_path_factory.mktemp("verdicts")


@pytest.fixture
def account(tmp_path: Path, verdicts: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An emulated account with nothing in it."""
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(verdicts))
    with opened(tmp_path, monkeypatch) as found:
        yield found
