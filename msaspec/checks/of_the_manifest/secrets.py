"""Secrets that a role could never read, and keys for no secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.language import secret_place

OTHER_PARTITION = Code(
    "MSA386",
    "A secret or key in another partition",
    """
    The partitions of AWS (`aws`, `aws-cn`, `aws-us-gov`) share nothing: a role in one partition cannot read a secret or
    use a key in another. Name one in the partition of the Region.
    """,
)
KEY_FOR_NOTHING = Code(
    "MSA387",
    "A KMS key without secrets",
    "`kms_key` lets a service decrypt its `secrets`, and this service has none.",
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Find secrets and keys out of reach of the partition, and keys that nothing needs."""
    for _, workload in plan.workloads:
        spec, path = workload.spec, workload.path
        if spec.kms_key and not spec.secrets:
            message = f"`{workload.name}` has a `kms_key` and no `secrets`."
            yield KEY_FOR_NOTHING.at((*path, "kms_key"), message, hint="Remove it.", key=True)
        named: list[tuple[Path, str | None]] = [
            (("secrets", name), secret_place.parse(text).partition) for name, text in spec.secrets.items()
        ]
        named += [(("kms_key",), key.split(":")[1]) for key in spec.kms_key]
        yield from _elsewhere(plan, workload.name, [((*path, *steps), there) for steps, there in named])
    for kind, entries in plan.entries:
        for entry, _ in entries:
            arns = kind.existing(entry).items()
            yield from _elsewhere(plan, entry.name, [((*entry.path, field), arn.split(":")[1]) for field, arn in arns])


def _elsewhere(plan: Plan, name: str, named: Iterable[tuple[Path, str | None]]) -> Iterator[Diagnostic]:
    own = partition(plan.root.region) if plan.root.region else None
    for path, there in named:
        if own and there and there != own:
            message = f"`{name}` is in the partition `{own}`, but the ARN is in `{there}`."
            yield OTHER_PARTITION.at(path, message, hint=f"Use an ARN that begins with `arn:{own}:`.")


def partition(region: str) -> str | None:
    """Return the partition of a Region; None for one that is not known here.

    >>> partition("cn-north-1"), partition("us-gov-east-1"), partition("eu-west-1"), partition("eusc-de-east-1")
    ('aws-cn', 'aws-us-gov', 'aws', 'aws-eusc')
    """
    for start, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")):
        if region.startswith(start):
            return name
    return None if "-iso" in region else "aws"
