"""Everything of moto that the sandbox replaces, and what it adds.

moto takes requests apart and writes answers; what CloudFormation keeps and does is the sandbox's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudfront.models import Origin
from moto.ec2.models import elastic_ip_addresses
from moto.ec2.utils import random_public_ip
from moto.ecr.models import ECRBackend
from moto.rds.models import DBInstanceAutomatedBackup
from moto.rds.responses import RDSResponse
from moto.s3.models import FakeBucket

from msaspec.sandbox import functions
from msaspec.sandbox.on_moto import (
    accounts,
    answers,
    backups,
    brokers,
    cache_groups,
    change_sets,
    databases,
    edge_functions,
    file_systems,
    gaps,
    hosts,
    in_use,
    inquiries,
    listing,
    machine_images,
    operation_events,
    pushes,
    rotations,
    service_deployments,
    stack_requests,
)

_plain_origin_init = Origin.__init__


def _origin_init(self: Any, origin: dict[str, Any]) -> None:
    _plain_origin_init(self, origin)
    self.origin_access_control_id = origin.get("OriginAccessControlId", "")  # which moto forgets


_plain_permission = FakeBucket.get_permission


def _permission(self: Any, action: str, resource: str) -> Any:
    """Return what a bucket's policy says. moto reads neither conditions nor principals, and would take `Deny` without
    TLS, or to a service, for `Deny`; here every request is one of the account, over TLS."""
    if self.policy is None:
        return _plain_permission(self, action, resource)
    policy = json.loads(self.policy)
    policy["Statement"] = [
        each for each in policy["Statement"] if "Condition" not in each and not _is_of_a_service(each)
    ]
    whole, self.policy = self.policy, json.dumps(policy).encode()
    try:
        return _plain_permission(self, action, resource)
    finally:
        self.policy = whole


def _is_of_a_service(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    return isinstance(principal, dict) and set(principal) == {"Service"}


def _takes_logs(target_bucket: Any, target_prefix: str | None) -> bool:
    """Whether a bucket takes the logs of another. S3 looks only whether it is there; moto cannot read every policy."""
    return True


_API = CloudFormationResponse

PATCHED: tuple[tuple[Any, str, Any], ...] = (
    (_API, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {}),  # answers are as they are shown
    (_API, "create_stack", stack_requests.create),
    (_API, "update_stack", stack_requests.update),
    (_API, "delete_stack", stack_requests.delete),
    (_API, "create_change_set", change_sets.create),
    (_API, "describe_change_set", change_sets.describe),
    (_API, "list_change_sets", change_sets.list_all),
    (_API, "delete_change_set", change_sets.delete),
    (_API, "execute_change_set", change_sets.execute),
    (_API, "describe_stacks", listing.describe_stacks),
    (_API, "list_stacks", listing.list_stacks),
    (_API, "list_stack_resources", listing.list_stack_resources),
    (_API, "describe_stack_resources", listing.describe_stack_resources),
    (_API, "describe_stack_resource", listing.describe_stack_resource),
    (_API, "describe_stack_events", listing.describe_stack_events),
    (_API, "get_template", listing.get_template),
    (_API, "get_stack_policy", listing.get_stack_policy),
    (_API, "set_stack_policy", listing.set_stack_policy),
    (ECRBackend, "create_repository", pushes.create_repository),
    (FakeBucket, "_log_permissions_enabled_policy", staticmethod(_takes_logs)),
    (FakeBucket, "get_permission", _permission),
    (LambdaSimpleBackend, "invoke", functions.invoke),
    (Origin, "__init__", _origin_init),
    (elastic_ip_addresses, "random_ip", random_public_ip),  # moto's own begin with 127
    *accounts.PATCHED,
    *answers.PATCHED,
    *brokers.PATCHED,
    *databases.PATCHED,
    *edge_functions.PATCHED,
    *gaps.PATCHED,
    *hosts.PATCHED,
    *in_use.PATCHED,
    *inquiries.PATCHED,
    *machine_images.PATCHED,
    *rotations.PATCHED,
)
"""Everything of moto that is replaced: owner, name, replacement."""

ADDED: tuple[tuple[Any, str, Any], ...] = (
    (_API, "cancel_update_stack", stack_requests.cancel_update),
    (_API, "continue_update_rollback", stack_requests.continue_rollback),
    (_API, "describe_events", operation_events.describe),
    (_API, "rollback_stack", stack_requests.roll_back),
    (_API, "signal_resource", stack_requests.signal),
    (_API, "update_termination_protection", stack_requests.update_termination_protection),
    (DBInstanceAutomatedBackup, "dbi_resource_id", property(backups.resource_id)),
    (RDSResponse, "delete_db_instance_automated_backup", backups.delete),
    *cache_groups.ADDED,
    *edge_functions.ADDED,
    *file_systems.ADDED,
    *inquiries.ADDED,
    *rotations.ADDED,
    *service_deployments.ADDED,
)
"""What moto lacks."""


@contextmanager
def installed() -> Iterator[None]:
    """Replace what `PATCHED` names, until the block ends."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in PATCHED]
    for owner, name, new in (*PATCHED, *ADDED):
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old in before:
            setattr(owner, name, old)
        for owner, name, _ in ADDED:
            delattr(owner, name)
