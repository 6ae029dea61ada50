"""cfn-lint on a compiled template, its findings placed on the lines of the manifest.

cfn-lint reads the text that users deploy. What it finds becomes `Diagnostic` values under cfn-lint's own rule ids; its
informational findings are left out. A configuration of cfn-lint is honoured where `settings` trusts it; the manifest's
`region` comes before its `regions`. Importing cfn-lint is slow, so it happens only when no remembered verdict answers.

A compiled template is clean by itself (a test holds every example to that): what is found comes from a value that the
manifest passes through, or from a patch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid, Severity, ordered
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.engines import engines
from msaspec.linting import gc_pause, regional, speedups, sympy_import, verdicts, workers
from msaspec.linting.configuration import Configuration, in_force
from msaspec.linting.settings import Settings, settings
from msaspec.linting.verdicts import Finding
from msaspec.source.document import Document
from msaspec.template import render
from msaspec.template.stack import Stack

UNKNOWN_REGION = Code(
    "MSA502",
    "A Region that cfn-lint does not know",
    """
    The installed cfn-lint has no such Region, so the template was checked for us-east-1 instead. Either the name is
    misspelt, or the Region is newer than the installed cfn-lint.
    """,
    Severity.WARNING,
)

FAILURES = ("E0000", "E0002")
"""Rules by which cfn-lint says that it failed itself, or cannot read the template."""
MOST_CHOICES = 8
"""Longer lists of allowed values are cut in messages."""

_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\w.:*/-]+)"""
_LIST = re.compile(rf"(?P<open>[\[{{])(?P<items>{_ITEM}(?:, {_ITEM})+)(?P<close>[\]}}])")
_A_WARNING = re.compile(r"[WI][0-9]{4}")
_WRONG_CHOICE = re.compile(r"^'(?P<word>[^']*)' is not one of [\[{]")


@dataclass(frozen=True)
class Subject:
    """What is to be linted."""

    stack: Stack
    document: Document
    """What it was compiled from."""
    regions: Sequence[str] = ()
    """Those to check for; without any, those of the configuration or cfn-lint's default."""


def lint(
    stack: Stack, document: Document, regions: Sequence[str] = (), chosen: Settings | None = None
) -> list[Diagnostic]:
    """Return what cfn-lint finds in a stack, on the lines of the document that it was compiled from, in their order.

    Without settings, those of the environment hold, and nothing is remembered. Raises Invalid if cfn-lint refuses the
    configuration.
    """
    return lint_all([Subject(stack, document, regions)], chosen or settings(cached=False))[0]


def lint_all(subjects: Sequence[Subject], chosen: Settings) -> list[list[Diagnostic]]:
    """Return what cfn-lint finds in each of several stacks, which it looks at side by side where that is faster."""
    asked = list(map(_asked, subjects))
    every = dict.fromkeys(one for each in asked for one in each)
    found = _remembered(every, chosen)
    if new := [one for one in every if one not in found]:
        examined = dict(zip(new, _examined(new, chosen.configuration), strict=True))
        _remember(examined, chosen)
        found |= examined
    return [
        ordered(
            subject.document.place(_diagnostic(finding, subject.stack, subject.document))
            for one in each
            for finding in found[one]
        )
        for subject, each in zip(subjects, asked, strict=True)
    ]


def are_remembered(subjects: Sequence[Subject], chosen: Settings) -> bool:
    """Whether cfn-lint has looked at the very same before, and what it found is still known."""
    asked = {one for subject in subjects for one in _asked(subject)}
    return len(_remembered(asked, chosen)) == len(asked)


_Asked = tuple[str, tuple[str, ...]]
"""The text of a template, and Regions."""


def _asked(subject: Subject) -> tuple[_Asked, ...]:
    """Return what cfn-lint is asked of a stack: each template that CloudFormation gets, so that what is said of a
    nested stack that does not change is known."""
    stack, regions = subject.stack, tuple(subject.regions)
    made = stack.layout.pieces
    if not made.nested:
        return ((render.to_yaml(stack), regions),)
    return tuple((render.to_yaml(replace(stack, template=each)), regions) for each in made.all())


def _remembered(asked: Iterable[_Asked], chosen: Settings) -> dict[_Asked, tuple[Finding, ...]]:
    """Return what cfn-lint found in those of the templates for which that is known."""
    found: dict[_Asked, tuple[Finding, ...]] = {}
    if chosen.cache and (around := verdicts.surroundings(chosen.configuration)):
        for text, regions in asked:
            if (findings := chosen.cache.get(verdicts.key(text.encode(), regions, around))) is not None:
                found[text, regions] = findings
    return found


def _remember(examined: Mapping[_Asked, tuple[Finding, ...]], chosen: Settings) -> None:
    """Remembers findings, unless cfn-lint itself failed, which may have been for want of memory or the like."""
    if chosen.cache and (around := verdicts.surroundings(chosen.configuration)):
        for (text, regions), findings in examined.items():
            if not any(is_failure(finding.rule, finding.message) for finding in findings):
                chosen.cache.put(verdicts.key(text.encode(), regions, around), findings)


