"""Access to the HTTP server of a sandbox: which requests it answers.

A sandbox changes what is in it, and runs functions, for everyone who can send it a request: every local user of the
machine and every page that a browser shows. So a request needs the key that was made at the start, has to be addressed
to this machine by a name of its own, and must not come from a web page. Answers carry no cross-origin headers.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from msaspec.sandbox import signature
from msaspec.sandbox.signature import Message

HEADERS = "msaspec.headers"
"""Where a request's environment has its headers as they were sent, names and values."""
_LETTERS = string.ascii_uppercase + string.digits
_OWN_NAMES = ("127.0.0.1", "localhost", "::1")
_OWN_DOMAINS = (".localhost", ".amazonaws.com", ".amazonaws.com.cn")
"""Domains whose names resolve to this machine only."""


@dataclass(frozen=True)
class Key:
    """An access key of the sandbox."""

    id: str
    secret: str

    @property
    def credentials(self) -> dict[str, str]:
        """For clients of boto3."""
        return {"aws_access_key_id": self.id, "aws_secret_access_key": self.secret}

    @property
    def variables(self) -> dict[str, str]:
        """For the environment of a program."""
        return {"AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": self.secret}


def new_key() -> Key:
    """Return a key that cannot be guessed. Its id has no prefix of a real one, so that it is not taken for a leak."""
    return Key("SANDBOX" + "".join(secrets.choice(_LETTERS) for _ in range(17)), secrets.token_urlsafe(30))


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused."""

    code: str
    message: str
    service: str = ""


class Door:
    """A WSGI application before another."""

    def __init__(
        self, application: Any, key: Key, issued: Callable[[str], str | None], *, anyone: bool = False
    ) -> None:
        self.application = application
        self.key = key
        self.issued = issued
        """The secret of an access key that was made in the sandbox, by its id."""
        self.anyone = anyone
        """Whether any access key will do: for a test with a door of its own in front."""
        self.refused: list[Refusal] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request, or refuse it."""
        refusal = self._foreign(environ) or (None if self.anyone else self._unsigned(environ))
        if refusal is not None:
            self.refused.append(refusal)
            kind, body = _told(refusal, environ)
            start_response("403 Forbidden", [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body]

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, kept, *more)

        answer: Iterable[bytes] = self.application(environ, start)
        return answer

    def _foreign(self, environ: dict[str, Any]) -> Refusal | None:
        """Refuse what a web page sent, or what is addressed to a host name that others control."""
        if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
            return Refusal("AccessDenied", "The sandbox does not answer web pages.")
        host = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
        if host not in _OWN_NAMES and not host.endswith(_OWN_DOMAINS):
            return Refusal("AccessDenied", "The sandbox answers at 127.0.0.1 and localhost only.")
        return None

    def _unsigned(self, environ: dict[str, Any]) -> Refusal | None:
        """Refuse a key that is missing or wrong, and a signature of another request."""
        message = _message(environ)
        found = signature.of(message)
        if found is None:
            said = "The sandbox needs the access key that it printed at its start, in a signature of version 4."
            return Refusal("MissingAuthenticationToken", said)
        secret = self.key.secret if found.key == self.key.id else self.issued(found.key)
        if secret is None:
            said = "The sandbox does not know this access key. Export the lines that it printed at its start."
            return Refusal("UnrecognizedClientException", said, found.service)
        if not signature.fits(message, found, secret):
            return Refusal("SignatureDoesNotMatch", "The signature does not match the request.", found.service)
        return None


def _message(environ: dict[str, Any]) -> Message:
    """Return the request, whose body can be read again afterwards."""
    body = b""
    if length := int(environ.get("CONTENT_LENGTH") or 0):
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = BytesIO(body)
    headers: dict[str, str] = {}
    for name, value in environ[HEADERS]:
        known = name.lower()
        headers[known] = f"{headers[known]},{value}" if known in headers else value
    return Message(environ["REQUEST_METHOD"], environ["REQUEST_URI"], headers, body)


def _told(refusal: Refusal, environ: dict[str, Any]) -> tuple[str, bytes]:
    """Return the answer in the form that clients of the service read."""
    error = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
    if refusal.service == "ec2":
        return "text/xml", f"<Response><Errors>{error}</Errors></Response>".encode()
    if refusal.service == "s3":
        return "application/xml", error.encode()
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if form or refusal.service in ("cloudfront", "route53"):
        return "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode()
    return "application/json", json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
