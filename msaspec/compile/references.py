"""References in the texts of a service: what they stand for, or what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, Span, render
from msaspec.diagnostics.spelling import suggest
from msaspec.language import reference
from msaspec.language.part import Place
from msaspec.language.runtime import PUBLIC_ATTRIBUTES
from msaspec.language.value import Secret, Text, Token, Value, is_secret, public, value
from msaspec.manifest import foreign
from msaspec.manifest.known import NO_ENVIRONMENT
from msaspec.manifest.root import Manifest

UNKNOWN_REFERENCE = Code(
    "MSA220",
    "A reference to something unknown",
    """
    A reference is `${NAME.ATTRIBUTE}`: an entry that the service uses, and one of its attributes. It can also be one of
    `system.name`, `system.environment`, `aws.region`, `aws.account`, `aws.partition`; or `${NAME.public_url}` and
    `${NAME.public_host}` of a service with `paths`, which need no use. `$$` is a literal `$`. In `command`, only
    `$${NAME.ATTRIBUTE}` is a literal reference, and every other `$` stays as it is, for shells.
    """,
)
NOT_USED = Code(
    "MSA221",
    "A reference without a use",
    """
    A service can refer only to entries that it uses: the line under `uses` opens the port, grants the access and
    delivers the secret. Add the line in the hint. A service may refer to its own address, which it has once another
    service uses it: `ADVERTISED: "${kafka.address}"`.
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
SECRET_WORD = Code(
    "MSA226",
    "A secret in a command",
    """
    The words of a command are in the task definition or in the user data, and in the list of processes. Pass the secret
    as a variable, which the program reads. Where it takes only a flag, let a shell put it in:
    `command: [sh, -c, 'exec server --password "$PASSWORD"']`.
    """,
)
ADDRESS_CIRCLE = Code(
    "MSA227",
    "A public address that comes too late",
    """
    On `instance` the public address of a service is created after its instance. So the variables of the service cannot
    contain it, and two services cannot contain the addresses of each other. On `autoscaling` and `fargate` the address
    is that of the load balancer, which is created first.
    """,
)
_PSEUDO = {"region": "Region", "account": "AccountId", "partition": "Partition"}


def everywhere(place: Place) -> dict[str, Mapping[str, Value]]:
    """Return the attributes that every service may refer to, by name."""
    return {
        "system": {"name": (place.system,), "environment": (place.environment or NO_ENVIRONMENT,)},
        "aws": {name: (Token(f"AWS::{word}"),) for name, word in _PSEUDO.items()},
    }


@dataclass(frozen=True)
class Known:
    """What the texts of a service may refer to."""

    service: str
    attributes: Mapping[str, Mapping[str, Value]]
    """Of what it uses, and of what everybody may refer to, by name."""
    public: Mapping[str, Mapping[str, Value]]
    """Of services, which anyone may refer to."""
    manifest: Manifest

    def of(self, name: str) -> Mapping[str, Value]:
        """Return all that a name has for this service."""
        return {**self.attributes.get(name, {}), **self.public.get(name, {})}


def resolved(text: str, path: Path, known: Known, found: list[Diagnostic]) -> Value:
    """Return a text of a service with its references filled in; those that lead nowhere are added to `found`."""
    return _filled(reference.parse(text, known.manifest.root.systems), path, known, found)


def word(text: str, path: Path, known: Known, found: list[Diagnostic]) -> Text:
    """Return a word of a command with its references filled in, of which none may be a secret."""
    found += _dashes(text, path, known)
    pieces = _filled(reference.parse_word(text, known.manifest.root.systems), path, known, found)
    if is_secret(pieces):
        message = f"A word of the command of `{known.service}` has a secret in it."
        hint = "Set a variable under `env` to the reference, and let the program read it."
        found.append(SECRET_WORD.at(path, message, hint=hint))
        return ("",)
    return public(pieces) or ("",)


def content(text: str, path: Path, known: Known, found: list[Diagnostic]) -> Value:
    """Return the content of a file with its references filled in. Every other `$` is the file's own."""
    found += _dashes(text, path, known)
    return _filled(reference.parse_word(text, known.manifest.root.systems), path, known, found)


_DASHED = re.compile(r"(?<!\$)\$\{[a-z0-9/-]+\.[a-z0-9_-]*-[a-z0-9_-]*\}")


