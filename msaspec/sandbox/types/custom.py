"""Custom resources: the Lambda function that the template names is called, and its answer awaited."""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msaspec.aws.cdn_certificates import CdnCertificate
from msaspec.sandbox import executions
from msaspec.sandbox.cloudformation.resource import CUSTOM, At, Failed, Made, Properties, Resource, resource
from msaspec.sandbox.types.route53 import zone


@contextmanager
def _listening() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Open an address that takes one answer, and what came. The address cannot be guessed."""
    answers: list[dict[str, Any]] = []
    path = f"/{secrets.token_urlsafe(16)}"

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            if self.path != path:
                self.send_error(404)
                return
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{path}", answers
        finally:
            server.shutdown()
            thread.join()


def _text(value: Any) -> Any:
    """Properties as they arrive: CloudFormation makes texts of numbers and booleans."""
    if isinstance(value, dict):
        return {key: _text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@resource(CUSTOM)
class Custom(Resource):
    """A custom resource of any name."""

    def create(self, at: At, new: Properties) -> Made:
        """Send Create."""
        self._ensure_zone(at, new)
        return self._call(at, "Create", new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Send Update; another physical id in the answer gets a Delete for the one before, as at AWS."""
        self._ensure_zone(at, new)
        made = self._call(at, "Update", new, id, OldResourceProperties=_text(self._sent(old)))
        if made.id != id:
            self._call(at, "Delete", old, id)
        return made

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Send Delete."""
        self._call(at, "Delete", old, id)

    def _ensure_zone(self, at: At, new: Properties) -> None:
        """Have a zone for the records that a certificate needs, which at AWS is there before any stack."""
        if at.type == CdnCertificate.resource_type:
            zone(at, new["HostedZoneId"], new["Names"][0])

    def _sent(self, properties: Properties) -> dict[str, Any]:
        return {key: value for key, value in properties.items() if key != "ServiceTimeout"}

    def _call(self, at: At, request: str, properties: Properties, id: str | None = None, **more: Any) -> Made:
        with _listening() as (url, answers):
            event = {
                "RequestType": request,
                "ServiceToken": properties["ServiceToken"],
                "ResponseURL": url,
                "StackId": at.stack_id,
                "RequestId": str(uuid.uuid4()),
                "ResourceType": at.type,
                "LogicalResourceId": at.logical_id,
                "ResourceProperties": _text(self._sent(properties)),
                **({"PhysicalResourceId": id} if id else {}),
                **more,
            }
            invoked = at.api("lambda").invoke(FunctionName=properties["ServiceToken"], Payload=json.dumps(event))
            said = invoked["Payload"].read().decode()
            if not answers and executions.is_going_on(event["RequestId"]):
                at.wait(lambda: bool(answers) or not executions.is_going_on(event["RequestId"]))
        if not answers:
            raise Failed(f"CloudFormation did not receive a response from your Custom Resource. ({said[:500]})")
        answer = answers[-1]
        if answer["Status"] != "SUCCESS":
            raise Failed(
                f"Received response status [FAILED] from custom resource. Message returned: {answer['Reason']}"
            )
        return Made(answer["PhysicalResourceId"], answer.get("Data") or {})
