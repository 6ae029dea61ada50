"""Overlays on trees, before validation: an environment over the base, each service over the defaults.

Maps merge, everything else replaces, null deletes. Values keep the places where they are written, so that
later errors point into the overlay's own lines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Literal

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Path, Span, render
from msaspec.diagnostics.spelling import suggest
from msaspec.source.document import MAX_NODES, Entry, Node

UNKNOWN_ENVIRONMENT = Code(
    "MSA130",
    "An environment that the manifest does not have",
    """
    `--env NAME` must name an entry of `environments`.

    Wrong: `--env production` with `environments: {prod: {}}`
    Right: `--env prod`
    """,
)
ENVIRONMENT_NOT_A_MAP = Code(
    "MSA131",
    "An environment that is not a map",
    """
    `environments` is a map of names to overlays, and an overlay is a map like the manifest itself, or empty.

    Wrong: `environments: [prod]`
    Right: `environments: {prod: {network: {nat: per-zone}}}`
    """,
)
FIXED_KEY = Code(
    "MSA132",
    "A key that all environments share",
    """
    `msaspec`, `name` and `environments` are the same in all environments: the name of the stack already ends with the
    name of the environment.

    Wrong: `environments: {prod: {name: shop-prod}}`
    Right: `name: shop` at the top; the stack of `--env prod` is shop-prod.
    """,
)
NOT_IN_BASE = Code(
    "MSA133",
    "An environment changes an entry that the manifest does not have",
    """
    An environment changes the entries that the manifest declares. It cannot declare its own, so that a misspelt name
    does not become a second service.

    Wrong: `environments: {prod: {services: {cart-servce: {scale: 2}}}}` Right: the name of an entry of `services`. If
    only some environments have a service, declare it there too, and remove it in the others: `environments: {test:
    {services: {cart-service: null}}}`
    """,
)
NOTHING_TO_DELETE = Code(
    "MSA134",
    "A null that removes nothing",
    """
    In an environment, null removes a key of the manifest. Here the manifest has no such key: the name may be misspelt,
    or you may want a use without options, which is `{}` in an environment.

    Wrong: `environments: {prod: {services: {cart: {uses: {media: null}}}}}` where cart does not use media
    Right: `environments: {prod: {services: {cart: {uses: {media: {}}}}}}`
    """,
)
AMBIGUOUS_NULL = Code(
    "MSA135",
    "A use without options that the defaults have too",
    """
    Under `uses`, an empty value is a use without options. If `defaults` has options for the same use, it could also
    mean to remove them.

    Wrong: `uses: {main: null}` where `defaults` has `uses: {main: {access: read-only}}`
    Right: leave it out or write `main: {}` to keep the options of the defaults; write `uses` as a list, such
    as `uses: [media]`, to use nothing else.
    """,
)
TOO_MANY_DEFAULTS = Code(
    "MSA136",
    "The defaults become too large",
    """
    The defaults are written out for each service. All copies together have at most 50,000 keys and values.

    Wrong: thousands of variables under `defaults.env` for thousands of services.
    Right: fewer variables, or several systems.
    """,
)

_FIXED = ("environments", "msaspec", "name")
_EMPTY: Mapping[str, Entry] = MappingProxyType({})


def merge(base: Node, over: Node, *, places: Literal["base", "over"] = "base") -> Node:
    """`over` laid upon `base`: maps merge, everything else replaces, null deletes what the base has.

    Two maps of different `type` do not merge: the upper replaces the lower. `places` says whose places merged
    maps and their keys keep; all other values have only one.
    """
    if not (isinstance(base.value, Mapping) and isinstance(over.value, Mapping)) or _types_differ(base, over):
        return over
    merged = dict(base.value)
    for key, upper in over.value.items():
        lower = base.value.get(key)
        if lower is None:
            merged[key] = upper
        elif upper.node.value is None:
            del merged[key]
        else:
            node = merge(lower.node, upper.node, places=places)
            replaced = node is upper.node or places == "over"
            merged[key] = Entry(upper.key_span if replaced else lower.key_span, node)
    return Node(MappingProxyType(merged), base.span if places == "base" else over.span)


def apply_environment(root: Node, name: str, sections: Collection[str]) -> tuple[Node, list[Diagnostic]]:
    """Return the manifest in an environment, without `environments`, and what is wrong with the overlay.

    Raises `Invalid` if there is no such environment. What is wrong is left out of the result. `sections` are
    the top-level keys whose entries only the base may declare.
    """
    overlay = _environment(root, name)
    base = _without(root, ("environments",))
    path: Path = ("environments", name)
    found: list[Diagnostic] = []
    wrong: list[str] = []
    for key, entry in _map(overlay).items():
        if key in _FIXED:
            wrong.append(key)
            message = f"An environment cannot change `{key}`: it is the same in all of them."
            hint = "Remove it; msaspec appends the name of the environment to the name of the stack."
            found.append(FIXED_KEY.at((*path, key), message, hint=hint, key=True, span=entry.key_span))
    overlay = _without(overlay, wrong)
    entries = dict(_map(overlay))
    for section in sections:
        if section in entries and isinstance(entries[section].node.value, Mapping):
            kept, unknown = _declared(_map(base).get(section), entries[section], (*path, section))
            entries[section] = kept
            found += unknown
    overlay, idle = _deleting(base, Node(MappingProxyType(entries), overlay.span), path)
    return merge(base, overlay), [*found, *idle]


def apply_defaults(root: Node, section: str = "services") -> tuple[Node, list[Diagnostic]]:
    """Return the manifest with `defaults` merged under each entry of the section, and what is ambiguous.

    `defaults` itself stays in the tree, to be validated. An entry that is empty counts as an empty map; one
    that is no map stays as it is.
    """
    top = _map(root)
    services, defaults = top.get(section), top.get("defaults")
    if services is None or not isinstance(services.node.value, Mapping):
        return root, []
    lower = defaults.node if defaults and isinstance(defaults.node.value, Mapping) else None
    if defaults and lower and _size(lower) * len(services.node.value) > MAX_NODES:
        message = f"Written out for {len(services.node.value)} services, the defaults are too large."
        hint = "Remove some defaults, or move them to the services that need them."
        path = ("defaults",)
        raise Invalid([TOO_MANY_DEFAULTS.at(path, message, hint=hint, key=True, span=defaults.key_span)])
    found: list[Diagnostic] = []
    merged: dict[str, Entry] = {}
    for name, service in services.node.value.items():
        node = Node(_EMPTY, service.node.span) if service.node.value is None else service.node
        if lower and isinstance(node.value, Mapping):
            node, ambiguous = _unambiguous(lower, node, (section, name, "uses"))
            found += ambiguous
            node = merge(lower, node, places="over")
        merged[name] = Entry(service.key_span, node)
    return _with(root, section, Node(MappingProxyType(merged), services.node.span)), found


def _environment(root: Node, name: str) -> Node:
    """Return the overlay of that name; an empty one is an empty map."""
    path: Path = ("environments",)
    section = _map(root).get("environments")
    span = section.key_span if section else root.span
    if section and not isinstance(section.node.value, Mapping | None):
        hint = "Write `environments: {prod: {...}}`."
        message = "`environments` must be a map of names to overlays."
        raise Invalid([ENVIRONMENT_NOT_A_MAP.at(path, message, hint=hint, span=section.node.span)])
    known = _map(section.node) if section else _EMPTY
    if name not in known:
        names = ", ".join(f"`{each}`" for each in known)
        message = f"There is no environment `{name}`; the manifest has {names or 'none'}."
        hint = suggest(name, known, f"Add it under `environments`: `{name}: {{}}`.")
        raise Invalid([UNKNOWN_ENVIRONMENT.at(path, message, hint=hint, key=True, span=span)])
    node = known[name].node
    if node.value is None:
        return Node(_EMPTY, node.span)
    if not isinstance(node.value, Mapping):
        message = f"The environment `{name}` must be a map of the differences from the manifest."
        hint = f"Write `{name}: {{}}` if nothing differs."
        raise Invalid([ENVIRONMENT_NOT_A_MAP.at((*path, name), message, hint=hint, span=node.span)])
    return node


def _declared(base: Entry | None, over: Entry, path: Path) -> tuple[Entry, list[Diagnostic]]:
    """Return the overlay's section without the entries that the base does not declare; `_deleting` sees to nulls."""
    if base and not isinstance(base.node.value, Mapping | None):
        return over, []
    known = _map(base.node) if base else _EMPTY
    found: list[Diagnostic] = []
    for name, entry in _map(over.node).items():
        if name not in known and entry.node.value is not None:
            place = render((path[-1],))
            message = f"The manifest has no `{name}` under `{place}`, so an environment cannot change it."
            declare = (
                f"Declare it under the top-level `{place}`; in environments that do not need it, write `{name}: null`."
            )
            hint = suggest(name, known, declare)
            hint = hint if hint == declare else f"{hint} If not: {declare[0].lower()}{declare[1:]}"
            found.append(NOT_IN_BASE.at((*path, name), message, hint=hint, key=True, span=entry.key_span))
    unknown = [str(diagnostic.path[-1]) for diagnostic in found]
    return Entry(over.key_span, _without(over.node, unknown)), found


