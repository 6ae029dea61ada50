"""Long answers in pages, as CloudFormation gives them out."""

from __future__ import annotations

from typing import Any, TypeVar

from moto.cloudformation.exceptions import ValidationError

ROWS = 100
"""How many a page has."""

Row = TypeVar("Row")


def page(api: Any, rows: list[Row], size: int = ROWS, *, grows: bool = False) -> tuple[list[Row], str | None]:
    """Return the page that a request asks for, and the token of the next. Where a list `grows` at its beginning, the
    token counts what is left, so that no page repeats what another had."""
    token = api._get_param("NextToken")
    if token and not token.isdecimal():
        raise ValidationError(message="Invalid NextToken")
    begin = int(token or 0) if not (token and grows) else max(len(rows) - int(token), 0)
    end = begin + size
    left = len(rows) - end
    return rows[begin:end], str(left if grows else end) if left > 0 else None
