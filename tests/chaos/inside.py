"""Requests to a sandbox of this process, without a connection: what a machine with much to do takes longest for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict

from msaspec.sandbox.door import HEADERS

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
"""What answers by WSGI."""


def asked(
    application: Application, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer to a request, as a server would give them."""
    place = urlsplit(url)
    given = {"Host": place.netloc, **headers, "Content-Length": str(len(body))}
    target = place.path + (f"?{place.query}" if place.query else "")
    environ: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(place.path).encode().decode("latin-1"),
        "QUERY_STRING": place.query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": place.hostname,
        "SERVER_PORT": str(place.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        HEADERS: list(given.items()),
    }
    for name, value in given.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    answer: list[Any] = []
    said = application(environ, lambda status, found, *more: answer.extend((status, found)))
    try:
        text = b"".join(said)
    finally:
        getattr(said, "close", lambda: None)()
    status, found = answer
    return int(status.split(" ")[0]), {"Date": formatdate(usegmt=True), **dict(found)}, text


class _Raw(BytesIO):
    """A body, as botocore reads it."""

    def stream(self, *ignored: object, **words: object) -> Iterable[bytes]:
        yield self.read()


def short_cut(application: Application) -> Callable[..., AWSResponse]:
    """What a client of boto3 has to do `before-send` so that it asks an application."""

    def answer(request: AWSPreparedRequest, **ignored: Any) -> AWSResponse:
        body = request.body or b""
        content = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else bytes(body)
        headers = {key: v.decode() if isinstance(v, bytes) else str(v) for key, v in request.headers.items()}
        status, found, text = asked(application, request.method, request.url, headers, content)
        return AWSResponse(request.url, status, HeadersDict(found), _Raw(b"" if request.method == "HEAD" else text))

    return answer
