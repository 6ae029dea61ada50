"""Who needs the image repositories, as far as the list of stacks tells."""

from __future__ import annotations

from typing import Any

from msaspec.deploy.here import Here
from msaspec.deploy.neighbours import pulling
from tests.deploy.by_hand import Client, deployed, fake, refusal

TAG = [{"ParameterKey": "CartImageTag", "ParameterValue": "1"}]
EMPTY: dict[str, Any] = {"Resources": {}}


def about(name: str, **more: Any) -> dict[str, Any]:
    """A stack as it is listed."""
    found: dict[str, Any] = deployed(name, EMPTY, **more)["about"]
    return found


def test_only_what_pulls_is_named() -> None:
    """The system and its environments, over pages; not others of the name, nor what is only proposed."""
    first = [about("shop", Parameters=TAG), about("shop-registry"), about("shopping", Parameters=TAG)]
    second = [
        about("shop-prod", Parameters=TAG, status="UPDATE_ROLLBACK_COMPLETE"),
        about("shop-db", Parameters=[{"ParameterKey": "Size", "ParameterValue": "1"}]),
        about("shop-new", Parameters=TAG, status="REVIEW_IN_PROGRESS"),
    ]
    client = Client(describe_stacks={"pages": [{"Stacks": first}, {"Stacks": second}]})
    here = Here("a.yaml", "prod", " --region r", registry=True)
    (found,) = pulling(fake(cloudformation=client), "shop", here)
    assert found.message.endswith("those of shop, shop-prod.")
    assert found.hint == (
        "Destroy those first: msaspec destroy --region r a.yaml, msaspec destroy --env prod --region r a.yaml"
    )


def test_who_may_not_list_is_not_warned() -> None:
    """The permission for the stack itself is enough to delete it."""
    client = Client(describe_stacks=refusal("AccessDenied"))
    assert pulling(fake(cloudformation=client), "shop", Here(registry=True)) == []