def _dashes(text: str, path: Path, known: Known) -> Iterator[Diagnostic]:
    """Yield what is no reference only because an attribute of something known is written with dashes."""
    for written in dict.fromkeys(_DASHED.findall(text)):
        if meant := _dashed(written, known):
            message = f"`{written}` is not a reference, and reaches the container unchanged."
            hint = f"Write `{meant}`: an attribute has underscores, where a port has dashes."
            yield LITERAL_BRACES.at(path, message, hint=hint, span=_inside(known.manifest, path, written))


def attribute(name: str, attribute: str, path: Path, known: Known, found: list[Diagnostic]) -> Value:
    """Return an attribute of something that the service uses."""
    return _filled((reference.Reference(name, attribute, 0),), path, known, found)


def _filled(
    parsed: Iterable[str | reference.Reference | reference.Loose], path: Path, known: Known, found: list[Diagnostic]
) -> Value:
    pieces: list[str | Token | Secret] = []
    for piece in parsed:
        if isinstance(piece, str):
            pieces.append(piece)
        elif isinstance(piece, reference.Loose):
            pieces.append(piece.text)
            found.append(_loose(piece, path, known))
        elif (content := known.of(piece.name).get(piece.attribute)) is not None:
            pieces += content
        else:
            found.append(_unknown(piece, path, known))
    return value(*pieces)


def _loose(piece: reference.Loose, path: Path, known: Known) -> Diagnostic:
    span = _inside(known.manifest, path, piece.text)
    doubled = f"Write `${piece.text}` to pass it literally"
    if piece.mistaken:
        message = f"`{piece.text}` is not a reference."
        if meant := _dashed(piece.text, known):
            hint = f"Write `{meant}`: an attribute has underscores, where a port has dashes. {doubled}."
            return MALFORMED_REFERENCE.at(path, message, hint=hint, span=span)
        return MALFORMED_REFERENCE.at(
            path, message, hint=f"A reference is `${{NAME.ATTRIBUTE}}`. {doubled}.", span=span
        )
    message = f"`{piece.text}` is not a reference, and reaches the container unchanged."
    return LITERAL_BRACES.at(path, message, hint=f"{doubled}.", span=span)


def _dashed(text: str, known: Known) -> str | None:
    """Return the reference that was meant where an attribute is written with the dashes of a port's name."""
    name, _, attribute = text[2:-1].strip().partition(".")
    meant = attribute.replace("-", "_")
    return f"${{{name}.{meant}}}" if meant != attribute and meant in known.of(name) else None


def _unknown(piece: reference.Reference, path: Path, known: Known) -> Diagnostic:
    written = f"${{{piece.name}.{piece.attribute}}}"
    manifest, name = known.manifest, piece.name
    span = _inside(manifest, path, written)
    if piece.attribute in PUBLIC_ATTRIBUTES and name in manifest.root.services:
        message = f"`{name}` has no public address: no `paths` lead to it."
        hint = f"Give `{name}` `paths`, or use it, and refer to `${{{name}.url}}`."
        return UNKNOWN_REFERENCE.at(path, message, hint=hint, span=span)
    if name in known.attributes or (name in known.public and piece.attribute.startswith("public")):
        of = known.of(name)
        message = f"`{name}` has no attribute `{piece.attribute}`."
        meant = foreign.ATTRIBUTES.get(piece.attribute, piece.attribute)
        hint = suggest(meant, of, "It has " + ", ".join(f"`{each}`" for each in sorted(of)) + ".")
        return UNKNOWN_REFERENCE.at(path, message, hint=hint, span=span)
    if name == known.service:
        hint = "A service reaches itself on `localhost`. It has an address once another service uses it."
        return NOT_USED.at(path, f"`{name}` refers to itself.", hint=hint, span=span)
    declared = [*manifest.root.services, *(entry.name for _, entries in manifest.entries for entry in entries)]
    if name in declared or "/" in name:
        message = f"`{known.service}` refers to `{name}`, which it does not use."
        hint = f"Add `{name}:` under `{render((*manifest.path(known.service), 'uses'))}`."
        return NOT_USED.at(path, message, hint=hint, span=span)
    hint = suggest(name, [*declared, *known.attributes], "Refer to an entry under `uses`, to `system` or to `aws`.")
    return UNKNOWN_REFERENCE.at(path, f"Nothing is named `{name}`.", hint=hint, span=span)


def _inside(manifest: Manifest, path: Path, text: str) -> Span:
    """Return the span of `text` inside the value at `path`, or of the value where its line does not show it."""
    return manifest.document.inside(path, text)