def is_failure(rule: str, message: str) -> bool:
    """Whether a finding says that cfn-lint failed, so that it may not say so the next time."""
    return rule in FAILURES or " raised while validating " in message


def _examined(asked: Sequence[_Asked], configuration: Configuration) -> list[tuple[Finding, ...]]:
    """Return what cfn-lint finds in each of several templates, for their Regions."""
    sizes = [len(text) for text, _ in asked]
    with gc_pause.gc_paused(clearing=True):
        if workers.processes(sizes) > 1:
            _load(configuration)  # Once, before there are others.
        return workers.apply(lambda one: examine(*one, configuration), asked, sizes)


def examine(text: str, regions: Sequence[str] = (), configuration: Configuration | None = None) -> tuple[Finding, ...]:
    """Return what cfn-lint finds in the text of a template: sorted, and the same in every process."""
    # Collecting takes a tenth of the time, and finds nothing until the end: then much, where the process goes on.
    configuration = configuration or in_force()
    with gc_pause.gc_paused(clearing=True):
        return tuple(sorted(set(_examine(text, regions, _load(configuration), configuration))))


def _load(configuration: Configuration) -> Any:
    """cfn-lint and its rules."""
    sympy_import.prepare()
    return _rules(configuration, configuration.text)


def _examine(text: str, regions: Sequence[str], rules: Any, configuration: Configuration) -> Iterator[Finding]:
    from cfnlint.decode import decode_str
    from cfnlint.helpers import REGION_PRIMARY, REGIONS
    from cfnlint.runner import run_template_by_data

    chosen = _configured(configuration, regions).regions
    for region in sorted(set(chosen) - set(REGIONS)):
        message = f"cfn-lint does not know the Region `{region}`; the template was checked for {REGION_PRIMARY}."
        hint = suggest(region, REGIONS, "If the name is right, update cfn-lint.")
        yield Finding((), UNKNOWN_REGION.id, str(UNKNOWN_REGION.severity), message, hint)
    config = _configured(configuration, [region for region in chosen if region in REGIONS] or [REGION_PRIMARY])
    try:
        template, matches = decode_str(text)
        if not matches:
            if not configuration.named:
                _unsilence(template)
            with speedups.replaced(rules):
                matches = list(run_template_by_data(template, config, rules))
    except Exception as fault:  # a rule's own faults are E0002; a patch can make what cfn-lint itself stumbles over
        message = f"cfn-lint cannot read the template: {type(fault).__name__}: {fault}"
        yield Finding((), "E0000", "error", message, "Check whether a patch writes a value of the wrong type.")
        return
    for match in matches:
        if match.rule.severity in ("error", "warning"):
            yield _finding(match)


def _unsilence(template: Any) -> None:
    """Take out what in a template has cfn-lint pass over errors: a patch may have put it there.

    Warnings may be silenced for a resource, as the compiler itself does, and that RDS, DocumentDB or Amazon MQ has a
    version or a class that cfn-lint does not know. A configuration that the user names decides otherwise.
    """
    if not isinstance(template, dict):
        return
    _map(template.get("Metadata")).pop("cfn-lint", None)
    for resource in _map(template.get("Resources")).values():
        metadata = _map(_map(resource).get("Metadata"))
        ignored = _map(_map(metadata.pop("cfn-lint", None)).get("config")).get("ignore_checks")
        rules = list(map(str, ignored)) if isinstance(ignored, list) else []
        kept = [each for each in rules if _A_WARNING.fullmatch(each) or each in _unfounded(resource)]
        if kept:
            metadata["cfn-lint"] = {"config": {"ignore_checks": kept}}


def _unfounded(resource: Any) -> frozenset[str]:
    """Return the rules that object to a version or a class which there is, and cfn-lint does not know."""
    kind, properties = _map(resource).get("Type"), _map(_map(resource).get("Properties"))
    if kind == "AWS::DocDB::DBInstance":
        return frozenset({"E3620"}) if properties.get("DBInstanceClass") == "db.serverless" else frozenset()
    if kind == "AWS::AmazonMQ::Broker":
        # cfn-lint has it in another spelling.
        chosen = str(properties.get("HostInstanceType"))
        abbreviated = re.search(r"\dxlarge$", chosen) and chosen in (regional.broker_classes("us-east-1") or ())
        return frozenset({"E3670"}) if abbreviated else frozenset()
    if kind == "AWS::DocDB::DBCluster":
        engine = next((each for each in engines().values() if each.documents), None)
    else:
        engine = engines().get(str(properties.get("Engine")))
    version = str(properties.get("EngineVersion"))
    there = engine is not None and re.search(engine.versions, version)
    return frozenset({engine.versions_rule}) if engine and there and not engine.is_listed(version) else frozenset()


