"""Secrets that Secrets Manager generates, as a patch can leave them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.template.stack import Stack

HALF_A_TEMPLATE = Code(
    "MSA445",
    "A generated secret without its key or template",
    """
    `SecretStringTemplate` is a JSON document, and `GenerateStringKey` names the key that receives the generated text.
    Secrets Manager refuses one without the other.
    """,
)

ENDS_LIKE_AN_ARN = Code(
    "MSA457",
    "A secret name that ends like an ARN",
    """
    Secrets Manager ends the ARN of each secret with a hyphen and six characters. Where the name ends so too, a search
    by a part of the ARN finds another secret, or none. Leave the name to CloudFormation, or end it otherwise.
    """,
    Severity.WARNING,
)

_END = re.compile(r"-[A-Za-z0-9]{6}$")
_KEYS = ("GenerateStringKey", "SecretStringTemplate")


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Yield a key has its document, and a document its key; no name is taken for the end of an ARN."""
    for secret in stack.resources.of("AWS::SecretsManager::Secret"):
        name = stack.resources.text_of(secret.get("Name"))
        if name is not None and _END.search(name):
            message = f"The name of the secret `{secret.name}` ends with a hyphen and six characters, as ARNs do."
            yield stack.fault(ENDS_LIKE_AN_ARN, message, "Leave the name to CloudFormation.", secret.at("Name"))
        given = [secret.get("GenerateSecretString", key) is not None for key in _KEYS]
        if given[0] != given[1]:
            here, missing = _KEYS if given[0] else _KEYS[::-1]
            message = f"The secret `{secret.name}` has a `{here}` and no `{missing}`."
            paths = [secret.at("GenerateSecretString", key) for key in (missing, here)]
            yield stack.fault(HALF_A_TEMPLATE, message, f"Add `{missing}`, or remove both.", *paths)
