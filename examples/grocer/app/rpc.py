"""Calls between the services: gRPC, with JSON in its messages so that no code is generated."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

Method = Callable[..., Any]
SERVING = b"\x08\x01"
"""The answer of `grpc.health.v1.Health/Check`, field 1: SERVING."""
PORTS = {
    "ads": 7001,
    "cart": 7002,
    "catalog": 7003,
    "checkout": 7004,
    "currency": 7005,
    "mail": 7006,
    "payment": 7007,
    "recommendation": 7008,
    "shipping": 7009,
}
RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
"""A call that found nobody is made again, as when a task has just been replaced."""


def call(service: str, method: str, **words: Any) -> Any:
    """Call a method of another service, by its short name. Raises grpc.RpcError."""
    options = [("grpc.service_config", json.dumps(RETRIES)), ("grpc.dns_min_time_between_resolutions_ms", 500)]
    with grpc.insecure_channel(f"{service}:{PORTS[service]}", options=options) as channel:
        unary = channel.unary_unary(
            f"/grocer.{service}/{method}",
            request_serializer=lambda value: json.dumps(value).encode(),
            response_deserializer=json.loads,
        )
        return unary(words, timeout=15)


def serve(service: str, methods: Mapping[str, Method]) -> None:
    """Answer calls of a service's methods, and of its health check, until the program is stopped."""

    def handler(method: Method) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            lambda words, context: method(**words),
            request_deserializer=json.loads,
            response_serializer=lambda value: json.dumps(value).encode(),
        )

    server = grpc.server(ThreadPoolExecutor(10))
    health = grpc.unary_unary_rpc_method_handler(lambda request, context: SERVING)
    own = {name: handler(method) for name, method in methods.items()}
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(f"grocer.{service}", own),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health}),
        ]
    )
    server.add_insecure_port(f"[::]:{os.environ.get('PORT', PORTS[service])}")
    server.start()
    server.wait_for_termination()
