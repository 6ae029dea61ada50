"""AWS's endpoints as hosts and tasks reach them: the sandbox, behind a door where IAM is enforced.

The sandbox itself takes any credentials. Here only those of a role's session are known, and only what the role's
policies allow goes through. The door is a registry of images, too.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import socket
import traceback
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.system.calls import Request, asked
from tests.system.permissions import Permissions
from tests.system.serving import Answer, Serving

PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
XML = {"cloudformation", "cloudfront", "s3"}
_HOP = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


@dataclass
class Gateway:
    """The door."""

    endpoint: str
    """Of the sandbox."""
    account: str
    permissions: Permissions
    ecr: Any
    """A client of the sandbox, for the registry."""
    faults: list[str]
    """Where it tells what it could not judge."""
    logins: dict[str, str] = field(default_factory=dict)
    """Who may log in to the registry: role by password."""

    def serve(self, listener: socket.socket) -> Serving:
        """Answers at a socket."""
        return Serving(listener, self.answer)

    def answer(self, request: Request, client: str) -> Answer:
        """The sandbox's answer, or why there is none. What the door itself cannot judge is a fault of the test."""
        try:
            return self._answer(request)
        except Exception:
            self.faults.append(traceback.format_exc())
            return Answer(500)

    def _answer(self, request: Request) -> Answer:
        if ".dkr.ecr." in request.headers.get("host", ""):
            return self._registry(request)
        key, _, service = request.credential
        session = self.permissions.sessions.get(key)
        if session is None or request.headers.get("x-amz-security-token") != session.token:
            return _refusal(service, "UnrecognizedClientException", "The security token included is invalid.")
        action, resource = asked(request, self.account)
        if not self.permissions.allows(session.role, action, resource):
            said = f"{session.role} is not authorized to perform: {action} on resource: {resource}"
            return _refusal(service, "AccessDenied" if service in XML else "AccessDeniedException", said)
        if action == "ecr:GetAuthorizationToken":
            return self._login(session.role)
        return self.forward(request)

    def forward(self, request: Request) -> Answer:
        """Ask the sandbox itself."""
        connection = HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
        headers = {name: text for name, text in request.headers.items() if name not in _HOP}
        try:
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        return Answer(answer.status, body, {n: t for n, t in answer.getheaders() if n.lower() not in _HOP})

    def _login(self, role: str) -> Answer:
        password = secrets.token_hex(20)
        self.logins[password] = role
        token = base64.b64encode(f"AWS:{password}".encode()).decode()
        data = {"authorizationToken": token, "expiresAt": 4e9, "proxyEndpoint": "https://registry"}
        return Answer(200, json.dumps({"authorizationData": [data]}).encode())

    def _registry(self, request: Request) -> Answer:
        """As much of a registry as a login and a pull need."""
        scheme, _, told = request.headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(told).decode().partition(":") if scheme == "Basic" else ("", "", "")
        role = self.logins.get(password)
        if role is None or user != "AWS":
            return Answer(401, b"no basic auth credentials")
        if request.path == "/v2/":
            return Answer(200, b"{}")
        found = re.fullmatch(r"/v2/(.+)/manifests/(.+)", request.path)
        assert found, request.path
        name, tag = found.groups()
        account, _, _, region = request.headers["host"].split(".")[:4]
        repository = f"arn:aws:ecr:{region}:{account}:repository/{name}"
        allowed = [self.permissions.allows(role, action, repository) for action in PULL]
        if not all(allowed):
            return Answer(403, f"pull access denied for {name}".encode())
        there = self.ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
        return Answer(200, b"{}") if there else Answer(404, f"manifest for {name}:{tag} not found".encode())


def _refusal(service: str, code: str, message: str) -> Answer:
    if service not in XML:
        return Answer(400, json.dumps({"__type": code, "message": message}).encode())
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(403, (error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>").encode())
