"""What a `.dockerignore` leaves out of a build, by the rules of the builder (moby's `patternmatcher`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from posixpath import normpath


@dataclass(frozen=True)
class Rule:
    """One line of the file."""

    pattern: str
    """Relative to the folder, with `/` between its steps."""
    again: bool = False
    """Whether it includes again what an earlier line excludes (`!`)."""

    @cached_property
    def _form(self) -> re.Pattern[str]:
        try:
            return re.compile(_translated(self.pattern), re.DOTALL)
        except re.error:  # such as `[z-a]`, which the builder refuses
            return re.compile(re.escape(self.pattern))

    def fits(self, path: str) -> bool:
        """Return whether it names a path, or a folder above it.

        >>> Rule("**/target").fits("web/target/app.jar"), Rule("*.md").fits("docs/a.md")
        (True, False)
        """
        steps = path.split("/")
        return any(self._form.fullmatch("/".join(steps[:length])) for length in range(1, len(steps) + 1))


def rules(text: str) -> tuple[Rule, ...]:
    """Read the file: a pattern a line, `#` before a comment."""
    found = []
    for line in text.removeprefix("\ufeff").splitlines():
        if line.startswith("#") or not (pattern := line.strip()):
            continue
        again = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip() if again else pattern
        # A slash at the start or the end means nothing, and `.` names no step.
        if (pattern := normpath(pattern).lstrip("/")) and pattern != ".":
            found.append(Rule(pattern, again))
    return tuple(found)


def is_ignored(path: str, known: Iterable[Rule]) -> bool:
    """Return whether the builder does not see a path. The last line that names it decides.

    >>> is_ignored("a/b.md", rules("*\\n!a/*.md"))
    False
    """
    ignored = False
    for rule in known:
        if ignored == rule.again and rule.fits(path):
            ignored = not rule.again
    return ignored


def _translated(pattern: str) -> str:
    """Return the regular expression of a pattern: `**` is any number of steps, `*` and `?` end at a slash."""
    found, at = "", 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at += 1
                found += "(?:.*/)?"
            else:
                found += ".*"
            continue
        if character == "*":
            found += "[^/]*"
        elif character == "?":
            found += "[^/]"
        elif character == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end]
            negated = "^" if inside.startswith("^") else ""
            found += f"(?!/)[{negated}{_inside(inside.removeprefix('^'))}]"
            at = end
        elif character == "\\" and at + 1 < len(pattern):
            at += 1
            found += re.escape(pattern[at])
        else:
            found += re.escape(character)
        at += 1
    return found


def _inside(written: str) -> str:
    """Return what stands between square brackets, in which only ranges have a meaning."""
    return re.sub(r"[\[\]\\^&~|]", lambda found: f"\\{found[0]}", written)
