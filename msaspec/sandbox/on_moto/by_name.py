"""Answers whose values have the names that the API gives them.

moto looks for each value under a dozen other names, since those of its classes differ: most of what an answer takes.
"""

from __future__ import annotations

from typing import Any

from moto import settings
from moto.core.responses import ActionContext, ActionResult


class Answer(ActionResult):  # type: ignore[misc]
    """An answer, by the names of the API."""

    def execute_result(self, context: ActionContext) -> Any:
        """Write it as the protocol has it."""
        writer = context.serializer_class(context.operation_model, pretty_print=settings.PRETTIFY_RESPONSES)
        written = writer.serialize(self.result)
        return written["status_code"], written["headers"], written["body"]
