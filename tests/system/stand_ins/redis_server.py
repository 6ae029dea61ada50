"""Redis as far as the grocer needs it: GET, SET and DEL over its protocol, in memory."""

from __future__ import annotations

import socketserver


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    values: dict[bytes, bytes] = {}  # noqa: RUF012, of the one server

    def handle(self) -> None:
        """Answer until the other side has gone."""
        while (count := self.rfile.readline()).startswith(b"*"):
            words = []
            for _ in range(int(count[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            match words:
                case [b"GET", key]:
                    found = self.values.get(key)
                    self.wfile.write(b"$-1\r\n" if found is None else b"$%d\r\n%b\r\n" % (len(found), found))
                case [b"SET", key, value]:
                    self.values[key] = value
                    self.wfile.write(b"+OK\r\n")
                case [b"DEL", key]:
                    self.wfile.write(b":%d\r\n" % (self.values.pop(key, None) is not None))
                case _:
                    self.wfile.write(b"-ERR unknown command\r\n")


class Server(socketserver.ThreadingTCPServer):
    """Takes connections."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server(("", 6379), Handler).serve_forever()
