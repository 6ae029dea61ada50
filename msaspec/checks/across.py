"""What the environments of one manifest cannot all have, because AWS has it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.template.resources import items, same
from msaspec.template.stack import Stack

MEET = Code(
    "MSA388",
    "Two environments with the same public name",
    """
    A record in a hosted zone and a name of a CloudFront distribution can belong to one stack only. The environment that
    is deployed second fails, after its database was created. Give each environment its own name:

        environments:
          dev: {ingress: {domain: dev.shop.example.com}}
    """,
)

HINT = "Give each its own name."


def check(stacks: Mapping[str, Stack]) -> Iterator[tuple[str, Diagnostic]]:
    """Find what environments of a manifest cannot both have. Each finding comes with the environment whose manifest it
    is about."""
    first: dict[str, str] = {}
    for environment, stack in stacks.items():
        for name, path in _names(stack):
            other = first.setdefault(name, environment)
            if other != environment:
                message = f"The environments `{other}` and `{environment}` both claim {name}."
                yield environment, MEET.at(path, message, hint=HINT, key=True)


def _names(stack: Stack) -> Iterator[tuple[str, Path]]:
    """Return what AWS has once, as it is called in a sentence, with the manifest entry that asks for it."""
    for record in stack.resources.of("AWS::Route53::RecordSet"):
        zone, name, kind = (record.get(key) for key in ("HostedZoneId", "Name", "Type"))
        if isinstance(name, str):
            what = f"the record {name} ({kind})"
            yield f"{what} in the zone {zone if isinstance(zone, str) else same(zone)}", stack.origin(record.at("Name"))
    for distribution in stack.resources.of("AWS::CloudFront::Distribution"):
        for alias in items(distribution.get("DistributionConfig", "Aliases")):
            if isinstance(alias, str):
                yield f"the name {alias} of a distribution", stack.origin(distribution.at("DistributionConfig"))
