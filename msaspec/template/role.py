"""The stacks of a system: which there are, in which order they are deployed, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msaspec.template import names

BASE = "-"
"""What `--env` says for the file itself; no environment can have this name."""


@dataclass(frozen=True)
class Role:
    """What a stack is for in its system."""

    word: str
    """What `--stack` calls it."""
    shared: bool = False
    """Whether it is one for all environments, and so outlives each of them."""
    imports: bool = False
    """Whether it takes over existing resources of the names that its template gives."""
    contents: str = ""
    """What of it stays of use when an environment is gone."""
    title: str = ""
    """What the stack of a shared role is, at the beginning of a sentence."""

    def stack(self, system: str, environment: str | None) -> str:
        """Name the stack of this role in CloudFormation."""
        return f"{system}-{self.word}" if self.shared else names.stack(system, environment)


REGISTRY = Role("registry", shared=True, imports=True, contents="the images", title="Image repositories")
"""The image repositories."""
MAIN = Role("main")
"""Everything else."""
ROLES = (REGISTRY, MAIN)
"""In the order of deployment, which is the reverse of the order of deletion."""


@dataclass(frozen=True)
class Named:
    """A stack of a system: that of an environment, or one that all of them share."""

    role: Role
    system: str
    environment: str | None = None
    """None too where all environments share it."""

    @property
    def name(self) -> str:
        """The name of the stack in CloudFormation."""
        return self.role.stack(self.system, self.environment)

    def __str__(self) -> str:
        """Whose it is, as the end of a sentence."""
        if self.role.shared:
            return f"the {self.role.title.lower()} of the system `{self.system}`"
        where = f"environment `{self.environment}`" if self.environment else "without an environment"
        return f"the system `{self.system}`, {where}"


def stacks(system: str, environment: str | None) -> tuple[Named, ...]:
    """List the stacks that a system may have in an environment, in the order of deployment."""
    return tuple(Named(role, system, None if role.shared else environment) for role in ROLES)


def words(roles: Iterable[Role] = ROLES) -> tuple[str, ...]:
    """List the words of `--stack`, the system's own stack first."""
    return tuple(role.word for role in sorted(roles, key=lambda role: role.shared))
