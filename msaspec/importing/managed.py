"""Containers of stores that become entries of a kind: databases, caches and brokers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msaspec.engines import engines
from msaspec.importing import stores, variables
from msaspec.importing.compose_files import keyed
from msaspec.importing.tree import Leaf, items, leaves
from msaspec.importing.variables import Peer

DATABASE, BROKER, CACHE = "database", "broker", "cache"


def noun(image: str) -> str | None:
    """Return what a full image becomes; None for one that stays a container.

    >>> noun("docker.io/library/redis:7"), noun("docker.io/library/mysql:8"), noun("docker.io/library/nginx:1")
    ('cache', 'database', None)
    """
    if stores.is_broker(image):
        return BROKER
    if stores.cache(image):
        return CACHE
    return DATABASE if stores.engine(image) else None


def write(job: Any, store: Any) -> None:
    """Write the entry that takes the place of a container, and its addresses among the peers."""
    made: dict[str, Callable[[Any, Any], Peer]] = {DATABASE: _database, BROKER: _broker, CACHE: _cache}
    peer = made[noun(store.image) or DATABASE](job, store)
    job.peers |= dict.fromkeys(sorted(store.hosts), peer)


def options(peer: Peer | None, use: Callable[[Peer], dict[str, Any]]) -> dict[str, Any]:
    """Return the options of a use: `use` gives those of a database."""
    if peer is None or peer.scheme in stores.CACHES:
        return {}
    if peer.scheme == "rabbitmq":
        host = peer.parts["vhost"]
        return {} if host == "/" else {"vhost": host}
    return use(peer)


def _database(job: Any, store: Any) -> Peer:
    engine, place = engines()[stores.engine(store.image) or ""], f"databases.{store.name}"
    spec: dict[str, Any] = {} if engine.name == "postgres" else {"engine": engine.name}
    if version := stores.version(store.image, engine.name):
        spec["version"] = version
    elif engine.name != "postgres" and re.search(r":\d", stores.short(store.image)):
        told = f"The source has {stores.short(store.image)}; this is version {engine.version}. Test your program."
        job.draft.note(("databases", store.name), told)
    job.draft.at("databases")[store.name] = spec
    if engine.documents:
        told = (
            "Clients log in as users of their own, over TLS; `${NAME.url}` says so. DocumentDB lacks some "
            "operations of MongoDB. Test your program."
        )
        job.draft.note(("databases", store.name), told)
    product = engine.title if engine.documents else f"RDS {engine.title}"
    job.ledger.replaced(store.tree, f"the database `{place}` ({product})")
    for volume in items(store.tree.get("volumes")):
        if "initdb" in "".join(leaf.text for leaf in leaves(volume)):
            told = "The scripts of docker-entrypoint-initdb.d do not run. Run them once, from the bastion."
            job.draft.note(("databases", store.name), told)
    return Peer(store.name, engine.port, engine.name, stores.login(engine.name, job.values_of(store)))


def _broker(job: Any, store: Any) -> Peer:
    older = re.search(r":3\b", stores.short(store.image))
    job.draft.at("brokers")[store.name] = {"version": "3.13"} if older else {}
    said = "Amazon MQ speaks AMQP with TLS only, on port 5671: clients need `amqps`, as it is in their URL."
    job.draft.note(("brokers", store.name), said)
    job.ledger.replaced(store.tree, f"the broker `brokers.{store.name}` (Amazon MQ for RabbitMQ)")
    return Peer(store.name, 5671, "rabbitmq", stores.broker_login(job.values_of(store)))


def _cache(job: Any, store: Any) -> Peer:
    """Write a cache. It has users, and so TLS, only where all that is known of its clients is that they take a URL; a
    program that has the name in its code reaches it there."""
    engine, path = stores.cache(store.image) or "", ("caches", store.name)
    spec: dict[str, Any] = {} if engine == "valkey" else {"engine": engine}
    named = [text for text in _texts(job) if any(variables.names("ADDRESS", text, host) for host in store.hosts)]
    if engine != "memcached" and not (named and all("://" in text for text in named)):
        spec["tls"] = False
        told = "Without TLS and users, which the clients would have to know: set `tls: true` where they take a URL."
        job.draft.note(path, told)
    if not named:
        spec["short_name"] = True
        job.draft.note(path, "No variable has its address, so programs may have its name in their code.")
    job.draft.at("caches")[store.name] = spec
    if store.tree.get("volumes") is not None or any("appendonly" in word for word in _words(store)):
        told = "ElastiCache holds its data in memory: `backups: 7 days` keeps daily snapshots."
        job.draft.note(path, told)
    job.ledger.replaced(store.tree, f"the cache `caches.{store.name}` (ElastiCache for {engine.capitalize()})")
    password = stores.cache_password(_words(store), job.values_of(store)) if spec.get("tls") is False else ""
    return Peer(store.name, 11211 if engine == "memcached" else 6379, engine, {"no_password": password})


def _texts(job: Any) -> list[str]:
    """Return the values of the variables and the words of the commands of all services."""
    found = []
    for service in job.services.values():
        found += [job.value(leaf) for leaf in keyed(service.tree.get("environment")).values()]
        found += job.env_files(service).values()
        found += [job.value(word) for word in items(service.tree.get("command"))]
    return found


def _words(store: Any) -> list[str]:
    return [word for each in items(store.tree.get("command")) if isinstance(each, Leaf) for word in each.text.split()]
