"""How the HTTP server of a sandbox takes requests."""

from __future__ import annotations

from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

from msaspec.sandbox.door import HEADERS


class Handler(MotoRequestHandler):  # type: ignore[misc]
    """moto's, with the headers as they were sent, which signatures cover."""

    def make_environ(self) -> dict[str, Any]:
        """Return the environment of a request."""
        environ: dict[str, Any] = super().make_environ()
        environ[HEADERS] = list(self.headers.items())
        return environ
