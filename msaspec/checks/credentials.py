"""Secrets written into the manifest."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostic import Code, Diagnostic
from msaspec.language import reference
from msaspec.plan import Plan

LITERAL_CREDENTIAL = Code(
    "MSA304",
    "A credential in the manifest",
    """
    A value under `env` looks like a credential. What stands in the manifest stands in the repository, in the template
    and in the user data of the instance, where everybody with `ec2:DescribeInstanceAttribute` reads it. Put it into
    Secrets Manager or SSM Parameter Store and name it under `secrets`:

        secrets:
          API_KEY: /shop/api-key
    """,
)

_LAST_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "apikey", "credential", "credentials"}
)
_LAST_PAIRS = frozenset(
    {
        ("api", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("access", "key"),
        ("signing", "key"),
        ("encryption", "key"),
    }
)
_HARMLESS = frozenset({"", "true", "false", "none", "null", "yes", "no"})


def check(plan: Plan) -> Iterator[Diagnostic]:
    """No literal under `env` that looks like a credential, by its name or by its own form."""
    for _, workload in plan.workloads:
        for variable, text in workload.spec.env.items():
            pieces = reference.parse(text)
            literal = "".join(piece for piece in pieces if isinstance(piece, str))
            named = names_credential(variable) and len(pieces) == 1 and literal.lower() not in _HARMLESS
            if (named and not literal.isdigit()) or is_credential(literal):
                message = f"The variable `{variable}` of `{workload.name}` looks like a credential."
                hint = f"Keep it in SSM or Secrets Manager: `secrets: {{{variable}: /{plan.site.system}/...}}`."
                yield LITERAL_CREDENTIAL.at((*workload.path, "env", variable), message, hint=hint)


def names_credential(variable: str) -> bool:
    """Whether a variable's name ends like one that holds a credential.

    >>> names_credential("DB_PASSWORD"), names_credential("app.apiKey"), names_credential("TOKEN_URL")
    (True, True, False)
    """
    spaced = "".join(
        f" {c}" if c.isupper() and not before.isupper() else c
        for before, c in zip(" " + variable, variable, strict=False)
    )
    words = tuple("".join(c if c.isalnum() else " " for c in spaced).lower().split())
    return words[-1:] != () and (words[-1] in _LAST_WORDS or words[-2:] in _LAST_PAIRS)


def is_credential(literal: str) -> bool:
    """Whether a text has the form of one: an AWS access key, a private key, a URL with a password.

    >>> is_credential("postgres://app:hunter2@db/app"), is_credential("https://example.com/a@b")
    (True, False)
    """
    if "-----BEGIN " in literal and "PRIVATE KEY-----" in literal:
        return True
    for word in "".join(c if c.isalnum() else " " for c in literal).split():
        if len(word) == 20 and word[:4] in ("AKIA", "ASIA") and word.isupper():
            return True
    authority = literal.partition("://")[2].partition("/")[0]
    user, at, _ = authority.rpartition("@")
    return bool(at) and bool(user.partition(":")[2])
