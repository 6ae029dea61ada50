"""What every step of a command about stacks needs: the account, whom to report to, and how hints spell commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from msaspec.deploy.aws.target import Aws
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.reporter import Reporter
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.source.document import Document
from msaspec.template.role import Role


@dataclass(frozen=True)
class Context:
    """The surroundings of a step. The steps themselves are functions from value to value."""

    aws: Aws
    reporter: Reporter
    invocation: Invocation
    document: Document | None = None
    """The manifest, where the command has read it."""

    def about(self, role: Role) -> Self:
        """Return the same for one stack of the system, which the commands in hints name."""
        return replace(self, invocation=replace(self.invocation, stack=role.word))

    def command(self, *words: str) -> str:
        """Spell a command of msaspec about the same stack, to be pasted into a shell."""
        return self.invocation.command(*words)

    def placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return the diagnostic with its place in the manifest, if the command has read it and an entry is to blame."""
        return self.document.place_entry(diagnostic) if self.document else diagnostic
