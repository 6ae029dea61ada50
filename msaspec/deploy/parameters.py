"""Which image tag each service gets: the word of the command line, else that of its content where `build` alone says
what its image is, else the manifest's edit, else what runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msaspec.aws import ecr
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.image import TAG_PATTERN
from msaspec.manifest.sections import SERVICES

NO_TAG = Code(
    "MSA520",
    "A service without an image tag",
    """
    The image is in a repository of the system, but the manifest has no tag for it, and none was deployed before. Write
    the tag into the manifest (`image: cart:1.0`), or pass `--tag SERVICE=TAG`; later deployments keep it.
    """,
)
BAD_TAG = Code(
    "MSA521",
    "A tag without effect",
    """
    `--tag SERVICE=TAG` sets the image tag of a service whose image is in a repository of the system. Write the tag of
    an image from another registry into the manifest.
    """,
)


class Source(StrEnum):
    """Why a service has its tag."""

    WORD = "word"
    """`--tag`"""
    MANIFEST = "manifest"
    RUNNING = "running"
    """The stack has it; the manifest's did not change since."""
    CONTENT = "content"
    """The folder that the image is built from."""


@dataclass(frozen=True)
class Tag:
    """The tag of a service's image."""

    service: str
    parameter: str
    repository: str
    """The image's name in the manifest."""
    value: str
    source: Source
    written: str | None
    """What the manifest says, or the content of its folder."""
    digest: str | None = None
    """Of the image that the tag stood for when it was deployed, where the tag can be pushed again."""
    moves: bool = False
    """Whether it can."""
    section: str = SERVICES
    """The section of the manifest that has it."""

    @property
    def path(self) -> Path:
        """Return the place of the image in the manifest."""
        return (self.section, self.service, "image")

    @property
    def content(self) -> str:
        """Return the value of the parameter."""
        return f"{self.value}@{self.digest}" if self.digest else self.value


def owned(plan: Plan) -> Iterator[tuple[str, str, str | None]]:
    """Service, image and tag of everything that the system's own repositories hold."""
    for _, workload in plan.workloads:
        if workload.image.owned:
            yield workload.name, workload.image.repository, workload.image.tag


def tags(
    plan: Plan,
    words: Mapping[str, str],
    content: Mapping[str, str],
    running: Mapping[str, str] | None = None,
    template: Mapping[str, Any] | None = None,
) -> tuple[Tag, ...]:
    """Return the tags of all services with owned images. Raises Invalid with what is wrong.

    `words` are those of the command line, `content` those that follow from folders (`msaspec.deploy.content`),
    `running` the parameters of the deployed stack, `template` what it was made from. An edit of the manifest since then
    comes before what runs; without one, what runs stays.
    """
    found: list[Diagnostic] = list(_strangers(plan, words))
    chosen = []
    before = (template or {}).get("Parameters", {})
    moving = {each.name for _, each in plan.workloads if ecr.moves(each.image, mutable=each.spec.mutable)}
    for service, repository, written in owned(plan):
        name, moves = ecr.tag_parameter(service), service in moving
        section = str(plan.manifest.path(service)[0])
        deployed, _, digest = (running or {}).get(name, "").partition("@")
        made = content.get(service)
        edited = written is not None and written != before.get(name, {}).get("Default")
        if service in words:
            chosen.append(Tag(service, name, repository, words[service], Source.WORD, written, None, moves, section))
        elif made:
            chosen.append(Tag(service, name, repository, made, Source.CONTENT, made, None, moves, section))
        elif deployed and not edited:
            source = Source.MANIFEST if deployed == written else Source.RUNNING
            pinned = digest if moves and digest else None
            chosen.append(Tag(service, name, repository, deployed, source, written, pinned, moves, section))
        elif written is not None:
            chosen.append(
                Tag(service, name, repository, written, Source.MANIFEST, written, moves=moves, section=section)
            )
        else:
            message = f"The image of `{service}` has no tag, and none was deployed before."
            hint = f"Write one, `{repository}:1.0`, or pass `--tag {service}=TAG`."
            found.append(NO_TAG.at((section, service, "image"), message, hint=hint))
    if found:
        raise Invalid(map(plan.manifest.document.place, found))
    return tuple(chosen)


def _strangers(plan: Plan, words: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Yield what is wrong with the words of the command line."""
    known = {service for service, _, _ in owned(plan)}
    for service, value in sorted(words.items()):
        path = (*plan.manifest.path(service), "image")
        if service in known:
            if not re.fullmatch(TAG_PATTERN, value):
                hint = "A tag has at most 128 letters, digits, `_`, `.` and `-`."
                yield BAD_TAG.at(path, f"`{value}` is not an image tag.", hint=hint)
        elif service in plan.manifest.containers:
            message = f"`--tag {service}={value}` has no effect: the image of `{service}` is in another registry."
            hint = "Write its tag into the manifest."
            yield BAD_TAG.at(path, message, hint=hint)
        else:
            hint = suggest(service, known, "Tags apply to services with an image of the system.")
            message = f"`--tag` names `{service}`, which is not a service."
            yield BAD_TAG.at(("services",), message, hint=hint, key=True)


def filled(template: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the template with the values as defaults of its parameters, as the comparison of templates wants it."""
    declared = template.get("Parameters", {})
    known = {name: {**part, "Default": values[name]} for name, part in declared.items() if name in values}
    return {**template, "Parameters": {**declared, **known}} if known else template
