"""Two spellings of one value, which a comparison of templates takes for the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.template import zones

_SUFFIX = "${AWS::URLSuffix}"


def plain(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a template in which a zone is listed, however it is chosen, and names of AWS's services are written out.

    >>> plain({"Principal": {"Fn::Sub": "ec2.${AWS::URLSuffix}"}})
    {'Principal': 'ec2.amazonaws.com'}
    """
    spelled = _spelled(zones.comparable(template))
    assert isinstance(spelled, Mapping)
    return spelled


def _spelled(value: Any) -> Any:
    """Return a template without `region` writes the suffix as a pseudo parameter, for it may be deployed to China.

    Both spellings are the same wherever they can meet: a stack never leaves its Region.
    """
    if isinstance(value, Mapping):
        text = value.get("Fn::Sub") if len(value) == 1 else None
        if isinstance(text, str) and _SUFFIX in text and "${" not in (rest := text.replace(_SUFFIX, "amazonaws.com")):
            return rest
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return value
