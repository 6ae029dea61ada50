"""The sandbox over HTTP: as a server in this process, and as the command `msaspec sandbox`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from msaspec import sandbox
from msaspec.cli import main
from tests.sandbox.deploying import Deployer, example

REGION = "eu-central-1"


def test_the_example_is_deployed_over_http() -> None:
    """Another region, another client: everything is made there too, its functions run, and outputs come back."""
    with sandbox.serve() as world:
        client = boto3.client(
            "cloudformation", endpoint_url=world.endpoint, region_name=REGION, **world.key.credentials
        )
        deployer = Deployer(client)
        assert deployer.deploy(example()) == "CREATE_COMPLETE", deployer.events()
        assert len(deployer.ids()) * 3 + 2 == len(deployer.events())
        assert deployer.outputs()["MainEndpoint"].endswith(".eu-central-1.rds.amazonaws.com")
        assert len(world.database_calls) == 1


def test_the_command_serves_until_it_is_stopped() -> None:
    """`msaspec sandbox` says where it is and what it is, answers, and ends with the signal of Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "msaspec", "sandbox", "--port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    ) as process:
        try:
            assert process.stderr
            said = ""
            while "The sandbox refuses" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            assert "an emulated AWS in memory" in said
            endpoint = re.findall(r"AWS_ENDPOINT_URL=(http://127\.0\.0\.1:\d+)", said)[0]
            keys = {name.lower(): value for name, value in re.findall(r"export (AWS_\w+KEY\w*)=(\S+)", said)}
            sts = boto3.client("sts", endpoint_url=endpoint, region_name=REGION, **keys)
            assert sts.get_caller_identity()["Account"] == "123456789012"
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20)
            assert (process.returncode, output, errors) == (0, "", "")
        finally:
            process.kill()


def test_a_port_that_is_taken_is_said() -> None:
    """Usage, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["sandbox", "--port", str(port)])
    assert result.exit_code == 2
    assert f"Cannot listen on port {port}" in result.stderr


def test_without_the_extra_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, exit code 2."""
    known = sandbox.import_module

    def missing(name: str) -> Any:
        if name.startswith("moto"):
            raise ImportError(name)
        return known(name)

    monkeypatch.setattr(sandbox, "import_module", missing)
    result = CliRunner().invoke(main, ["sandbox"])
    assert result.exit_code == 2
    assert re.search(r"-m pip install 'moto\[cloudformation,server\]\S+'", result.stderr)
