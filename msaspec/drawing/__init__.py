"""Pictures of a system: what is drawn of a plan, where it is placed, and the formats, one a file in `formats/`."""

from __future__ import annotations
