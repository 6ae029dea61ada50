"""`python -m tests.update`: rewrites what is made from the code, for a person to read the difference."""

from __future__ import annotations

import click

from tests import goldens
from tests.generated import FILES, ROOT


def update() -> None:
    """Rewrites the generated files, and the goldens."""
    for name, text in FILES.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text("utf-8") if path.exists() else None
        after = text()
        if before != after:
            path.write_text(after, "utf-8")
            click.echo(f"Wrote {name}.")
    for path in goldens.update():
        click.echo(f"Changed {path.relative_to(ROOT)}.")


if __name__ == "__main__":
    update()
