"""Stands in for dnf and systemctl: ``host.py TOOLS PROGRAM ARGUMENTS...``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(sys.argv[1])
ENABLED = Path("/var/lib/docker-enabled")
SOCKET = Path("/run/docker.sock")


def start() -> None:
    """Starts the daemon, and waits until it answers, as systemd does."""
    if SOCKET.exists():
        return
    with open("/var/log/docker.log", "a") as log:
        subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "daemon.py")],
            env={**os.environ, "PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": "/root"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + 30
    while not SOCKET.exists():
        if time.monotonic() > deadline:
            sys.exit("Job for docker.service failed.")
        time.sleep(0.05)


match sys.argv[2:]:
    case ["dnf", "install", "-y", "docker"]:
        (TOOLS / "docker").symlink_to("docker-package")
    case ["dnf", "install", "-y", package] if package.startswith("postgresql"):
        (TOOLS / "psql").symlink_to(shutil.which("psql", path=os.defpath) or "/nowhere/psql")
    case ["systemctl", "enable", "--now", "docker"]:
        ENABLED.touch()
        start()
    case ["systemctl", "default"]:  # what is enabled
        if ENABLED.exists():
            start()
    case other:
        sys.exit(f"not known here: {other}")
