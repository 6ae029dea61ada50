"""What a misspelt word may have meant."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 0.4
"""Share of the letters of the longer word that may differ. With more, two words have only letters in common."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is a slip or the beginning of, or None when none is that near.

    >>> nearest("user-servce", ["user-service", "cart-service"]), nearest("schedule", ["scale"])
    ('user-service', None)
    """
    candidates = sorted(known)
    found: list[tuple[float, str]] = []
    for candidate in candidates:
        if plain(candidate) == plain(word):
            return candidate
        longer = max(len(word), len(candidate))
        if abs(len(word) - len(candidate)) <= longer * MOST:
            found.append((_distance(word, candidate) / longer, candidate))
    share, near = min(found, default=(1.0, None))
    if share <= MOST:
        return near
    longer_words = [candidate for candidate in candidates if len(word) > 3 and candidate.startswith(word)]
    return longer_words[0] if len(longer_words) == 1 else None


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a hint: the nearest known word, or `otherwise` where none is near."""
    near = nearest(word, known)
    return f"Did you mean `{near}`?" if near else otherwise


def plain(word: str) -> str:
    """Return the letters and digits of a word, in lower case: how it is spelled does not count."""
    return "".join(character for character in word.lower() if character.isalnum())


def _distance(one: str, other: str) -> int:
    """Return how many letters are to be inserted, removed, replaced or swapped with the next to get from one word to
    the other."""
    if len(one) > LONGEST or len(other) > LONGEST:
        return max(len(one), len(other))
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, beside in enumerate(other, 1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != beside))
            if row > 1 < column and letter == other[column - 2] and beside == one[row - 2]:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]


LONGEST = 64
"""Letters of a word that slips are looked for in."""
