"""Commands whose standard streams are closed, full, left by their reader or not UTF-8: right exit code, no traceback.

A part of the pairs of a command and a fault is tried each time, each command and each fault at least once; all of them
with MSASPEC_WHOLE=1 in the environment.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from msaspec import sandbox
from msaspec.sandbox.world import World
from tests import goldens, sampling, streams, told
from tests.streams import Ended, Fault

MANIFEST = """\
msaspec: 1
name: shop
region: us-east-1
network: {placement: public}
services:
  web: {image: 'docker.io/library/nginx:1', port: 8080, paths: [/web], env: {GREETING: 你好 ✓ é}}
"""
BEFORE = MANIFEST.replace("你好 ✓ é", "hello")
BROKEN = MANIFEST.replace("port: 8080", "port: 你好✓é")
FILES = {"msa.yaml": MANIFEST, "before.yaml": BEFORE, "broken.yaml": BROKEN, "odd.yaml": "a: [é✓\n"}


@dataclass(frozen=True)
class Case:
    """A command, and what becomes of it where nothing is wrong."""

    words: tuple[str, ...]
    code: int = 0
    data: bool = False
    """Whether it writes UTF-8 whatever the encoding is: what a program reads, or what is written to a file."""
    reads: bool = False
    """Whether it reads standard input."""

    @property
    def id(self) -> str:
        """The command line."""
        return " ".join(self.words)


OFFLINE = (
    Case(("init", "-"), data=True),
    Case(("compile",), data=True),
    Case(("compile", "--format", "json"), data=True),
    Case(("compile", "-o", "written.yaml")),
    Case(("compile", "--stack", "registry"), 2),
    Case(("compile", "broken.yaml"), 1),
    Case(("lint",)),
    Case(("lint", "--format", "json")),
    Case(("lint", "broken.yaml", "odd.yaml"), 1),
    Case(("lint", "broken.yaml", "--format", "json"), 1),
    Case(("lint", "-"), 1, reads=True),
    Case(("diff", "--against", "before.yaml"), 1),
    Case(("diff", "--against", "before.yaml", "--format", "json"), 1),
    Case(("diff", "--against", "-"), 1, reads=True),
    Case(("explain", "web")),
    Case(("explain", "MSA301")),
    Case(("explain", "你好"), 2),
    Case(("policy",), data=True),
    Case(("schema",), data=True),
    Case(("--help",)),
    Case(("--version",)),
    Case(("lint", "--wrong"), 2),
    Case(("deploy",), 2),
    Case(("status", "--endpoint-url", "你好"), 3),
)
ONLINE = (
    Case(("status",)),
    Case(("status", "--format", "json")),
    Case(("outputs",)),
    Case(("outputs", "--format", "json")),
    Case(("outputs", "--format", "env"), data=True),
    Case(("logs", "web")),
    Case(("logs", "web", "--format", "json")),
    Case(("diff", "--against", "stack")),
    Case(("deploy", "--dry-run")),
    Case(("deploy", "--yes", "--format", "json")),
    Case(("destroy",), 2),
    Case(("push",)),
)


def pairs(cases: tuple[Case, ...], share: int) -> Iterator[tuple[Case, Fault]]:
    """Commands and faults: all, or one of so many, each command with some and each fault with some."""
    for number, case in enumerate(cases):
        for position, fault in enumerate(streams.FAULTS):
            if sampling.WHOLE or (number + position) % share == 0:
                yield case, fault


def named(value: object) -> str:
    """A pair as people read it."""
    return value.id if isinstance(value, Case) else " ".join(map(str, value))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the manifests."""
    found = tmp_path_factory.mktemp("streams")
    for name, text in FILES.items():
        (found / name).write_text(text, "utf-8")
    return found


_KNOWN: dict[Case, Ended] = {}


def usual(case: Case, folder: Path, environment: Mapping[str, str]) -> Ended:
    """How a command ends where nothing is wrong."""
    if case not in _KNOWN:
        done = _KNOWN[case] = streams.run(case.words, folder, None, environment)
        assert (done.code, b"Traceback" in done.stderr) == (case.code, False), done
    return _KNOWN[case]


def check(case: Case, fault: Fault, folder: Path, environment: Mapping[str, str]) -> None:
    """It ends as it should."""
    usually = usual(case, folder, environment)
    done = streams.run(case.words, folder, fault, environment)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"Exception ignored" not in done.stderr
    stream, what = fault
    unread = stream == "stdin" and case.reads and what != "not text"
    unwritten = stream == "stdout" and bool(usually.stdout) and what != "reader left"
    if unread:
        assert done.code == 2
        assert b"Error: Standard input cannot be read: it is closed." in done.stderr
    elif unwritten:
        assert done.code == (case.code or 2)
        reason = b"No space left on device" if what == "full" else b"it is closed"
        assert b"Error: Standard output cannot be written: " + reason + b".\n" in done.stderr
    else:
        assert (done.code, b"cannot be written" in done.stderr) == (case.code, False)
    if stream == "stderr" and not WRITTEN_ANEW & set(case.words):
        assert done.stdout == usually.stdout
    if stream == "encoding":
        read_back(case, what, done, usually)


WRITTEN_ANEW = {"deploy"}
"""Commands that tell ids and times of their own."""


