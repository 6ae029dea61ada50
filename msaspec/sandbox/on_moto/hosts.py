"""Hosts of EC2, which have their role from the start: moto gives it to them when requests find them already."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance
from moto.ec2.utils import filter_iam_instance_profiles

_begin = Instance.__init__


def _begin_with_role(self: Any, ec2_backend: Any, *words: Any, **options: Any) -> None:
    """Make a host with the instance profile that its request names."""
    name, arn = options.get("iam_instance_profile_name"), options.get("iam_instance_profile_arn")
    if name or arn:
        profile = filter_iam_instance_profiles(ec2_backend.account_id, ec2_backend.partition, arn, name)
        options["iam_instance_profile"] = {"Arn": profile.arn, "Id": profile.id}
    _begin(self, ec2_backend, *words, **options)


PATCHED: tuple[tuple[Any, str, Any], ...] = ((Instance, "__init__", _begin_with_role),)
"""What is replaced of moto: owner, name, replacement."""
