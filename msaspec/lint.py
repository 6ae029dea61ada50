"""cfn-lint on a compiled template, its findings placed on the lines of the manifest.

cfn-lint reads the text that users deploy. What it finds becomes `Diagnostic` values under cfn-lint's own rule ids; its
informational findings are left out. `.cfnlintrc` in the working directory and the home folder is honoured on purpose,
as `cfn-lint` itself does, so that a team's `ignore_checks` holds here too; the manifest's `region` comes before its
`regions`. Importing cfn-lint is slow, so it happens only when no remembered verdict answers.

A compiled template is clean by itself (a test holds every example to that): what is found comes from a value that the
manifest passes through, or from a patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from msaspec import garbage, render, verdicts
from msaspec.compile import Stack
from msaspec.diagnostic import Code, Diagnostic, Invalid, Severity, ordered
from msaspec.place import Path, Span
from msaspec.source import Document
from msaspec.spelling import suggest
from msaspec.verdicts import Finding, Verdicts

CONFIGURATION = Code(
    "MSA501",
    "A configuration that cfn-lint refuses",
    """
    `msaspec lint` honours `.cfnlintrc` in the working directory and in the home folder. One of them is no YAML, has a
    setting that cfn-lint does not know, or names rules that cannot be loaded.
    """,
)
UNKNOWN_REGION = Code(
    "MSA502",
    "A Region that cfn-lint does not know",
    """
    The installed cfn-lint has no such Region, so the template was checked for us-east-1 instead. Either the name is
    misspelt, or the Region is newer than the cfn-lint.
    """,
    Severity.WARNING,
)

MOST_CHOICES = 8
"""Longer lists of allowed values are cut in messages."""

_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\w.:*/-]+)"""
_LIST = re.compile(rf"(?P<open>[\[{{])(?P<items>{_ITEM}(?:, {_ITEM})+)(?P<close>[\]}}])")
_WRONG_CHOICE = re.compile(r"^'(?P<word>[^']*)' is not one of [\[{]")


def lint(
    stack: Stack, document: Document, regions: Sequence[str] = (), cache: Verdicts | None = None
) -> list[Diagnostic]:
    """What cfn-lint finds in a stack, on the lines of the document that it was compiled from, in their order.

    `regions` are those to check for; without any, those of `.cfnlintrc` or cfn-lint's default. Raises Invalid if
    cfn-lint refuses the user's configuration.
    """
    findings = remembered(stack, regions, cache) if cache else None
    if findings is None:
        text = render.to_yaml(stack)
        findings = examine(text, regions)
        if cache and (key := verdicts.key(text.encode(), regions)):
            cache.put(key, findings)
    return ordered(document.place(_diagnostic(finding, stack, document)) for finding in findings)


def remembered(stack: Stack, regions: Sequence[str], cache: Verdicts) -> tuple[Finding, ...] | None:
    """What cfn-lint found in the very same before; None where that is not known any more."""
    key = verdicts.key(render.to_yaml(stack).encode(), regions)
    return cache.get(key) if key else None


def examine(text: str, regions: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What cfn-lint finds in the text of a template: sorted, and the same in every process."""
    # Collecting takes a tenth of the time, and finds nothing until the end: then much, where the process goes on.
    with garbage.left_lying(clearing=True):
        rules = _rules(verdicts.configuration())
        return tuple(sorted(set(_examine(text, regions, rules))))


def _examine(text: str, regions: Sequence[str], rules: Any) -> Iterator[Finding]:
    from cfnlint.decode import decode_str
    from cfnlint.helpers import REGION_PRIMARY, REGIONS
    from cfnlint.runner import run_template_by_data

    chosen = _configured(regions).regions
    for region in sorted(set(chosen) - set(REGIONS)):
        message = f"cfn-lint does not know the Region `{region}`; the template was checked for {REGION_PRIMARY}."
        hint = suggest(region, REGIONS, "If the name is right, update cfn-lint.")
        yield Finding((), UNKNOWN_REGION.id, str(UNKNOWN_REGION.severity), message, hint)
    config = _configured([region for region in chosen if region in REGIONS] or [REGION_PRIMARY])
    try:
        template, matches = decode_str(text)
        if not matches:
            matches = list(run_template_by_data(template, config, rules))
    except Exception as fault:  # a rule's own faults are E0002; a patch can make what cfn-lint itself stumbles over
        message = f"cfn-lint cannot read the template: {type(fault).__name__}: {fault}"
        yield Finding((), "E0000", "error", message, "Does a patch put a value of the wrong type there?")
        return
    for match in matches:
        if match.rule.severity in ("error", "warning"):
            yield _finding(match)


def _configured(regions: Sequence[str]) -> Any:
    """The user's configuration of cfn-lint, for these regions if there are any."""
    from cfnlint.config import ConfigMixIn

    # An own list of templates, since `.cfnlintrc` may name some, which are not ours to lint.
    return ConfigMixIn(templates=[], regions=list(regions)) if regions else ConfigMixIn(templates=[])


@lru_cache(maxsize=1)
def _rules(configuration: str) -> Any:
    """The rules, which take a quarter of a second to load: once for every template of a configuration."""
    from cfnlint.runner import Runner

    try:
        return Runner(_configured(())).rules
    except Exception as fault:  # whatever YAML, JSON Schema and the imports of the user's own rules raise
        message = f"cfn-lint cannot use its configuration: {str(fault).rstrip('.')}."
        hint = "It reads .cfnlintrc in the working directory and in the home folder."
        raise Invalid([CONFIGURATION.at((), message, hint=hint, span=Span(verdicts.CONFIGURATIONS[0], 1, 1))]) from None


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
    """A message that does not vary with the hash seed, with long lists cut; and a hint, where one can be told.

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
    """The manifest path of a finding, and whether its key is meant.

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
    """The one field of an entry whose value the template holds at the path."""
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
