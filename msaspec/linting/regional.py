"""What a Region has, from the data that cfn-lint brings along: types of resources and instances, classes of databases,
caches and brokers.

The data is read as plain JSON, a Region at a time, without importing cfn-lint. What it does not know is None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from msaspec.linting import inputs

_DECODER = json.JSONDecoder()


@lru_cache(maxsize=8)
def resource_types(region: str) -> frozenset[str] | None:
    """Return the resource types that CloudFormation has in a Region."""
    for folder in map(Path, inputs.schema_folders()):
        try:
            known = json.loads((folder / "providers" / f"{region}.json").read_bytes())
        except (OSError, ValueError):
            continue
        return frozenset(known) if isinstance(known, dict) else None
    return None


@lru_cache(maxsize=8)
def instance_types(region: str) -> frozenset[str] | None:
    """Return the instance types of EC2 in a Region."""
    known = _of_region("aws_ec2_instance/instancetype_enum.json", region)
    return frozenset(known["enum"]) if isinstance(known, dict) and isinstance(known.get("enum"), list) else None


@lru_cache(maxsize=8)
def document_classes(region: str) -> frozenset[str] | None:
    """Return the instance classes that DocumentDB has in a Region."""
    known = _of_region("aws_docdb_dbinstance/dbinstanceclass_enum.json", region)
    return frozenset(known["enum"]) if isinstance(known, dict) and isinstance(known.get("enum"), list) else None


@lru_cache(maxsize=8)
def database_classes(region: str, engine: str) -> frozenset[str] | None:
    """Return the instance classes that RDS has for an engine in a Region."""
    known = _of_region("aws_rds_dbinstance/dbinstanceclass_enum.json", region)
    found = frozenset(_classes(known, engine))
    return found or None


@lru_cache(maxsize=8)
def cache_classes(region: str) -> frozenset[str] | None:
    """Return the node types that ElastiCache has in a Region."""
    known = _of_region("aws_elasticache_cachecluster/cachenodetype_enum.json", region)
    return frozenset(known["enum"]) if isinstance(known, dict) and isinstance(known.get("enum"), list) else None


@lru_cache(maxsize=8)
def broker_classes(region: str) -> frozenset[str] | None:
    """Return the instance classes that Amazon MQ has in a Region. cfn-lint's list, which is made from prices, has some
    of them abbreviated: `mq.m7g.2xl`."""
    known = _of_region("aws_amazonmq_broker/instancetype_enum.json", region)
    listed = known.get("enum") if isinstance(known, dict) else None
    if not isinstance(listed, list):
        return None
    return frozenset(f"{each}arge" if each.endswith("xl") else each for each in listed)


def _classes(known: Any, engine: str) -> Iterator[str]:
    for rule in known.get("allOf", ()) if isinstance(known, dict) else ():
        about = rule.get("if", {}).get("properties", {}).get("Engine", {})
        if about.get("const") == engine or engine in about.get("enum", ()):
            yield from rule.get("then", {}).get("properties", {}).get("DBInstanceClass", {}).get("enum", ())


def _of_region(file: str, region: str) -> Any:
    """Return what a file says of a Region. It is megabytes long for all of them, so the others are not even decoded."""
    for folder in map(Path, inputs.schema_folders()):
        data, key = _bytes(folder / "extensions" / file), f'"{region}":'.encode()
        start = data.find(key)
        if start < 0:
            continue
        start += len(key)
        # The next Region begins a line, as cfn-lint writes it; in another form, all of the rest is read.
        end = data.find(b'\n "', start)
        try:
            return _DECODER.raw_decode(data[start : end if end > 0 else None].decode().lstrip())[0]
        except ValueError:
            return None
    return None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
