"""Amazon Linux in Regions that are younger than moto's lists of machine images."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import amis
from moto.ssm import models as parameters
from moto.utilities.utils import load_resource

from msaspec.sandbox.world import REGION

_LISTS = "ec2/resources/latest_amis", "ssm/resources/ami-amazon-linux-latest"


def _load(path: str) -> Any:
    """Return a list of moto's; for a Region without one another's, since an image is a name here that nothing boots
    from."""
    folder = path.rpartition("/")[0]
    try:
        return load_resource(path)
    except FileNotFoundError:
        if folder not in _LISTS:
            raise
        return load_resource(f"{folder}/{REGION}.json")


PATCHED: tuple[tuple[Any, str, Any], ...] = ((amis, "load_resource", _load), (parameters, "load_resource", _load))
"""What is replaced of moto: owner, name, replacement."""
