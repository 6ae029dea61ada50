"""How often AWS is asked where nothing is wrong: each request costs a user time, and an account a part of its rate."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from msaspec.deploy.aws.pace import Pace
from tests.deploy.account import OWNING, SMALL, Account


def looking_rarely(account: Account) -> Pace:
    """A pace at which a command sleeps until CloudFormation is done, so that the number of its looks depends on no
    machine."""

    def sleep(seconds: float) -> None:
        counted = Counter(account.calls)
        for each in account.cloudformation.describe_stacks()["Stacks"]:
            account.settled(each["StackName"])
        account.calls = counted
        time.sleep(0)

    return Pace(first=0.01, most=0.01, sleep=sleep)


def calls(account: Account, manifest: str | None = None) -> Counter[str]:
    """What a deployment asks for, which is done in the end."""
    account.calls.clear()
    result = account.deploy(manifest)
    assert result.exit_code == 0, result.stderr
    return account.calls


@pytest.mark.parametrize(
    ("manifest", "first", "unchanged", "updated"), [(SMALL, 31, 8, 15), (OWNING, 36, 17, 24)], ids=["small", "owning"]
)
def test_no_request_is_made_in_vain(account: Account, manifest: str, first: int, unchanged: int, updated: int) -> None:
    """A first deployment, one without a change, and an update, without and with a stack of image repositories. Nothing
    but the looks at a stack that is busy is asked for more than twice at one stack."""
    account.pace = looking_rarely(account)
    account.world.images = (("shop/cart", "1.0"),)
    stacks = 2 if "cart:1.0" in manifest else 1
    for text, most in ((manifest, first), (None, unchanged), (manifest.replace("8000", "8001"), updated)):
        made = calls(account, text)
        assert made.total() <= most, made
        del made["DescribeStackEvents"]
        assert max(made.values()) <= 2 * stacks, made
