"""Formats of pictures, one a file, found by its name.

Each has `render(picture)`, which returns the text of a file. A format that needs places asks `layout` for them; texts
of a manifest are escaped here, and nowhere else.
"""

from __future__ import annotations
