"""Secrets as holders of what was generated once."""

from __future__ import annotations

import string

from msaspec.language.aws_type import AwsType, Clients, Deletion, Holds, code_of, unless_gone

_TEXT = frozenset(string.ascii_letters + string.digits + "/_+=.@-")


def _name(name: str) -> str | None:
    if not 1 <= len(name) <= 512:
        return "it is empty or has more than 512 characters"
    return None if set(name) <= _TEXT else "it contains characters other than letters, digits and `/_+=.@-`"


def _erase(aws: Clients, id: str, deletion: Deletion) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        aws.client("secretsmanager").delete_secret(SecretId=id, RecoveryWindowInDays=7)
    except ClientError as error:
        # "... it was marked for deletion", by an earlier run.
        if code_of(error) == "InvalidRequestException" and "delet" in error.response["Error"].get("Message", ""):
            return []
        raise
    return [f"the secret {id}, which can be restored for 7 days"]


_GONE = frozenset({"ResourceNotFoundException"})


def _there(aws: Clients, id: str) -> bool:
    return unless_gone(_GONE, aws.client("secretsmanager").describe_secret, SecretId=id) is not None


SECRET = AwsType(
    name="AWS::SecretsManager::Secret",
    noun="secret",
    holds=Holds.CREDENTIAL,
    erase=_erase,
    gone=_GONE,
    there=_there,
    unique=(("Name",),),
    names={"Name": _name},
)
