"""What a person wants of a system at a moment of a story: a manifest that is edited."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

PARTS = ("docs", "main", "user", "web")
"""What may be in the manifest or not: a second bucket, a database, a second service, one behind a load balancer."""
WEB = "  web: {image: docker.io/library/nginx:1, port: 9001, paths: [/web], runtime: fargate}"


@dataclass(frozen=True)
class Wish:
    """A system."""

    port: int = 8000
    parts: frozenset[str] = frozenset({"main"})
    protect: bool = True

    def edited(self, words: list[str]) -> Wish:
        """The system after an edit: `port 8001`, `+docs`, `-main`, `protect` or `expose`. Raises ValueError."""
        if words[0] == "port":
            return replace(self, port=int(words[1]))
        if words[0] in ("protect", "expose"):
            return replace(self, protect=words[0] == "protect")
        sign, part = words[0][0], words[0][1:]
        if part not in PARTS or sign not in "+-":
            raise ValueError(f"no edit: {words}")
        return replace(self, parts=self.parts | {part} if sign == "+" else self.parts - {part})

    @cached_property
    def manifest(self) -> str:
        """The text of it."""
        docs, database = "docs" in self.parts, "main" in self.parts
        uses = ", ".join(["media", *(["main"] if database else [])])
        lines = [
            "msaspec: 1",
            "name: shop",
            *([] if self.protect else ["protect: false"]),
            "network: {placement: public}",
            f"buckets: {{media: {', docs: ' if docs else ''}}}",
            *(["databases: {main: }"] if database else []),
            "services:",
            f"  cart: {{image: docker.io/library/nginx:1, port: {self.port}, uses: [{uses}]}}",
            *(["  user: {image: docker.io/library/nginx:1, port: 9000}"] if "user" in self.parts else []),
            *([WEB] if "web" in self.parts else []),
        ]
        return "\n".join(lines) + "\n"
