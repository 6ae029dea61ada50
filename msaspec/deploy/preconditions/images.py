"""The images of the system: whether they are in their repositories, and for which CPU they are built."""

from __future__ import annotations

import json

from msaspec.deploy import images, recipe
from msaspec.deploy.asking import GONE
from msaspec.deploy.evidence import Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code
from msaspec.template import names

OTHER_CPU = Code(
    "MSA676",
    "An image that lacks the service's CPU architecture",
    """
    The image in the repository, or every image of its index of platforms, is for another CPU architecture than that of
    the service (`arch`). The container could not start.
    """,
)
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SINGLE = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
LONGEST = 1_000_000
"""Bytes of a configuration that are read."""
SECONDS = 2
"""For how long its download is waited."""
_ARCHITECTURES = {"arm64": "arm64", "x86_64": "amd64"}


class Images(Precondition):
    """Looks at each image of the system's own."""

    services = ("ecr",)

    def look(self, needs: Needs) -> Checking:
        """Ask for the manifest of each."""
        found = []
        system = needs.plan.site.system
        services = {workload.name: workload.spec for _, workload in needs.plan.workloads}
        for tag in needs.tags:
            spec = services[tag.service]
            if needs.uses(f"{tag.parameter}={tag.content}"):
                continue
            words = {
                "repositoryName": names.repository(system, tag.repository),
                "imageIds": [{"imageTag": tag.value}],
                "acceptedMediaTypes": [*_INDEXES, *_SINGLE],
            }
            answer = yield Ask("ecr", "batch_get_image", words)
            failures = [each.get("failureCode") for each in (answer or {}).get("failures", ())]
            if answer is GONE or "ImageNotFound" in failures:
                if needs.seen_to:
                    continue
                build = recipe.of(spec.build, needs.context.invocation.file)
                where = images.place(needs.context.aws, system, tag)
                found.append(images.told(tag, where, spec.arch, build, needs.context.invocation))
                continue
            for image in (answer or {}).get("images", ()):
                manifest = str(image.get("imageManifest", ""))
                platforms = _platforms(manifest)
                if not platforms and (digest := _configuration(manifest)):
                    words = {"repositoryName": words["repositoryName"], "layerDigest": digest}
                    place = yield Ask("ecr", "get_download_url_for_layer", words)
                    platforms = built_for(str((place or {}).get("downloadUrl", "")))
                if platforms and _ARCHITECTURES[spec.arch] not in platforms:
                    message = f"The image `{tag.repository}:{tag.value}` has {', '.join(platforms)}, not {spec.arch}."
                    push = needs.context.command("push", tag.service)
                    hint = f"Build it for {spec.arch}: {push}. Or set `arch`."
                    found.append(OTHER_CPU.at(tag.path, message, hint=hint))
        return found


def _platforms(manifest: str) -> list[str]:
    """Return the architectures in an index of images; none for a single image, whose manifest does not say."""
    try:
        listed = json.loads(manifest).get("manifests", ())
    except ValueError:
        return []
    found = [str(each.get("platform", {}).get("architecture", "")) for each in listed]
    return sorted({each for each in found if each and each != "unknown"})


def _configuration(manifest: str) -> str | None:
    """Return the digest of the configuration of a single image."""
    try:
        return str(json.loads(manifest)["config"]["digest"])
    except (ValueError, LookupError, TypeError):
        return None


def built_for(url: str) -> list[str]:
    """Return the architecture in the configuration of an image, where it can be read; the URL is ECR's own."""
    from urllib.request import urlopen

    if not url.startswith(("https://", "http://127.0.0.1:")):
        return []
    try:
        with urlopen(url, timeout=SECONDS) as answer:
            told = json.loads(answer.read(LONGEST))
        return [str(told["architecture"])] if told.get("architecture") else []
    except (OSError, ValueError, LookupError, AttributeError):
        return []  # What cannot be read is no miss.
