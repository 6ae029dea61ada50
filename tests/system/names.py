"""The resolver of the VPC: answers as Cloud Map, RDS and load balancers are named by what the sandbox has."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Lookup = Callable[[str], list[str] | None]
"""The addresses of a name in lower case without a dot at its end; None where there is no such name."""


class Resolver:
    """A server for names, until it ends. A lookup that fails is a fault of the test, and is told."""

    def __init__(self, bound: socket.socket, lookup: Lookup, faults: list[str]) -> None:
        self._socket, self._lookup, self._faults = bound, lookup, faults
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ended = False
        self._thread.start()

    def _run(self) -> None:
        self._socket.settimeout(0.1)
        while not self._ended:
            with suppress(OSError):  # nothing came, or whoever asked is gone
                wire, client = self._socket.recvfrom(4096)
                self._socket.sendto(self._answer(wire), client)

    def _answer(self, wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        (question,) = query.question
        try:
            found = self._lookup(str(question.name).rstrip(".").lower())
        except Exception:
            self._faults.append(traceback.format_exc())
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found and question.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(question.name, 10, "IN", "A", *found))
        return answer.to_wire()

    def end(self) -> None:
        """Ends it."""
        self._ended = True
        self._thread.join()
        self._socket.close()


def registered(client: Any, name: str) -> list[Mapping[str, str]] | None:
    """The attributes of all that Cloud Map has under a name; None where it does not have the name. Programs ask often,
    so no more is looked at than that one."""
    for namespace in client.list_namespaces()["Namespaces"]:
        if not name.endswith(f".{namespace['Name']}".lower()):
            continue
        here = [{"Name": "NAMESPACE_ID", "Values": [namespace["Id"]], "Condition": "EQ"}]
        for service in client.list_services(Filters=here)["Services"]:
            if name == f"{service['Name']}.{namespace['Name']}".lower():
                found = client.list_instances(ServiceId=service["Id"])["Instances"]
                return [instance["Attributes"] for instance in found]
    return None
