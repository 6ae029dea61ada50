"""What checkers of templates find, and why msaspec does it all the same: one file, one topic, found by being here.

A module has `EXCEPTIONS`. `docs/reference/exceptions.md` is made from them, and templates with `audit` carry those
that fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec import discover
from msaspec.template.exception import Exempt, write
from msaspec.template.resources import Resources, target


def every() -> Iterator[Exempt]:
    """Yield all exceptions."""
    for module in discover.modules(__name__):
        yield from module.EXCEPTIONS


def explain(template: Mapping[str, Any], stack: str, region: str | None) -> None:
    """Write into each resource of a new template the reasons of what checkers find in it."""
    resources = Resources(template, stack)
    for exempt in every():
        if not exempt.regions(region):
            continue
        of, property = exempt.without or ("", "")
        served = {target(each.get(property)) for each in resources.of(of)}
        for kind in exempt.types:
            for found in resources.of(kind):
                if found.name not in served and exempt.fits(found):
                    _write(template["Resources"][found.name], exempt)


def _write(body: dict[str, Any], exempt: Exempt) -> None:
    """Write before the properties, where a reader of the resource looks first."""
    properties = body.pop("Properties", {})
    write(body, exempt.reason, exempt.cdk_nag, exempt.checkov, exempt.guard)
    body["Properties"] = properties
