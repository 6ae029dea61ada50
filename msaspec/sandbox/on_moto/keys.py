"""Access keys that were made in the sandbox: those of IAM users, and those of sessions of roles."""

from __future__ import annotations

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends


def secret_of(id: str) -> str | None:
    """Return the secret of an access key by its id; None where the sandbox made no such key."""
    for backend in iam_backends[DEFAULT_ACCOUNT_ID].values():
        for user in backend.users.values():
            for key in user.access_keys:
                if key.access_key_id == id:
                    return str(key.secret_access_key)
    for sessions in sts_backends[DEFAULT_ACCOUNT_ID].values():
        role = sessions.get_assumed_role_from_access_key(id)
        if role is not None:
            return str(role.secret_access_key)
    return None
