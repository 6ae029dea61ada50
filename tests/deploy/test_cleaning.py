"""`msaspec clean`: images go that nothing runs, and no others."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from msaspec.deploy.cleaning import Image, Running, removable
from msaspec.sandbox.account import Account as Allowed
from tests import told
from tests.deploy.account import OWNING, Account

DIGESTS = st.sampled_from("abcdefgh")


def image(number: int, *tags: str) -> Image:
    """The nth image that was pushed."""
    return Image("shop/cart", f"sha256:{number:064}", tags, float(number))


def test_the_last_and_what_runs_stay() -> None:
    """By tag, by digest, and the last of both sorts."""
    images = [image(number, f"v{number}") for number in range(1, 7)] + [image(number) for number in range(7, 11)]
    running = [Running("shop", "v1", None), Running("shop-prod", "latest", image(8).digest)]
    assert [each.pushed for each in removable(images, running, 2)] == [7, 4, 3, 2]
    assert [each.pushed for each in removable(images, running, 0)] == [10, 9, 7, 6, 5, 4, 3, 2]
    assert removable(images, [], 10) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.sets(st.sampled_from("xyz"))), max_size=8), st.integers(0, 4))
def test_nothing_that_runs_goes(made: list[tuple[int, set[str]]], keep: int) -> None:
    """Whatever there is: neither by digest nor by tag."""
    images = [Image("r", str(number), tuple(tags), at) for number, (at, tags) in enumerate(made)]
    running = [Running("s", "x", None), Running("t", "y", "1")]
    going = removable(images, running, keep)
    assert not any("x" in each.tags or each.digest == "1" for each in going)
    assert len([each for each in images if each.tags and each not in going]) >= min(
        keep, sum(bool(e.tags) for e in images)
    )


def push(account: Account, *tags: str) -> None:
    """Images under these tags."""
    for tag in tags:
        account.push("cart", tag)


def tags(account: Account) -> set[str]:
    """The tags in the repository."""
    images = account.world.client("ecr").list_images(repositoryName="shop/cart")["imageIds"]
    return {str(each.get("imageTag")) for each in images}


def test_images_that_nothing_runs(account: Account) -> None:
    """They are shown, asked for, and go; what another environment runs stays."""
    account.world.images = (("shop/cart", "1.0"),)
    manifest = OWNING + "environments: {prod: {}}\n"
    assert account.deploy(manifest, "--env", "-").exit_code == 0
    push(account, "1.1", "1.2", "1.3")
    assert account.deploy(None, "--env", "prod", "--tag", "cart=1.1").exit_code == 0
    shown = account.run("clean", "--keep", "0", "--dry-run", "--format", "json")
    assert sorted(row["tags"] for row in told.rows(shown.stdout, "unused")) == [["1.2"], ["1.3"]]
    assert account.run("clean", "--keep", "0", answer="n").exit_code == 1
    assert tags(account) == {"1.0", "1.1", "1.2", "1.3"}
    result = account.run("clean", "--keep", "0", answer="y")
    assert (result.exit_code, tags(account)) == (0, {"1.0", "1.1"}), result.stderr
    assert "Deleted 2 images." in result.stderr
    assert "Every image runs" in account.run("clean", "--yes").stderr
    assert account.run("clean").exit_code == 2, "nobody to ask"


def test_nothing_goes_during_an_operation(account: Account) -> None:
    """A rollback needs the images of before."""
    account.world.images = (("shop/cart", "1.0"),)
    assert account.deploy(OWNING).exit_code == 0
    push(account, "1.1")
    with account.world.hold("CartInstance") as held:
        assert account.deploy(None, "--tag", "cart=1.1", "--no-wait").exit_code == 0
        assert held.reached.wait(20)
        result = account.run("clean", "--keep", "0", "--yes")
    assert (result.exit_code, "MSA682" in result.stderr) == (3, True), result.stderr
    assert tags(account) == {"1.0", "1.1"}
    account.settled()


def test_the_policy_is_enough(account: Account) -> None:
    """Who may do what `msaspec policy --for clean` says can clean up."""
    account.world.images = (("shop/cart", "1.0"),)
    assert account.deploy(OWNING).exit_code == 0
    push(account, "1.1")
    statements = json.loads(account.run("policy", "--for", "clean").stdout)["Statement"]
    account.world.account = Allowed(allowed=frozenset(action for each in statements for action in each["Action"]))
    result = account.run("clean", "--keep", "0", "--yes")
    account.world.account = Allowed()
    assert (result.exit_code, tags(account)) == (0, {"1.0"}), result.stderr
