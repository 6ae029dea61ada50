"""What a template says of the hosts of a service."""

from __future__ import annotations

from msaspec.deploy.condition import version
from msaspec.deploy.evidence import Scene
from msaspec.diagnostics.place import Path
from msaspec.update import values

_TEMPLATE = "AWS::EC2::LaunchTemplate"


def image(scene: Scene, entry: Path) -> str | None:
    """Return the image that the hosts of a service run, without its registry; None where the template does not say."""
    for name, resource in scene.template.get("Resources", {}).items():
        if resource.get("Type") == _TEMPLATE and scene.entry_of(name)[:2] == entry[:2]:
            told = values.texts(scene.template, resource).get("image")
            return version(told) if told else None
    return None
