"""References in the texts of a service: what they stand for, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, Span
from msaspec.diagnostics.spelling import suggest
from msaspec.language import reference
from msaspec.language.part import Place
from msaspec.language.value import Secret, Token, Value, value
from msaspec.manifest import foreign
from msaspec.manifest.root import Manifest

UNKNOWN_REFERENCE = Code(
    "MSA220",
    "A reference to something unknown",
    """
    A reference is `${NAME.ATTRIBUTE}`: an entry that the service uses, and one of its attributes. It can also be one of
    `system.name`, `system.environment`, `aws.region`, `aws.account`, `aws.partition`. `$$` is a literal `$`.
    """,
)
NOT_USED = Code(
    "MSA221",
    "A reference without a use",
    """
    A service can refer only to entries that it uses: the line under `uses` opens the port, grants the access and
    delivers the secret. Add the line in the hint.
    """,
)
MALFORMED_REFERENCE = Code(
    "MSA222",
    "Braces that look like a reference",
    """
    A reference is `${NAME.ATTRIBUTE}`. To pass braces to the container unchanged, double the `$`: `$${like_this}`.
    """,
)
LITERAL_BRACES = Code(
    "MSA223",
    "Braces that are passed unchanged",
    """
    The content of `${...}` cannot be a reference, as in `${AWS::Region}` or `${HOME}`, so the container receives these
    characters unchanged. Write `$${...}` if that is what you want.
    """,
    Severity.WARNING,
)
_PSEUDO = {"region": "Region", "account": "AccountId", "partition": "Partition"}


def everywhere(place: Place) -> dict[str, Mapping[str, Value]]:
    """Return the attributes that every service may refer to, by name."""
    return {
        "system": {"name": (place.system,), "environment": (place.environment or "default",)},
        "aws": {name: (Token(f"AWS::{word}"),) for name, word in _PSEUDO.items()},
    }


def resolved(
    text: str,
    path: Path,
    service: str,
    attributes: Mapping[str, Mapping[str, Value]],
    manifest: Manifest,
    found: list[Diagnostic],
) -> Value:
    """Return a text of a service with its references filled in; those that lead nowhere are added to `found`."""
    pieces: list[str | Token | Secret] = []
    for piece in reference.parse(text):
        if isinstance(piece, str):
            pieces.append(piece)
        elif isinstance(piece, reference.Loose):
            pieces.append(piece.text)
            found.append(_loose(piece, path, manifest))
        elif piece.attribute in attributes.get(piece.name, {}):
            pieces += attributes[piece.name][piece.attribute]
        else:
            found.append(_unknown(piece, path, service, attributes, manifest))
    return value(*pieces)


def _loose(piece: reference.Loose, path: Path, manifest: Manifest) -> Diagnostic:
    span = _inside(manifest, path, piece.text)
    doubled = f"Write `${piece.text}` to pass it literally"
    if piece.mistaken:
        message = f"`{piece.text}` is not a reference."
        return MALFORMED_REFERENCE.at(
            path, message, hint=f"A reference is `${{NAME.ATTRIBUTE}}`. {doubled}.", span=span
        )
    message = f"`{piece.text}` is not a reference, and reaches the container unchanged."
    return LITERAL_BRACES.at(path, message, hint=f"{doubled}.", span=span)


def _unknown(
    piece: reference.Reference,
    path: Path,
    service: str,
    attributes: Mapping[str, Mapping[str, Value]],
    manifest: Manifest,
) -> Diagnostic:
    written = f"${{{piece.name}.{piece.attribute}}}"
    span = _inside(manifest, path, written)
    if piece.name in attributes:
        known = attributes[piece.name]
        message = f"`{piece.name}` has no attribute `{piece.attribute}`."
        meant = foreign.ATTRIBUTES.get(piece.attribute, piece.attribute)
        hint = suggest(meant, known, "It has " + ", ".join(f"`{name}`" for name in sorted(known)) + ".")
        return UNKNOWN_REFERENCE.at(path, message, hint=hint, span=span)
    if piece.name == service:
        hint = "A service reaches itself on `localhost`."
        return NOT_USED.at(path, f"`{service}` refers to itself.", hint=hint, span=span)
    declared = [*manifest.root.services, *(entry.name for _, entries in manifest.entries for entry in entries)]
    if piece.name in declared:
        message = f"`{service}` refers to `{piece.name}`, which it does not use."
        hint = f"Add `{piece.name}:` under `services.{service}.uses`."
        return NOT_USED.at(path, message, hint=hint, span=span)
    hint = suggest(piece.name, [*declared, *attributes], "Refer to an entry under `uses`, to `system` or to `aws`.")
    return UNKNOWN_REFERENCE.at(path, f"Nothing is named `{piece.name}`.", hint=hint, span=span)


def _inside(manifest: Manifest, path: Path, text: str) -> Span:
    """Return the span of `text` inside the value at `path`, or of the value where its line does not show it."""
    span = manifest.document.span(path)
    column = (manifest.document.excerpt(span) or "").find(text, span.column - 1)
    return Span(span.file, span.line, column + 1, len(text)) if column >= 0 else span
