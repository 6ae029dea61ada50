"""What a service may do beyond its uses: statements of its own for the role that its program acts by."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from msaspec.language.base import Items, Model
from msaspec.language.text import Text

_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+")


def _action(written: str) -> str:
    if not _ACTION.fullmatch(written):
        raise PydanticCustomError("action", "an action is a service and a name, such as `ses:SendEmail`")
    return written


def _resource(written: str) -> str:
    if written != "*" and not written.startswith("arn:"):
        raise PydanticCustomError("resource", "a resource is an ARN, or `*` with a reason under `why`")
    return written


class Grant(Model):
    """A permission of a service for something outside of the manifest."""

    actions: Annotated[Items[Annotated[str, AfterValidator(_action)]], Field(min_length=1)] = Field(
        description="Actions of IAM.", examples=[["ses:SendEmail"]]
    )
    resources: Annotated[Items[Annotated[Text, AfterValidator(_resource)]], Field(min_length=1)] = Field(
        description="ARNs, with references such as `${aws.region}`; `*` needs `why`.",
        examples=[["arn:${aws.partition}:ses:${aws.region}:${aws.account}:identity/example.com"]],
    )
    why: Annotated[str, Field(min_length=8, max_length=200)] | None = Field(
        None,
        description="Why the grant is so wide. Required for the resource `*`, and for all actions of a service.",
        examples=["SES has no resources for templates."],
    )

    @model_validator(mode="after")
    def _reasoned(self) -> Grant:
        wide = [
            *(each for each in self.actions if each.endswith(":*")),
            *(each for each in self.resources if each == "*"),
        ]
        if wide and not self.why:
            raise PydanticCustomError("together", "`{wide}` needs a reason: add `why: ...`", {"wide": wide[0]})
        return self
