"""The bastion: a host for people, reached by SSM Session Manager only."""

from __future__ import annotations

from collections.abc import Iterable

from troposphere import Output, Ref

from msaspec import names
from msaspec.aws import hosts, iam, security_groups
from msaspec.language.network import Bastion
from msaspec.language.part import Door, Part, Site

ENDPOINTS = ("ssm", "ssmmessages")
"""What Session Manager needs where there is no way out."""

USER_DATA = """\
#!/bin/bash
# The PostgreSQL client, for whoever comes in by Session Manager.
for version in 18 17 16 15; do dnf install -y "postgresql$version" && break; done
"""


def build(bastion: Bastion, doors: Iterable[tuple[str, Door]], site: Site) -> Part:
    """The host and its rule to each door. `doors` are pairs of a manifest name and a door."""
    rules = [
        security_groups.edge(f"BastionTo{names.camel(name)}", "BastionSecurityGroup", door, "bastion")
        for name, door in doors
    ]
    display = f"{site.stack}/bastion"
    return Part(
        resources=(
            iam.role("BastionRole", "ec2.amazonaws.com", [iam.SESSION_MANAGER]),
            iam.instance_profile("BastionInstanceProfile", "BastionRole"),
            security_groups.group("BastionSecurityGroup", "bastion", site, (), security_groups.ANYWHERE),
            hosts.launch_template(
                "BastionLaunchTemplate",
                bastion.instance_type,
                "BastionInstanceProfile",
                "BastionSecurityGroup",
                USER_DATA,
            ),
            hosts.instance("BastionInstance", "BastionLaunchTemplate", site.services[0], display, site.online),
            *rules,
        ),
        outputs=(
            Output(
                "BastionInstanceId",
                Description="The bastion, for `aws ssm start-session --target`.",
                Value=Ref("BastionInstance"),
            ),
        ),
    )
