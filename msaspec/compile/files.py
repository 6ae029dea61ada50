"""Whether the files that a service names are there, and fit into its container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.files import File, is_below, meeting
from msaspec.language.service import Service
from msaspec.language.sidecar import Sidecar
from msaspec.manifest.root import Manifest
from msaspec.source.beside import LARGEST, Problem, is_binary, leads_out

MISSING = Code(
    "MSA470",
    "A file that is not there",
    """
    A path under `files` without a further key, and that of `init`, is the path of a text file, from the folder of the
    manifest. Each file is named on its own: a folder is none. Where a manifest comes from standard input, its folder is
    the current one.
    """,
)
OUTSIDE = Code(
    "MSA471",
    "A file outside the manifest's folder",
    """
    A manifest carries only files of its own folder into a container, so that nobody's manifest can take other files of
    the machine along. A link that leads out of the folder is not followed. Copy the file beside the manifest.
    """,
)
NOT_CARRIED = Code(
    "MSA472",
    "A file that cannot be carried",
    """
    `files` and `init` take text in UTF-8, at most 32 KiB a file. Everything that a copy is started with has to fit into
    its task definition (64 KiB) or into the user data of its host (16 KB). Put larger files and binary ones into the
    image, or let the program read them from a bucket.
    """,
)
IN_THE_WAY = Code(
    "MSA473",
    "A file where something else is",
    """
    A path in the container is a file or a folder, so no file lies below another one. A folder under `read_only.except`
    is memory that is empty at the start, so it holds no file from the manifest.
    """,
)

_SAID = {
    Problem.MISSING: (MISSING, "is not there", "Write a path relative to the manifest's folder, such as `./{base}`."),
    Problem.FOLDER: (MISSING, "is a folder", "Name each file on a line of its own: `{place}/NAME: {written}/NAME`."),
    Problem.SPECIAL: (MISSING, "is no regular file", "Name a text file."),
    Problem.UNREADABLE: (MISSING, "cannot be read", "Allow yourself to read it, or name another file."),
    Problem.OUTSIDE: (OUTSIDE, "is outside the manifest's folder", "Copy it there, and write `./{base}`."),
    Problem.LINKED: (OUTSIDE, "is a link that leads out of the manifest's folder", "Put the file itself there."),
    Problem.BINARY: (NOT_CARRIED, "is no text in UTF-8", "Put it into the image."),
    Problem.LARGE: (
        NOT_CARRIED,
        f"has more than {LARGEST // 1024} KiB",
        "Put it into the image, or let the program read it from a bucket.",
    ),
}

_HINTS_OF_USES = {
    Problem.FOLDER: "Name one file.",
    Problem.BINARY: "Save it as UTF-8.",
    Problem.LARGE: "Leave the schema in it, and load the rest with a job.",
}


def texts(manifest: Manifest, named: Mapping[str, str]) -> Mapping[str, str]:
    """Return the text of each file that is named, by the field that names it; nothing for one that is not there."""
    there = {word: manifest.document.files.get(name) for word, name in named.items()}
    return {word: each.text for word, each in there.items() if each}


def refused_by(manifest: Manifest, use: Path, named: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Yield what is wrong with the files that a line under `uses` names."""
    for word, name in named.items():
        yield from _problem_of(manifest, (*use, word), name, word, _HINTS_OF_USES)


def refused(manifest: Manifest, name: str, service: Service) -> Iterator[Diagnostic]:
    """Yield what is wrong with the files of a service, and of its sidecars."""
    yield from _refused(manifest, manifest.path(name), service)
    for each, spec in service.sidecars.items():
        yield from _refused(manifest, (*manifest.path(name), "sidecars", each), spec)


def _refused(manifest: Manifest, place: Path, spec: Service | Sidecar) -> Iterator[Diagnostic]:
    name = place[-1]
    for path, file in spec.files.items():
        at: Path = (*place, "files", path)
        yield from _unread(manifest, at, path, file)
        for folder in spec.read_only.except_ if spec.read_only else ():
            if path == folder or is_below(path, folder):
                message = f"`{path}` of `{name}` lies in `{folder}`, which is memory under `read_only.except`."
                hint = f"Put the file elsewhere, or take `{folder}` out of `read_only.except`."
                yield IN_THE_WAY.at(at, message, hint=hint, key=True)
    for path, other in meeting(tuple(spec.files)):
        message = f"`{path}` of `{name}` lies below `{other}`, which is a file."
        yield IN_THE_WAY.at((*place, "files", path), message, hint="Move one of the two.", key=True)


def _unread(manifest: Manifest, at: Path, path: str, file: File) -> Iterator[Diagnostic]:
    written = file.file
    if written is None:
        text = file.text or ""
        problem = Problem.LARGE if len(text.encode("utf-8", "surrogatepass")) > LARGEST else None
        problem = Problem.BINARY if is_binary(text) else problem
        if problem:
            code, what, hint = _SAID[problem]
            yield code.at((*at, "text"), f"The text of `{path}` {what}.", hint=hint)
        return
    place = (*at, "file") if manifest.document.span((*at, "file")) != manifest.document.span(at) else at
    yield from _problem_of(manifest, place, written, path, {})


def _problem_of(
    manifest: Manifest, place: Path, written: str, path: str, hints: Mapping[Problem, str]
) -> Iterator[Diagnostic]:
    there = manifest.document.files.get(written)
    missing = Problem.OUTSIDE if leads_out(written) else Problem.MISSING
    problem = there.problem if there else missing
    if problem:
        code, what, hint = _SAID[problem]
        base = written.rstrip("/").rpartition("/")[2]
        said = hints.get(problem, hint).format(base=base, place=path, written=written.rstrip("/"))
        yield code.at(place, f"`{written}` {what}.", hint=said)
