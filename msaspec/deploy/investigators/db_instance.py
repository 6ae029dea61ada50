"""Database instances, those of DocumentDB too: the events that RDS has about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy import causes
from msaspec.deploy.causes import Finding
from msaspec.deploy.evidence import Ask, Investigator, Looking, Scene, Subject

MINUTES = 60
"""How far back events are read."""
_BAD = frozenset({"failure", "low storage"})
"""Categories of events that tell of a problem."""


class DatabaseInstances(Investigator):
    """Looks into database instances."""

    types: ClassVar[tuple[str, ...]] = ("AWS::RDS::DBInstance", "AWS::DocDB::DBInstance")

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Looking:
        """Ask for the events of the last hour, by the clock of RDS."""
        found = []
        for subject in subjects:
            words = {"SourceType": "db-instance", "SourceIdentifier": subject.id, "Duration": MINUTES}
            answer = yield Ask("rds", "describe_events", words)
            for event in (answer or {}).get("Events", ()):
                if _BAD.isdisjoint(event.get("EventCategories", ())):
                    continue
                said = str(event.get("Message", ""))
                what = f"The database instance {subject.id}"
                found.append(Finding(causes.of(said) or causes.DATABASE, subject.logical_id, said, what))
                break
        return found
