"""The metadata services that give hosts and tasks the credentials of their roles."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.system.calls import Request
from tests.system.permissions import Session
from tests.system.serving import Answer

ADDRESS = "169.254.169.254"
TASK_ADDRESS = "169.254.170.2"
BRIDGE = "172.17."
"""How the addresses of containers begin."""
_FOREVER = "2099-01-01T00:00:00Z"


@dataclass(frozen=True)
class Metadata:
    """The instance metadata service, version 2."""

    instance: str
    zone: str
    hops: int
    """`HttpPutResponseHopLimit`: with one, containers behind docker's bridge get no token."""
    session: Session

    def answer(self, request: Request, client: str) -> Answer:
        """What a host is told of itself."""
        if client.startswith(BRIDGE) and self.hops < 2:
            return Answer(400)
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            return Answer(200, b"token", {"X-aws-ec2-metadata-token-ttl-seconds": "21600"})
        if request.headers.get("x-aws-ec2-metadata-token") != "token":
            return Answer(401)
        here = self.session
        root = "/latest/meta-data"
        told = {
            f"{root}/instance-id": self.instance,
            f"{root}/placement/availability-zone": self.zone,
            f"{root}/iam/security-credentials/": here.role,
            f"{root}/iam/security-credentials/{here.role}": json.dumps(
                {"Code": "Success", "LastUpdated": "2024-01-01T00:00:00Z", "Type": "AWS-HMAC", **_credentials(here)}
            ),
        }
        return Answer(200, told[request.path].encode()) if request.path in told else Answer(404)


def task_credentials(session: Session, request: Request, client: str) -> Answer:
    """What a container of a task gets at AWS_CONTAINER_CREDENTIALS_RELATIVE_URI."""
    return Answer(200, json.dumps(_credentials(session)).encode())


def _credentials(session: Session) -> dict[str, str]:
    return {
        "AccessKeyId": session.key,
        "SecretAccessKey": session.secret,
        "Token": session.token,
        "Expiration": _FOREVER,
    }
