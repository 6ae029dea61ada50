"""What a plain (unquoted) YAML scalar means: YAML 1.2's core schema, without what readers disagree about.

YAML 1.1 and 1.2 read some words differently (`no`, `010`, `22:22`, `1e3`). Such a word is never guessed at:
it is a `Surprise`, which says what the readers make of it and what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Surprise:
    """A plain scalar that YAML readers disagree about: `reason` ends a sentence, `hint` is one."""

    reason: str
    hint: str


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_OLD_BOOLEANS = {
    **{form: "true" for word in ("y", "yes", "on") for form in (word, word.capitalize(), word.upper())},
    **{form: "false" for word in ("n", "no", "off") for form in (word, word.capitalize(), word.upper())},
}
_SPECIAL_FLOATS = frozenset(
    [sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")] + [".nan", ".NaN", ".NAN"]
)
_BASES = {"0o": (8, "01234567"), "0x": (16, "0123456789abcdef"), "0b": (2, "01")}
_INT64 = range(-(2**63), 2**63)


def resolve(text: str) -> Scalar | Surprise:
    """Return the value of a plain scalar, or why it has none that everybody agrees on.

    >>> resolve("8080"), resolve("true"), resolve("2024-01-01")
    (8080, True, '2024-01-01')
    >>> resolve("no").hint
    'Write `false`, or `"no"` for the text.'
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        return _number(text)
    if text in _OLD_BOOLEANS:
        boolean = _OLD_BOOLEANS[text]
        return Surprise(
            f"is the boolean {boolean} to YAML 1.1 and text to YAML 1.2",
            f'Write `{boolean}`, or `"{text}"` for the text.',
        )
    return text


def shown(text: str, limit: int = 60) -> str:
    """Return the text as messages quote it: on one line, printable, not too long."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return short if short.isprintable() else short.encode("unicode_escape").decode("ascii")


def _number(text: str) -> Scalar | Surprise:
    """Return the number, if the whole text is one; text that merely begins like a number is text."""
    body = text[1:] if text[0] in "+-" else text
    if _digits(body):
        return _integer(text, body)
    if text in _SPECIAL_FLOATS:
        return _quote(text, "is not a finite number")
    if body[:2].lower() in _BASES:
        return _based(text, body)
    if ":" in body:
        return _sexagesimal(text, body)
    if "_" in body and body[0] in "0123456789." and _decimal(body.replace("_", "")):
        return Surprise(
            "is a number to YAML 1.1 and text to YAML 1.2",
            f"Write the digits without underscores, or {_quoted(text)} for the text.",
        )
    return _float(text, body) if _decimal(body) else text


def _integer(text: str, digits: str) -> Scalar | Surprise:
    if len(digits) > 1 and digits[0] == "0":
        return Surprise(
            "begins with a zero: YAML 1.1 reads such numbers in base 8, YAML 1.2 in base 10",
            f"Remove the leading zeros, or write {_quoted(text)} for the text.",
        )
    if len(digits) > 19 or int(text) not in _INT64:
        return _quote(text, "does not fit in 64 bits")
    return int(text)


def _based(text: str, body: str) -> Scalar | Surprise:
    base, allowed = _BASES[body[:2].lower()]
    digits = body[2:].lower().replace("_", "")
    if not digits or any(digit not in allowed for digit in digits):
        return text
    decimal = f"{int(digits, base)}" if len(digits) <= 16 else "the number in base 10"
    return Surprise(
        f"is a number in base {base} to some YAML readers and text to others",
        f"Write {'-' if text[0] == '-' else ''}{decimal}, or {_quoted(text)} for the text.",
    )


def _sexagesimal(text: str, body: str) -> Scalar | Surprise:
    """`22:22` is 1342 to YAML 1.1: a number in base 60."""
    *parts, last = body.split(":")
    whole, _, fraction = last.partition(".")
    clean = [part.replace("_", "") for part in (*parts, whole)]
    if all(_digits(part) for part in clean) and (not fraction or _digits(fraction.replace("_", ""))):
        return _quote(text, "is a number in base 60 to YAML 1.1 and text to YAML 1.2")
    return text


def _float(text: str, body: str) -> Scalar | Surprise:
    mantissa, mark, exponent = body.lower().partition("e")
    if mark and not ("." in mantissa and exponent[0] in "+-"):
        return Surprise(
            "is text to YAML 1.1 and a number to YAML 1.2",
            f"Write the number without an exponent, or {_quoted(text)} for the text.",
        )
    value = float(text)
    return value if abs(value) != float("inf") else _quote(text, "is too large for a number")


def _decimal(body: str) -> bool:
    """Whether it reads `15`, `1.5`, `.5` or `1.`, with an exponent or without; the sign is off already."""
    mantissa, mark, exponent = body.lower().partition("e")
    whole, dot, fraction = mantissa.partition(".")
    if mark and not _digits(exponent[1:] if exponent[:1] in ("+", "-") else exponent):
        return False
    return _digits(whole + fraction) if dot else _digits(whole)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _quoted(text: str) -> str:
    return f'`"{shown(text, 30)}"`'


def _quote(text: str, reason: str) -> Surprise:
    return Surprise(reason, f"Quote it to have it as text: {_quoted(text)}.")
