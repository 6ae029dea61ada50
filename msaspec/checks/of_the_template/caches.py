"""Caches, which only a patch brings into a template."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.resources import whole
from msaspec.template.stack import Stack

REFUSED_NODES = Code(
    "MSA447",
    "A cache cluster with a number of nodes that ElastiCache refuses",
    """
    A cache cluster of Redis OSS or Valkey has one node; several are a replication group
    (`AWS::ElastiCache::ReplicationGroup`). One of Memcached has from 1 to 40.
    """,
)

# fact: elasticache-nodes
_MOST = {"redis": 1, "valkey": 1, "memcached": 40}
"""ElastiCache API, CreateCacheCluster, NumCacheNodes. 40 is a quota that AWS raises."""


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Every cache cluster has as many nodes as its engine takes."""
    for cluster in stack.resources.of("AWS::ElastiCache::CacheCluster"):
        engine, nodes = str(cluster.get("Engine")).lower(), whole(cluster.get("NumCacheNodes"))
        most = _MOST.get(engine)
        if most and nodes is not None and not 1 <= nodes <= most:
            message = f"The cache cluster `{cluster.name}` has {nodes} nodes; one of {engine} has {_range(most)}."
            hint = "Make a replication group, or take one node." if most == 1 else "Take fewer nodes."
            yield stack.fault(REFUSED_NODES, message, hint, cluster.at("NumCacheNodes"), cluster.at("Engine"))


def _range(most: int) -> str:
    return "one" if most == 1 else f"from 1 to {most}"