def _map(part: Any) -> dict[Any, Any]:
    return part if isinstance(part, dict) else {}


def _configured(configuration: Configuration, regions: Sequence[str]) -> Any:
    """cfn-lint's own form of a configuration, for these regions if there are any."""
    from cfnlint.config import ConfigMixIn

    # An own list of templates, since a configuration may name some, which are not ours to lint. The file is always
    # named, since cfn-lint would look for one in the working directory.
    words = {"templates": [], "config_file": str(configuration.file or os.devnull)}
    return ConfigMixIn(**words, regions=list(regions)) if regions else ConfigMixIn(**words)


@lru_cache(maxsize=1)
def _rules(configuration: Configuration, text: bytes) -> Any:
    """Return the rules, which take a quarter of a second to load: once for every template of a configuration."""
    from cfnlint.runner import Runner

    try:
        return Runner(_configured(configuration, ())).rules
    except Exception as fault:  # whatever YAML, JSON Schema and the imports of the user's own rules raise
        message = f"cfn-lint cannot use its configuration: {str(fault).rstrip('.')}."
        raise Invalid([configuration.refused(message, "Correct that file, or remove it.")]) from None


def _finding(match: Any) -> Finding:
    rule = match.rule
    message, near = normal(match.message)
    path = tuple(step if isinstance(step, int) else str(step) for step in getattr(match, "path", None) or ())
    return Finding(path, rule.id, rule.severity, message, near or _explanation(rule))


def _explanation(rule: Any) -> str | None:
    """Where the rule is explained, if it says so: its description only repeats the message."""
    url = rule.source_url or ""
    return f"See {url}" if url.count("/") > 4 else None  # else it is merely cfn-lint's front page


def normal(message: str) -> tuple[str, str | None]:
    """Return a message that does not vary with the hash seed, with long lists cut; and a hint, if there is one.

    >>> normal("'postgress' is not one of ['mysql', 'postgres']")
    ("'postgress' is not one of ['mysql', 'postgres']", 'Did you mean `postgres`?')
    >>> normal("Circular dependency with [C, B]")
    ('Circular dependency with [B, C]', None)
    """
    wrong = _WRONG_CHOICE.match(message)
    word = wrong["word"] if wrong else ""
    choices: list[str] = []

    def listed(found: re.Match[str]) -> str:
        items = sorted(set(re.findall(_ITEM, found["items"])))
        if not choices:
            choices.extend(_plain(item) for item in items)
        if len(items) > MOST_CHOICES:
            near = [item for item in items if _plain(item) in get_close_matches(word, map(_plain, items))]
            shown = near or items[:3]
            items = [*shown, f"... {len(items) - len(shown)} more"]
        return f"{found['open']}{', '.join(items)}{found['close']}"

    text = " ".join(_LIST.sub(listed, message).split())
    return text, suggest(word, choices, "") or None if wrong else None


def _plain(item: str) -> str:
    return item[1:-1] if item[:1] in "'\"" else item


def _diagnostic(finding: Finding, stack: Stack, document: Document) -> Diagnostic:
    severity = Severity(finding.severity)
    if finding.rule == UNKNOWN_REGION.id:
        return Diagnostic(finding.rule, severity, finding.message, finding.hint, ("region",))
    path, key = blame(finding, stack, document)
    where = "/".join(map(str, finding.path))
    place = f", at `{where}` of the template." if where else "."
    return Diagnostic(finding.rule, severity, finding.message.rstrip(".") + place, finding.hint, path, key=key)


def blame(finding: Finding, stack: Stack, document: Document) -> tuple[Path, bool]:
    """Return the manifest path of a finding, and whether the finding is about its key.

    A patch that wrote there, around it, into it or whatever the message names; else the field with the very value that
    is complained about; else the entry that the resource belongs to.
    """
    if place := stack.writer(finding.path):
        return place, False
    steps = tuple(map(str, finding.path))
    inside = [(written, patch) for written, patch in stack.patched if written[: len(steps)] == steps]
    for written, patch in reversed([*stack.patched, *inside]):
        if written and f"'{written[-1]}'" in finding.message:
            return patch, False
    if inside:
        return inside[-1][1], False
    entry = stack.origin(finding.path)
    return _field(finding.path, stack, document, entry) or (entry, True)


def _field(path: Path, stack: Stack, document: Document, entry: Path) -> tuple[Path, bool] | None:
    """Return the one field of an entry whose value the template holds at the path."""
    value: Any = stack.template
    held: Any = document.data()
    try:
        for step in path:
            value = value[step]
        for step in entry:
            held = held[step]
    except (KeyError, IndexError, TypeError):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    same = [field for field, leaf in _leaves(held, entry) if not isinstance(leaf, bool) and str(leaf) == str(value)]
    return (same[0], False) if entry and len(same) == 1 else None


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _leaves(item, (*path, position))
    else:
        yield path, value
