"""Where a secret is that a manifest names: its store, its name there, and what a grant to read it has to say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msaspec.language.part import Statement
from msaspec.language.value import Secret, Text, Token

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}")
_REFERENCE = "/aws/reference/secretsmanager/"
"""How Parameter Store names the secrets of Secrets Manager."""
ANY_SUFFIX = "-??????"
# fact: secret-arn-suffix
"""Matches in a grant the six characters that Secrets Manager adds to the name of a secret in its ARN."""


@dataclass(frozen=True)
class SecretPlace:
    """A secret as a manifest names it."""

    secret: Secret
    grant: Text
    """The ARN for a grant. IAM compares it with the whole ARN of the secret, whatever the request calls it by."""
    whole: bool
    """Whether its ARN is known to the last character, as far as its form shows."""
    partition: str | None = None
    region: str | None = None
    """The partition and Region in its ARN; None for the system's own partition and Region."""


def parse(written: str) -> SecretPlace:
    """Return where a secret is, from a text that the language takes for one.

    >>> parse("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf#key").secret.key
    'key'
    >>> parse("arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop").grant
    ('arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-??????',)
    >>> parse("/shop/api-key").whole
    True
    """
    place, _, key = written.partition("#")
    arn = place.split(":") if place.startswith("arn:") else []
    partition, region = (arn[1], arn[3]) if arn else (None, None)
    parameter = arn[5].removeprefix("parameter") if arn and arn[2] == "ssm" else "" if arn else place
    if parameter.startswith(_REFERENCE):
        name = parameter.removeprefix(_REFERENCE)
        own: Text = (f"{':'.join(arn[:2])}:secretsmanager:{arn[3]}:{arn[4]}:secret:{name}",) if arn else _own(name)
        return SecretPlace(Secret(own), (*own, ANY_SUFFIX), False, partition, region)
    if parameter:
        granted: Text = (place,) if arn else _of("ssm", f"parameter{place}")
        return SecretPlace(Secret((place,), None, "ssm"), granted, True, partition, region)
    whole = _SUFFIX.fullmatch(arn[6][-7:]) is not None
    return SecretPlace(
        Secret((place,), key or None), (place if whole else place + ANY_SUFFIX,), whole, partition, region
    )


def reading(places: Sequence[SecretPlace], keys: Sequence[str]) -> Iterator[Statement]:
    """Yield what a role needs to read some secrets, which customer's keys encrypt."""
    for store, action in (("secretsmanager", "secretsmanager:GetSecretValue"), ("ssm", "ssm:GetParameter")):
        if granted := sorted({place.grant for place in places if place.secret.store == store}, key=repr):
            yield Statement((action,), tuple(granted))
    for key in keys if places else ():
        partition, region = key.split(":")[1], key.split(":")[3]
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        # Only as the stores use it, when they read for the service.
        stores = [f"{store}.{region}.{suffix}" for store in ("secretsmanager", "ssm")]
        yield Statement(("kms:Decrypt",), ((key,),), {"StringEquals": {"kms:ViaService": stores}})


def _own(name: str) -> Text:
    """Return the ARN, without its suffix, of a secret in the system's own account and Region."""
    return _of("secretsmanager", f"secret:{name}")


def _of(service: str, resource: str) -> Text:
    return (
        "arn:",
        Token("AWS::Partition"),
        f":{service}:",
        Token("AWS::Region"),
        ":",
        Token("AWS::AccountId"),
        f":{resource}",
    )
