"""What looks like a credential: by its own form, or by the name before it. And how none is printed.

A form is sure (`credential_forms`). A name is a hint, for variables, words of a command and lines of a file.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

from msaspec.diagnostics import credential_forms

_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase", "passcode"})
_LAST_WORDS = _PASSWORDS | {"secret", "secrets", "token", "apikey", "credential", "credentials", "pass", "pw"}
_LAST_PAIRS = frozenset(
    {
        *((word, "key") for word in ("api", "private", "secret", "access", "signing", "encryption", "master", "auth")),
        *((word, "key") for word in ("account", "license")),
        *((word, "secret") for word in ("webhook", "client", "shared")),
        ("connection", "string"),
        ("key", "base"),
    }
)
_ENDINGS = (
    *("password", "passwd", "passphrase", "apikey", "secretkey", "privatekey", "clientsecret", "authtoken"),
    *("accesstoken", "requirepass", "masterauth"),
)
"""How words end that are several without a dash, such as PGPASSWORD."""
_BEHIND = frozenset(
    {
        *("prod", "production", "dev", "development", "stage", "staging", "test", "qa", "old", "new", "previous"),
        *("current", "next", "default", "value", "plain", "primary", "secondary", "b64", "base64", "encoded"),
    }
)
"""Words behind those that tell what a value is."""
_TELLING = frozenset(
    {
        *("key", "auth", "authorization", "bearer", "cookie", "salt", "pepper", "signature", "dsn", "pat", "seed"),
        *("hmac", "jwt", "cert"),
    }
)
"""Words in a name behind which a text without an order is a credential; other texts follow them as well."""
_PUBLIC = frozenset({"public", "publishable"})
_HARMLESS = frozenset({"", "true", "false", "none", "null", "yes", "no", "on", "off"})
_FLAG = re.compile(r"(?:^|(?<=\s))(?P<name>-{0,2}[A-Za-z][\w.-]*)(?:=|\s+)(?P<value>\"[^\"]*\"|'[^']*'|\S+)")
_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)[\"']?\s*+[:=]\s*+(?P<value>\"[^\"\n]*\"|'[^'\n]*'|(?:\$\{[^}\n]*\}|[^\s,}\]])+)"
)
_NO_VALUE = ("/", "arn:", "{", "[", "|", ">", "&", "!")
"""How a value begins that refers to a store, or that is not text."""
_REFERENCE = re.compile(r"\$(?:\{[^}]*\}|\(.*|\w+)")
_SETTING = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?P<mark>[\"']?(?P<tight>=)|[\"']?[ \t]*+[:=][ \t]*+)"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,;\"'}\]&]++)(?P<end>[ \t]*+(?:[,;}\]\n]|\Z|[ \t]#))?"
)
"""A setting in a file, in JSON, or in a text of settings."""
_NAMED = re.compile(
    r"\b(?:Name|Key)[\"']?\s*+:\s*+[\"']?(?P<name>[\w.-]++)[\"']?,\s*+[\"']?(?:Value|Default)[\"']?\s*+:\s*+"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,}\]]+)"
)
"""A value whose name is a value, too, as in templates."""
_PROGRAM = re.compile(r"[\w$]*[(\[<%@*\\]|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\Z|-|env\b")
"""How an expression of a program begins, or a place that is to be filled."""
_WORDS = frozenset(
    {"string", "str", "text", "required", "optional", "password", "secret", "token", "hidden", "redacted"}
)
"""What stands for a value without being one: the types of a schema, and names."""
_COMMENT = re.compile(r"[ \t]*(?:#|//|;|--\s|\*|<!--)")
_ASIDE = r"\b[^|;&\n]{0,400}?\s"
_LOGINS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bcurl{_ASIDE}(?P<name>-u|--user|--proxy-user)[ =]?(?P<value>[^\s:$]{{1,128}}:(?!\d+\b|\$)\S+)",
        rf"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mariadb-admin){_ASIDE}(?P<name>-p)(?P<value>[^\s$]\S*)",
        rf"\b(?:sshpass|mongo|mongosh|mongodump|mongorestore|rabbitmqadmin){_ASIDE}(?P<name>-p) ?(?P<value>[^\s$-]\S*)",
        rf"\b(?:redis-cli|valkey-cli){_ASIDE}(?P<name>-a) ?(?P<value>[^\s$-]\S*)",
        rf"\bsqlcmd{_ASIDE}(?P<name>-P) ?(?P<value>[^\s$-]\S*)",
    )
)
"""Flags of well-known programs whose names do not say that a password follows."""
MASK = "*"


def form(text: str) -> str | None:
    """Return what the first credential in a text is, by its own form; None where there is none.

    >>> form("postgres://app:hunter2@db/app"), form("https://example.com/a@b")
    ('a URL with a password', None)
    """
    for _, _, what in forms(text):
        return what
    return None


def forms(text: str) -> Iterator[tuple[int, int, str]]:
    """Where the credentials of a known form are in a text, and what each is."""
    return credential_forms.found(text)


def without(text: str) -> str:
    """Return the text with each credential of a known form replaced by a mask."""
    for start, end, _ in reversed([*forms(text)]):
        text = text[:start] + MASK * 4 + text[end:]
    return text


def is_named(name: str, value: str) -> bool:
    """Whether a text that follows a name is a credential because of the name.

    >>> is_named("DB_PASSWORD", "hunter2"), is_named("TOKEN_URL", "https://a"), is_named("PASSWORD_LENGTH", "12")
    (True, False, False)
    >>> is_named("STRIPE_KEY", "9fJ2kQ7vXb1LmZ8TqR4w"), is_named("KEY_PREFIX", "orders/by-date/2026")
    (True, False)
    >>> is_named("PGPASSWORD", "hunter2"), is_named("DB_PASSWORD_2", "123456"), is_named("PROXY_PASS", "http://a")
    (True, True, False)
    """
    if value.lower() in _HARMLESS:
        return False
    words = words_of(name)
    while len(words) > 1 and (words[-1] in _BEHIND or words[-1].lstrip("v").isdigit()):
        words = words[:-1]
    if not words:
        return False
    last = words[-1]
    if value.isdigit():  # a length or a time, unless there can be no other value
        return len(value) > 3 and (last in _PASSWORDS or last.endswith(_ENDINGS[:3]))
    if last in ("pass", "pw", "pwd") and ("://" in value or value.startswith("/")):
        return False
    if last in _LAST_WORDS or words[-2:] in _LAST_PAIRS or last.endswith(_ENDINGS):
        return True
    telling = not _LAST_WORDS.union(_TELLING).isdisjoint(words) and _PUBLIC.isdisjoint(words)
    return telling and is_random(value)


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, in lower case.

    >>> words_of("app.apiKey"), words_of("--db-password")
    (('app', 'api', 'key'), ('db', 'password'))
    """
    spaced = "".join(
        f" {c}" if c.isupper() and not before.isupper() else c for before, c in zip(" " + name, name, strict=False)
    )
    return tuple("".join(c if c.isalnum() else " " for c in spaced).lower().split())


