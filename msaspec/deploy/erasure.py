"""Removes data that the user gave up by name: what a deleted stack leaves in the account.

How a type is protected, emptied and erased is known to its `AwsType`; here is what all of them have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from msaspec.deploy.aws import fault, protection
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.inventory import Fate, Item
from msaspec.language.aws_type import Deletion, Unremovable

T = TypeVar("T")


def unprotect(aws: Aws, item: Item) -> bool:
    """Lift the protection of what the stack's deletion is to remove; return whether there was any."""
    if item.fate in (Fate.STAYS, Fate.GONE) or not item.resource.id:
        return False
    return protection.lift(aws, item.resource.type, item.resource.id)


def is_there(aws: Aws, item: Item) -> bool:
    """Return whether a resource is in the account, as far as AWS tells. What a finished deletion removed is not asked
    for."""
    if not item.resource.id or item.resource.status == "DELETE_COMPLETE":
        return True
    with fault.tolerated():
        return item.type.is_there(aws, item.resource.id)
    return True


def empty(aws: Aws, item: Item) -> None:
    """Remove everything inside of what is only deleted when it is empty. What is gone is no error.

    Raises Fault with the first cause where something will not go.
    """
    emptier, id = item.type.empty, item.resource.id
    if emptier and id:
        _unless_gone(item, lambda: emptier(aws, id), None)


def knows(item: Item) -> bool:
    """Return whether what stays of an item can be removed here."""
    return item.type.erase is not None


def remains(aws: Aws, item: Item, deletion: Deletion) -> list[str]:
    """Return what `erase` would remove of an item now, in words."""
    finder, id = item.type.remains, item.resource.id
    if finder is None or not id:
        return [f"the {item}"]
    return _unless_gone(item, lambda: finder(aws, id, _of(item, deletion)), [])


def erase(aws: Aws, item: Item, deletion: Deletion) -> list[str]:
    """Remove what stayed of an item, for good; return what that was.

    What is gone already is no error, so that an interrupted run can be repeated. Raises Fault where something will not
    go.
    """
    eraser, id = item.type.erase, item.resource.id
    if eraser is None or not id:
        return []
    return _unless_gone(item, lambda: eraser(aws, id, _of(item, deletion)), [])


def snapshots(aws: Aws, item: Item, deletion: Deletion) -> list[str]:
    """Return the names of the snapshots that the deletion of the stack made of an item."""
    finder, id = item.type.snapshots, item.resource.id
    return finder(aws, id, _of(item, deletion)) if finder and id else []


def _of(item: Item, deletion: Deletion) -> Deletion:
    return replace(deletion, logical_id=item.resource.logical_id)


def _unless_gone(item: Item, act: Callable[[], T], otherwise: T) -> T:
    from botocore.exceptions import ClientError

    try:
        return act()
    except Unremovable as error:
        raise fault.new(fault.REFUSED, str(error), None) from None
    except ClientError as error:
        if fault.code_of(error) not in item.type.gone:
            raise
        return otherwise
