"""The variables by which SDKs of AWS know their Region: what a service needs that calls AWS by its role."""

from __future__ import annotations

from msaspec.language.value import Token, Value

_REGION: Value = (Token("AWS::Region"),)


def variables(framework: str) -> dict[str, Value]:
    """Return them in the names of a framework.

    SDKs for Python ask for `AWS_DEFAULT_REGION`, others for `AWS_REGION`; ECS on Fargate sets both to the same value.
    """
    if framework == "spring-boot":
        return {"spring.cloud.aws.region.static": _REGION}
    return {"AWS_DEFAULT_REGION": _REGION, "AWS_REGION": _REGION}
