"""What is told of an update beyond its changes: places that are not free, weights that are written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from msaspec import pipeline
from msaspec.cli import main
from msaspec.update import changes, hazards

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
SYSTEM = """\
msaspec: 1
name: shop
network: {placement: public}
ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}
services:
  web: {image: 'web:1', port: 80, paths: [/web], runtime: {type: fargate, deploy: STRATEGY}}
"""


def template(**resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A template of some resources, each its type and its properties."""
    return {"Resources": {name: {"Type": kind, "Properties": p} for name, (kind, p) in resources.items()}}


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The codes of what is found."""
    return [each.code for each in hazards.found(before, after, changes.between(before, after))]


def listener(balancer: str = "Balancer", port: Any = 80) -> tuple[str, dict[str, Any]]:
    """A listener of a balancer of the template."""
    return LISTENER, {"LoadBalancerArn": {"Ref": balancer}, "Port": port}


def balancer(scheme: str = "internal") -> tuple[str, dict[str, Any]]:
    """A balancer, which another scheme replaces."""
    return "AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": scheme}


BEFORE = template(Balancer=balancer(), One=listener(), Two=listener(port=81))


@pytest.mark.parametrize(
    ("after", "clashes"),
    [
        pytest.param(template(Balancer=balancer(), Other=listener(), Two=listener(port=81)), 1, id="another name"),
        pytest.param(template(Balancer=balancer(), Other=listener(port="80"), Two=listener(port=81)), 1, id="as text"),
        pytest.param(template(Balancer=balancer(), One=listener(port=81), Two=listener(port=80)), 2, id="exchanged"),
        pytest.param(template(Balancer=balancer(), One=listener(port=82), Two=listener(port=81)), 0, id="a free one"),
        pytest.param(
            template(Balancer=balancer("internet-facing"), Other=listener(), Two=listener(port=81)), 0, id="all new"
        ),
        pytest.param(template(New=balancer(), Other=listener("New")), 0, id="on a new balancer"),
        pytest.param(template(Balancer=balancer()), 0, id="removed"),
    ],
)
def test_a_place_can_be_taken_only_when_it_is_free(after: dict[str, Any], clashes: int) -> None:
    """What stands until the end of an update keeps its place until then; what is on something new has all places."""
    assert told(BEFORE, after) == ["MSA512"] * clashes


def test_what_is_replaced_under_its_own_name_takes_its_own_place() -> None:
    """A role with a name of its own that has to be made anew would meet itself."""
    role = "AWS::IAM::Role", {"RoleName": "shop", "Path": "/"}
    assert told(template(Role=role), template(Role=("AWS::IAM::Role", {**role[1], "Path": "/x/"}))) == ["MSA512"]


def stack(strategy: str, text: str = SYSTEM) -> Any:
    """The compiled template of a system with one service."""
    return pipeline.compile_main(pipeline.load(text.replace("STRATEGY", strategy), "msa.yaml")).stack.template


def test_weights_that_ecs_wrote_are_written_over() -> None:
    """A change of the very rule is told, also that of leaving the strategy; a new version of the service is not."""
    shifting = stack("blue-green")
    assert told(shifting, stack("rolling")) == ["MSA513"]
    assert told(shifting, stack("blue-green", SYSTEM.replace("web:1", "web:2"))) == []
    assert told(shifting, stack("blue-green", SYSTEM.replace("[/web]", "[/web], priority: 9"))) == []  # another rule
    assert told(stack("rolling"), shifting) == []


CALLED = """\
msaspec: 1
name: shop
network: {placement: public}
services:
  cart: {image: 'cart:1', port: 8080, address: ADDRESS, runtime: {type: fargate, deploy: STRATEGY}}
  web: {image: 'web:1', runtime: fargate, uses: [cart]}
"""


def test_weights_of_a_listener_are_written_over_too() -> None:
    """As those of a rule: by a change of the listener, not by a new version of the service."""
    text = CALLED.replace("ADDRESS", "balanced")
    assert told(stack("canary", text), stack("rolling", text)) == ["MSA513"]
    assert told(stack("canary", text), stack("canary", text.replace("cart:1", "cart:2"))) == []
    assert told(stack("canary", text), stack("canary", text.replace("8080", "8080, internal_port: 81"))) == []


def test_a_name_that_changes_hands_is_told() -> None:
    """In both directions, and only where the tasks stay those of one ECS service."""
    direct, balanced = (stack("rolling", CALLED.replace("ADDRESS", word)) for word in ("direct", "balanced"))
    assert told(direct, balanced) == ["MSA539"]
    assert told(balanced, direct) == ["MSA539"]
    uncalled = stack("rolling", CALLED.replace("ADDRESS", "balanced").replace("uses: [cart]", "uses: []"))
    assert told(uncalled, balanced) == told(balanced, uncalled) == []


def test_diff_tells_on_the_line_of_the_manifest(tmp_path: Path) -> None:
    """A rule that is given the very number that it had drawn is another rule in the place of the first."""
    resources = stack("rolling")["Resources"]
    (drawn,) = [part["Properties"]["Priority"] for part in resources.values() if part["Type"] == RULE]
    old, new = tmp_path / "old.yaml", tmp_path / "msa.yaml"
    old.write_text(SYSTEM.replace("STRATEGY", "rolling"))
    new.write_text(SYSTEM.replace("STRATEGY", "rolling").replace("[/web]", f"[/web], priority: {drawn}"))
    result = CliRunner().invoke(main, ["diff", str(new), "--against", str(old)])
    assert result.exit_code == 1
    assert f"{new}:6:3: warning MSA512: `IngressRule{drawn}` of `services.web` needs the place of" in result.stderr
