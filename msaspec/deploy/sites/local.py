"""The sites of a system, as far as this machine knows them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.deploy.sites import folder
from msaspec.deploy.sites.folder import Folder
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.language.part import Uploads


def has(plan: Plan) -> bool:
    """Return whether a system has a site."""
    return any(True for _ in uploads(plan))


def uploads(plan: Plan) -> Iterator[Uploads]:
    """Yield the sites of a system."""
    for kind, entries in plan.entries:
        for entry, _ in entries:
            if found := kind.uploads(entry):
                yield found


def read(plan: Plan, manifest: str) -> tuple[list[Folder], list[Diagnostic]]:
    """Return the files of all sites, and what is missing of them or cannot be uploaded."""
    found: list[Folder] = []
    wrong: list[Diagnostic] = []
    for site in uploads(plan):
        its, faults = folder.read(site, manifest)
        found += [its] if its else []
        wrong += [plan.manifest.document.place(each) for each in faults]
    return found, wrong


def warnings(plan: Plan, manifest: str) -> list[Diagnostic]:
    """Return what is missing of the files of sites, each on its line."""
    found = (each for site in uploads(plan) for each in folder.missing(site, manifest))
    return [plan.manifest.document.place(each) for each in found]
