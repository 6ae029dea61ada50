"""Who needs the image repositories, as far as the list of stacks tells."""

from __future__ import annotations

from typing import Any

from msaspec.deploy.invocation import Invocation
from msaspec.deploy.neighbours import pulling
from msaspec.template.owner import metadata
from msaspec.template.role import MAIN, Named
from tests.deploy.by_hand import Client, context, deployed, fake, refusal
from tests.deploy.recorded import Heard

TAG = [{"ParameterKey": "CartImageTag", "ParameterValue": "1"}]
EMPTY: dict[str, Any] = {"Metadata": {"msaspec": {}}, "Resources": {}}


def claimed(system: str, environment: str | None = None) -> dict[str, Any]:
    """A template that says whose it is."""
    return {"Metadata": {"msaspec": metadata(Named(MAIN, system, environment))}, "Resources": {}}


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
        about("shop-api", Parameters=TAG),
    ]
    templates = {"shop": EMPTY, "shop-prod": claimed("shop", "prod"), "shop-api": claimed("shop-api")}
    client = Client(
        describe_stacks={"pages": [{"Stacks": first}, {"Stacks": second}]},
        get_template=lambda StackName, TemplateStage: {"TemplateBody": templates[StackName]},
    )
    invocation = Invocation("a.yaml", "prod", " --region r", stack="registry")
    (found,) = pulling(context(fake(cloudformation=client), Heard(), invocation), "shop")
    assert found.message.endswith("those of shop, shop-prod.")
    assert found.hint == (
        "Destroy those first: msaspec destroy --region r a.yaml, msaspec destroy --env prod --region r a.yaml"
    )


def test_who_may_not_list_is_not_warned() -> None:
    """The permission for the stack itself is enough to delete it."""
    client = Client(describe_stacks=refusal("AccessDenied"))
    assert pulling(context(fake(cloudformation=client), Heard()), "shop") == []
