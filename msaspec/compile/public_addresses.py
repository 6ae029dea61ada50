"""The public addresses of services: what may be referred to, and who waits for whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msaspec.compile import order, references
from msaspec.diagnostics.diagnostic import Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language import reference
from msaspec.language.part import Place
from msaspec.language.runtime import public_attributes
from msaspec.language.service import Service
from msaspec.language.value import Value
from msaspec.manifest.root import Manifest


def attributes(manifest: Manifest, place: Place) -> dict[str, Mapping[str, Value]]:
    """Return the public attributes of the services that have them."""
    found = {
        name: runtime.public_address(name, manifest.containers[name], place)
        for name, (runtime, _) in sorted(manifest.runtimes.items())
    }
    return {name: public_attributes(address) for name, address in found.items() if address}


def bound(
    manifest: Manifest, reached: Mapping[str, Mapping[str, Value]], found: list[Diagnostic]
) -> dict[str, list[str]]:
    """Return for each service those whose public address it names that is made after what runs them."""
    last = {name for name in reached if manifest.runtimes[name][0].address_is_last}
    named: dict[str, dict[str, Path]] = {name: {} for name in manifest.containers}
    for name, service in manifest.containers.items() if last else ():
        texts: list[tuple[Path, Sequence[str | reference.Reference | reference.Loose]]] = [
            *((("env", variable), reference.parse(text)) for variable, text in service.env.items()),
            *((("command", number), reference.parse_word(text)) for number, text in enumerate(service.command)),
            *((("files", at, "text"), reference.parse_word(file.text or "")) for at, file in service.files.items()),
            *_beside(service),
        ]
        for steps, pieces in texts:
            for piece in pieces:
                if (
                    isinstance(piece, reference.Reference)
                    and piece.name in last
                    and piece.attribute in reached[piece.name]
                ):
                    named[name].setdefault(piece.name, (*manifest.path(name), *steps))
    circle = order.circles(named)
    for name, others in named.items():
        for other, path in others.items():
            if circle[name] == circle[other]:
                message = f"`{name}` is started before the public address of `{other}` is known."
                if name == other:
                    message = f"`{name}` is started before its own public address is known."
                hint = f"Run `{other}` on `autoscaling` or `fargate`."
                found.append(references.ADDRESS_CIRCLE.at(path, message, hint=hint))
    return {name: [*places] for name, places in named.items()}


def _beside(service: Service) -> Iterator[tuple[Path, Sequence[str | reference.Reference | reference.Loose]]]:
    """Yield the texts of the sidecars of a service, each with its place."""
    for name, each in service.sidecars.items():
        at: Path = ("sidecars", name)
        yield from (((*at, "env", variable), reference.parse(text)) for variable, text in each.env.items())
        yield from (((*at, "command", number), reference.parse_word(text)) for number, text in enumerate(each.command))
        for place, file in each.files.items():
            yield (*at, "files", place, "text"), reference.parse_word(file.text or "")
