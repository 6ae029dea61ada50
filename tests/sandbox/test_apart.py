"""A sandbox is apart from what around it is set for the real AWS."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from msaspec import sandbox
from msaspec.sandbox import functions

CLOSED = "http://127.0.0.1:9"
"""Where nobody listens."""
SETTINGS = {
    "AWS_ENDPOINT_URL": CLOSED,
    "AWS_ENDPOINT_URL_CLOUDFORMATION": CLOSED,
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_PROFILE": "nonexist",
    "AWS_RETRY_MODE": "unheard-of",
    "AWS_CA_BUNDLE": "/nowhere.pem",
}
CONFIG = f"""\
[default]
endpoint_url = {CLOSED}
use_fips_endpoint = true
use_dualstack_endpoint = true
services = elsewhere
[services elsewhere]
cloudformation =
  endpoint_url = {CLOSED}
"""


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away what around the tests is set."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("start", [sandbox.start, sandbox.serve])
@pytest.mark.parametrize("setting", [*SETTINGS, "AWS_CONFIG_FILE"])
def test_no_setting_reaches_it(
    setting: str,
    start: Callable[[], AbstractContextManager[sandbox.World]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither an endpoint of the environment, nor one of the shared files, nor a profile that is not there."""
    alone(monkeypatch)
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv(setting, SETTINGS.get(setting) or str(tmp_path / "config"))
    with start() as world:
        assert world.client("cloudformation").describe_stacks()["Stacks"] == []
        assert world.client("s3").list_buckets()["Buckets"] == []


HANDLER = """
import boto3
def handler(event, context):
    return len(boto3.client("cloudformation").describe_stacks()["Stacks"])
"""


def test_functions_read_no_shared_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Lambda there are none, whatever the user's folder has."""
    alone(monkeypatch)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default")
    monkeypatch.setenv("HOME", str(tmp_path))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", HANDLER)
    function = SimpleNamespace(
        handler="index.handler",
        timeout="30",
        role="role",
        region="us-east-1",
        function_name="lists",
        version="$LATEST",
        environment_vars={},
        code_bytes=code.getvalue(),
    )
    with sandbox.start(run_any_code=True) as world:
        assert functions.run(world, function, {}) == (False, 0)
