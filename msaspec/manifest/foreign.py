"""Words of other tools: what the keys of compose files, Copilot manifests, Kubernetes, ECS, CloudFormation and the
console are called in a manifest, or what to do where the language has no such thing.

The table is `foreign.yaml`, which is read when a manifest has a word that the language has not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from msaspec.diagnostics.place import Path
from msaspec.manifest.sections import SERVICES, sections


@dataclass(frozen=True)
class Word:
    """What a word of other tools is in a manifest."""

    says: str
    """The sentence with the lines to write."""
    key: str | None = None
    """The key of the same map that means the same."""


@cache
def words() -> Mapping[str, Mapping[str, Word]]:
    """Return the words by the place of the map that has them: `services.*` is any service, and `defaults`."""
    from importlib.resources import files

    import yaml

    read = yaml.load(
        files("msaspec.manifest").joinpath("foreign.yaml").read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return {
        "" if where == "manifest" else where: {
            word: Word(line["says"], line.get("key")) for line in lines for word in line["words"]
        }
        for where, lines in read.items()
    }


def place(path: Path) -> str:
    """Return the place that a path is an instance of, as `words` calls it.

    >>> place(("services", "cart", "health")), place(("defaults",)), place(())
    ('services.*.health', 'services.*', '')
    """
    steps = list(path)
    if steps[:1] == ["defaults"]:
        steps[:1] = [SERVICES, "*"]
    elif len(steps) > 1 and steps[0] in sections():
        steps[1] = "*"
    if steps[2:3] == ["indexes"] and len(steps) > 3:
        steps[3] = "*"
    if steps[2:3] == ["uses"] and len(steps) > 3:
        steps[3] = "*"
    return ".".join(map(str, steps))


SECTIONS: Mapping[str, str] = {
    "brokers": "broker rabbitmq mq",
    "caches": "cache redis valkey memcached elasticache",
    "jobs": "job cron crons schedule schedules tasks",
    "queues": "queue sqs",
    "tables": "table dynamodb",
    "topics": "topic sns events",
    "volumes": "volume filesystems efs",
}
"""Words for sections that a language with more kinds has. Where it has one, it is what they mean."""

SAMPLES: Mapping[str, str] = {"tables": "sessions: {key: id}"}
"""An entry of a section that has fields of its own which it needs."""

ATTRIBUTES: Mapping[str, str] = {
    **dict.fromkeys(("address", "endpoint", "hostname", "domain", "ip"), "host"),
    **dict.fromkeys(("database", "dbname", "db", "schema", "bucket"), "name"),
    **dict.fromkeys(("user", "login", "role"), "username"),
    **dict.fromkeys(("pass", "passwd", "pwd", "secret"), "password"),
    **dict.fromkeys(("virtual_host", "virtualHost"), "vhost"),
    **dict.fromkeys(("uri", "dsn", "connection_string", "connectionString"), "url"),
    **dict.fromkeys(("jdbc", "jdbcUrl"), "jdbc_url"),
    **dict.fromkeys(("read_host", "replica_host", "reader", "reader_endpoint"), "reader_host"),
    **dict.fromkeys(("cdn_host", "cdn_url", "distribution_domain"), "cdn_domain"),
    **dict.fromkeys(("env", "stage"), "environment"),
    **dict.fromkeys(("account_id", "accountId"), "account"),
}
"""Words for the attributes of references."""


def find(path: Path, key: str) -> Word | None:
    """Return what a key below a path is in the language; None for a word that no tool has."""
    if not path:
        for section, names in SECTIONS.items():
            if key in names.split() and section in sections():
                sample = SAMPLES.get(section, f"{key}: {{}}")
                return Word(f"Write `{section}`, with a name below it: `{section}: {{{sample}}}`.", section)
    found = words().get(place(path), {})
    return found.get(key) or found.get(key.lower()) or (_EXTENSION if key.startswith("x-") else None)


def meant(path: Path, key: str, known: Collection[str]) -> str | None:
    """Return the key among `known` that a word of another tool stands for."""
    word = find(path, key)
    return word.key if word and word.key in known else None


_EXTENSION = Word("Remove it: a manifest has no extensions. What services share is in `defaults`.")
