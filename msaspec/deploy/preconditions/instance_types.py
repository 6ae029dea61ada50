"""Whether the zones of a deployed system offer an instance type that is new in it.

A first deployment chooses its zones by what they offer (`zones.py`); a stack keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.deploy.evidence import Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code, Severity
from msaspec.diagnostics.place import Path
from msaspec.template import zones

NOT_OFFERED = Code(
    "MSA687",
    "An instance type that a zone does not offer",
    """
    The subnets of a stack keep their Availability Zones for its lifetime, and not every zone offers every instance
    type. A host in a zone that lacks its type cannot be launched; an Auto Scaling group uses the other zones.
    """,
    Severity.WARNING,
)


class InstanceTypes(Precondition):
    """Looks at the types that the deployed template does not have."""

    services = ("ec2",)

    def look(self, needs: Needs) -> Checking:
        """Ask once for all types."""
        named = zones.names(needs.values.get(zones.PARAMETER, ""))
        types = {kind: path for path, kind in _types(needs) if not needs.uses(kind)}
        if not named or not types:
            return []
        words = {
            "LocationType": "availability-zone",
            "Filters": [
                {"Name": "instance-type", "Values": sorted(types)},
                {"Name": "location", "Values": list(named)},
            ],
        }
        answer = yield Ask("ec2", "describe_instance_type_offerings", words)
        if answer is None or not answer.get("InstanceTypeOfferings"):
            return []  # Where nothing is said of any, they all may.
        offered = {(each["InstanceType"], each["Location"]) for each in answer["InstanceTypeOfferings"]}
        found = []
        for kind, path in sorted(types.items()):
            lacking = [zone for zone in named if (kind, zone) not in offered]
            if lacking:
                message = f"{', '.join(lacking)}, in which the stack has subnets, does not offer `{kind}`."
                having = [zone for zone in named if zone not in lacking]
                hint = f"It is offered in {', '.join(having)}." if having else "Choose another instance type."
                found.append(NOT_OFFERED.at(path, message, hint=hint))
        return found


def _types(needs: Needs) -> Iterator[tuple[Path, str]]:
    for stack in needs.stacks:
        for name, resource in stack.template.get("Resources", {}).items():
            properties: Mapping[str, Any] = resource.get("Properties") or {}
            data = properties.get("LaunchTemplateData", properties)
            kind = data.get("InstanceType") if isinstance(data, Mapping) else None
            if isinstance(kind, str) and str(resource.get("Type")).startswith("AWS::EC2::"):
                yield stack.origins.get(name, ()), kind
