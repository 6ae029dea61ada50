"""Deployments at one time: two environments of one system, of which none makes the other fail, and one that waits."""

from __future__ import annotations

import pytest
from click.testing import Result

from tests.deploy.account import OWNING, SMALL, Account

TWO = (
    OWNING
    + """\
environments:
  dev: {}
  prod: {services: {extra: {image: "extra:1.0"}}}
"""
)
TWO = TWO.replace("services:\n", "services:\n  extra: {image: docker.io/library/nginx:1}\n", 1)


@pytest.mark.parametrize("moment", ["CreateChangeSet", "ExecuteChangeSet", "DescribeChangeSet"])
@pytest.mark.parametrize("there", [False, True])
def test_none_fails_the_other(account: Account, moment: str, there: bool) -> None:
    """Whoever comes second waits, and goes on from what the first made of the repositories: the first time, and when
    both add one to those that are there."""
    account.write(TWO)
    if there:
        account.deploy(OWNING)
        account.push("cart", "1.0")
        account.write(TWO)
    first: list[Result] = []
    account.at(moment, lambda: first.append(account.run("deploy", "--env", "prod", "--yes")))
    second = account.run("deploy", "--env", "dev", "--yes")
    (other,) = first
    for result in (other, second):
        # All that may be wrong is an image that is not pushed yet.
        assert ("MSA612" in result.stderr, "MSA613" in result.stderr) == (False, False)
        assert (result.exit_code, "MSA522" in result.stderr) in ((0, False), (1, True)), result.stderr
    assert second.exit_code == (0 if there else 1)
    assert account.status("shop-registry") in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert set(account.ids("shop-registry")) == {"CartRepository", "ExtraRepository"}
    assert account.change_sets("shop-registry") == []


def test_what_nobody_else_caused_is_told_at_once(account: Account) -> None:
    """A failure of one's own is no reason to try again."""
    account.write(OWNING)
    account.world.refuse("CartRepository", "no more repositories", "CREATE")
    result = account.run("deploy", "--yes")
    assert result.exit_code == 3, result.stderr
    assert "no more repositories" in result.stderr
    assert account.calls["ExecuteChangeSet"] == 1


OTHER = SMALL.replace("8000", "8001")


@pytest.mark.parametrize("moment", ["CreateChangeSet", "ExecuteChangeSet", "DescribeChangeSet"])
def test_a_first_creation_that_came_first_is_waited_for(account: Account, moment: str) -> None:
    """With `--wait`, whenever the other one comes; without it, the end is one of the two that races have."""
    first: list[Result] = []

    def other() -> None:
        account.write(OTHER)
        first.append(account.run("deploy", "--yes", "--no-wait"))
        account.write(SMALL)

    account.at(moment, other)
    second = account.deploy(SMALL, "--wait")
    assert [each.exit_code for each in first] == [0], first[0].stderr
    assert second.exit_code == 0, second.stderr
    assert account.status() == "UPDATE_COMPLETE"
    assert account.change_sets() == []


def test_a_first_creation_that_fails_meanwhile_is_gone_on_with(account: Account) -> None:
    """Whoever waited goes on from what the other one made."""
    account.world.refuse("CartInstance", "We have no capacity.")
    with account.world.hold("CartInstance") as held:
        account.write(SMALL)
        assert account.run("deploy", "--yes", "--no-wait").exit_code == 0
        assert held.reached.wait(20)
        refused = account.deploy()
        assert (refused.exit_code, "MSA613" in refused.stderr) == (3, True)
        account.at("DescribeStackEvents", held.release)
        result = account.deploy(None, "--wait")
    assert result.exit_code == 0, result.stderr
    assert "waiting for it to end" in result.stderr
    assert "The deployment continues from there." in result.stderr
    assert account.status() == "UPDATE_COMPLETE"
