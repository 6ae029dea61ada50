"""What linting a template depends on beside the template: the configuration in force, and the cache that is asked."""

from __future__ import annotations

from dataclasses import dataclass

from msaspec.linting import sealed
from msaspec.linting.configuration import Configuration, in_force
from msaspec.linting.verdicts import Verdicts


@dataclass(frozen=True)
class Settings:
    """What linting a template depends on beside the template."""

    configuration: Configuration
    cache: Verdicts | None

    @property
    def lasting(self) -> bool:
        """Whether the same lint finds the same the next time, so that it may be remembered."""
        return self.cache is not None and not self.configuration.reads


def settings(named: str | None = None, *, cached: bool = True) -> Settings:
    """Return the settings of a command, with the configuration that the user named. Raises Invalid where it cannot be
    used."""
    configuration = in_force(named)
    configuration.check()
    return Settings(configuration, Verdicts() if cached and sealed.in_use() else None)
