"""Whether the tasks of an ECS service come to run: what their role may read, and what a test says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from msaspec.sandbox.controls import Fate
from msaspec.sandbox.world import current

TRIES = 3
"""How many tasks fail before a circuit breaker says that they do."""
BROKEN = "ECS deployment circuit breaker: tasks failed to start."
IN_PROGRESS, FAILED, COMPLETED = "IN_PROGRESS", "FAILED", "COMPLETED"
SUFFIX = re.compile(r"-[A-Za-z0-9]{6}")
PULL = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed"


def why_not(backend: Any, service: Any, definition: Any) -> Fate | None:
    """Return how the tasks of a service end; None where they run."""
    ailing = current().controls.ailment(service.name, definition.registered_at)
    return ailing.fate if ailing else next(map(Fate, unreadable(backend, definition)), None)


def is_seen(service: Any, definition: Any) -> bool:
    """Whether a circuit breaker sees by now that tasks of a service fail."""
    ailing = current().controls.ailment(service.name, definition.registered_at)
    return not (ailing and ailing.lasting)


def unreadable(backend: Any, definition: Any) -> Iterator[str]:
    """Yield why a task cannot start: what its execution role may not read of its secrets."""
    role = str(definition.execution_role_arn or "").rpartition("/")[2]
    policies = list(_policies(iam_backends[backend.account_id]["aws"], role))
    for container in definition.container_definitions:
        for secret in container.get("secrets") or []:
            action, arn, kind = _wanted(backend, secret["valueFrom"])
            if arn and not _allowed(policies, action, arn):
                caller = f"User: {definition.execution_role_arn} is not authorized to perform: {action} on resource"
                denied = f"{caller}: {arn} because no identity-based policy allows the {action} action"
                yield f"{PULL}: unable to retrieve secret from {kind}: AccessDeniedException: {denied}"


def _wanted(backend: Any, source: str) -> tuple[str, str, str]:
    """Return the action and resource that a task needs for a secret, and what ECS calls the service."""
    parts = source.split(":")
    if not source.startswith("arn:"):
        name = source.lstrip("/")
        arn = f"arn:aws:ssm:{backend.region_name}:{backend.account_id}:parameter/{name}"
        return "ssm:GetParameters", arn, "ssm"
    if parts[2] == "ssm":
        return "ssm:GetParameters", source, "ssm"
    return "secretsmanager:GetSecretValue", _stored(backend, ":".join(parts[:7])), "asm"


def _stored(backend: Any, arn: str) -> str:
    """Return the ARN that Secrets Manager keeps, and IAM compares: that of the secret, which ends in six random
    characters."""
    secrets = secretsmanager_backends[backend.account_id][backend.region_name].secrets.values()
    for secret in secrets:
        if secret.arn == arn or (secret.arn.startswith(arn) and SUFFIX.fullmatch(secret.arn.removeprefix(arn))):
            return str(secret.arn)
    return arn if SUFFIX.search(arn[-7:]) else f"{arn}-AbCdEf"


def allows(iam: Any, role: str, action: str, resource: str) -> bool:
    """Return whether a role may do something, by its name."""
    return _allowed(list(_policies(iam, role)), action, resource)


def _policies(iam: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of all policies of a role."""
    role = next((each for each in iam.roles.values() if each.name == name), None)
    documents = [*role.policies.values(), *map(_document, role.managed_policies.values())] if role else []
    for document in documents:
        statements = json.loads(document)["Statement"]
        yield from [statements] if isinstance(statements, dict) else statements


def _document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


def _allowed(statements: list[Mapping[str, Any]], action: str, arn: str) -> bool:
    """Whether statements allow something, as IAM reads them but for conditions: those allow, and deny nothing."""
    about = [each for each in statements if _is_about(each, action, arn)]
    denied = any(each["Effect"] == "Deny" and "Condition" not in each for each in about)
    return not denied and any(each["Effect"] == "Allow" for each in about)


def _is_about(statement: Mapping[str, Any], action: str, arn: str) -> bool:
    actions, resources = (_several(statement.get(key)) for key in ("Action", "Resource"))
    named = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in actions)
    return named and any(fnmatchcase(arn, pattern) for pattern in resources)


def _several(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def breaks(service: Any) -> tuple[bool, bool]:
    """Return whether a service has a circuit breaker, and whether that rolls back."""
    breaker = (getattr(service, "deployment_configuration", None) or {}).get("deploymentCircuitBreaker") or {}
    return bool(breaker.get("enable")), bool(breaker.get("rollback"))


def mark_failing(service: Any, deployment: dict[str, Any], before: list[dict[str, Any]], *, seen: bool = True) -> None:
    """Keep a deployment whose tasks stop: it continues for ever, or a circuit breaker ends it and rolls it back, as
    soon as it has `seen` that."""
    breaker, rolls_back = breaks(service)
    breaker = breaker and seen
    state, reason = (FAILED, BROKEN) if breaker else (IN_PROGRESS, f"ECS deployment {deployment['id']} in progress.")
    deployment |= {"rolloutState": state, "rolloutStateReason": reason, "failedTasks": TRIES, "updatedAt": utcnow()}
    if breaker and rolls_back and before:
        service.task_definition = before[0]["taskDefinition"]
        service.deployments = [before[0], deployment | {"status": "INACTIVE"}]
    else:
        service.deployments = [deployment, *(each | {"status": "ACTIVE"} for each in before[:1])]
