"""What a shell can complete beside commands and options: names in the manifest, files, profiles.

Completion never fails and never prints: a manifest that cannot be read has no names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a file's name."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names under `environments`."""
    return _beginning(incomplete, _names(_manifest(context), "environments"))


def jobs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names under `jobs`."""
    return _beginning(incomplete, _names(_manifest(context), "jobs"))


def containers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names under `services` and `jobs`."""
    manifest = _manifest(context)
    return _beginning(incomplete, [*_names(manifest, "services"), *_names(manifest, "jobs")])


def entries(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of all entries: services, databases, buckets and the like."""
    from msaspec.manifest.sections import sections

    manifest = _manifest(context)
    return _beginning(incomplete, [name for section in sections() for name in _names(manifest, section)])


def secrets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names under `secrets`."""
    return _beginning(incomplete, _names(_manifest(context), "secrets"))


def tags(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of services and jobs, each with the `=` that a tag follows."""
    manifest = _manifest(context)
    named = [*_names(manifest, "services"), *_names(manifest, "jobs")]
    return _beginning(incomplete, [f"{name}=" for name in named])


def profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of the profiles in the AWS CLI's shared files."""
    import os
    from configparser import Error, RawConfigParser

    found: set[str] = set()
    for variable, name in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        parser = RawConfigParser()
        try:
            parser.read(Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser(), encoding="utf-8")
        except (Error, OSError, RuntimeError, UnicodeDecodeError):
            continue
        # In the first file, every section but the default's begins with its kind.
        kinds = [section.partition(" ") for section in parser.sections()]
        found |= {rest if kind == "profile" else kind for kind, _, rest in kinds if kind == "profile" or not rest}
    return _beginning(incomplete, sorted(found))


def _manifest(context: click.Context) -> Mapping[Any, Any]:
    """Return what the manifest of a command line says; nothing where it cannot be read."""
    import yaml

    # Where the last option waits for its value, click leaves the arguments over, and gives their defaults.
    written = [*reversed(context.args), context.params.get("file")]
    path = next((each for each in written if each and os.path.isfile(each)), None)
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:
            read = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return read if isinstance(read, dict) else {}


def _names(manifest: Mapping[Any, Any], section: str) -> list[str]:
    """Names of the entries of a section, in their order."""
    there = manifest.get(section)
    return [name for name in there if isinstance(name, str)] if isinstance(there, dict) else []


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    """Return the words that begin so, without what would break the lines that the shell reads."""
    return [word for word in words if word.startswith(incomplete) and word.isprintable()]
