"""Run an emulated AWS on this machine."""

from __future__ import annotations

import signal
import threading
from functools import partial
from typing import Any

import click

from msaspec.cli import console
from msaspec.diagnostics import printable

INTRODUCTION = """\
Sandbox: an emulated AWS in memory. Nothing boots, nothing costs money, and nothing is left when it ends (Ctrl-C).
It answers at {endpoint}, for every tool with these settings:

  export AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID={key.id}
  export AWS_SECRET_ACCESS_KEY={key.secret}
  export AWS_DEFAULT_REGION=us-east-1

  aws cloudformation deploy --stack-name shop --template-file shop.yaml --capabilities CAPABILITY_IAM

The key is new at each start. The sandbox refuses requests without it, and requests of web pages."""
ANY_CODE = "Run Lambda functions of any source, as you, on this machine. By default only msaspec's own run."


@click.command(name="sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4566, help="Port to listen on; 0 picks a free one. [default: 4566]"
)
@click.option("--run-any-code", is_flag=True, help=ANY_CODE)
@console.format_option("text", "json")
def command(port: int, run_any_code: bool, form: str) -> None:
    """Run an emulated AWS on this machine, for `--endpoint-url`, until Ctrl-C.

    It creates every type of resource that msaspec's templates use. The Lambda functions of msaspec's
    custom resources run as you, in a process of their own; functions with another source run only with
    `--run-any-code`. Needs the extra `sandbox`.
    """
    from msaspec import sandbox
    from msaspec.messages.results import Sandbox

    ended = threading.Event()

    def end(*ignored: Any) -> None:
        ended.set()

    try:
        with sandbox.serve(port, run_any_code=run_any_code) as world:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, end)
            introduction = INTRODUCTION.format(endpoint=world.endpoint, key=world.key)
            ready = Sandbox(world.endpoint, world.key.id, world.key.secret, "us-east-1")
            console.teller(form).result(ready, partial(printable.echo, introduction, err=True))
            while not ended.wait(1):
                pass
    except sandbox.Missing as missing:
        raise click.UsageError(str(missing)) from None
    except OSError as fault:
        raise click.UsageError(f"Cannot listen on port {port}: {fault.strerror}.") from None