def read_back(case: Case, encoding: str, done: Ended, usually: Ended) -> None:
    """What it wrote is in the encoding, with an escape for what that lacks; JSON has the same content."""
    done.stderr.decode(encoding)
    if case.data:
        assert done.stdout == usually.stdout
        return
    text = done.stdout.decode(encoding)
    if "json" in case.words and not WRITTEN_ANEW & set(case.words):
        assert text.isascii()
        expected = usually.stdout.decode()
        assert told.rows(text) == told.rows(expected)
    elif "你好".encode() in usually.stdout:
        assert "\\u4f60\\u597d" in text


@pytest.mark.parametrize(("case", "fault"), list(pairs(OFFLINE, 14)), ids=named)
def test_a_command_that_needs_no_account(case: Case, fault: Fault, folder: Path) -> None:
    """Whatever is wrong with a stream."""
    check(case, fault, folder, {})


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[World]:
    """A sandbox that has the system, whose service has logged."""
    with sandbox.serve() as world:
        target = {"AWS_ENDPOINT_URL": world.endpoint, **world.key.variables}
        done = streams.run(("deploy", "--yes"), folder, None, target)
        assert done.code == 0, done.stderr.decode()
        logs = world.client("logs", "us-east-1")
        (group,) = (each["logGroupName"] for each in logs.describe_log_groups()["logGroups"])
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        event = {"timestamp": int(time.time() * 1000), "message": "你好 ✓ é"}
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
        yield world


@pytest.mark.parametrize(("case", "fault"), list(pairs(ONLINE, 14)), ids=named)
def test_a_command_that_speaks_to_aws(case: Case, fault: Fault, folder: Path, served: World) -> None:
    """Whatever is wrong with a stream."""
    check(case, fault, folder, {"AWS_ENDPOINT_URL": served.endpoint, **served.key.variables})


def test_a_file_does_not_get_the_number_of_a_stream(tmp_path: Path) -> None:
    """With all streams closed, no file that a command opens hears what is meant for them."""
    (tmp_path / "msa.yaml").write_text(MANIFEST, "utf-8")
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        words = f"'{sys.executable}' -m msaspec compile -o written.yaml {closed}"
        assert subprocess.run(words, shell=True, cwd=tmp_path, check=False).returncode == 0
        assert (tmp_path / "written.yaml").read_text("utf-8").startswith("AWSTemplateFormatVersion")
        assert (tmp_path / "msa.yaml").read_text("utf-8") == MANIFEST


@pytest.mark.parametrize(("first", "code", "said"), [("", 0, b"1\n"), ("sys.__stdout__.close()", 2, b"")])
def test_streams_that_a_program_put_in_place(first: str, code: int, said: bytes) -> None:
    """Where a program that starts a command made the streams itself, they last as long as the command; one that is
    closed later is told as closed, and Python itself has nothing to say of it."""
    program = f"""
import os, sys
from msaspec.diagnostics import streams
sys.stdout = open(1, "w", closefd=False)
{"sys.__stdout__ = sys.stdout" if first else ""}
streams.install()
{first}
print(1)
sys.exit(streams.exit_code(0))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    told = b"Error: Standard output cannot be written: it is closed.\n" if code else b""
    assert (done.returncode, done.stdout, done.stderr) == (code, said, told)


def test_a_reader_that_has_enough(tmp_path: Path) -> None:
    """A command whose reader leaves ends as if it had read all: in a pipeline that heeds every exit code, too."""
    (tmp_path / "msa.yaml").write_text(MANIFEST, "utf-8")
    words = f"set -o pipefail; '{sys.executable}' -m msaspec schema | head -1"
    done = subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{\n", b"")


def test_following_ends_when_nobody_reads(folder: Path, served: World) -> None:
    """`logs --follow` has nothing else to do."""
    environment = {**os.environ, "AWS_ENDPOINT_URL": served.endpoint, **served.key.variables}
    words = [sys.executable, "-m", "msaspec", "logs", "web", "--follow"]
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        process.stdout.close()
        logs = served.client("logs", "us-east-1")
        (group,) = (each["logGroupName"] for each in logs.describe_log_groups()["logGroups"])
        event = {"timestamp": int(time.time() * 1000), "message": "more"}
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
        assert process.wait(60) == 0


def test_a_pipe_that_does_not_wait(tmp_path: Path) -> None:
    """A pipe that another process made non-blocking, and that is full for a while, is waited for."""
    (tmp_path / "msa.yaml").write_text(MANIFEST, "utf-8")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen([sys.executable, "-m", "msaspec", "schema"], cwd=tmp_path, stdout=writer) as process:
        os.close(writer)
        with open(reader, "rb") as pipe:
            schema = pipe.read()
        assert process.wait(60) == 0
    assert schema == (goldens.EXAMPLES.parent / "schemas" / "msaspec.schema.json").read_bytes()


def test_ctrl_c_ends_quietly(folder: Path, served: World) -> None:
    """Also where nobody reads what is said of it."""
    environment = {**os.environ, "AWS_ENDPOINT_URL": served.endpoint, **served.key.variables}
    words = [sys.executable, "-m", "msaspec", "logs", "web", "--follow"]
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert re.match(rb"[0-9T:. -]+", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr
        assert process.stderr.read() == b""
