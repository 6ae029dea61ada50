"""Types of resources, hosts, databases, caches and brokers that the Region of a stack does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.engines import engines
from msaspec.language.aurora import SERVERLESS
from msaspec.linting import regional
from msaspec.template.resources import Resource, inner
from msaspec.template.stack import Stack

NOT_THERE = Code(
    "MSA393",
    "A type that the Region does not offer",
    """
    The Region does not offer a CloudFormation resource type, an EC2 instance type, an instance class of RDS or
    DocumentDB, a node type of ElastiCache, or a class of brokers. Choose another one, or another Region. msaspec takes
    the offers of a Region from cfn-lint's data, which `cfn-lint --update-specs` renews.
    """,
)


LARGEST = "us-east-1"
"""A Region that has every type."""
SAID_BY_CFN_LINT = ("E3025", "E3620")
"""The rules by which cfn-lint says the same of classes of databases."""


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Find what the manifest's own Region does not have; without one, classes that no Region has."""
    if stack.region:
        yield from check_region(stack, stack.region)
    else:
        yield from _databases(stack, LARGEST)


def check_region(stack: Stack, region: str) -> Iterator[Diagnostic]:
    """Find what a Region does not have, though others do. What no Region has is misspelt, which cfn-lint reports."""
    types = regional.resource_types(region)
    for name, resource in stack.template.get("Resources", {}).items():
        kind = inner(resource, "Type")  # a loop is a list
        if types and kind not in types and kind in (regional.resource_types(LARGEST) or ()):
            message = f"{region} does not offer {kind}, the type of `{name}`."
            yield stack.fault(NOT_THERE, message, "Take another Region.", ("Resources", name, "Type"))
    for template in stack.resources.of("AWS::EC2::LaunchTemplate"):
        steps = ("LaunchTemplateData", "InstanceType")
        yield from _offered(template, steps, "instance type", regional.instance_types, stack, region, field="")
    yield from _databases(stack, region)
    for cluster in stack.resources.of("AWS::ElastiCache::CacheCluster"):
        yield from _offered(cluster, ("CacheNodeType",), "node type", regional.cache_classes, stack, region)
    for group in stack.resources.of("AWS::ElastiCache::ReplicationGroup"):
        # cfn-lint has no rule for those of groups, so also what no Region has is found here.
        of_group = partial(_offered, group, ("CacheNodeType",), "node type", regional.cache_classes)
        yield from of_group(stack, region, alone=True)
    for broker in stack.resources.of("AWS::AmazonMQ::Broker"):
        yield from _offered(broker, ("HostInstanceType",), "broker class", regional.broker_classes, stack, region)


def _databases(stack: Stack, region: str) -> Iterator[Diagnostic]:
    """Find a class that the Region does not have for the engine, or that no Region has: once for each entry."""
    told: set[Path] = set()
    ours = {engine.product for engine in engines().values()}
    for instance, what, known in _of_a_class(stack):
        # The classes of other engines depend on licences, too.
        alone = (instance.get("Engine") or "docdb") in ours
        for found in _offered(instance, ("DBInstanceClass",), what, known, stack, region, alone=alone):
            if found.path not in told:
                told.add(found.path)
                yield found


def _of_a_class(stack: Stack) -> Iterator[tuple[Resource, str, Callable[[str], frozenset[str] | None]]]:
    for database in stack.resources.of("AWS::RDS::DBInstance"):
        if isinstance(engine := database.get("Engine"), str):
            yield database, f"{engine} instance class", partial(regional.database_classes, engine=engine)
    for instance in stack.resources.of("AWS::DocDB::DBInstance"):
        if instance.get("DBInstanceClass") != f"db.{SERVERLESS}":  # cfn-lint does not know it
            yield instance, "DocumentDB instance class", regional.document_classes


def _offered(
    resource: Resource,
    steps: tuple[str, ...],
    what: str,
    known: Callable[[str], frozenset[str] | None],
    stack: Stack,
    region: str,
    *,
    alone: bool = False,
    field: str = "size",
) -> Iterator[Diagnostic]:
    chosen, here = resource.get(*steps), known(region)
    if here and isinstance(chosen, str) and chosen not in here and (alone or chosen in (known(LARGEST) or ())):
        message = f"{region} does not offer the {what} {chosen} of `{resource.name}`."
        found = stack.fault(NOT_THERE, message, suggest(chosen, here, _instead(here)), resource.at(*steps))
        entry = stack.origins.get(resource.name, ())
        # A field that is not written is placed as its entry is.
        yield replace(found, path=(*entry, field)) if field and found.path == entry else found


def _instead(here: frozenset[str]) -> str:
    small = (
        each for size in ("micro", "small", "medium", "large") for each in sorted(here) if each.endswith(f".t4g.{size}")
    )
    return f"Take another, such as `{known}`." if (known := next(small, None)) else "Take another."
