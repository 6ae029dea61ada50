"""Resource Groups: groups of resources by tags, or of those of a stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Properties, add
from msaspec.sandbox.types.plain import Plain

OF_A_STACK = "CLOUDFORMATION_STACK_1_0"


class Group(Plain):
    """A group. One of a stack that names none is of its own stack."""

    def _words(self, at: At, new: Properties) -> dict[str, Any]:
        query = dict(new.get("ResourceQuery", {}))
        if query.get("Type") == OF_A_STACK:
            asked = {"ResourceTypeFilters": ["AWS::AllSupported"], "StackIdentifier": at.stack_id}
            query["Query"] = asked | query.get("Query", {})
        if isinstance(query.get("Query"), Mapping):
            query["Query"] = json.dumps(query["Query"])
        return super()._words(at, {**new, **({"ResourceQuery": query} if query else {})})


add(
    "AWS::ResourceGroups::Group",
    Group(
        "resource-groups",
        "CreateGroup",
        "DeleteGroup",
        "Group.Name",
        ("Group",),
        named="Name",
        attributes={"Arn": "Group.GroupArn"},
    ),
)
