"""Rotation of secrets by a function, and of the hosts of a group: what moto does otherwise, or lacks.

At AWS both go on after the answer. Here they are over when it comes. A rotation that fails leaves its version pending,
as there, and what its function said is what `why` gives.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from moto.autoscaling.responses import AutoScalingResponse
from moto.awslambda.utils import get_backend
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random
from moto.secretsmanager.exceptions import InvalidRequestException, SecretNotFoundException
from moto.secretsmanager.models import SecretsManagerBackend

from msaspec.sandbox import functions
from msaspec.sandbox.world import current

_SECRETS, _GROUPS = SecretsManagerBackend, AutoScalingResponse
_move = _SECRETS.update_secret_version_stage
DAY = 24 * 60 * 60
STEPS = "createSecret", "setSecret", "testSecret", "finishSecret"
IN_PROGRESS = "A previous rotation isn't complete. That rotation will be reattempted."


def _rotate(
    self: Any,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,  # noqa: FBT001, FBT002 as in moto
) -> str:
    """RotateSecret."""
    if secret_id not in self.secrets:
        raise SecretNotFoundException
    secret = self.secrets[secret_id]
    function = rotation_lambda_arn or secret.rotation_lambda_arn
    if not function:
        raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
    get_backend(self.account_id, self.region_name).get_function(function)
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = function
    if rotation_rules:
        secret.auto_rotate_after_days = rotation_rules.get("AutomaticallyAfterDays", 0)
    pending = [each for each in secret.versions.values() if "AWSPENDING" in each["version_stages"]]
    if rotate_immediately and any("AWSCURRENT" not in each["version_stages"] for each in pending):
        raise InvalidRequestException(IN_PROGRESS)
    secret.next_rotation_date = int(time.time()) + secret.auto_rotate_after_days * DAY
    token = client_request_token or str(mock_random.uuid4())
    secret.remove_version_stages_from_old_versions(["AWSPENDING"])
    secret.versions[token] = {
        "createdate": int(time.time()),
        "version_id": token,
        "version_stages": ["AWSPENDING"],
    }
    if rotate_immediately:
        if _done(self, secret, function, token, STEPS):
            secret.last_rotation_date = int(time.time())
    else:
        _done(self, secret, function, token, ("testSecret",))
        del secret.versions[token]
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})


def _done(self: Any, secret: Any, function: str, token: str, steps: tuple[str, ...]) -> bool:
    """Have a function take the steps, up to one that fails."""
    there = get_backend(self.account_id, self.region_name).get_function(function)
    for step in steps:
        event = {"Step": step, "SecretId": secret.arn, "ClientRequestToken": token}
        failed, answer = functions.run(current(), there, event)
        if failed:
            current().rotations[secret.arn] = f"{step}: {answer['errorMessage']}"
            return False
    current().rotations.pop(secret.arn, None)
    return True


def _moved(self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str) -> Any:
    """Move a label. moto keeps giving the version that was current before."""
    answer = _move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
    if version_stage == "AWSCURRENT" and move_to_version_id:
        self.secrets[secret_id].set_default_version_id(move_to_version_id)
    return answer


def _start_refresh(self: Any) -> ActionResult:
    """StartInstanceRefresh: other hosts take the place of all."""
    name = self._get_param("AutoScalingGroupName")
    backend = self.autoscaling_backend
    group = backend.autoscaling_groups[name]

    def replace() -> None:
        for id in [state.instance.id for state in group.instance_states]:
            backend.terminate_instance(id, False)

    # Auto Scaling starts hosts by a role of its own, not by the permissions of the caller.
    service = threading.Thread(target=replace, name="autoscaling")
    service.start()
    service.join()
    made = {
        "InstanceRefreshId": str(mock_random.uuid4()),
        "AutoScalingGroupName": name,
        "Status": "Successful",
        "StartTime": utcnow(),
        "EndTime": utcnow(),
        "PercentageComplete": 100,
        "InstancesToUpdate": 0,
        "Preferences": self._get_param("Preferences") or {},
    }
    group.refreshes = [made, *getattr(group, "refreshes", [])]
    return ActionResult({"InstanceRefreshId": made["InstanceRefreshId"]})


def _refreshes(self: Any) -> ActionResult:
    """DescribeInstanceRefreshes, the newest first."""
    group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
    wanted = self._get_param("InstanceRefreshIds")
    found = [each for each in getattr(group, "refreshes", []) if not wanted or each["InstanceRefreshId"] in wanted]
    return ActionResult({"InstanceRefreshes": found})


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_SECRETS, "rotate_secret", _rotate),
    (_SECRETS, "update_secret_version_stage", _moved),
)
"""What of moto is replaced: owner, name, replacement."""
ADDED: tuple[tuple[Any, str, Any], ...] = (
    (_GROUPS, "start_instance_refresh", _start_refresh),
    (_GROUPS, "describe_instance_refreshes", _refreshes),
)
"""What moto lacks: owner, name, what does it."""