def _deleting(base: Node | None, over: Node, path: Path) -> tuple[Node, list[Diagnostic]]:
    """Return the overlay without the nulls in its maps that delete nothing."""
    if not isinstance(over.value, Mapping):
        return over, []
    known = _map(base) if base and not _types_differ(base, over) else _EMPTY
    found: list[Diagnostic] = []
    kept: dict[str, Entry] = {}
    for key, entry in over.value.items():
        lower = known.get(key)
        if entry.node.value is None and lower is None:
            found.append(_nothing((*path, key), entry.key_span, known))
        else:
            node, deeper = _deleting(lower.node if lower else None, entry.node, (*path, key))
            kept[key] = Entry(entry.key_span, node)
            found += deeper
    return (Node(MappingProxyType(kept), over.span), found) if found else (over, [])


def _nothing(path: Path, span: Span, known: Collection[str]) -> Diagnostic:
    key = str(path[-1])
    message = f"There is nothing to remove: the manifest has no `{render(path[2:])}`."
    if path[-2] == "uses":
        hint = suggest(key, known, f"To add the use, write `{key}: {{}}`.")
        hint = hint if "{}" in hint else f"{hint} To add the use, write `{key}: {{}}`."
    else:
        hint = suggest(key, known, "Remove the line, or write a value.")
    return NOTHING_TO_DELETE.at(path, message, hint=hint, key=True, span=span)


