"""Deployments that shift requests have an end, in the template and with what it may do."""

from __future__ import annotations

import json

from tests import template

MANIFEST = """\
msaspec: 1
name: shop
defaults: {{runtime: {{type: fargate}}}}
services:
  cart: {{image: c:1, port: 80, paths: [/cart], runtime: {cart}}}
  user: {{image: u:1, port: 80, paths: [/user], runtime: {user}, health: {{path: /user, grace: 5 min}}}}
"""


def seconds(cart: str, user: str) -> int | None:
    """Return the limit that the function has; None where there is no function."""
    found = template.template_of(MANIFEST.format(cart=cart, user=user))["Resources"].get("DeploymentWatch")
    return int(found["Properties"]["Environment"]["Variables"]["SECONDS"]) if found else None


def test_only_what_shifts_is_watched() -> None:
    """A rolling deployment has its circuit breaker. The slowest service counts, or the longest limit."""
    assert seconds("{deploy: rolling}", "{deploy: rolling}") is None
    assert seconds("{deploy: canary}", "{deploy: rolling}") == 15 * 60 + 180
    assert seconds("{deploy: canary}", "{deploy: linear}") == 20 * 60
    assert seconds("{deploy: {strategy: canary, limit: 1 h}}", "{deploy: blue-green}") == 60 * 60
    assert seconds("{deploy: {strategy: canary, limit: 5 min}}", "{deploy: rolling}") == 5 * 60


def test_the_watch_may_end_only_what_is_its_own() -> None:
    """Deployments of the cluster, and the update of the stack."""
    resources = template.template_of(MANIFEST.format(cart="{deploy: canary}", user="{deploy: rolling}"))["Resources"]
    [policy] = resources["DeploymentWatchRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    changing = {
        action: json.dumps(statement["Resource"])
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if not action.startswith(("logs:", "ecs:List", "ecs:Describe"))
    }
    assert set(changing) == {"ecs:StopServiceDeployment", "cloudformation:CancelUpdateStack"}
    assert "service-deployment/${Cluster}/*" in changing["ecs:StopServiceDeployment"]
    assert changing["cloudformation:CancelUpdateStack"] == json.dumps({"Ref": "AWS::StackId"})
    [listing] = [each for each in statements if "ecs:ListServices" in each["Action"]]
    assert listing["Condition"] == {"ArnEquals": {"ecs:cluster": {"Fn::GetAtt": ["Cluster", "Arn"]}}}
