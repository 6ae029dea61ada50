"""What a resource waits for after it was made or changed: signals of its hosts, as policies in the template say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

USUAL = "PT5M"
"""How long CloudFormation waits where a policy does not say."""
_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class Awaited:
    """So many signals, as an instance waits for them: the first failure is its own."""

    count: int
    timeout: str = USUAL
    """An ISO 8601 duration, of hours, minutes and seconds."""

    @classmethod
    def by_creation(cls, policies: Mapping[str, Any]) -> Self | None:
        """Return what a `CreationPolicy` among some policies has a resource wait for; None where that is nothing."""
        signal = policies.get("CreationPolicy", {}).get("ResourceSignal")
        found = None if signal is None else cls(int(signal.get("Count", 1)), str(signal.get("Timeout", USUAL)))
        return found if found and found.count > 0 else None

    @property
    def seconds(self) -> int:
        """The timeout. Raises a ValueError where it is none."""
        found = _DURATION.fullmatch(self.timeout)
        if found is None:
            raise ValueError(f"{self.timeout} is no duration")
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds

    def failed(self, unique_id: str) -> tuple[str, ...]:
        """Return what is said of a signal of failure; the last of it is why the resource fails."""
        return (f"Received FAILURE signal with UniqueId {unique_id}",)

    def late(self, received: int) -> tuple[str, ...]:
        """Return what is said where only so many signals came in time; the last of it is why the resource fails."""
        return (f"Failed to receive {self.count - received} resource signal(s) within the specified duration",)


class Batch(Awaited):
    """So many signals, as a group of hosts waits for them: a failure is one of all its hosts', and all must succeed."""

    def failed(self, unique_id: str) -> tuple[str, ...]:
        """Return the signal, and what follows for the group."""
        return (*super().failed(unique_id), self._unsatisfied(1, "FAILURE"))

    def late(self, received: int) -> tuple[str, ...]:
        """Return the batch, and what follows for the group."""
        missing = f"Failed to receive {self.count - received} resource signal(s) for the current batch"
        return f"{missing}. Each resource signal timeout is counted as a FAILURE.", self._unsatisfied(
            received, "SUCCESS"
        )

    def _unsatisfied(self, received: int, status: str) -> str:
        came = f"Received {received} {status} signal(s) out of {self.count}"
        return f"{came}. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
