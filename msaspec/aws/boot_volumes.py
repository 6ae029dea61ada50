"""Volumes of a service on its host, mounted before its containers start. Part of boot.sh where there are."""

import os
import subprocess
import sys
import time


def volumes(each):  # type: ignore[no-untyped-def]
    """Mount each. The name of a new file system may take a minute to be known.

    The folders are in memory: after a restart no container of before finds an empty one.
    """
    for name, (system, point, options) in each.items():
        folder, end = "/run/msaspec/volumes/" + name, time.monotonic() + 120
        os.makedirs(folder, exist_ok=True)
        words = ["mount", "-t", "efs", "-o", ",".join(["tls", "iam", "accesspoint=" + point, *options]), system, folder]
        while not os.path.ismount(folder) and subprocess.run(words).returncode:
            if time.monotonic() > end:
                sys.exit(f"{system} cannot be mounted")
            time.sleep(2)
