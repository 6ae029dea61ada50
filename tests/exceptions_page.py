"""docs/reference/exceptions.md: what checkers find in templates, and why msaspec does it all the same."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.template.exception import Exempt
from msaspec.template.exceptions import every

ABOUT = """\
With `audit` in the manifest, msaspec writes these exceptions into the template, into the Metadata of the resources that
they fit, where checkers and auditors read them: `cdk_nag.rules_to_suppress`, `checkov.skip` and
`guard.SuppressedRules`. What a patch weakens with a `why` is an exception of the same form.

A **false alarm** is a rule that is mistaken: nothing is missing there. `scripts/audit` runs the checkers on the
examples, or on a manifest of yours, and prints what they find and what of it is explained."""


def page(notice: str) -> str:
    """Return the page."""
    return "\n".join([notice, f"# Exceptions\n\n{ABOUT}\n", *(_section(each) for each in every())])


def _section(exempt: Exempt) -> str:
    alarm = " **False alarm.**" if exempt.false_alarm else ""
    types = ", ".join(f"`{name}`" for name in exempt.types)
    return f"## {exempt.title}\n\n{exempt.reason}{alarm}\n\nOn {types}: {'; '.join(_rules(exempt))}.\n"


def _rules(exempt: Exempt) -> Iterator[str]:
    for checker, rules in (("cdk-nag", exempt.cdk_nag), ("checkov", exempt.checkov), ("Guard", exempt.guard)):
        if rules:
            yield f"{checker} {', '.join(rules)}"
