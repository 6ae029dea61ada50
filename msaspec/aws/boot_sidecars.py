"""Sidecars of a service on its host, started before the service. Part of boot.sh where there are."""

import os
import subprocess
import sys
import time


def pulled(image):  # type: ignore[no-untyped-def]
    """Take an image that is not there yet, from ECR with a login."""
    if subprocess.run(["docker", "image", "inspect", "-f", ".", image]).returncode == 0:
        return
    registry = image.partition("/")[0]
    if ".dkr.ecr." in registry:
        command = ["aws", "ecr", "get-login-password", "--region", registry.split(".")[3]]
        password = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["docker", "login", "-u", "AWS", "--password-stdin", registry], input=password, check=True)
    subprocess.run(["docker", "pull", "-q", image], check=True)


def up(checks):  # type: ignore[no-untyped-def]
    """Wait until a command in each container exits with 0, as long as each may take."""
    for name, (command, interval, timeout, grace) in checks.items():
        end, said = time.monotonic() + grace, "not asked"
        while said:
            try:
                done = subprocess.run(["docker", "exec", name, *command], timeout=timeout)
                said = f"exit {done.returncode}" if done.returncode else ""
            except subprocess.TimeoutExpired:
                said = f"no end in {timeout} s"
            if said and time.monotonic() > end:
                sys.exit(f"{name}: {command[0]}: {said}")
            if said:
                time.sleep(min(1, interval))


def sidecars(each, front=0):  # type: ignore[no-untyped-def]
    """Start them in their order. What is `first` has to end well. Requests to port 80 lead to `front`."""
    for name, (image, options, command, environment, apart, ends, check) in each.items():
        pulled(image)  # type: ignore[no-untyped-call]
        subprocess.run(["docker", "rm", "-f", name])
        values = {
            key: "".join(piece if isinstance(piece, str) else read(*piece) for piece in pieces)  # type: ignore[name-defined]  # noqa: F821
            for key, pieces in environment.items()
        }
        with open("apart", "w") as file:
            file.writelines(f"{key}={values.pop(key)}\n" for key in apart)
        words = [*([] if ends else ["-d"]), *["-e" + key for key in values], *options, "--name", name]
        words += ["--pull", "never", "--env-file", "apart", *sys.argv[2:-1], sys.argv[-1] + "/" + name]
        done = subprocess.run(["docker", "run", *words, image, *command], env={**os.environ, **values})
        if done.returncode:
            sys.exit(f"{name}: exit {done.returncode}")
        if check:
            up({name: check})  # type: ignore[no-untyped-call]
    # fact: docker-iptables
    rule = ["PREROUTING", "-p", "tcp", "--dport", "80", "-j", "REDIRECT", "--to-ports", str(front)]
    if front and subprocess.run(["iptables", "-t", "nat", "-C", *rule]).returncode:
        subprocess.run(["iptables", "-t", "nat", "-A", *rule], check=True)
