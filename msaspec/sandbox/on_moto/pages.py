"""Long answers in pages, as CloudFormation gives them out."""

from __future__ import annotations

from typing import Any, TypeVar

from moto.cloudformation.exceptions import ValidationError

ROWS = 100
"""How many a page has."""

Row = TypeVar("Row")


def page(api: Any, rows: list[Row], size: int = ROWS) -> tuple[list[Row], str | None]:
    """The page that a request asks for, and the token of the next."""
    token = api._get_param("NextToken") or "0"
    if not token.isdecimal():
        raise ValidationError(message="Invalid NextToken")
    begin, end = int(token), int(token) + size
    return rows[begin:end], str(end) if len(rows) > end else None
