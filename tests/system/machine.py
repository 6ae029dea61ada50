"""A host, booted from what the sandbox has of an instance.

It has a mount, a process and a network namespace of its own. /run, /var/lib and /var/log are its own directories; what
else it reads is this machine's. Where AWS is, every process of it is told by AWS_ENDPOINT_URL. Its PATH holds the plain
tools of Amazon Linux that the script may use, the real AWS CLI, and stand-ins for dnf, systemctl and docker.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.system.network import Namespace, dying_with_us

TOOLS = ["awk", "bash", "cat", "cp", "curl", "cut", "mkdir", "python3", "sleep", "tail", "timeout", "touch"]
STAND_INS = Path(__file__).parent / "stand_ins"
OWN = "run", "lib", "log"
_BOOT = """
set -e
HERE=$1 TOOLS=$2
mount --bind "$HERE/run" /run; mount --bind "$HERE/lib" /var/lib; mount --bind "$HERE/log" /var/log
mount --bind "$HERE/resolv.conf" /etc/resolv.conf
export PATH=$TOOLS
systemctl default
for script in /var/lib/cloud/scripts/per-boot/* /var/lib/cloud/instance/scripts/*; do
  [ ! -x "$script" ] || "$script" || true
done
touch /run/booted
exec tail -f /dev/null
"""


def lacking() -> str | None:
    """Why no host can be booted here."""
    missing = [tool for tool in TOOLS if tool != "python3" and not shutil.which(tool)]
    missing += [] if aws() else ["the AWS CLI"]
    return f"needs {', '.join(missing)}" if missing else None


def aws() -> str | None:
    """The real AWS CLI, that of this Python environment first."""
    beside = Path(sys.executable).parent / "aws"
    return str(beside) if beside.exists() else shutil.which("aws")


class Machine:
    """A host that was launched."""

    def __init__(
        self,
        root: Path,
        namespace: Namespace,
        instance: str,
        user_data: bytes,
        resolv: str,
        endpoint: str,
        images: Mapping[str, Any],
    ) -> None:
        self.root, self.namespace, self.instance = root, namespace, instance
        self._environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            # The metadata service is one of the threads of the tests, which have much else to do.
            "AWS_METADATA_SERVICE_TIMEOUT": "10",
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5",
        }
        self._process: subprocess.Popen[bytes] | None = None
        for name in (*OWN, "lib/cloud/data", "lib/cloud/instance/scripts", "lib/cloud/scripts/per-boot"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "resolv.conf").write_text(resolv)
        (root / "lib/images.json").write_text(json.dumps(images))
        (root / "lib/cloud/data/instance-id").write_text(instance + "\n")
        self._script = root / "lib/cloud/instance/scripts/part-001"
        if user_data:
            self._script.write_bytes(user_data)
            self._script.chmod(0o700)
        self._install()

    def _install(self) -> None:
        tools = self.root / "bin"
        tools.mkdir()
        for tool in TOOLS:
            found = sys.executable if tool == "python3" else shutil.which(tool)
            assert found
            (tools / tool).symlink_to(os.path.realpath(found))
        stand_ins = {
            "aws": str(aws()),
            "dnf": f"{sys.executable} {STAND_INS}/host.py {tools} dnf",
            "systemctl": f"{sys.executable} {STAND_INS}/host.py {tools} systemctl",
            "docker-package": f"{sys.executable} {STAND_INS}/client.py",
        }
        for name, command in stand_ins.items():
            (tools / name).write_text(f'#!{tools}/bash\nexec {command} "$@"\n')
            (tools / name).chmod(0o755)

    def start(self) -> None:
        """Boots it. The user data runs at the first boot only, as with cloud-init."""
        shutil.rmtree(self.root / "run")
        (self.root / "run").mkdir()
        unshare = dying_with_us(["unshare", "--mount", "--pid", "--fork", "--kill-child"])
        with self.namespace.entered(), (self.root / "console").open("ab") as console:
            self._process = subprocess.Popen(
                [*unshare, "bash", "-c", _BOOT, "boot", self.root, self.root / "bin"],
                env={"PATH": os.environ["PATH"], **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )

    def stop(self) -> None:
        """Pulls the plug."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def reboot(self) -> None:
        """Pulls the plug, and boots again from its disk."""
        self.stop()
        self.namespace.strip()
        self._script.unlink(missing_ok=True)
        self.start()

    @property
    def booted(self) -> bool:
        """Whether what runs at the boot is through."""
        return (self.root / "run/booted").exists()

    def execute(self, *command: str) -> str:
        """Runs a command on it, as by a session of the Systems Manager; returns what it printed."""
        assert self._process
        (inner,) = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        environment = {"PATH": f"{self.root}/bin", "HOME": "/root", **self._environment}
        enter = [str(shutil.which("nsenter")), f"--target={inner}", "--mount", "--pid", "--net"]
        done = subprocess.run(
            [*enter, *command], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def told(self) -> str:
        """All that it has to say of itself, for a person who looks for a mistake."""
        files = ("console", "log/msaspec.log", "log/docker.log")
        return "\n".join(f"== {f}\n{(self.root / f).read_text()}" for f in files if (self.root / f).exists())
