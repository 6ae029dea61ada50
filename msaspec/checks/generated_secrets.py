"""Secrets that Secrets Manager generates, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic

HALF_A_TEMPLATE = Code(
    "MSA445",
    "A generated secret with half of its form",
    """
    `GenerateStringKey` names the key of a JSON document into which the generated text goes, and `SecretStringTemplate`
    is that document. One without the other is refused.
    """,
)

_KEYS = ("GenerateStringKey", "SecretStringTemplate")


def check_stack(stack: Stack) -> Iterator[Diagnostic]:
    """A key has its document, and a document its key."""
    for secret in stack.resources.of("AWS::SecretsManager::Secret"):
        given = [secret.get("GenerateSecretString", key) is not None for key in _KEYS]
        if given[0] != given[1]:
            here, missing = _KEYS if given[0] else _KEYS[::-1]
            message = f"The secret `{secret.name}` has a `{here}` and no `{missing}`."
            paths = [secret.at("GenerateSecretString", key) for key in (missing, here)]
            yield stack.fault(HALF_A_TEMPLATE, message, f"Add `{missing}`, or remove both.", *paths)
