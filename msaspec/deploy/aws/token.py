"""Client tokens: by them CloudFormation knows a repeated request, and we know our own change sets and events."""

from __future__ import annotations

from uuid import uuid4

PREFIX = "msaspec-"
"""How the names of our change sets begin, by which a later run knows what an earlier one left."""


def new() -> str:
    """Make a token that no other request has."""
    return f"{PREFIX}{uuid4()}"
