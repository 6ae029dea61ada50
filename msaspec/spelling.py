"""What a misspelt word may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, or None when none is near.

    >>> nearest("user-servce", ["user-service", "cart-service"])
    'user-service'
    """
    candidates = sorted(known)
    matches = get_close_matches(word, candidates, n=1, cutoff=0.6) or [
        c for c in candidates if _plain(c) == _plain(word)
    ]
    return matches[0] if matches else None


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the nearest known word, or `otherwise` where none is near."""
    near = nearest(word, known)
    return f"Did you mean `{near}`?" if near else otherwise


def _plain(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())
