"""What keeps a sandbox independent of settings for the real AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SETTINGS = {
    "ignore_configured_endpoint_urls": True,
    "use_dualstack_endpoint": False,
    "use_fips_endpoint": False,
}
"""Settings that keep a client at its endpoint."""
_FILES = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
_LEADING_AWAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_USE_")
"""How variables begin that choose a profile, or lead boto3 to another endpoint than that of the Region."""


@contextmanager
def kept_apart() -> Iterator[None]:
    """Take such settings out of the environment until the block ends: moto asks boto3 for the names of Regions, which
    reads profile and shared files even for that."""
    names = [name for name in os.environ if name.startswith(_LEADING_AWAY)]
    before = {name: os.environ.get(name) for name in (*names, *_FILES)}
    for name in names:
        del os.environ[name]
    os.environ.update(_FILES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def session() -> Any:
    """Return a session of boto3 that reads neither the variables of the environment nor the shared files of the AWS
    CLI."""
    import boto3
    from botocore import configprovider
    from botocore.session import Session

    settings = configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    plain = {name: (None, None, default, turn) for name, (_, _, default, turn) in settings}
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return boto3.Session(botocore_session=Session(session_vars={**plain, **files}))
