"""The targets of a service at load balancers, by what their health checks say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass

from msaspec.deploy.evidence import Answer, Ask


@dataclass(frozen=True)
class Targets:
    """The targets of some target groups."""

    states: Mapping[str, int]
    """How many there are in each state of their health."""
    reasons: tuple[str, ...]
    """Of each unhealthy target, why."""
    known: bool
    """Whether AWS answered for all of the target groups."""

    @property
    def healthy(self) -> int | None:
        """How many are healthy; None where AWS does not say."""
        return self.states.get("healthy", 0) if self.known else None

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, as clauses."""
        return (f"{len(self.reasons)} unhealthy: {self.reasons[0]}",) if self.reasons else ()


def targets(arns: Iterable[str]) -> Generator[Ask, Answer, Targets]:
    """Ask for the health of the targets of some target groups."""
    states: Counter[str] = Counter()
    reasons, known = [], True
    for arn in arns:
        answer = yield Ask("elbv2", "describe_target_health", {"TargetGroupArn": arn})
        known = known and answer is not None
        for target in (answer or {}).get("TargetHealthDescriptions", ()):
            health = target.get("TargetHealth", {})
            states[str(health.get("State", "unknown"))] += 1
            if health.get("State") == "unhealthy":
                reasons.append(str(health.get("Description") or health.get("Reason") or "no reason given"))
    return Targets(dict(states), tuple(reasons), known)
