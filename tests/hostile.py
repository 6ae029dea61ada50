"""Text that would steer a terminal or a CI system, and what is asked of everything that is printed."""

from __future__ import annotations

import re

from click.testing import CliRunner, Result

from msaspec.cli import main
from msaspec.cli.app import App

LINES = (
    "x\n::error file=x::pwned",
    "x\n  ::stop-commands::pwned",
    "##vso[task.complete result=Succeeded;]pwned",
    "##[set-env name=PATH;]pwned",
    "##teamcity[buildStatus text='pwned']",
    "\x1b[2J\x1b]0;pwned\x07",
    "\x1b[8mpwned",
    "\x9b31mpwned",
    "\rpwned",
    "\u202epwned",
    "\u2028::error::pwned",
    "\x85::error::pwned",
)
"""One danger each."""
ALL = "".join(LINES)
"""All of them in one text."""
NAME = ALL.replace("/", "")
"""All of them in the name of a file."""
XML = "".join(c for c in ALL if c >= " " or c in "\n\r\t")
"""Those that an answer of CloudFormation can hold, which is XML."""

_STYLES = re.compile(r"\x1b\[(?:0|1|2|31|32|33|34|36)m")
_COMMAND = re.compile(r"^\s*::[a-z-]+|##(?:vso|teamcity)?\[", re.IGNORECASE | re.MULTILINE)


def run(*words: str, stdin: str | bytes | None = None, app: App | None = None) -> Result:
    """A command as on a terminal, where nothing is stripped."""
    return CliRunner().invoke(main, list(words), input=stdin, color=True, catch_exceptions=False, obj=app)


def dangers(text: str) -> list[str]:
    """What is left in a text that somebody would obey."""
    plain = _STYLES.sub("", text)
    controls = [repr(c) for c in plain if not c.isprintable() and c not in "\n\t"]
    return controls + [found[0] for found in _COMMAND.finditer(plain)]


def check(result: Result, code: int | None = None) -> None:
    """Nothing that a command printed is obeyed by anybody, and it ended as it should."""
    assert dangers(result.output) == [], result.output
    assert "Traceback" not in result.output
    assert result.exit_code in ((0, 1, 2, 3) if code is None else (code,)), result.output
