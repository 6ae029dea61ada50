"""An AWS of its own, in memory: moto, with a CloudFormation that really makes what msaspec's templates declare.

    with start() as sandbox:
        sandbox.client("cloudformation").create_change_set(...)

moto and boto3 are the extra `msaspec[sandbox]`, and are loaded when a sandbox starts.
"""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

from msaspec.sandbox.apart import kept_apart
from msaspec.sandbox.controls import Hold
from msaspec.sandbox.world import Postgres, World, enter, leave, vacant

__all__ = ["Hold", "Missing", "Postgres", "World", "serve", "start"]

SERVICES = (
    "applicationautoscaling",
    "autoscaling",
    "awslambda",
    "certificatemanager",
    "cloudfront",
    "cloudwatch",
    "custom",
    "ec2",
    "ecr",
    "ecs",
    "elasticloadbalancingv2",
    "iam",
    "instances",
    "logs",
    "rds",
    "route53",
    "s3",
    "secretsmanager",
    "security_groups",
    "servicediscovery",
    "sns",
)
"""The modules with types of resources."""


class Missing(Exception):
    """The extra is not installed."""


def load() -> None:
    """Loads the types of resources."""
    for service in SERVICES:
        import_module(f"{__name__}.{service}")


@contextmanager
def start(
    postgres: Postgres | None = None,
    *,
    pace: float = 0.0,
    images: Iterable[tuple[str, str]] = (),
    signals: bool = False,
) -> Iterator[World]:
    """A sandbox in this process: boto3, without any setting, speaks to it until the block ends.

    It also answers over HTTP, where the Lambda functions of custom resources reach it. `pace` is how many seconds each
    resource takes at least. `images` are repositories and tags, such as `("shop/cart-service", "1.0")`, that are pushed
    as soon as the repository is made. With `signals`, a resource is complete when the signals came that its
    `CreationPolicy`, and in a rolling update its `UpdatePolicy`, waits for: whoever plays the hosts sends them.
    """
    with ExitStack() as stack:
        stack.enter_context(kept_apart())
        _installed()
        from moto import mock_aws

        stack.enter_context(mock_aws(config={"lambda": {"use_docker": False}}))
        yield stack.enter_context(_running(0, True, postgres, pace, images, signals))


@contextmanager
def serve(
    port: int = 0,
    postgres: Postgres | None = None,
    *,
    pace: float = 0.0,
    images: Iterable[tuple[str, str]] = (),
    signals: bool = False,
) -> Iterator[World]:
    """A sandbox on a port of 127.0.0.1, for any tool that takes `--endpoint-url`; 0 is any free port.

    `pace`, `images` and `signals` are as for `start`.
    """
    with kept_apart():
        _installed()
        from moto.core.config import default_user_config
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()
        before = default_user_config["lambda"]
        default_user_config["lambda"] = {"use_docker": False}
        try:
            with _running(port, False, postgres, pace, images, signals) as world:
                yield world
        finally:
            default_user_config["lambda"] = before
            moto_api_backend.reset()


def _installed() -> None:
    try:
        import_module("moto.server")
    except ImportError as fault:
        raise Missing(str(fault)) from None
    vacant()


@contextmanager
def _patched() -> Iterator[None]:
    """The types of resources, and in moto what they need of it."""
    from msaspec.sandbox.on_moto import loaders

    with loaders.shared():
        from msaspec.sandbox.on_moto import patches  # comes with moto's backends, of which some read descriptions

        load()
        with patches.installed():
            yield


@contextmanager
def _running(
    port: int,
    mocked: bool,
    postgres: Postgres | None,
    pace: float,
    images: Iterable[tuple[str, str]],
    signals: bool,
) -> Iterator[World]:
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with ExitStack() as stack:
        stack.enter_context(_patched())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="msaspec-sandbox-")))
        (directory / "ca.pem").write_bytes(postgres.ca.read_bytes() if postgres else b"")
        listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        application = DomainDispatcherApplication(create_backend_app)
        server = make_server(
            "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        world = World(endpoint, mocked, postgres, directory / "ca.pem", pace, images, signals)
        enter(world)
        stack.callback(leave)
        stack.callback(world.end)
        yield world
