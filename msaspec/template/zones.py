"""The Availability Zones of a template: by name where a deployment has chosen them, else those that come first.

`msaspec deploy` fills the parameter once, with zones that have what the system needs, and keeps it for ever after, so
that no subnet moves. With the empty default, as in a plain `aws cloudformation deploy`, CloudFormation lists the zones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARAMETER = "Zones"
"""The parameter: names of zones, separated by commas, in the order of the subnets."""
CONDITION = "ZonesAreNamed"
# fact: get-azs
LISTED: Mapping[str, Any] = {"Fn::GetAZs": ""}
CHOICE: Mapping[str, Any] = {"Fn::If": [CONDITION, {"Ref": PARAMETER}, LISTED]}


def names(value: str) -> tuple[str, ...]:
    """Return the names that a value of the parameter holds.

    >>> names("eu-west-1a, eu-west-1b"), names("")
    (('eu-west-1a', 'eu-west-1b'), ())
    """
    return tuple(filter(None, (word.strip() for word in value.split(","))))


def comparable(value: Any) -> Any:
    """Return a value of a template in which zones are listed, however it says so.

    A deployment names the zones that its subnets already have, so naming them changes nothing; templates of an earlier
    msaspec only list them.
    """
    if value == CHOICE:
        return dict(LISTED)
    if isinstance(value, Mapping):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value
