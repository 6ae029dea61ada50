"""The tags of images that only `build` describes: a digest of the files that the builder sees, and of its options.

So a service gets a new version when its folder changed, and only then, on whichever machine that is found out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msaspec.compile.plan import Plan
from msaspec.deploy import ignored
from msaspec.deploy.ignored import Rule
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.language.build import Build
from msaspec.language.image import Image

NO_FOLDER = Code(
    "MSA503",
    "A build whose files cannot be read",
    """
    A service with `build` and without `image` gets the tag of its image from the content of the folder: the files that
    the builder sees, its Dockerfile, and what `build` says. So the folder has to be there, with its Dockerfile, and
    msaspec must be allowed to read the files. A file that `.dockerignore` leaves out does not count, nor does `.git`.

    Wrong: `build: ./web`, and the Dockerfile is in `./web/docker`
    Right: `build: {context: ./web, file: docker/Dockerfile}`
    """,
)
CHANGED = Code(
    "MSA504",
    "A folder that changed before its image was built",
    """
    The tag of an image with `build` and without `image` is a digest of its content. The folder changed after msaspec
    had computed the tag, for example while it waited for your answer, so the image would not be what its tag says.
    Nothing was built. Run the command again.
    """,
)
PREFIX = "content-"
DIGITS = 20
"""Of the digest, in hexadecimal: 80 bits."""
_CHUNK = 1 << 20


def tags(
    plan: Plan, words: Mapping[str, str], names: Collection[str] | None = None, folder: str | None = None
) -> Mapping[str, str]:
    """Return the tag of each image that only `build` describes, by service or job; `names` chooses some. What runs the
    image of another one without naming a tag has its tag.

    `words` are the tags of the command line, for which no folder is read. Paths are relative to the file of the
    manifest; `folder` replaces the one to build from. Raises Invalid with each folder that cannot be read.
    """
    workloads = [workload for _, workload in plan.workloads]
    wanted = [each for each in workloads if names is None or each.name in names]
    shared = {each.name: each.image.repository for each in wanted if each.spec.image and _is_untagged(each.image)}
    needed = {*shared.values(), *(each.name for each in wanted)}
    found: dict[str, str] = {}
    faults: list[Diagnostic] = []
    for workload in workloads:
        spec = workload.spec
        if spec.image is not None or spec.build is None or workload.name not in needed:
            continue
        if workload.name in words:
            found[workload.name] = words[workload.name]
            continue
        context = Path(folder) if folder else Path(plan.manifest.document.text.file).parent / spec.build.context
        try:
            found[workload.name] = f"{PREFIX}{_digest(spec.build, context, spec.arch)[:DIGITS]}"
        except OSError as fault:
            message = f"The folder of `{workload.name}` cannot be read: {fault.filename}: {fault.strerror}."
            hint = "Name the folder with the Dockerfile under `build`, or the image under `image`."
            faults.append(NO_FOLDER.at((*workload.path, "build"), message, hint=hint))
    if faults:
        raise Invalid(map(plan.manifest.document.place, faults))
    return found | {name: found[repository] for name, repository in shared.items() if repository in found}


def changed(plan: Plan, before: Mapping[str, str]) -> list[Diagnostic]:
    """Return the folders whose content has another tag by now than `before`, by service or job."""
    after = tags(plan, {}, before)
    return [
        plan.manifest.document.place(
            CHANGED.at(
                (*workload.path, "build"),
                f"The folder of `{workload.name}` changed before its image was built.",
                hint="Run the command again.",
            )
        )
        for _, workload in plan.workloads
        if workload.name in before and before[workload.name] != after.get(workload.name)
    ]


def _is_untagged(image: Image) -> bool:
    return image.owned and not image.tag


def _digest(build: Build, context: Path, arch: str) -> str:
    """Return the digest of all that an image is made of. Raises OSError."""
    recipe = context / (build.file or "Dockerfile")
    whole = hashlib.sha256()
    _add(whole, arch, build.target or "")
    for name, value in sorted(build.args.items()):
        _add(whole, name, value)
    _add(whole, "Dockerfile", _file(recipe))
    for path in sorted(_seen(context, _rules(context, recipe))):
        place = context / path
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            _add(whole, path, "link", os.readlink(place))
        elif stat.S_ISREG(mode):
            _add(whole, path, "program" if mode & stat.S_IXUSR else "file", _file(place))
    return whole.hexdigest()


def _rules(context: Path, recipe: Path) -> tuple[Rule, ...]:
    """Return what the builder leaves out: the list of a Dockerfile of its own comes before that of the folder."""
    for file in (recipe.with_name(f"{recipe.name}.dockerignore"), context / ".dockerignore"):
        if file.is_file():
            return ignored.rules(file.read_text("utf-8", errors="replace"))
    return ()


def _seen(context: Path, rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield the paths of files and links that the builder sees, relative to its folder. Raises OSError."""
    returning = any(rule.again for rule in rules)
    waiting = [""]
    while waiting:
        above = waiting.pop()
        with os.scandir(context / above) as entries:
            for entry in entries:
                path = f"{above}{entry.name}"
                is_folder = entry.is_dir(follow_symlinks=False)
                is_out = entry.name == ".git" or ignored.is_ignored(path, rules)
                if is_folder and (not is_out or (returning and entry.name != ".git")):
                    waiting.append(f"{path}/")
                elif not is_folder and not is_out:
                    yield path


def _file(path: Path) -> str:
    """Return the digest of a file. Raises OSError, also for a device or a pipe, which may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    found = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _add(whole: hashlib._Hash, *parts: str) -> None:
    """Add parts, each with its length before it, so that no two lists of them look the same."""
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        whole.update(b"%d:" % len(data))
        whole.update(data)
