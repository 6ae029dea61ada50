"""A template as plain data: reading, rendering, its resources and references, logical ids and where they come from.

Nothing here knows how a template was made.
"""
