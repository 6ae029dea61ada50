"""An editor: it speaks the Language Server Protocol with yaml-language-server, as editors with YAML support do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MARK = "§"
"""Where the cursor is."""


def server() -> str | None:
    """The program: from the folder that `scripts/environment` installs it into, or on the PATH."""
    own = ROOT / "build" / "editor" / "node_modules" / ".bin" / "yaml-language-server"
    return str(own) if own.exists() else shutil.which("yaml-language-server")


class Editor:
    """An open connection. Documents have the schema of the repository."""

    def __init__(self, process: subprocess.Popen[bytes], schema: Path) -> None:
        self._process, self._number, self._documents = process, 0, 0
        self._published: dict[str, list[dict[str, Any]]] = {}
        self._settings = {"yaml": {"schemas": {schema.as_uri(): "*.yaml"}, "schemaStore": {"enable": False}}}
        self._settings["yaml"] |= {"hover": True, "completion": True, "validate": True, "format": {"enable": False}}
        ability = {"completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}}
        ability |= {"hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {}}
        abilities = {"textDocument": ability, "workspace": {"configuration": True}}
        words = {"processId": os.getpid(), "rootUri": None, "capabilities": abilities}
        self.ask("initialize", words)
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": self._settings})
        while not self.faults("nonsense: 1\n"):
            pass  # It has not read the schema yet.

    def complete(self, text: str) -> dict[str, dict[str, Any]]:
        """What is offered at the mark, by label."""
        found = self.ask("textDocument/completion", self._at(text)) or {"items": []}
        return {each["label"]: each for each in found["items"]}

    def hover(self, text: str) -> str:
        """What is shown at the mark."""
        found = self.ask("textDocument/hover", self._at(text)) or {"contents": {"value": ""}}
        return str(found["contents"]["value"])

    def faults(self, text: str) -> list[tuple[int, str]]:
        """What is underlined: the line, from 1, and the message."""
        uri = self._open(text)
        while uri not in self._published:
            self._handle(self._read())
        return [(each["range"]["start"]["line"] + 1, each["message"]) for each in self._published[uri]]

    def _at(self, text: str) -> dict[str, Any]:
        before = text.partition(MARK)[0]
        place = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        return {"textDocument": {"uri": self._open(text.replace(MARK, ""))}, "position": place}

    def _open(self, text: str) -> str:
        self._documents += 1
        uri = f"file:///manifests/{self._documents}.yaml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def ask(self, method: str, words: Any) -> Any:
        """The answer to a request."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": words})
        while True:
            message = self._read()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._handle(message)

    def _tell(self, method: str, words: Any) -> None:
        self._send({"method": method, "params": words})

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            wanted = [self._settings.get(each.get("section", ""), {}) for each in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server ended"
        found: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return found


@contextmanager
def opened(program: str, schema: Path) -> Iterator[Editor]:
    """A language server with a schema."""
    with subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Editor(process, schema)
        finally:
            process.kill()