def is_random(text: str) -> bool:
    """Whether a text has no order, as a generated key: long, of one word, letters and digits, and much entropy."""
    plain = text.strip("=")
    if len(plain) < 20 or not re.fullmatch(r"[A-Za-z0-9+/_.-]+", plain):
        return False
    letters, digits = any(c.isalpha() for c in plain), any(c.isdigit() for c in plain)
    parts = re.split(r"[/_.-]", plain)
    entropy = -sum(n / len(plain) * math.log2(n / len(plain)) for n in Counter(plain).values())
    limit = 3.0 if re.fullmatch(r"[0-9a-f]+", plain) else 3.7
    return letters and digits and max(map(len, parts)) >= 16 and entropy > limit


def in_words(words: Sequence[str]) -> list[tuple[int, str]]:
    """Which words of a command hold the value of a flag or a variable that is a credential, and its name."""
    found: list[tuple[int, str]] = []
    for at, word in enumerate(words):
        following = f"{word} {words[at + 1]}" if word.startswith("-") and "=" not in word and words[at + 1 :] else ""
        for number, text in ((at, word), (at + 1, following)):
            for match in _FLAG.finditer(text):
                name, value = match["name"], match["value"].strip("\"'")
                if not value.startswith(("$", "-")) and _is_flag(name, match[0]) and is_named(name, value):
                    found.append((number, name))
        found += [(at, name) for name, _, _ in settings(word)]
    whole, starts = " ".join(words), [0, *accumulate(len(word) + 1 for word in words)]
    for login in _LOGINS:
        found += [(bisect_right(starts, match.start("value")) - 1, match["name"]) for match in login.finditer(whole)]
    return sorted(dict.fromkeys(found))


def _is_flag(name: str, text: str) -> bool:
    """In a sentence, a word before another is none."""
    return name.startswith("-") or text[len(name) : len(name) + 1] == "="


def settings(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the settings in a text that are credentials by their names, and where the value of each is.

    Only what is written as a setting: neither a comment, nor a sentence, nor an expression of a program.

    >>> [name for name, *_ in settings('host=db password=hunter2')], [*settings("Password: see the wiki")]
    (['password'], [])
    """
    for match in _SETTING.finditer(text):
        value = match["value"].strip("\"'")
        quoted = value != match["value"]
        if not is_named(match["name"], value) or len(value) < 3 or value.startswith((*_NO_VALUE, "$", "<", "%")):
            continue
        line = text.rfind("\n", 0, match.start()) + 1
        settled = quoted or match["tight"] or match["end"] is not None
        # `secret: jwt` names a secret more often than that it is one.
        name = value.replace("-", "").isalpha() and words_of(match["name"])[-1] not in _PASSWORDS
        program = not quoted and (_PROGRAM.match(match["value"]) or value.lower() in _WORDS or name)
        if settled and not program and not _COMMENT.match(text, line):
            yield match["name"], match.start("value"), match.end("value")


def masked(text: str) -> str:
    """Return the text with every credential in it replaced, a character by a character.

    >>> masked("GH: ghp_abcdefghijklmnopqrstuvwxyz0123456789, DB_PASSWORD: hunter2")
    'GH: ****************************************, DB_PASSWORD: *******'
    """
    spans = [(start, end) for start, end, _ in forms(text)]
    for match in (*_PAIR.finditer(text), *_NAMED.finditer(text)):
        value = match["value"].strip("\"'")
        no_value = value.startswith(_NO_VALUE) or _REFERENCE.fullmatch(value)
        if not no_value and is_named(match["name"], value):
            spans.append(match.span("value"))
    spans += [(start, end) for _, start, end in settings(text)]
    spans += [match.span("value") for login in _LOGINS for match in login.finditer(text)]
    if not spans:
        return text
    hidden = {at for start, end in spans for at in range(start, end)}
    return "".join(MASK if at in hidden and c not in " \t" else c for at, c in enumerate(text))
