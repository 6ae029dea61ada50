"""As many hosts run as `scale` says, whatever it said before: `autoscaling`, deployed one edit after another."""

from __future__ import annotations

from msaspec.sandbox import World
from msaspec.template import render
from tests.sandbox.deploying import Deployer
from tests.template import compiled

MANIFEST = """\
msaspec: 1
name: shop
network: {placement: public}
services:
  cart: {image: "public.ecr.aws/nginx/nginx:1.29", runtime: autoscaling, scale: SCALE}
"""


def template(scale: str) -> str:
    """The template of a worker with a `scale`."""
    return render.to_yaml(compiled(MANIFEST.replace("SCALE", scale)).stack)


def test_the_number_of_copies_is_that_of_the_manifest(deployer: Deployer, world: World) -> None:
    """A lower number ends hosts, a higher one starts them, from a number as from a range that had grown; a range leaves
    the number to its policies, between its ends."""
    scaling = world.client("autoscaling")

    def running() -> int:
        (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[deployer.ids()["CartGroup"]])[
            "AutoScalingGroups"
        ]
        assert len(group["Instances"]) == group["DesiredCapacity"]
        return int(group["DesiredCapacity"])

    steps = [
        ("3", 3, None),
        ("2", 2, None),
        ("5", 5, None),
        ("{min: 1, max: 10}", 5, 8),  # what was running, until its policies say otherwise; they say 8
        ("{min: 1, max: 6}", 6, None),
        ("1", 1, None),
        ("{min: 2, max: 4}", 2, 4),
        ("{min: 0, max: 4}", 4, None),
        ("3", 3, None),
    ]
    for scale, expected, grown in steps:
        assert deployer.deploy(template(scale)).endswith("_COMPLETE"), scale
        assert running() == expected, scale
        if grown is not None:
            scaling.set_desired_capacity(AutoScalingGroupName=deployer.ids()["CartGroup"], DesiredCapacity=grown)
