"""`msaspec sandbox`: an emulated AWS on this machine."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

INTRODUCTION = """\
This is an emulation of AWS in memory: nothing boots, nothing costs, and all is gone when it ends (Ctrl-C).
It answers at {endpoint}, for every tool that is told so:

  export AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DEFAULT_REGION=us-east-1

  aws --endpoint-url {endpoint} cloudformation deploy \\
    --stack-name shop --template-file shop.yaml --capabilities CAPABILITY_IAM"""


@click.command(name="sandbox", short_help="Run an emulated AWS on this machine.")
@click.option("--port", type=click.IntRange(0, 65535), default=4566, help="0 is any free port. [default: 4566]")
def command(port: int) -> None:
    """Run an emulated AWS on this machine, for `--endpoint-url`, until Ctrl-C.

    Every type of resource that msaspec's templates use is really created in it, and custom resources run their real
    code. Needs the extra `sandbox`.
    """
    from msaspec import sandbox

    ended = threading.Event()

    def end(*ignored: Any) -> None:
        ended.set()

    try:
        with sandbox.serve(port) as world:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, end)
            click.echo(INTRODUCTION.format(endpoint=world.endpoint), err=True)
            while not ended.wait(1):
                pass
    except sandbox.Missing:
        raise click.UsageError("The sandbox is an extra. Install it with: pip install 'msaspec[sandbox]'") from None
    except OSError as fault:
        raise click.UsageError(f"Port {port} cannot be listened on: {fault.strerror}.") from None
