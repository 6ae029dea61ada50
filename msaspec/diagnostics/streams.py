"""The standard streams of a command's process, whatever they are: closed, full, a pipe whose reader left, not UTF-8.

A write that fails does not end the work of a command: a deployment continues while no one reads it. What could not be
written is known at the end, when `exit_code` says it on standard error. A reader that left, as `| head` does, is no
fault. What an encoding lacks is shown as an escape such as `\\u2713`.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

LOST_OUTPUT = 2
"""Exit code of a command that did well, but whose output could not be written; as for a file named by `-o`."""
_ESCAPED = "backslashreplace"
_CLOSED = (errno.EBADF, errno.EINVAL)
_READER_LEFT = (errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET)


class Guarded(io.RawIOBase):
    """The raw stream of an output. It takes everything, also when nothing can be written any more."""

    def __init__(self, raw: Any, owner: object = None) -> None:
        self._raw, self._owner = raw, owner  # whose end would close the raw stream
        self.fault: OSError | None = None
        """Why the last of it was not written."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the number of the descriptor."""
        number: int = self._raw.fileno()
        return number

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self.fault is None and bool(self._raw.isatty())

    def write(self, data: Any) -> int:
        """Write, or drop what cannot be written; return the number of bytes that were taken."""
        view = memoryview(data).cast("B")
        while self.fault is None:
            try:
                written: int | None = self._raw.write(view)
            except OSError as fault:
                self.fault = fault
                break
            except ValueError:  # it was closed
                self.fault = OSError(errno.EBADF, os.strerror(errno.EBADF))
                break
            if written is not None:
                return written
            select.select([], [self.fileno()], [])  # Another process made it a stream that does not wait.
        return len(view)


def install() -> None:
    """Put streams that cannot fail in place of `sys.stdout` and `sys.stderr`, and one that can be asked as `sys.stdin`.

    To be called before a command opens any file: a file would get the number of a stream that is closed, and the
    output that is written to it.
    """
    for number in (0, 1, 2):
        _hold(number)
    sys.stdin = _input(sys.stdin)
    sys.stdout = _output(sys.stdout, 1)
    sys.stderr = _output(sys.stderr, 2)


def _hold(number: int) -> None:
    """See that a descriptor is open; a closed one is replaced by one for which every use is an error."""
    try:
        os.fstat(number)
    except OSError:
        held = os.open(os.devnull, os.O_WRONLY if number == 0 else os.O_RDONLY)
        if held != number:
            os.dup2(held, number)
            os.close(held)


def _input(stream: TextIO | None) -> TextIO:
    found = io.TextIOWrapper(io.BufferedReader(_raw(None, 0)), "utf-8") if stream is None else stream
    if isinstance(found, io.TextIOWrapper):
        found.reconfigure(errors="replace")
    return found


def _output(stream: TextIO | None, number: int) -> TextIO:
    """Return a stream that writes to the same place. One that is no file, as in an interactive interpreter, stays."""
    if not isinstance(stream, io.TextIOWrapper | None):
        return stream
    encoding = stream.encoding if stream else "utf-8"
    if stream:
        stream.flush()
    buffer = io.BufferedWriter(Guarded(_raw(stream, number), stream))
    lines = number == 2 or buffer.raw.isatty()
    return io.TextIOWrapper(buffer, encoding, errors=_ESCAPED, line_buffering=lines)


def _raw(stream: io.TextIOWrapper | None, number: int) -> Any:
    if stream is None:
        return io.FileIO(number, "rb" if number == 0 else "wb", closefd=False)
    return getattr(stream.buffer, "raw", stream.buffer)


def fault_of(stream: TextIO | None) -> OSError | None:
    """Return why a stream that `install` made takes no more; None where it does, and for any other stream."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.fault if isinstance(raw, Guarded) else None


def lost() -> bool:
    """Return whether what is written to standard output is lost: for a command that has nothing else to do."""
    sys.stdout.flush()
    return fault_of(sys.stdout) is not None


def exit_code(code: object) -> object:
    """Return the exit code of a command that ends with `code`, by what became of its output; say what did not."""
    sys.stdout.flush()
    fault = fault_of(sys.stdout)
    if fault is None or fault.errno in _READER_LEFT:
        return code
    from msaspec.diagnostics import printable

    reason = "it is closed" if fault.errno in _CLOSED else fault.strerror
    printable.echo(f"Error: Standard output cannot be written: {reason}.", err=True)
    return code or LOST_OUTPUT
