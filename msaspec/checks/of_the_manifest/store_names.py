"""Names of stores that stand in a text as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path
from msaspec.language import reference
from msaspec.language.base import Model
from msaspec.language.runtime import Workload

STORE_NAME = Code(
    "MSA335",
    "The name of a store as an address",
    """
    AWS gives a store its address, which a reference such as `${sessions.address}` becomes, and which the injected
    variables have. The name of its entry is no address, unless the store has `short_name: true`: then it leads to
    the store inside the network. A client that speaks TLS and compares the name with the certificate, as most clients
    of Redis do, refuses it even so, since the certificate is that of AWS's name.

    Wrong: `env: {CACHE: "sessions:6379"}`
    Right: `env: {CACHE: "${sessions.address}"}`
    """,
    Severity.WARNING,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """No variable or command names a store that cannot be reached at its name."""
    known = {entry.name: kind.alias(entry) for kind, entries in plan.entries for entry, _ in entries}
    stores = {name: alias for name, alias in known.items() if alias}
    if not stores:
        return
    # Behind the name a port follows; a scheme or credentials stand before it, or nothing does.
    form = re.compile(rf"(?:^|[/@=,\s])({'|'.join(map(re.escape, sorted(stores, key=len, reverse=True)))}):\d")
    for _, workload in plan.workloads:
        used = {edge.use.target for edge in plan.edges_of(workload.name)}
        for path, text in _texts(workload):
            for name in dict.fromkeys(form.findall(text)):
                alias = stores[name]
                if name not in used or (alias.asked and not alias.verified):
                    continue
                if alias.asked:
                    message = f"Clients that verify certificates refuse `{name}`: the certificate has another name."
                    hint = f"Write `${{{name}.host}}` for the name, or `tls: false` at the store."
                else:
                    message = f"`{name}` is the name of a store and not an address, so it does not resolve."
                    otherwise = "" if alias.asked is None else ", or `short_name: true` at the store"
                    hint = f"Write `${{{name}.address}}`{otherwise}."
                yield STORE_NAME.at(path, message, hint=hint)


def _texts(workload: Workload[Model]) -> Iterator[tuple[Path, str]]:
    """Yield what stands literally in the variables and the command of a service."""
    for variable, text in workload.spec.env.items():
        literal = (piece if isinstance(piece, str) else "\0" for piece in reference.parse(text))
        yield (*workload.path, "env", variable), "".join(literal)
    for at, word in enumerate(workload.spec.command):
        yield (*workload.path, "command", at), word
