"""How a command waits for AWS."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.pace import Rhythm
from tests.deploy.by_hand import Waiting


def test_what_is_there_is_not_waited_for() -> None:
    """The first look comes before any pause, and gives what it finds."""
    clock = Waiting()
    assert (clock.pace.until("it", lambda: "there"), clock.pauses) == ("there", [])


def test_pauses_grow_until_something_is_there() -> None:
    """By a half up to the longest. What is false but not None is something."""
    clock = Waiting()
    looks = iter([None] * 6 + [0])
    assert clock.pace.until("it", lambda: next(looks)) == 0
    assert clock.pauses == [1, 1.5, 2.25, 3.375, 5, 5]


def test_a_rhythm_begins_again() -> None:
    """After something happened the shortest pause is next."""
    clock = Waiting()
    rhythm = Rhythm(clock.pace)
    rhythm.rest()
    rhythm.rest()
    rhythm.again()
    rhythm.rest()
    assert clock.pauses == [1, 1.5, 1]


def test_what_never_comes_is_not_waited_for_for_ever() -> None:
    """After the patience it is MSA622, with what was waited for."""
    clock = Waiting()
    pace = clock.pace.within(10)
    with pytest.raises(Fault) as raised:
        pace.until("the stack shop", lambda: None)
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.hint) == ("MSA622", "Run the command again.")
    assert "while msaspec watched the stack shop" in diagnostic.message
    assert 600 <= sum(clock.pauses) < 610


def test_lost_answers_are_waited_out_for_a_minute() -> None:
    """Then the last of them is raised, also where some came in between long ago."""
    clock = Waiting()
    lost = EndpointConnectionError(endpoint_url="https://x")
    looks = iter([None, None])

    def look() -> None:
        try:
            return next(looks)
        except StopIteration:
            raise lost from None

    with pytest.raises(EndpointConnectionError):
        clock.pace.until("it", look)
    assert 60 < sum(clock.pauses) < 75
