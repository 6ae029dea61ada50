"""Requests that only ask, which moto lacks: what a policy allows, and where the configuration of an image lies."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ecr.responses import ECRResponse
from moto.iam.responses import IamResponse

from msaspec.sandbox.on_moto.answers import OF_SERVICES
from msaspec.sandbox.world import current


def simulate_principal_policy(self: Any) -> ActionResult:
    """IAM's SimulatePrincipalPolicy, by what the account of the sandbox allows."""
    account, names = current().account, self._get_params().get("ActionNames", [])
    denied = set() if account.allowed is None else set(names) - account.allowed - OF_SERVICES
    results = [
        {
            "EvalActionName": name,
            "EvalResourceName": "*",
            "EvalDecision": "implicitDeny" if name in denied else "allowed",
        }
        for name in names
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def get_download_url_for_layer(self: Any) -> ActionResult:
    """ECR's GetDownloadUrlForLayer: images of the sandbox are manifests only, so there is nothing to load."""
    return ActionResult({"downloadUrl": "", "layerDigest": self._get_param("layerDigest")})


PATCHED = ((ECRResponse, "get_download_url_for_layer", get_download_url_for_layer),)
ADDED = ((IamResponse, "simulate_principal_policy", simulate_principal_policy),)
