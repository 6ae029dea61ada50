"""An AWS of its own, in memory: moto, with a CloudFormation that really makes what msaspec's templates declare.

    with start() as sandbox:
        sandbox.client("cloudformation").create_change_set(...)

moto and boto3 are the extra `msaspec[sandbox]`, and are loaded when a sandbox starts.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

from msaspec import discover
from msaspec.diagnostics import extra
from msaspec.sandbox import scratch
from msaspec.sandbox.account import Account
from msaspec.sandbox.apart import kept_apart
from msaspec.sandbox.controls import Hold
from msaspec.sandbox.door import Door, new_key
from msaspec.sandbox.world import MariaDb, Postgres, RabbitMq, Settings, World, enter, leave, vacant

__all__ = ["Account", "Hold", "MariaDb", "Missing", "Postgres", "RabbitMq", "World", "serve", "start"]


class Missing(Exception):
    """The extra is not installed, or the machine lacks something else. Its text says how to install it."""


def load() -> None:
    """Load the types of resources."""
    discover.modules(f"{__name__}.types")


@contextmanager
def start(
    postgres: Postgres | None = None,
    *,
    pace: float = 0.0,
    images: Iterable[tuple[str, str]] = (),
    signals: bool = False,
    account: Account | None = None,
    rabbitmq: RabbitMq | None = None,
    mariadb: MariaDb | None = None,
    run_any_code: bool = False,
    anyone: bool = False,
) -> Iterator[World]:
    """Start a sandbox in this process: boto3, without any setting, uses it until the block ends.

    It also answers over HTTP, where the Lambda functions of custom resources reach it. `pace` is how many seconds each
    resource takes at least. `images` are repositories and tags, such as `("shop/cart-service", "1.0")`, that are pushed
    as soon as the repository is made. With `signals`, a resource is complete when the signals came that its
    `CreationPolicy`, and in a rolling update its `UpdatePolicy`, waits for, which the test sends.
    `account` is what AWS allows; without one, everything. `postgres` acts as every database of PostgreSQL, `mariadb`
    as every one of MariaDB and MySQL, `rabbitmq` as every broker.

    With `run_any_code`, Lambda functions of any source run as the user of this process; without it only msaspec's own
    do. With `anyone`, requests over HTTP need no key of the sandbox: for a test that puts a door of its own in front.
    """
    with ExitStack() as stack:
        stack.enter_context(kept_apart())
        _installed()
        from moto import mock_aws

        stack.enter_context(mock_aws(config={"lambda": {"use_docker": False}}))
        settings = Settings(
            postgres, pace, tuple(images), signals, run_any_code, account or Account(), rabbitmq, mariadb
        )
        yield stack.enter_context(_running(0, mocked=True, settings=settings, anyone=anyone))


@contextmanager
def serve(
    port: int = 0,
    postgres: Postgres | None = None,
    *,
    pace: float = 0.0,
    images: Iterable[tuple[str, str]] = (),
    signals: bool = False,
    account: Account | None = None,
    rabbitmq: RabbitMq | None = None,
    mariadb: MariaDb | None = None,
    run_any_code: bool = False,
    anyone: bool = False,
) -> Iterator[World]:
    """Serve a sandbox on a port of 127.0.0.1, for any tool that takes `--endpoint-url`; 0 picks a free port.

    It answers requests that are signed with its key, `world.key`. The other options are as for `start`.
    """
    with kept_apart():
        _installed()
        from moto.core.config import default_user_config
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()
        before = default_user_config["lambda"]
        default_user_config["lambda"] = {"use_docker": False}
        try:
            settings = Settings(
                postgres, pace, tuple(images), signals, run_any_code, account or Account(), rabbitmq, mariadb
            )
            with _running(port, mocked=False, settings=settings, anyone=anyone) as world:
                yield world
        finally:
            default_user_config["lambda"] = before
            moto_api_backend.reset()


def _installed() -> None:
    try:
        import_module("moto.server")
    except ImportError as fault:
        raise Missing(_advice(str(fault.name or fault))) from None
    vacant()


def _advice(missing: str) -> str:
    """How to install what the extra needs."""
    words = extra.command("sandbox")
    return f"The sandbox needs `{missing}`, which is not installed. Install it beside msaspec: {words}"


@contextmanager
def _patched() -> Iterator[None]:
    """Load the types of resources, and what they need of moto."""
    from msaspec.sandbox.on_moto import loaders

    with loaders.shared():
        from msaspec.sandbox.on_moto import patches  # comes with moto's backends, of which some read descriptions

        load()
        with patches.installed():
            yield


@contextmanager
def _directory() -> Iterator[Path]:
    """Make a folder of the sandbox's own. Raises Missing where there can be none."""
    scratch.sweep()
    with ExitStack() as stack:
        try:
            place = stack.enter_context(scratch.folder())
        except OSError as fault:
            said = f"The sandbox needs a folder for temporary files: {fault.strerror}."
            raise Missing(f"{said} Name one by the variable TMPDIR.") from None
        yield place


@contextmanager
def _running(port: int, settings: Settings, *, mocked: bool, anyone: bool) -> Iterator[World]:
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with ExitStack() as stack:
        stack.enter_context(_patched())
        from msaspec.sandbox.on_moto import keys
        from msaspec.sandbox.on_moto.handler import Handler

        directory = stack.enter_context(_directory())
        databases = [each for each in (settings.postgres, settings.mariadb) if each]
        (directory / "ca.pem").write_bytes(b"".join(each.ca.read_bytes() for each in databases))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        door = Door(DomainDispatcherApplication(create_backend_app), new_key(), keys.secret_of, anyone=anyone)
        server = make_server("127.0.0.1", 0, door, threaded=True, request_handler=Handler, fd=listener.fileno())
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        world = World(endpoint, mocked=mocked, ca=directory / "ca.pem", door=door, settings=settings)
        enter(world)
        stack.callback(leave)
        stack.callback(world.end)
        yield world
