"""Tags that can be pushed again: a deployment pins the image that it runs, and says when the tag points to another.

The digest is a part of the parameter's value (`latest@sha256:...`), so that hosts and tasks of one deployment run one
image on every runtime, and a new digest is rolled out as a new tag is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from msaspec.compile.plan import Plan
from msaspec.deploy.obstacles import Looked
from msaspec.deploy.options import DeployContext
from msaspec.deploy.parameters import Source, Tag
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid, Severity
from msaspec.diagnostics.spelling import suggest
from msaspec.messages.deploying import NothingToRedeploy

MOVED = Code(
    "MSA680",
    "A tag that points to another image than the one that runs",
    """
    Somebody pushed the tag again after the service was deployed. The manifest is the same, so a deployment changes
    nothing by itself, and the service runs the image of its last deployment. `msaspec deploy --redeploy SERVICE` rolls
    out the image to which the tag points now, as a new tag would be. A tag that is pushed once needs none of this.
    """,
    Severity.WARNING,
)
NOT_OURS = Code(
    "MSA681",
    "A service that cannot be redeployed",
    """
    `--redeploy SERVICE` looks up the image of a service in the repositories of the system. An image of another registry
    is selected by the manifest: write another tag or digest there.
    """,
)


def check(plan: Plan, words: Iterable[str]) -> None:
    """Raise Invalid for a word of `--redeploy` that is no service with an image of the system."""
    owned = {workload.name for _, workload in plan.workloads if workload.image.owned}
    found: list[Diagnostic] = []
    for word in sorted(set(words) - owned):
        if word in plan.manifest.containers:
            message = f"`--redeploy {word}` has no effect: the image of `{word}` is in another registry."
            found.append(
                NOT_OURS.at((*plan.manifest.path(word), "image"), message, hint="Write its tag into the manifest.")
            )
        else:
            message = f"`--redeploy` names `{word}`, which is not a service."
            hint = suggest(word, owned, "It applies to services with an image of the system.")
            found.append(NOT_OURS.at(("services",), message, hint=hint, key=True))
    if found:
        raise Invalid(map(plan.manifest.document.place, found))


def pinned(
    context: DeployContext, looked: Looked, described: Sequence[tuple[Tag, Mapping[str, Any] | None]]
) -> list[Tag]:
    """Return the tags with the digests that are to run, and warn of those that point to another image by now."""
    found = []
    for tag, image in described:
        digest = str((image or {}).get("imageDigest", "")) or None
        if tag.service in context.options.redeployed:
            if digest == tag.digest or not tag.moves:
                context.reporter.say(NothingToRedeploy(tag.service))
            found.append(replace(tag, digest=digest) if tag.moves else tag)
        elif tag.moves and not _runs(tag, looked):
            found.append(replace(tag, digest=digest))
        else:
            found.append(tag)
            if tag.moves and (said := _moved(tag, digest, (image or {}).get("imagePushedAt"), looked)):
                hint = f"Roll it out: {context.command('deploy', '--redeploy', tag.service)}"
                context.reporter.diagnosed([context.placed(MOVED.at(tag.path, said, hint=hint))])
    return found


def _runs(tag: Tag, looked: Looked) -> bool:
    """Whether the stack runs this tag already; another one is a change, which pins what it points to, as does what
    failed to be made."""
    if looked.first or looked.resumes or looked.anew:
        return False
    deployed = looked.deployed.parameters.get(tag.parameter, "") if looked.deployed else ""
    return deployed.partition("@")[0] == tag.value and tag.source is not Source.WORD


def _moved(tag: Tag, digest: str | None, pushed: datetime | None, looked: Looked) -> str | None:
    """Say that a tag points to another image; None where it does not."""
    if tag.digest:
        if digest in (None, tag.digest):
            return None
        what = f"{_short(digest)}, and not {_short(tag.digest)}, which runs"
        return f"The tag `{tag.value}` of `{tag.service}` points to another image: {what}."
    changed = looked.deployed.changed if looked.deployed else None
    if pushed is None or changed is None or pushed <= changed:
        return None
    when = f"{pushed:%Y-%m-%d %H:%M}"
    return f"The tag `{tag.value}` of `{tag.service}` was pushed at {when}, after the last deployment of the service."


def _short(digest: str | None) -> str:
    return str(digest)[: len("sha256:") + 12]
