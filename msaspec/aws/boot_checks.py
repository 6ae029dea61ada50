"""The checks of services that answer no HTTP path. On hosts, these functions replace `health` of boot.sh."""

import socket
import subprocess
import sys
import time

SERVING = b"\0\0\0\0\2\x08\1"


def reached(port: int, timeout: float) -> str:
    """Connect. Docker's proxy accepts for a container that does not listen, and then closes at once."""
    with socket.create_connection(("127.0.0.1", port), timeout) as peer:
        peer.settimeout(min(1, timeout))
        try:
            return "" if peer.recv(1) else f"port {port} closes connections"
        except TimeoutError:
            return ""


def served(port: int, timeout: float) -> str:
    """Call grpc.health.v1.Health/Check of the whole server, by HTTP/2 without TLS, and look for SERVING."""
    fields = (
        b"\x83\x86\x04\x1c/grpc.health.v1.Health/Check\x01\x09localhost\x0f\x10\x10application/grpc\0\2te\x08trailers"
    )
    head = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0" + bytes([len(fields)]) + b"\1\4\0\0\0\1"
    with socket.create_connection(("127.0.0.1", port), timeout) as peer:
        peer.sendall(head + fields + b"\0\0\5\0\1\0\0\0\1" + bytes(5))
        answer = b""
        try:
            while SERVING not in answer and (part := peer.recv(4096)):
                answer += part
        except TimeoutError:
            pass
    return "" if SERVING in answer else f"grpc.health.v1.Health on port {port} is not SERVING"


def exited(command: list[str], timeout: float) -> str:
    """Run a command in the container."""
    words = ["docker", "exec", sys.argv[2], *command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    said = done.stdout.decode(errors="replace").strip().splitlines()[-1:]
    return f"{command[0]}: exit {done.returncode} {''.join(said)}" if done.returncode else ""


def state() -> str:
    """Return what Docker says of the container."""
    form = "{{.State.Status}}, exit {{.State.ExitCode}}, {{.RestartCount}} restarts"
    return subprocess.run(["docker", "inspect", sys.argv[2], "-f", form], stdout=subprocess.PIPE).stdout.decode()


def health(connect=0, grpc=0, command=(), interval=10, timeout=5, healthy=2, grace=180):  # type: ignore[no-untyped-def]
    """Ask until the service is up `healthy` times in a row, or until the time to start is over."""
    row, end = 0, time.monotonic() + grace
    while row < healthy:
        try:
            said = reached(connect, timeout) if connect else served(grpc, timeout) if grpc else exited(command, timeout)
        except (OSError, subprocess.SubprocessError) as fault:
            said = str(fault)
        row = 0 if said else row + 1
        if said and time.monotonic() > end:
            sys.exit(f"{said}, {state()}")
        if row < healthy:
            time.sleep(interval if row else min(1, interval))
