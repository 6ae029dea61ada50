"""What may be written: the root model, environments and defaults, pydantic's errors in words, the JSON Schema.

Models of a section live in `language/`, `kinds/` and `runtimes/`; nothing here knows AWS.
"""
