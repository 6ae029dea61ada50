"""Variables of services: interpolation, credentials among them, and the names of other services inside values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msaspec.diagnostics import credentials
from msaspec.importing.stores import CACHES

_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-?+])(?P<word>[^{}]*))?\})"
)


def interpolated(text: str, variables: Mapping[str, str], missing: Callable[[str], object]) -> str:
    """Return a text with the references of a compose file filled in. `missing` hears of names without a value.

    >>> interpolated("${A:-x}-$B-$$C-${D-${E:-y}}", {"B": "b"}, lambda name: None)
    'x-b-$C-y'
    """

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "\0"
        name, sign, word = found["plain"] or found["name"], found["sign"] or "", found["word"] or ""
        known = variables.get(name)
        filled = bool(known) if sign.startswith(":") else known is not None
        if sign.endswith("+"):
            return word if filled else ""
        if filled:
            return str(known)
        if sign.endswith("-"):
            return word
        missing(name)
        return ""

    for _ in range(8):  # A default may have references itself; the innermost are filled in first.
        text, number = _REFERENCE.subn(value, text)
        if not number:
            break
    return text.replace("\0", "$")


def dotenv(text: str) -> dict[str, str]:
    """Return the variables of a `.env` file.

    >>> dotenv("# c\\nexport A=1\\nB='x y' # z\\nC=a # b\\nD\\n")
    {'A': '1', 'B': 'x y', 'C': 'a'}
    """
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)$", line)
        if match:
            value = match[2].strip()
            quoted = re.match(r"([\"'])(.*?)\1", value)
            found[match[1]] = quoted[2] if quoted else re.sub(r"(^|\s+)#.*$", "", value)
    return found


def read_dotenv(file: Path) -> dict[str, str] | None:
    """Return the variables of a file; None where it cannot be read."""
    try:
        if not file.is_file() or file.stat().st_size > 1024 * 1024:
            return None
        return dotenv(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return None


ANY_SECRET = "x7Kq9fJ2vXb1LmZ8TqR4wYp3"
"""In place of a value that is not in the source: by it, a name alone tells whether it is a secret."""


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable belongs into `secrets`.

    >>> is_secret("FR_DB_PASS", "hunter2"), is_secret("DB_NAME", "shop")
    (True, False)
    """
    last = credentials.words_of(name)[-1:]
    named = credentials.is_named(name, value) or (
        last in (("pass",), ("pw",)) and credentials.is_named("password", value)
    )
    return bool(credentials.form(value)) or named


