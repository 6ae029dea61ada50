"""Lambda functions whose source the template carries."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Ref, awslambda

from msaspec.language.aws_type import AwsType
from msaspec.template import scripts

FUNCTION = AwsType(
    name="AWS::Lambda::Function",
    noun="Lambda function",
    unique=(("FunctionName",),),
    # Of one in a VPC: Lambda gives its network interfaces back late. AWS speaks of up to 20 minutes; issues 392 and
    # 414 of aws-cloudformation/cloudformation-coverage-roadmap of 25 to 45.
    # fact: lambda-network-interfaces
    slow={"delete": "20 to 45 minutes, for its network interfaces,"},
    slow_when=lambda properties: bool(properties.get("VpcConfig")),
)
PERMISSION = AwsType(name="AWS::Lambda::Permission")
# fact: python-runtimes
RUNTIME = "python3.13"


def source(name: str) -> str:
    """Return the source of a function of `aws/lambdas`, as a template carries it."""
    return scripts.program("msaspec.aws.lambdas", f"{name}.py", 4)


def function(name: str, log_group: str, timeout: int, **properties: Any) -> Any:
    """Return a function whose source is the program of its name, and whose role has its name with `Role` behind it.

    It runs on x86_64, the default, which Lambda has in every Region; of arm64 its guide says "most".
    """
    return awslambda.Function(
        name,
        Runtime=RUNTIME,
        Handler="index.handler",
        Role=GetAtt(f"{name}Role", "Arn"),
        MemorySize=256,
        Timeout=timeout,
        LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref(log_group)),
        **properties,
        Code=awslambda.Code(ZipFile=scripts.looked_up(name)),
    )
