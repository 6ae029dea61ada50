"""Formats of pictures, one a file, found by its name. Each has `render(picture, about)`."""

from __future__ import annotations
