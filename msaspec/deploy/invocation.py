"""The commands that messages name, with the words that lead to the same stack."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from msaspec.template.role import BASE, MAIN

DEFAULT_FILE = "msa.yaml"
_ABOUT_ONE_STACK = ("cancel", "continue-rollback", "destroy", "outputs", "status")


@dataclass(frozen=True)
class Invocation:
    """What the user's command acted on."""

    file: str = DEFAULT_FILE
    environment: str | None = None
    words: str = ""
    """The options of the target, with a blank before each."""
    stack: str = MAIN.word
    """The stack that it is about, as `--stack` calls it."""
    apart: bool = field(default=False, kw_only=True)
    """Whether the manifest has environments, so that the file itself has to be named too."""

    def command(self, *words: str) -> str:
        """Return a command of msaspec about the same system, to be pasted into a shell."""
        first, *rest = words
        shared = self.stack != MAIN.word and first in _ABOUT_ONE_STACK
        named = self.environment or (BASE if self.apart and not shared else None)
        environment = ("--env", named) if named else ()
        if shared:
            rest = ["--stack", self.stack, *rest]
        # The arguments of `push` are services.
        option = ("--file",) if first == "push" else ()
        file = () if self.file == DEFAULT_FILE else (*option, self.file)
        return (
            shlex.join(("msaspec", first, *environment, *rest))
            + self.words
            + "".join(f" {shlex.quote(f)}" for f in file)
        )
