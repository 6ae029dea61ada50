"""The commands that messages name, with the words that lead to the same stack."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

DEFAULT_FILE = "msa.yaml"
_ABOUT_ONE_STACK = ("cancel", "continue-rollback", "destroy", "outputs", "status")


@dataclass(frozen=True)
class Here:
    """What the user's command acted on."""

    file: str = DEFAULT_FILE
    environment: str | None = None
    words: str = ""
    """The options of the target, with a blank before each."""
    registry: bool = False
    """Whether it is about the stack of the image repositories."""

    def command(self, *words: str) -> str:
        """A command of msaspec about the same system, to be pasted into a shell."""
        environment = ("--env", self.environment) if self.environment else ()
        first, *rest = words
        if self.registry and first in _ABOUT_ONE_STACK:
            rest = ["--stack", "registry", *rest]
        # The arguments of `push` are services.
        option = ("--file",) if first == "push" else ()
        file = () if self.file == DEFAULT_FILE else (*option, self.file)
        return (
            shlex.join(("msaspec", first, *environment, *rest))
            + self.words
            + "".join(f" {shlex.quote(f)}" for f in file)
        )
