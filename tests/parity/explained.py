"""Where the sandbox answers otherwise than AWS did, and why that is right or is left so. Anything else is a fault.

`REASONS` is the table of differences, `APART` that of scenarios that the sandbox is not led through to their end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.parity.answers import MISSING, Difference


@dataclass(frozen=True)
class Place:
    """Where an answer stands."""

    scenario: str
    service: str
    """The service that gave it."""


@dataclass(frozen=True)
class Reason:
    """Why a kind of difference is none of the sandbox's."""

    text: str
    path: str = ""
    """A regular expression for the place in the answer."""
    where: Callable[[Any, Any], bool] = lambda recorded, answered: True
    """What the recorded and the given answer are."""
    scenario: str = ""
    """A regular expression for the scenarios."""


@dataclass(frozen=True)
class Apart:
    """Why scenarios are not replayed."""

    text: str
    said: str
    """A regular expression for what fails."""
    scenario: str = ""
    """A regular expression for the scenarios."""


REASONS = (
    Reason(
        "Until May 2025 AWS said `Replacement: True` of some resources that are added.",
        r"Changes\[\d+\]\.ResourceChange\.Replacement$",
        lambda recorded, answered: (recorded, answered) == ("True", MISSING),
    ),
    Reason(
        "The recording was made by a request without capabilities.",
        r"\.Capabilities(\[\])?$",
        lambda recorded, answered: recorded in ([], MISSING),
    ),
    Reason(
        "GetTemplateSummary and ValidateTemplate are moto's: msaspec asks neither.",
        r"^(template-summary|get_template_summary_by_\w+|validate-\w|error)",
        scenario=r"test_templates.py|test_kinesis.py::test_describe_template",
    ),
    Reason(
        "The text is Systems Manager's, and moto's is another: it says the name of the parameter.",
        r"(error\.message|deleted-resource\.error-message|get-parameter-error\..*)$",
        lambda recorded, answered: "not found." in str(answered),
    ),
    Reason(
        "The template has got a parameter since it was recorded in 2022.",
        scenario=r"test_create_change_set_update_without_parameters",
    ),
    Reason(
        "CloudFormation refuses an output of an attribute that no type has before it makes anything; the sandbox does"
        " so at the end. cfn-lint refuses it before either.",
        r"stack_events\.events\[\]$",
        scenario=r"test_invalid_getatt_fails",
    ),
    Reason(
        "At AWS a policy that comes with an update is in force when that ends, and one for the update until then. The"
        " updates of the sandbox end before the scenario looks, and it has a new policy at once.",
        r"^polic\w+\.StackPolicyBody$",
        scenario="test_set_policy_with_update_operation|test_policy_during_update",
    ),
    Reason(
        "The recording has a random name of the program, and no placeholder for it.",
        r"^stack_(created|updated)\.Parameters\[0\]\.ParameterValue$",
        lambda recorded, answered: str(recorded).startswith("test_") and str(answered).startswith("test_"),
    ),
    Reason(
        "A fingerprint is EC2's, which moto plays: it hashes another form of the key.",
        r"^outputs\.ImportedKeyPairFingerprint$",
    ),
    Reason(
        "The sandbox has no transforms and no macros: templates of msaspec have none.",
        scenario=r"test_error_pass_macro_as_reference",
    ),
)
OTHERS = "The answer is another service's ({}), which moto plays: what msaspec reads of it has tests of its own."

APART = (
    Apart(
        "The sandbox has no transforms and no macros: templates of msaspec have none.", "The sandbox has no transforms"
    ),
    Apart(
        "The sandbox has no transforms and no macros: templates of msaspec have none.",
        r"create_lambda_function",
        r"_fn_transform|macro|Macro",
    ),
    Apart(
        "The sandbox has no extensions (hooks, modules, types of others): msaspec has none.",
        r"register_type|register_extension",
    ),
    Apart("The sandbox does not look for drift: msaspec does not ask.", "detect_stack_resource_drift"),
    Apart("GetTemplateSummary is moto's: msaspec does not ask.", "DID NOT RAISE", r"test_get_template_summary_no_res"),
    Apart("The template has got a parameter since it was recorded in 2022.", "assert 2 == 1", r"without_parameters$"),
    Apart(
        "The program needs more of LocalStack's test tools than are played here.",
        r"FixtureRequest|SubRequest|No such file or directory|not '?Anything'?|'Anything' object",
    ),
    Apart(
        "moto has no such action: msaspec calls none of those.", "has not been implemented|KinesisStreamSpecification"
    ),
    Apart("Functions of the sandbox write no logs.", "wait_logs|FilterLogEvents"),
    Apart("The sandbox runs no functions but msaspec's own, and those write no logs.", "'FunctionError' not in"),
    Apart(
        "moto knows nothing of it, and msaspec does not ask.",
        "'LoggingConfig'|DescribeStream|GetProvisionedConcurrencyConfig",
    ),
    Apart("Functions of the sandbox are written in templates.", "only Lambda functions with inline source"),
    Apart("Functions of the sandbox have no URL that answers.", r"DID NOT RAISE", "test_cfn_function_url"),
    Apart("APIs of the sandbox answer no requests.", r"Failed to parse: Host", "test_cfn_deploy_apigateway_models"),
    Apart("moto forgets a transit gateway at once.", "list index out of range", "test_transit_gateway_attachment"),
    Apart("moto changes no deployments of APIs.", "cannot change Description of AWS::ApiGateway::Deployment"),
    Apart("APIs of the sandbox come from no document.", 'Missing required parameter in input: "name"', "apigateway"),
    Apart("The scenario has types of resources that no template of msaspec has.", r"The sandbox has no AWS::"),
)


def explained(place: Place, difference: Difference) -> str | None:
    """Return why a difference is as it should be; None where nothing says so."""
    for reason in REASONS:
        if (
            re.search(reason.path, difference.path)
            and re.search(reason.scenario, place.scenario)
            and reason.where(difference.recorded, difference.answered)
        ):
            return reason.text
    return OTHERS.format(place.service) if place.service != "cloudformation" else None


def apart(scenario: str, said: Sequence[str]) -> str | None:
    """Return why a scenario is not replayed, by what it failed with; None where nothing says so."""
    for each in APART:
        if re.search(each.scenario, scenario) and any(re.search(each.said, text) for text in said):
            return each.text
    return None