def secrets_among(values: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the values that are secrets by the name of some variable, and nothing else by the name of another."""
    secret: set[str] = set()
    other: set[str] = set()
    for name, value in values:
        harmless = {"user", "username", "name", "db", "database", "host"} & set(credentials.words_of(name)[-1:])
        (secret if is_secret(name, value) else other if harmless else set()).add(value)
    return frozenset(value for value in secret - other if len(value) > 5)


def escaped(text: str) -> str:
    """Return a text that means itself in `env`."""
    return text.replace("$", "$$")


@dataclass(frozen=True)
class Peer:
    """Something that a value may name: a service or a store."""

    name: str
    """In the manifest."""
    port: int | None
    scheme: str | None = None
    """The engine of a database, a broker or a cache, else None."""
    parts: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of such a one: the value of the user, the password and the name in the source, by attribute."""


@dataclass(frozen=True)
class Value:
    """A value of `env`, and whom it names."""

    text: str | None
    """None where it cannot be said in a manifest."""
    peers: frozenset[str] = frozenset()


def connected(name: str, value: str, peers: Mapping[str, Peer]) -> Value:
    """Return a value with the addresses of peers as references. `peers` are by the name that the source has."""
    named = {host: peer for host, peer in peers.items() if names(name, value, host)}
    if not named:
        return Value(escaped(value))
    used = frozenset(peer.name for peer in named.values())
    for host, peer in named.items():
        if peer.scheme in CACHES:
            if found := _CACHE_URL.fullmatch(value):
                return Value(f"${{{peer.name}.url}}{escaped(found[2] or '')}", used)
        elif peer.scheme and "://" in value:
            return Value(_database_url(value, host, peer), used)
    if credentials.form(value):
        return Value(None, used)
    text = escaped(value)
    for host, peer in sorted(named.items(), key=lambda each: -len(each[0])):
        if peer.port:
            whole = re.compile(rf"(?<![\w.-])http://{re.escape(host)}:{peer.port}(?![\w])")
            text = whole.sub(f"${{{peer.name}.url}}", text) if not peer.scheme else text
            if peer.port == 80:
                bare = rf"(?<![\w.-])http://{re.escape(host)}(?![\w.:-])"
                text = re.sub(bare, f"${{{peer.name}.url}}", text)
            if peer.scheme == "rabbitmq":  # which has another port there
                text = re.sub(rf"(?<![\w.$/{{-]){re.escape(host)}:567[12](?!\d)", f"${{{peer.name}.address}}", text)
            text = re.sub(_pattern(host), lambda found, peer=peer: f"${{{peer.name}.host}}", text)  # type: ignore[misc]
    return Value(text, used)


def _pattern(host: str) -> str:
    """Return where a text names a host: the whole of it or of an item, behind `//` or `@`, or before a port."""
    word = re.escape(host)
    return rf"(?<![\w.$/{{-]){word}(?=:\d)|(?<=//){word}(?![\w.-])|(?<=@){word}(?![\w.-])|^{word}$|(?<=,){word}(?=,|$)"


def names(name: str, value: str, host: str) -> bool:
    """Return whether a variable names a host. A bare word is one only where the variable is called so."""
    if value == host:
        return not _ADDRESSES.isdisjoint(credentials.words_of(name))
    return bool(re.search(_pattern(host), value))


_ADDRESSES = frozenset(
    (
        *("host", "hosts", "hostname", "server", "servers", "addr", "address", "addresses", "endpoint", "endpoints"),
        *("url", "uri", "broker", "brokers", "node", "nodes", "upstream", "dbhost", "redishost", "smtp"),
    )
)


def _database_url(value: str, host: str, peer: Peer) -> str | None:
    """Return the reference to the URL of a database; None for a driver that needs another form."""
    scheme = value.partition("://")[0].lower()
    rest, _, query = value.partition("://")[2].partition("?")
    # What addresses of MongoDB say there is said by those of DocumentDB, too.
    if query and not (scheme == "mongodb" and {each.partition("=")[0] for each in query.split("&")} <= _SAID):
        return None
    if scheme.startswith("jdbc:"):
        return f"${{{peer.name}.jdbc_url}}" if "@" not in rest else None
    return f"${{{peer.name}.url}}" if scheme in SCHEMES[peer.scheme or ""] else None


def part_of_database(name: str, value: str, stores: Iterable[Peer]) -> tuple[str, str] | None:
    """Return the attribute and the database that a variable holds a part of: its user, its password or its name."""
    words = credentials.words_of(name)
    for store in stores:
        for attribute, known in store.parts.items():
            if known and value == known and any(word in words for word in _PARTS.get(attribute, ())):
                return f"${{{store.name}.{attribute}}}", store.name
    return None


_CACHE_URL = re.compile(r"(?:rediss?|valkeys?)://(?:[^@/]*@)?([^/?:,]+)(?::\d+)?((?:/[^?,]*)?(?:\?[^,]*)?)")
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "": (),
    "postgres": ("postgres", "postgresql"),
    "mysql": ("mysql",),
    "mariadb": ("mysql",),
    "documentdb": ("mongodb",),
    "rabbitmq": ("amqp", "amqps"),
}
_SAID = frozenset(("authSource", "authMechanism", "directConnection", "replicaSet", "retryWrites", "ssl", "tls", "w"))
"""How URLs of an engine begin, as clients take those of msaspec."""
_PARTS = {
    "username": ("user", "username", "login"),
    "password": ("password", "pass", "pwd", "passwd"),
    "name": ("db", "database", "name", "dbname", "schema"),
    "vhost": ("vhost",),
    "port": ("port",),
}
