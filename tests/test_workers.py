"""Templates are worked on side by side where that is faster, and the result is as if they were not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from msaspec.linting import workers

forks = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two processors"
)
ROOT = Path(__file__).parents[1]


def program(body: str) -> list[str]:
    """A Python program of its own process, in which no thread runs."""
    head = "import os, signal, sys, time\nfrom msaspec.linting import workers\nworkers.WORTH = 2\n"
    head += "def apply(work, texts):\n    return workers.apply(work, texts, [len(text) for text in texts])\n"
    return [sys.executable, "-c", head + textwrap.dedent(body)]


def printed(body: str) -> str:
    """What such a program prints."""
    done = subprocess.run(program(body), capture_output=True, text=True, cwd=ROOT, check=True)
    assert not done.stderr
    return done.stdout


@forks
def test_results_are_in_order() -> None:
    """Each text is worked on once, in another process, and the results are in the order of the texts."""
    body = """
        texts = ["b" * 5, "a", "c" * 9, "d" * 5, "e" * 7]
        done = apply(lambda text: (text, os.getpid()), texts)
        print([text for text, _ in done] == texts, os.getpid() in {pid for _, pid in done})
    """
    assert printed(body) == "True False\n"


@forks
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(3)"])
def test_a_process_that_is_killed(end: str) -> None:
    """What was lost with a process is done once more in this one."""
    killed = f"""
        def work(text):
            if os.getpid() != here and text == "bbb":
                {end}
            return text.upper()

        here = os.getpid()
        print(apply(work, ["aaaa", "bbb", "cc"]))
    """
    assert printed(killed) == "['AAAA', 'BBB', 'CC']\n"


@forks
def test_a_fault_is_raised_here() -> None:
    """What `work` raises arrives as it is, and no process stays."""
    body = """
        def work(text):
            if text == "aaa":
                raise KeyError(text)
            time.sleep(60)

        try:
            apply(work, ["aaa", "bbb"])
        except KeyError as fault:
            print(fault)
        from multiprocessing import active_children
        until = time.monotonic() + 30
        while active_children() and time.monotonic() < until:
            time.sleep(0.01)  # the thread of the pool collects them, too, and then knows their end
        print(active_children())
    """
    assert printed(body) == "'aaa'\n[]\n"


@forks
def test_ctrl_c_ends_all_processes() -> None:
    """Ctrl-C, which a terminal sends to all of them, ends them at once, with the traceback of one at most."""
    body = """
        def work(text):
            os.write(1, b"%d\\n" % os.getpid())  # at once, since two processes write
            signal.pause()

        try:
            apply(work, ["aaa", "bbb"])
        except KeyboardInterrupt:
            print("interrupted")
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        program(body), stdout=pipe, stderr=pipe, text=True, cwd=ROOT, start_new_session=True
    ) as process:
        assert process.stdout
        pids = [int(process.stdout.readline()) for _ in range(2)]
        os.killpg(process.pid, signal.SIGINT)
        told, complained = process.communicate(timeout=60)
    assert (told, complained, process.returncode) == ("interrupted\n", "", 0)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_when_it_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are for what takes longer than they do; a text that takes no time gets none of its own."""
    monkeypatch.setattr(workers.threading, "active_count", lambda: 1)
    monkeypatch.setattr(workers.sys, "platform", "linux")
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    large, small = workers.WORTH, 1
    assert workers.processes([large, large]) == 2
    assert workers.processes([large, large, large, small, small]) == 3
    assert workers.processes([large] * 50) == 8
    assert workers.processes([large, small, small]) == 1
    assert workers.processes([]) == 1
    monkeypatch.setattr(workers.threading, "active_count", lambda: 2)
    assert workers.processes([large, large]) == 1
