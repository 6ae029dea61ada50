"""Rules of AWS WAF for CloudFront, which are in us-east-1, where the stack is not: a custom resource has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from troposphere import GetAtt
from troposphere.cloudformation import AWSCustomObject

from msaspec.aws import functions, iam, logs
from msaspec.language.aws_type import AwsType
from msaspec.language.part import Part, Statement
from msaspec.language.value import Text, Token
from msaspec.template.regions import OF_CLOUDFRONT

RULES, FUNCTION, ROLE, LOGS = "AuditCdnRules", "AuditCdnRulesMaker", "AuditCdnRulesMakerRole", "AuditCdnRulesMakerLogs"
HANDLER_SECONDS, ANSWER_SECONDS = 900, 960
"""The function gives up first, then CloudFormation stops waiting. Lambda allows 900 seconds."""
_TAG = "msaspec:stack"
_PROPERTIES = ("ServiceToken", "ServiceTimeout", "Rules", "Stack")


class CdnFirewall(AWSCustomObject):  # type: ignore[misc]
    """The custom resource: a list of rules. Its id is the ARN."""

    resource_type = "Custom::CdnFirewall"
    props: ClassVar[dict[str, tuple[type, bool]]] = dict.fromkeys(_PROPERTIES, (object, True))


TYPES = (
    functions.FUNCTION,
    AwsType(name=CdnFirewall.resource_type, noun="firewall", slow={"delete": "up to 15 minutes"}),
    iam.ROLE,
    logs.GROUP,
)


def build(rules: Sequence[Any], stack: str) -> Part:
    """Return the list of rules, and the function that makes it. It may touch those with the tag of the stack only."""
    asked = {"StringEquals": {f"aws:RequestTag/{_TAG}": stack}}
    tagged = {"StringEquals": {f"aws:ResourceTag/{_TAG}": stack}}
    lists, managed = _arn("webacl/*"), _arn("managedruleset/*")
    return Part(
        (
            logs.group(LOGS, 30),
            iam.role(
                ROLE,
                "lambda.amazonaws.com",
                [
                    logs.writing(LOGS),
                    # fact: cloudfront-firewall-rights
                    Statement(("wafv2:CreateWebACL", "wafv2:TagResource"), (lists,), asked),
                    Statement(("wafv2:DeleteWebACL", "wafv2:GetWebACL", "wafv2:UpdateWebACL"), (lists,), tagged),
                    Statement(("wafv2:CreateWebACL", "wafv2:UpdateWebACL"), (managed,)),
                    Statement(("wafv2:ListWebACLs",), (("*",),)),
                ],
            ),
            functions.function(FUNCTION, LOGS, HANDLER_SECONDS),
            CdnFirewall(
                RULES,
                ServiceToken=GetAtt(FUNCTION, "Arn"),
                ServiceTimeout=ANSWER_SECONDS,
                # As text, since CloudFormation makes texts of the numbers in properties of custom resources.
                Rules=json.dumps([rule.to_dict() for rule in rules]),
                Stack=stack,
                DependsOn=ROLE,
            ),
        ),
        scripts={FUNCTION: functions.source("cdn_firewall")},
    )


def _arn(resource: str) -> Text:
    return ("arn:", Token("AWS::Partition"), f":wafv2:{OF_CLOUDFRONT}:", Token("AWS::AccountId"), f":global/{resource}")
