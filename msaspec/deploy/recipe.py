"""How an image is built, as seen from where a command runs: the words for docker, or a program that takes its words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msaspec.language.build import Build


@dataclass(frozen=True)
class Recipe:
    """The options that the builder gets."""

    folder: str
    """What it sees."""
    options: tuple[str, ...] = ()
    """Words before the folder; none where its Dockerfile is built as it is."""

    def words(self) -> Sequence[str]:
        """Return the words that end the command."""
        # A dash would make it an option, or standard input.
        return (*self.options, f"./{self.folder}" if self.folder.startswith("-") else self.folder)


def of(build: Build | None, manifest: str, folder: str | None = None) -> Recipe | None:
    """Return the recipe of a service, whose paths are relative to the manifest. `folder` takes the place of its own.

    >>> of(Build(context="./web", target="prod"), "infra/msa.yaml")
    Recipe(folder='infra/web', options=('--target=prod',))
    """
    if build is None:
        return Recipe(folder) if folder else None
    beside = Path(manifest).parent if manifest != "-" else Path()
    seen = folder or str(beside / build.context)
    options = [f"--file={os.path.join(seen, build.file)}"] if build.file else []
    options += [f"--target={build.target}"] if build.target else []
    options += [f"--build-arg={name}={value}" for name, value in build.args.items()]
    for id, secret in build.secrets.items():
        source = f"src={beside / secret.file}" if secret.file else f"env={secret.env}"
        options.append(f"--secret=id={id},{source}")
    return Recipe(seen, tuple(options))
