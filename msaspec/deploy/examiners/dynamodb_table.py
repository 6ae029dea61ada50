"""Tables: whether they are active, and what protects their items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msaspec.deploy.asking import GONE
from msaspec.deploy.condition import Condition, Examiner, Examining, gone, unknown
from msaspec.deploy.evidence import Ask, Scene, Subject

_WELL = ("ACTIVE", "CREATING", "UPDATING")


class Tables(Examiner):
    """Tells how tables are."""

    types: ClassVar[tuple[str, ...]] = ("AWS::DynamoDB::Table",)

    def look(self, subjects: Sequence[Subject], scene: Scene) -> Examining:
        """Ask for each, and for its backups."""
        found = []
        for subject in subjects:
            answer = yield Ask("dynamodb", "describe_table", {"TableName": subject.id})
            if answer is None or answer is GONE:
                found.append(gone(subject) if answer is GONE else unknown(subject))
                continue
            table = answer.get("Table", {})
            state = str(table.get("TableStatus", "unknown"))
            building = [
                str(each.get("IndexName"))
                for each in table.get("GlobalSecondaryIndexes", ())
                if each.get("IndexStatus") == "CREATING"
            ]
            protections: dict[str, str | bool] = {"deletion protection": bool(table.get("DeletionProtectionEnabled"))}
            said = yield Ask("dynamodb", "describe_continuous_backups", {"TableName": subject.id})
            if said is not None and said is not GONE:
                recovery = said.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
                on = recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
                protections["backups"] = f"{recovery.get('RecoveryPeriodInDays', 35)} days" if on else False
            faults = () if state in _WELL else (f"it is {state}",)
            shown = f"{state.lower()}, building {', '.join(building)}" if building else state.lower()
            of = (subject.entry, subject.type, subject.id, shown)
            found.append(Condition(*of, faults, since=table.get("CreationDateTime"), protections=protections))
        return found
