"""A map that may be written as a list of its keys: ``from: [events]``."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Listed:
    """Marks such a map in `Annotated[dict[...], Listed()]`."""

    @staticmethod
    def _map(data: Any) -> Any:
        return dict.fromkeys(data) if isinstance(data, list) and all(isinstance(each, str) for each in data) else data

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Turn a list into a map first."""
        return core_schema.no_info_before_validator_function(self._map, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow both."""
        return {"anyOf": [{"type": "array", "items": {"type": "string"}}, handler(core)]}