def _unambiguous(defaults: Node, service: Node, path: Path) -> tuple[Node, list[Diagnostic]]:
    """Return the service without the uses that could mean the defaults' options or none."""
    lower, upper = _map(defaults).get("uses"), _map(service).get("uses")
    if lower is None or upper is None:
        return service, []
    found: list[Diagnostic] = []
    known = _map(lower.node)
    for name, entry in _map(upper.node).items():
        if entry.node.value is None and name in known:
            message = f"The empty `{name}` could mean to keep its options in `defaults`, or to remove them."
            hint = f"Leave it out or write `{name}: {{}}` to keep it; write `uses` as a list to drop it."
            found.append(AMBIGUOUS_NULL.at((*path, name), message, hint=hint, key=True, span=entry.key_span))
    wrong = [str(diagnostic.path[-1]) for diagnostic in found]
    return (_with(service, "uses", _without(upper.node, wrong)) if wrong else service), found


def _types_differ(base: Node, over: Node) -> bool:
    lower, upper = _type(base), _type(over)
    return lower is not None and upper is not None and lower != upper


def _type(node: Node) -> object:
    """Return the scalar under `type`, if there is one."""
    entry = _map(node).get("type")
    return None if entry is None or isinstance(entry.node.value, Mapping | tuple) else entry.node.value


def _map(node: Node) -> Mapping[str, Entry]:
    """Return the node's entries; none if it is no map."""
    return node.value if isinstance(node.value, Mapping) else _EMPTY


def _without(node: Node, keys: Collection[str]) -> Node:
    return Node(MappingProxyType({k: entry for k, entry in _map(node).items() if k not in keys}), node.span)


def _with(node: Node, key: str, value: Node) -> Node:
    entries = _map(node)
    return Node(MappingProxyType({**entries, key: Entry(entries[key].key_span, value)}), node.span)


def _size(node: Node) -> int:
    """How many values there are, the node itself included."""
    if isinstance(node.value, Mapping):
        return 1 + sum(_size(entry.node) for entry in node.value.values())
    return 1 + sum(map(_size, node.value)) if isinstance(node.value, tuple) else 1
