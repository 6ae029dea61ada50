"""Images that are in a repository as soon as it is made, as if they had been pushed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from moto.ecr.models import ECRBackend

from msaspec.sandbox.world import current

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"

_create_repository = ECRBackend.create_repository


def create_repository(self: Any, *words: Any, **options: Any) -> Any:
    """ECR's CreateRepository, in place of moto's."""
    made = _create_repository(self, *words, **options)
    for name, tag in current().images:
        if name == made.name:
            ecr = current().client("ecr", self.region_name)
            manifest = _manifest(name, tag)
            # moto takes the digest of nothing where none is given.
            ecr.put_image(repositoryName=name, imageTag=tag, imageManifest=manifest, imageDigest=_digest(manifest))
    return made


def _manifest(name: str, tag: str) -> str:
    """Return the manifest of an image without a layer, another one for each name and tag."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"image": f"{name}:{tag}"}}})
    described = {"mediaType": CONFIG, "size": len(config), "digest": _digest(config)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []})


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
