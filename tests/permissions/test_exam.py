"""A sample of `scripts/permissions`: what `msaspec policy` prints is enough for an example, and one less is not."""

from __future__ import annotations

import pytest

from msaspec.linting import cfn_lint
from tests import sampling
from tests.permissions import exam

DEAREST = exam.SYSTEMS[-1]
CHEAPEST = exam.SYSTEMS[0]


@pytest.fixture(autouse=True)
def _unlinted(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave cfn-lint out, whose findings are tested elsewhere."""
    monkeypatch.setattr(cfn_lint, "examine", lambda *arguments: ())
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path_factory.mktemp("verdicts")))


@pytest.mark.parametrize("system", exam.SYSTEMS if sampling.WHOLE else [DEAREST], ids=lambda system: str(system.name))
def test_the_policies_of_an_example_are_enough(system: exam.System) -> None:
    """It is deployed, looked at, updated and destroyed, and most of what the policies allow is asked for."""
    asked = exam.enough(system)
    allowed = {action for command, *_ in exam.steps(system) for action in exam.allowed(system, command)}
    assert asked <= allowed
    assert len(asked) > 100


@pytest.mark.parametrize(
    "action",
    [
        "cloudfront:UpdateDistribution",  # of a deletion, which the registry does not list
        "ecs:UpdateService",  # of an update only
    ],
)
def test_one_action_less_is_missed(action: str) -> None:
    """The command that needs it fails, and names it."""
    system = DEAREST if action.startswith("ecs:") else CHEAPEST
    assert exam.misses(system, action) is None
