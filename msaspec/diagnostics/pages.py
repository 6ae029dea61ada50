"""Where the page of a diagnostic is in the published documents.

`scripts/release --documents ADDRESS` writes the address of the site that `scripts/docs` built. Who publishes the site
elsewhere, such as inside of a company, names it by a variable of the environment.
"""

from __future__ import annotations

import os
import re

PUBLISHED = ""
"""The address of the site; empty where none is published."""
VARIABLE = "MSASPEC_DOCS"
DIAGNOSTICS = "docs/reference/diagnostics.html"
"""The page of the site that has an anchor for each diagnostic."""
RULES = "https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/rules.md"
"""The list of cfn-lint's rules, which has an anchor for each."""
_ADDRESS = re.compile(r"(?:https?://|file:///)[\w.~:/%-]+", re.ASCII)
"""What is taken for an address: without credentials, queries and anything that a terminal or a format would read."""


def site() -> str | None:
    """Return the address of the documents, without a slash at its end; None where there is none."""
    chosen = os.environ.get(VARIABLE) or PUBLISHED
    return chosen.rstrip("/") if _ADDRESS.fullmatch(chosen) else None


def own(code: str) -> str | None:
    """Return the address of a diagnostic of msaspec; None for a rule of cfn-lint, and without published documents."""
    there = site() if code.startswith("MSA") else None
    return there and f"{there}/{DIAGNOSTICS}#{code.lower()}"


def page(code: str) -> str | None:
    """Return the address of what a code means, a rule of cfn-lint too."""
    return f"{RULES}#{code}" if re.fullmatch("[EWI][0-9]{4}", code) else own(code)
