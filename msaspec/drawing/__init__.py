"""Pictures of a system, made from its plan.

`picture` says what is drawn, without coordinates. `layout` has Graphviz place it, the only module that loads it. A form
of picture is a file in `formats/`. Nothing here knows how a resource is made, or reads a template.
"""

from __future__ import annotations
