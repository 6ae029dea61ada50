"""A terminal, as far as a picture that keeps itself up to date needs one: what stands on it, and what scrolled away."""

from __future__ import annotations

import io
import re

_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|(\r|\n)|(\x1b[^\[])|([^\x1b\r\n]+)")


class Screen(io.TextIOWrapper):
    """Standard error on a terminal of some rows and columns. It writes bytes, as that does: click goes down to them."""

    def __init__(self, rows: int, columns: int) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, "utf-8", "backslashreplace", write_through=True)
        self.rows, self.columns = rows, columns

    def isatty(self) -> bool:
        """A terminal."""
        return True

    def written(self) -> str:
        """All that was sent to it."""
        return self.bytes.getvalue().decode()

    def drawn(self) -> tuple[list[str], list[str]]:
        """The lines that were scrolled away, and those that can be seen."""
        lines, top, row, column = [""], 0, 0, 0
        for match in _SEQUENCE.finditer(self.written()):
            words, verb, control, other, text = match.groups()
            assert other is None, f"a sequence that is not known here: {other!r}"
            if control == "\r":
                column = 0
            elif control == "\n":
                row, column = row + 1, 0  # The driver of a terminal adds the carriage return.
            elif verb == "A":
                row = max(top, row - int(words or 1))
            elif verb == "K":
                assert words == "2", "only whole lines are cleared"
                lines[row] = ""
            elif text:
                for letter in text:
                    if column == self.columns:
                        row, column = row + 1, 0
                    lines += [""] * (row + 1 - len(lines))
                    lines[row] = lines[row][:column].ljust(column) + letter + lines[row][column + 1 :]
                    column += 1
            else:
                assert verb in "mhl", f"a sequence that is not known here: {match[0]!r}"
            lines += [""] * (row + 1 - len(lines))
            top = max(top, row + 1 - self.rows)
        return lines[:top], lines[top:]
