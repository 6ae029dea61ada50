"""What a credential looks like: by its own form, or by the name before it. And how none is printed.

The forms are those that the issuers document, with prefixes that are made to be found. A form has to be sure: what it
matches is refused anywhere in a manifest. A name is a hint, for `env` and words of a command.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

FORMS: tuple[tuple[str, str], ...] = (
    ("an AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("an AWS access key", r"\bA(?:KIA|SIA)[A-Z0-9]{16}\b"),
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END[^-]*-----)?",
    ),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_=.-]{16,}"),
    ("a Slack token", r"\bxox[abceoprs]-(?:\d-)?[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}"),
    ("a Discord webhook", r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{30,}"),
    ("a Stripe key", r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("a Google OAuth secret", r"\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("a Docker Hub token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    ("a JSON web token", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("an OpenAI key", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("a Twilio key", r"\bSK[0-9a-f]{32}\b"),
    ("a Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("a Shopify token", r"\bshp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32}\b"),
    ("a Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("a Terraform token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
    ("a Grafana token", r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    ("a Databricks token", r"\bdapi[a-f0-9]{32}\b"),
    ("a New Relic key", r"\bNR(?:AK|JS)-[A-Z0-9]{19,}"),
    ("a Sentry token", r"\bsntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("a PlanetScale password", r"\bpscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{32,}"),
    ("a Telegram token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    ("a Square token", r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,}|\bEAAA[A-Za-z0-9_-]{60}\b"),
    ("a Postman key", r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b"),
    ("an Atlassian token", r"\bATATT3[A-Za-z0-9_=-]{60,}"),
    ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("an age key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    (
        "a password in a connection string",
        r"(?i:(?<=[?&;])(?:password|passwd|pwd|access_token|client_secret)=[^&\s;$'\"]{3,})",
    ),
    ("a URL with a password", r"(?<=://)[^\s/:@?#'\"]*:(?!\$\{)[^\s/@?#'\"]+(?=@)"),
)
"""What a form is called, and its pattern."""


@cache
def _forms() -> re.Pattern[str]:
    """All forms in one pattern. It takes long to compile, and most manifests have nothing that it is needed for."""
    return re.compile("|".join(f"(?P<f{number}>{pattern})" for number, (_, pattern) in enumerate(FORMS)))


_PREFIXES = re.compile(
    r"A[KSBC][IC]A|PRIVATE KEY|gh[pousr]_|github_pat_|gl[a-z]+[-_]|xox|xapp-|webhooks|hooks\.slack|[sr]k[_-]|whsec_"
    r"|AIza|GOCSPX|ya29|npm_|pypi-|dckr_|eyJ|hf_|SG\.|SK|key-|_v1_|shp|hv[sbr]\.|atlasv1|dapi|NR|sntry|pscale_|:AA|sq0|EAAA"
    r"|PMAK|ATATT3|AccountKey|AGE-|://|(?i:[?&;](?:passw|pwd|access_token|client_secret))"
)
"""Looked for first, since most texts have none of these."""

_LAST_WORDS = frozenset(
    {
        *("password", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "token", "apikey"),
        *("credential", "credentials"),
    }
)
_LAST_PAIRS = frozenset(
    {
        *((word, "key") for word in ("api", "private", "secret", "access", "signing", "encryption", "master", "auth")),
        *((word, "key") for word in ("account", "license")),
        *((word, "secret") for word in ("webhook", "client", "shared")),
        ("connection", "string"),
    }
)
_TELLING = frozenset(
    {
        *("key", "auth", "authorization", "bearer", "cookie", "salt", "pepper", "signature", "dsn", "pat", "seed"),
        *("hmac", "jwt", "cert"),
    }
)
"""Words in a name behind which a text without an order is a credential; other texts follow them as well."""
_HARMLESS = frozenset({"", "true", "false", "none", "null", "yes", "no", "on", "off"})
_FLAG = re.compile(r"(?:^|(?<=\s))(?P<name>-{0,2}[A-Za-z][\w.-]*)(?:=|\s+)(?P<value>\"[^\"]*\"|'[^']*'|\S+)")
_PAIR = re.compile(r"(?<![\w.-])(?P<name>[\w.-]++)[\"']?\s*+[:=]\s*+(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,}\]]+)")
_NO_VALUE = ("$", "/", "arn:", "{", "[", "|", ">", "&", "!")
"""How a reference to a store, a variable, or what is no text begins."""
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
    if _PREFIXES.search(text):
        for match in _forms().finditer(text):
            yield match.start(), match.end(), FORMS[int(str(match.lastgroup)[1:])][0]


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
    """
    if value.lower() in _HARMLESS or value.isdigit():
        return False
    words = words_of(name)
    if words and (words[-1] in _LAST_WORDS or words[-2:] in _LAST_PAIRS):
        return True
    return not _LAST_WORDS.union(_TELLING).isdisjoint(words) and is_random(value)


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
    return list(dict.fromkeys(found))


def _is_flag(name: str, text: str) -> bool:
    """In a sentence, a word before another is none."""
    return name.startswith("-") or text[len(name) : len(name) + 1] == "="


def masked(text: str) -> str:
    """Return the text with every credential in it replaced, a character by a character.

    >>> masked("GH: ghp_abcdefghijklmnopqrstuvwxyz0123456789, DB_PASSWORD: hunter2")
    'GH: ****************************************, DB_PASSWORD: *******'
    """
    spans = [(start, end) for start, end, _ in forms(text)]
    for match in _PAIR.finditer(text):
        value = match["value"].strip("\"'")
        if not value.startswith(_NO_VALUE) and is_named(match["name"], value):
            spans.append(match.span("value"))
    if not spans:
        return text
    hidden = {at for start, end in spans for at in range(start, end)}
    return "".join(MASK if at in hidden and c not in " \t" else c for at, c in enumerate(text))
