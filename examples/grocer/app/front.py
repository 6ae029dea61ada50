"""The front: what a browser asks over HTTP, it asks the services over gRPC."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from rpc import call


def page(customer: str) -> dict[str, Any]:
    """Return what the page shows a customer."""
    cart = call("cart", "items", customer=customer)
    return {
        "products": call("catalog", "products"),
        "cart": cart,
        "recommended": call("recommendation", "recommended", cart=cart),
        "advertisement": call("ads", "advertisement"),
    }


class Handler(BaseHTTPRequestHandler):
    """`GET /CUSTOMER`, `POST /CUSTOMER/cart`, `POST /CUSTOMER/order`."""

    timeout = 60

    def do_GET(self) -> None:
        """Show the page."""
        name = self.path.strip("/")
        self._answer(lambda: "well" if name == "health" else page(name))

    def do_POST(self) -> None:
        """Change something."""
        customer, _, what = self.path.strip("/").partition("/")
        body = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 16 * 1024)) or b"{}")
        service, method = {"cart": ("cart", "put"), "order": ("checkout", "order")}.get(what, ("", ""))
        self._answer(lambda: call(service, method, customer=customer, **body))

    def _answer(self, asked: Any) -> None:
        try:
            status, answer = 200, asked()
        except (KeyError, TypeError):
            status, answer = 404, "There is nothing here."
        except grpc.RpcError as error:
            status, answer = 503, error.code().name
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
