"""The bastion: a host for people, reached by SSM Session Manager only."""

from __future__ import annotations

from collections.abc import Iterable

from troposphere import Output, Ref

from msaspec.aws import hosts, iam, security_groups
from msaspec.language.network import Bastion
from msaspec.language.part import Door, Part, Site
from msaspec.template import names

TYPES = (
    hosts.INSTANCE,
    hosts.LAUNCH_TEMPLATE,
    iam.INSTANCE_PROFILE,
    iam.ROLE,
    security_groups.GROUP,
    security_groups.RULE,
)
ENDPOINTS = ("ssm", "ssmmessages")
"""What Session Manager needs where there is no way out."""

USER_DATA = """\
#!/bin/bash
# The newest PostgreSQL client; where none can be installed, a command that says so.
for pause in 5 15 45 135; do
  for version in 18 17 16 15; do dnf install -qy postgresql$version && exit; done
  sleep $pause
done
install -m 755 /dev/stdin /usr/local/bin/psql <<'END'
#!/bin/bash
echo 'psql could not be installed. Try: sudo dnf install postgresql17'; exit 1
END
/usr/local/bin/psql >/dev/console
"""
# fact: mariadb-client
_MYSQL = """\
#!/bin/bash
# A client of MariaDB, which speaks to MySQL too.
for pause in 5 15 45; do
  for each in mariadb1011-client-utils mariadb105; do dnf install -qy $each && break 2; done
  sleep $pause
done
"""


def _user_data(doors: Iterable[tuple[str, Door]]) -> str:
    """Return what installs the clients of the databases: of PostgreSQL always."""
    mysql = any(door.speaks == "mysql" for _, door in doors)
    return _MYSQL + USER_DATA.partition("\n")[2] if mysql else USER_DATA


def build(bastion: Bastion, doors: Iterable[tuple[str, Door]], site: Site) -> Part:
    """Return the host and its rule to each door. `doors` are pairs of a manifest name and a door."""
    doors = list(doors)
    rules = [
        security_groups.edge(
            f"BastionTo{names.camel(name)}{names.camel(door.name or '')}", "BastionSecurityGroup", door, "bastion"
        )
        for name, door in doors
    ]
    display = f"{site.stack}/bastion"
    return Part(
        resources=(
            iam.role("BastionRole", hosts.principal(site), [iam.SESSION_MANAGER]),
            iam.instance_profile("BastionInstanceProfile", "BastionRole"),
            security_groups.group("BastionSecurityGroup", "bastion", site, (), security_groups.ANYWHERE),
            hosts.launch_template(
                "BastionLaunchTemplate",
                bastion.instance_type,
                "BastionInstanceProfile",
                "BastionSecurityGroup",
                _user_data(doors),
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
