"""Values that are known only in part when the template is compiled.

A `Value` is a sequence of pieces: literal text, a `Token` that CloudFormation fills in at deployment, or a
`Secret` that only the machine which runs the service may read. Literal text stays data all the way: the code
that renders a value escapes it for its destination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Token:
    """What CloudFormation fills in, spelled as inside ``${...}`` of Fn::Sub.

    A logical id (``Main``), an attribute of one (``Main.Endpoint.Address``) or a pseudo parameter
    (``AWS::Region``).
    """

    target: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret read at run time.

    `arn` is the ARN of a Secrets Manager secret or of an SSM parameter; `key` picks one entry of a secret
    whose text is a JSON object, None takes the whole text. `store` says which of the two holds it; for an
    SSM parameter `arn` may be its name.
    """

    arn: tuple[str | Token, ...]
    key: str | None = None
    store: Literal["secretsmanager", "ssm"] = "secretsmanager"


Piece = str | Token | Secret
Value = tuple[Piece, ...]
Text = tuple[str | Token, ...]
"""A value without secrets: all of it may be in a template."""


def value(*pieces: Piece) -> Value:
    """Pieces as a value: neighbouring literals joined, empty ones dropped.

    >>> value("a", "b", Token("Main"), "")
    ('ab', Token(target='Main'))
    """
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece)
    return tuple(joined)


def is_secret(pieces: Value) -> bool:
    """Whether any part must never be in a template, in user data or in a log."""
    return any(isinstance(piece, Secret) for piece in pieces)


def public(pieces: Value) -> Text:
    """Return the same value, known to hold no secret. Raises TypeError if it does."""
    if is_secret(pieces):
        raise TypeError("a secret cannot be part of a template")
    return tuple(piece for piece in pieces if not isinstance(piece, Secret))
